package gsm7

import "strings"

const (
	carriageReturn = 0x0d
	septetBits     = 7
	octetBits      = 8
	septetMask     = 1<<septetBits - 1
)

// Pack puts s into octets, 8 septets in 7 (TS 23.038, 6.1.2.3.1, USSD packing): 182
// septets take 160. A character that the alphabet lacks becomes "?".
//
// Where the last octet would hold 7 spare bits they become a carriage return, because
// seven zero bits would read as "@"; and where a text that ends in a carriage return
// of its own fills its last octet, a second one follows it, lest the first be taken
// for padding.
func Pack(s string) []byte {
	septets := encode(s)
	last := len(septets) - 1
	full := len(septets)%octetBits == 0
	if len(septets)%octetBits == septetBits || (full && last >= 0 && septets[last] == carriageReturn) {
		septets = append(septets, carriageReturn)
	}
	octets := make([]byte, (len(septets)*septetBits+octetBits-1)/octetBits)
	for i, septet := range septets {
		at, shift := i*septetBits/octetBits, uint(i*septetBits%octetBits)
		wide := uint16(septet) << shift
		octets[at] |= byte(wide)
		if wide>>octetBits != 0 {
			octets[at+1] |= byte(wide >> octetBits)
		}
	}
	return octets
}

// encode gives the septets of s.
func encode(s string) []byte {
	septets := make([]byte, 0, len(s)+1)
	for _, r := range s {
		c, _ := lookup(r)
		if c.escaped {
			septets = append(septets, escape)
		}
		septets = append(septets, c.septet)
	}
	return septets
}

// Unpack is Pack undone. A carriage return that ends the text on the last octet's
// boundary is padding and is dropped. An escape before what the extension table lacks
// is shown as TS 23.038 says: the basic table's character, or a space at the end.
func Unpack(octets []byte) string {
	septets := make([]byte, 0, len(octets)*octetBits/septetBits)
	for bit := 0; bit+septetBits <= len(octets)*octetBits; bit += septetBits {
		at, shift := bit/octetBits, uint(bit%octetBits)
		wide := uint16(octets[at]) >> shift
		if at+1 < len(octets) {
			wide |= uint16(octets[at+1]) << (octetBits - shift)
		}
		septets = append(septets, byte(wide&septetMask))
	}
	last := len(septets) - 1
	if last >= 0 && len(septets)%octetBits == 0 && septets[last] == carriageReturn {
		septets = septets[:last]
	}
	return decode(septets)
}

// decode gives the text of septets.
func decode(septets []byte) string {
	var b strings.Builder
	escaped := false
	for _, septet := range septets {
		switch r, extended := extension[septet]; {
		case escaped && extended:
			b.WriteRune(r)
			escaped = false
		case septet == escape && !escaped:
			escaped = true
		case septet == escape:
			// An escape after an escape is reserved for another table, which
			// nobody has defined: a space.
			b.WriteByte(' ')
			escaped = false
		default:
			b.WriteRune(basic[septet])
			escaped = false
		}
	}
	if escaped {
		b.WriteByte(' ')
	}
	return b.String()
}
