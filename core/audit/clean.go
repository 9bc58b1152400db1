package audit

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxName bounds actors, objects and the other names, maxValue a detail: enough for an id or a sentence.
	maxName  = 128
	maxValue = 256
	// shownDigits is how many of the last digits stay, so that two events about one number can be told to belong together.
	shownDigits = 4
)

// marks finds what is hidden, and before it what only looks so: ids and dates hold many digits and name nobody.
var marks = regexp.MustCompile(
	`([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}` + // a UUID
		`|[a-z]{2,4}_[0-7][0-9a-hjkmnp-tv-z]{25}` + // a TypeID
		`|\b20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?:T[0-9:]{5,8}(?:\.[0-9]+)?Z?)?\b)` + // a date, RFC 3339
		`|(eyJ[0-9A-Za-z_\-.]*)` + // a token (RFC 7519)
		`|\+?[0-9](?:[ ()/\-]{0,2}[0-9]){6,}`, // seven digits and more, however they are set apart
)

// The groups of marks: what is kept, and what is a token; all else is a number.
const (
	keptGroup  = 2
	tokenGroup = 4
)

// clean makes a text fit to be kept: readable, bounded, and without what looks like a phone number or a token.
func clean(text string, most int) string {
	text = strings.ToValidUTF8(text, "?")
	if strings.ContainsFunc(text, unicode.IsControl) {
		text = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, text)
	}
	// Masked before it is cut, or the cut could leave the beginning of a number too short to be seen as one.
	text = mask(text)
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most])
	}
	return text
}

func mask(text string) string {
	found := marks.FindAllStringSubmatchIndex(text, -1)
	if found == nil {
		return text
	}
	var b strings.Builder
	last := 0
	for _, at := range found {
		b.WriteString(text[last:at[0]])
		last = at[1]
		switch {
		case at[keptGroup] >= 0:
			b.WriteString(text[at[0]:at[1]])
		case at[tokenGroup] >= 0:
			b.WriteString("[token]")
		default:
			b.WriteString("***" + lastDigits(text[at[0]:at[1]]))
		}
	}
	b.WriteString(text[last:])
	return b.String()
}

// lastDigits are the end of a number, without what sets its groups apart.
func lastDigits(number string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
	return digits[len(digits)-shownDigits:]
}
