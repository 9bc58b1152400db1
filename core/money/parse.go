package money

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"

	"nova/core/fault"
)

// maxIntegerDigits is the GSMA Mobile Money API's bound for the Amount type.
const maxIntegerDigits = 18

// Parse reads an amount as the GSMA Mobile Money API writes it: 1 to 18 integer digits
// without a leading zero ("0.50" is fine), then at most as many decimals as the
// currency has, and no sign, exponent, separator or space. Anything else, and what
// does not fit int64 minor units, is a VALIDATION_ERROR; so is an unknown currency.
// What people type on a handset is more lenient and is read by menus.
func Parse(s string, c Currency) (Amount, error) {
	if !c.Valid() {
		return Amount{}, fault.New(fault.ValidationError, "unknown currency").Field("currency", "is not known here")
	}
	whole, decimals, pointed := strings.Cut(s, ".")
	if !wellFormed(whole) || pointed && (decimals == "" || !digitsOnly(decimals)) {
		return Amount{}, malformed("is not an amount such as 150.00")
	}
	if len(decimals) > c.Exponent() {
		return Amount{}, malformed("has more decimals than the currency")
	}
	digits := whole + decimals + strings.Repeat("0", c.Exponent()-len(decimals))
	var minor int64
	for i := range len(digits) {
		digit := int64(digits[i] - '0')
		if minor > (math.MaxInt64-digit)/10 {
			return Amount{}, tooLarge()
		}
		minor = minor*10 + digit
	}
	return Of(minor, c), nil
}

// wellFormed admits 1 to 18 digits without a leading zero.
func wellFormed(whole string) bool {
	if whole == "" || len(whole) > maxIntegerDigits || !digitsOnly(whole) {
		return false
	}
	return whole[0] != '0' || len(whole) == 1
}

func digitsOnly(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func malformed(problem string) error {
	return fault.New(fault.ValidationError, "malformed amount").Field(field, problem)
}

// wire is an amount as the HTTP contract writes it.
type wire struct {
	Amount   string   `json:"amount"`
	Currency Currency `json:"currency"`
}

// MarshalJSON writes {"amount":"150.00","currency":"BBD"}.
func (a Amount) MarshalJSON() ([]byte, error) {
	return json.Marshal(wire{Amount: a.String(), Currency: a.Currency})
}

// UnmarshalJSON reads what MarshalJSON writes, by Parse's grammar, so no negative
// amount. Both fields are needed, and any other field is refused: a misspelt one must
// not silently mean nothing. Every fault is a VALIDATION_ERROR.
func (a *Amount) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return malformed("is required")
	}
	var w wire
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&w); err != nil {
		// The decoder's text can quote what was sent, which callers are not shown.
		return malformed("is not an object of amount and currency, both text")
	}
	parsed, err := Parse(w.Amount, w.Currency)
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}
