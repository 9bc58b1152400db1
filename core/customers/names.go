package customers

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"nova/core/fault"
)

const (
	// maxName bounds what is stored of each name: the longest that identity documents print (ICAO 9303).
	maxName = 39
	// maxShown is what a screen keeps for a person's name.
	maxShown = 20
)

// ParseName reads a first or last name as typed: letters with spaces, hyphens, apostrophes and full stops between
// them. A name typed all small or all in capitals gets mixed case; anything else stays as its owner writes it. What
// is no name is a VALIDATION_ERROR on the field name.
func ParseName(typed string) (string, error) {
	name := strings.Join(strings.Fields(strings.ReplaceAll(typed, "’", "'")), " ")
	if name == "" || utf8.RuneCountInString(name) > maxName || !nameLike(name) {
		return "", fault.New(fault.ValidationError, "not a name").Field("name", "is not a name")
	}
	return mixedCase(name), nil
}

// nameLike wants a letter first, and letters or single marks after it.
func nameLike(name string) bool {
	letterBefore := false
	for i, r := range name {
		letter := unicode.IsLetter(r) || unicode.Is(unicode.Mn, r)
		if !letter && (i == 0 || !strings.ContainsRune(" -'.", r)) {
			return false
		}
		if !letter && !letterBefore && r != ' ' {
			return false
		}
		letterBefore = letter
	}
	return true
}

// mixedCase leaves a name alone whose owner already chose small and capital letters.
func mixedCase(name string) string {
	if name != strings.ToUpper(name) && name != strings.ToLower(name) {
		return name
	}
	var b strings.Builder
	start := true
	for _, r := range name {
		if start {
			b.WriteRune(unicode.ToUpper(r))
		} else {
			b.WriteRune(unicode.ToLower(r))
		}
		start = !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r)
	}
	return b.String()
}

// ShownName is a first name and an initial, in mixed case and at most 20 characters: enough to recognise a payee by,
// too little to know a stranger by. A long first name is cut; the initial stays.
func ShownName(first, last string) string {
	first, last = mixedCase(first), mixedCase(last)
	initial, _ := utf8.DecodeRuneInString(last)
	if last == "" {
		return cut(first, maxShown)
	}
	tail := " " + string(unicode.ToUpper(initial)) + "."
	return cut(first, maxShown-utf8.RuneCountInString(tail)) + tail
}

func cut(s string, runes int) string {
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:runes]), " -'.")
}
