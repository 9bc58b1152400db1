package msisdn

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

const (
	// maxTyped bounds what is parsed: "+1 (246) 250 - 1002" takes 19 characters, and
	// nobody types a number with twice as many.
	maxTyped = 40

	// maxLocal is what a screen keeps for a number, in characters.
	maxLocal = 15
)

// punctuation is what people put between digits. Letters are refused: the library
// would read "SEND50" as a vanity number.
const punctuation = " -.()/"

// Parse reads a number that a person typed, in any form that is usual in region (ISO
// 3166, "BB"): local, national, or international with "+", "00", the region's own
// prefix, or nothing in front. What cannot be a number is a VALIDATION_ERROR on the
// field msisdn.
//
// A local number, or one typed with its country code, need only have the right length:
// numbering plans grow faster than the table we ship, and a number that nobody has
// fails later as an unknown customer. A foreign number without any prefix must be in
// the table, or every slip of a finger would be a number somewhere.
func Parse(typed, region string) (MSISDN, error) {
	text := strings.TrimSpace(typed)
	if !typable(text) {
		return MSISDN{}, refused("typed characters that no number has")
	}
	if rest, ok := strings.CutPrefix(text, "00"); ok {
		return international(rest, possible)
	}
	if rest, ok := strings.CutPrefix(text, "+"); ok {
		return international(rest, possible)
	}
	if m, ok := local(text, region); ok {
		return m, nil
	}
	return international(text, phonenumbers.IsValidNumber)
}

// typable admits digits, punctuation and one leading "+".
func typable(text string) bool {
	if text == "" || len(text) > maxTyped {
		return false
	}
	for _, r := range strings.TrimPrefix(text, "+") {
		if (r < '0' || r > '9') && !strings.ContainsRune(punctuation, r) {
			return false
		}
	}
	return true
}

func local(text, region string) (MSISDN, bool) {
	number, err := phonenumbers.Parse(text, region)
	if err != nil || !phonenumbers.IsValidNumber(number) && !plainlyPossible(number) {
		return MSISDN{}, false
	}
	m, err := fromLibrary(number)
	return m, err == nil
}

func international(text string, acceptable func(*phonenumbers.PhoneNumber) bool) (MSISDN, error) {
	number, err := phonenumbers.Parse("+"+text, "")
	if err != nil || !acceptable(number) {
		return MSISDN{}, refused("not an international number")
	}
	return fromLibrary(number)
}

// possible goes by length alone; numbers that lack their area code do not pass.
func possible(number *phonenumbers.PhoneNumber) bool {
	return phonenumbers.IsPossibleNumberWithReason(number) == phonenumbers.IS_POSSIBLE
}

// plainlyPossible also refuses a leading zero, which in a number that is not in the
// table is a trunk prefix of some other country.
func plainlyPossible(number *phonenumbers.PhoneNumber) bool {
	return possible(number) && !number.GetItalianLeadingZero()
}

func fromLibrary(number *phonenumbers.PhoneNumber) (MSISDN, error) {
	digits := strings.TrimPrefix(phonenumbers.Format(number, phonenumbers.E164), "+")
	if !plausible(digits) {
		return MSISDN{}, refused("not 7 to 15 digits")
	}
	return pack(digits), nil
}

// Local is the whole number as a person in region reads and dials it, in 15
// characters at most: "246 250 1002" at home, "+254 722000111" from abroad. A number
// that no numbering plan knows is shown as its digits.
func (m MSISDN) Local(region string) string {
	if m.IsZero() {
		return ""
	}
	number, err := phonenumbers.Parse(m.E164(), "")
	if err != nil || !possible(number) {
		return fit(m.E164(), m.Digits())
	}
	if int(number.GetCountryCode()) == phonenumbers.GetCountryCodeForRegion(region) {
		return fit(spaced(phonenumbers.Format(number, phonenumbers.NATIONAL)), m.Digits())
	}
	nsn := phonenumbers.GetNationalSignificantNumber(number)
	code := strings.TrimSuffix(m.Digits(), nsn)
	return fit("+"+code+" "+nsn, m.E164(), m.Digits())
}

// spaced turns "(246) 250-1002" into "246 250 1002": a digit more fits, and the
// screen needs no brackets.
func spaced(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }), " ")
}

// fit is the first form that a screen has room for. The last, bare digits, always fits.
func fit(forms ...string) string {
	for _, form := range forms {
		if len(form) <= maxLocal {
			return form
		}
	}
	return forms[len(forms)-1]
}
