package gsm7

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// plainFor says what stands for a character that the alphabet lacks and that Unicode
// does not take apart into one it has.
var plainFor = map[rune]string{
	// Spaces. Line ends are unified to the line feed: a carriage return is the
	// padding of packed text.
	'\t': " ", '\f': "\n", '\v': "\n", '\u0085': "\n", '\u2028': "\n", '\u2029': "\n",
	'\u00a0': " ", '\u1680': " ", '\u202f': " ", '\u205f': " ", '\u3000': " ",
	// What has no width has no place.
	'\u00ad': "", '\u200b': "", '\u200c': "", '\u200d': "", '\u200e': "", '\u200f': "",
	'\u2060': "", '\ufeff': "",
	// Quotation marks.
	'\u2018': "'", '\u2019': "'", '\u201a': "'", '\u201b': "'", '\u2032': "'", '`': "'", '´': "'",
	'\u02b9': "'", '\u02bb': "'", '\u02bc': "'", '\u02bd': "'", '\u2039': "'", '\u203a': "'",
	'\u201c': "\"", '\u201d': "\"", '\u201e': "\"", '\u201f': "\"", '\u2033': "\"", '«': "\"", '»': "\"",
	// Dashes.
	'\u2010': "-", '\u2011': "-", '\u2012': "-", '\u2013': "-", '\u2014': "-", '\u2015': "-",
	'\u2212': "-", '\u2043': "-",
	// Letters that are more than a letter and an accent.
	'œ': "oe", 'Œ': "OE", 'ð': "d", 'Ð': "D", 'þ': "th", 'Þ': "Th", 'ł': "l", 'Ł': "L",
	'đ': "d", 'Đ': "D", 'ħ': "h", 'Ħ': "H", 'ı': "i", 'ŋ': "ng", 'Ŋ': "Ng", 'ŧ': "t", 'Ŧ': "T",
	'ɓ': "b", 'Ɓ': "B", 'ɗ': "d", 'Ɗ': "D", 'ƙ': "k", 'Ƙ': "K", 'ƴ': "y", 'Ƴ': "Y",
	'ɛ': "e", 'Ɛ': "E", 'ɔ': "o", 'Ɔ': "O", 'ɲ': "ny", 'Ɲ': "Ny", 'ə': "e", 'Ə': "E",
	'ɖ': "d", 'Ɖ': "D", 'ƒ': "f", 'Ƒ': "F", 'ɣ': "g", 'Ɣ': "G", 'ʋ': "v", 'Ʋ': "V", 'ẞ': "SS",
	// Signs.
	'•': "-", '·': "-", '×': "x", '÷': "/", '⁄': "/", '∕': "/", '±': "+-", '≤': "<=", '≥': ">=", '≠': "<>",
	'©': "(c)", '®': "(r)", '°': "o", '¬': "-", '¦': "|",
	'¢': "c", '₦': "N", '₵': "GHS", '→': "->", '←': "<-",
}

// Fold writes s with the alphabet's own characters: accents go where the alphabet has
// only the plain letter (ç becomes c, é stays), ligatures come apart, curly quotes,
// dashes and odd spaces become plain ones, and what nothing stands for becomes "?".
// The result always passes CanEncode.
func Fold(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	// Composed first, so that an e and a combining accent are the é that can stay.
	for _, r := range lineEnds.Replace(norm.NFC.String(s)) {
		b.WriteString(fold(r))
	}
	return b.String()
}

// lineEnds makes one line feed of a carriage return, alone or before one.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// decomposed is the plain letters that Unicode says a character is made of: NFKD, so
// that ligatures and full-width forms come apart as well.
func decomposed(r rune) string {
	if unicode.Is(unicode.Mn, r) {
		return "" // an accent whose letter has gone before it
	}
	var b strings.Builder
	for _, part := range norm.NFKD.String(string(r)) {
		plain, known := plainFor[part]
		_, encodable := codes[part]
		switch {
		case known:
			b.WriteString(plain)
		case encodable:
			b.WriteRune(part)
		case unicode.Is(unicode.Mn, part):
		default:
			return "?"
		}
	}
	return b.String()
}
