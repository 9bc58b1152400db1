package customers

import (
	"strconv"
	"strings"

	"nova/core/clock"
	"nova/core/fault"
)

const (
	// MinimumAge is the youngest that may hold a wallet alone: from 16 people get an identity document of their own,
	// which is what registration by handset goes by. Younger people need a guardian, whom no errand knows yet.
	MinimumAge = 16
	// maximumAge catches slips of the finger in the year.
	maximumAge = 120

	minIDNumber = 4
	maxIDNumber = 20
	// lastOfID is how much of an ID number a person is asked for again.
	lastOfID = 4
)

// ParseBirthDate reads DDMMYYYY, with any separator between the parts or none. A date that the calendar lacks, that
// lies ahead or more than 120 years back, or a person under MinimumAge, is a VALIDATION_ERROR on birth_date.
func ParseBirthDate(typed string, today clock.Day) (clock.Day, error) {
	day, err := clock.ParseDay(isoDate(typed))
	if err != nil {
		return "", fault.Wrap(err, fault.ValidationError, "birth date").Field("birth_date", "is not a date")
	}
	age := ageOn(day, today)
	if day > today || age > maximumAge {
		return "", fault.New(fault.ValidationError, "birth date out of range").Field("birth_date", "is not a date")
	}
	if age < MinimumAge {
		return "", fault.New(fault.ValidationError, "younger than %d", MinimumAge).Field("birth_date", "is too young")
	}
	return day, nil
}

// isoDate turns 07031990, 7/3/1990 and 07-03-1990 into 1990-03-07; anything else into what no calendar has.
func isoDate(typed string) string {
	parts := strings.FieldsFunc(typed, func(r rune) bool { return r < '0' || r > '9' })
	if len(parts) == 1 && len(parts[0]) == 8 {
		parts = []string{parts[0][:2], parts[0][2:4], parts[0][4:]}
	}
	if len(parts) != 3 || len(parts[0]) > 2 || len(parts[1]) > 2 || len(parts[2]) != 4 {
		return ""
	}
	return parts[2] + "-" + twoDigits(parts[1]) + "-" + twoDigits(parts[0])
}

func twoDigits(s string) string {
	if len(s) == 1 {
		return "0" + s
	}
	return s
}

// ageOn counts whole years. Both days are ISO dates, so the rest of the year compares as text.
func ageOn(birth, today clock.Day) int {
	age := today.Year() - birth.Year()
	if today[4:] < birth[4:] {
		age--
	}
	return age
}

// ParseIDNumber reads a document's number as typed into the one form that is sealed and indexed: capitals and
// digits only. Anything else than 4 to 20 of them is a VALIDATION_ERROR on id_number.
func ParseIDNumber(typed string) (string, error) {
	var b strings.Builder
	for _, r := range strings.ToUpper(typed) {
		switch {
		case r >= '0' && r <= '9' || r >= 'A' && r <= 'Z':
			b.WriteRune(r)
		case !strings.ContainsRune(" -/.", r):
			return "", badIDNumber()
		}
	}
	if b.Len() < minIDNumber || b.Len() > maxIDNumber || strings.Trim(b.String(), "0") == "" {
		return "", badIDNumber()
	}
	return b.String(), nil
}

func badIDNumber() error {
	return fault.New(fault.ValidationError, "malformed ID number").Field("id_number", "is not an ID number")
}

// lastFour is the end of a parsed ID number; whoever has none has no end that anybody could type.
func lastFour(number string) string { return number[max(0, len(number)-lastOfID):] }

// yearText is a year as the claim of an identity is hashed.
func yearText(year int) string { return strconv.Itoa(year) }
