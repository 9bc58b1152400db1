// Package msisdn holds phone numbers: the ones that networks send, kept as sent, and
// the ones that people type, parsed.
//
// A number is personal data, so its one rule is that it can't be printed by accident:
// every verb of fmt, slog, JSON and text shows Masked. Only Digits, E164, Local and
// the SQL value give the whole number, and their names are easy to search for.
package msisdn

import (
	"database/sql/driver"
	"fmt"
	"log/slog"
	"strings"

	"nova/core/fault"
)

// E.164 allows 15 digits; networks send no subscriber number under 7.
const (
	minDigits = 7
	maxDigits = 15
)

// field is the name that faults carry, as the HTTP contract spells it.
const field = "msisdn"

// MSISDN is a phone number with its country code. It is comparable and can key a map;
// the zero value is no number.
//
// Inside, the digits are one scrambled integer rather than a string: fmt and test
// libraries print unexported fields of a surrounding struct without asking String,
// and what they print then is no phone number.
type MSISDN struct {
	scrambled uint64
}

// FromNetwork takes the number of a caller as a gateway sent it: 7 to 15 digits, with
// at most one "+" in front, or the space that a "+" becomes in a form that was not
// escaped. It is kept as sent, never looked up or reformatted: networks also send
// numbers that no numbering plan knows, and the caller is who they say.
func FromNetwork(raw string) (MSISDN, error) {
	digits := raw
	if raw != "" && (raw[0] == '+' || raw[0] == ' ') {
		digits = raw[1:]
	}
	if !plausible(digits) {
		return MSISDN{}, refused("not 7 to 15 digits")
	}
	return pack(digits), nil
}

// refused is the fault for every bad number. It never repeats the input, which may
// be a number all the same, or a PIN in the wrong place.
func refused(detail string) error {
	return fault.New(fault.ValidationError, "phone number: %s", detail).Field(field, "is not a phone number")
}

func plausible(digits string) bool {
	if len(digits) < minDigits || len(digits) > maxDigits {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

// scramble is odd, so that multiplying by it modulo 2^64 can be undone, and unscramble
// undoes it: their product is 1. It hides a number from eyes, not from attackers.
const (
	scramble   uint64 = 0x9e3779b97f4a7c15
	unscramble uint64 = 0xf1de83e19937733d
)

// pack stores the length above the digits' value, because a number as sent may begin
// with zeros: 15 digits take 50 bits, the length 4.
const valueBits = 56

func pack(digits string) MSISDN {
	var value uint64
	for i := range len(digits) {
		value = value*10 + uint64(digits[i]-'0')
	}
	return MSISDN{scrambled: (uint64(len(digits))<<valueBits | value) * scramble}
}

// Digits is the whole number without "+", as storage and gateways take it:
// "12462501002"; "" for no number.
func (m MSISDN) Digits() string {
	if m.IsZero() {
		return ""
	}
	packed := m.scrambled * unscramble
	var buffer [maxDigits]byte
	value := packed & (1<<valueBits - 1)
	for i := maxDigits - 1; i >= 0; i-- {
		buffer[i] = byte('0' + value%10)
		value /= 10
	}
	return string(buffer[maxDigits-int(packed>>valueBits):])
}

// E164 is the whole number with "+": "+12462501002"; "" for no number.
func (m MSISDN) E164() string {
	if m.IsZero() {
		return ""
	}
	return "+" + m.Digits()
}

// IsZero reports whether there is no number.
func (m MSISDN) IsZero() bool { return m == MSISDN{} }

// Equal is ==, for go-cmp, which does not look into unexported fields.
func (m MSISDN) Equal(o MSISDN) bool { return m == o }

// nationalDigits at the end of a number identify a person, whatever stands in front of
// them: a country code, a trunk zero or nothing.
const nationalDigits = 7

// StandsIn reports whether text, such as a session id that a gateway makes of its
// caller, tells the number to whoever reads it. No number stands in any.
func (m MSISDN) StandsIn(text string) bool {
	digits := m.Digits()
	return len(digits) >= nationalDigits && strings.Contains(text, digits[len(digits)-nationalDigits:])
}

// A mask shows at most this much: in +1246***1002 the country and area, and what two
// people need to agree which number they mean. At least 3 digits stay hidden.
const (
	maskHead   = 4
	maskTail   = 4
	maskHidden = 3
)

// Masked is the number as logs and back-office screens may show it: "+1246***1002",
// and less of the head where the number is short; "" for no number.
func (m MSISDN) Masked() string {
	if m.IsZero() {
		return ""
	}
	digits := m.Digits()
	head := min(maskHead, len(digits)-maskTail-maskHidden)
	return "+" + digits[:head] + strings.Repeat("*", maskHidden) + digits[len(digits)-maskTail:]
}

// String is Masked.
func (m MSISDN) String() string { return m.Masked() }

// GoString is Masked, for %#v.
func (m MSISDN) GoString() string { return m.Masked() }

// Format writes Masked for every verb and flag; %d or %x show no more than %s does.
func (m MSISDN) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(m.Masked())) } // fmt has no use for the error

// LogValue is Masked, for slog.
func (m MSISDN) LogValue() slog.Value { return slog.StringValue(m.Masked()) }

// MarshalText is Masked, for JSON, XML, map keys and whatever else asks for text. An
// answer that owes the caller the whole number says E164().
func (m MSISDN) MarshalText() ([]byte, error) { return []byte(m.Masked()), nil }

// Value gives the driver all digits, NULL for no number.
func (m MSISDN) Value() (driver.Value, error) {
	if m.IsZero() {
		return nil, nil
	}
	return m.Digits(), nil
}

// Scan reads a column of digits; NULL is no number.
func (m *MSISDN) Scan(src any) error {
	var digits string
	switch v := src.(type) {
	case nil:
		*m = MSISDN{}
		return nil
	case string:
		digits = v
	case []byte:
		digits = string(v)
	default:
		return fmt.Errorf("scan an msisdn from %T", src)
	}
	if !plausible(digits) {
		return fmt.Errorf("scan an msisdn: not 7 to 15 digits")
	}
	*m = pack(digits)
	return nil
}
