// Package gsm7 is the alphabet of a handset's screen: the default 7-bit alphabet of
// 3GPP TS 23.038 with its extension table. It counts septets, cuts and folds text to
// fit, and packs it for the air.
//
// It knows nothing of menus. Its one rule: what it calls encodable comes back from the
// network as the same text.
package gsm7

import "unicode/utf8"

// escape precedes a character of the extension table.
const escape = 0x1b

// basic is TS 23.038, 6.2.1: the character of each septet. The escape's own place
// holds the no-break space that TS 23.038 says to show for one that starts nothing,
// which no text is ever encoded to.
var basic = [128]rune{
	'@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å',
	'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u00a0', 'Æ', 'æ', 'ß', 'É',
	' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/',
	'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?',
	'¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O',
	'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§',
	'¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
	'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
}

// extension is TS 23.038, 6.2.1.1: what follows an escape.
var extension = map[byte]rune{
	0x0a: '\f', 0x14: '^', 0x28: '{', 0x29: '}', 0x2f: '\\',
	0x3c: '[', 0x3d: '~', 0x3e: ']', 0x40: '|', 0x65: '€',
}

// code is a character's place: its septet, and whether an escape goes before it.
type code struct {
	septet  byte
	escaped bool
}

// septets is how many a character takes.
func (c code) septets() int {
	if c.escaped {
		return 2
	}
	return 1
}

// codes is both tables read backwards.
var codes = func() map[rune]code {
	m := make(map[rune]code, len(basic)+len(extension))
	for septet, r := range basic {
		if septet != escape {
			m[r] = code{septet: byte(septet)}
		}
	}
	for septet, r := range extension {
		m[r] = code{septet: septet, escaped: true}
	}
	return m
}()

// Septets is the length of s on the air. ok is false if s holds a character that the
// alphabet lacks; each such character counts as the one "?" that Pack makes of it.
func Septets(s string) (n int, ok bool) {
	ok = true
	for _, r := range s {
		width, known := lookup(r)
		n += width.septets()
		ok = ok && known
	}
	return n, ok
}

// CanEncode reports whether every character of s is in the alphabet.
func CanEncode(s string) bool {
	_, ok := Septets(s)
	return ok
}

// lookup is a character's place, or that of "?" and false.
func lookup(r rune) (code, bool) {
	c, ok := codes[r]
	if !ok {
		return code{septet: '?'}, false
	}
	return c, true
}

// Truncate is the longest beginning of s that takes at most limit septets. It cuts
// between characters, so an escape is never left without what it escapes.
func Truncate(s string, limit int) string {
	n := 0
	for i, r := range s {
		c, _ := lookup(r)
		n += c.septets()
		if n > limit {
			return s[:i]
		}
	}
	return s
}

// UCS2 is the length of s in the 16-bit units of a handset's other alphabet, by which
// a Unicode screen is measured. A character beyond the basic plane takes two.
func UCS2(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// TruncateUCS2 is the longest beginning of s that takes at most limit 16-bit units.
func TruncateUCS2(s string, limit int) string {
	n := 0
	for i, r := range s {
		n += UCS2(string(r))
		if n > limit {
			return s[:i]
		}
	}
	return s
}

// fold is Fold for one character that is not ASCII.
func fold(r rune) string {
	if _, ok := codes[r]; ok && r != '\f' {
		return string(r)
	}
	if plain, ok := plainFor[r]; ok {
		return plain
	}
	return decomposed(r)
}

// isASCII reports whether s is printable ASCII, line feeds included, but for the
// grave accent, which the alphabet lacks: text that Fold leaves as it is.
func isASCII(s string) bool {
	for i := range len(s) {
		b := s[i]
		if b >= utf8.RuneSelf || b == '`' || (b < ' ' && b != '\n') || b == 0x7f {
			return false
		}
	}
	return true
}
