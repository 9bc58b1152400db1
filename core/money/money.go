// Package money is amounts: whole minor units of one currency, with arithmetic that
// refuses to overflow, to mix currencies and to lose a cent.
//
// It knows nothing of accounts, fees or limits, and it holds no floating point. Its
// one rule: what goes in comes out, to the minor unit.
package money

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"nova/core/fault"
)

// Amount is so many minor units (cents, where there are cents) of a currency. It is
// comparable; the zero value is nothing of no currency. It may be negative, as a
// balance below zero or the difference of two amounts is.
type Amount struct {
	Minor    int64
	Currency Currency
}

// maxMinor leaves out the one int64 that has no negative.
const maxMinor = math.MaxInt64

// basisPoints make one whole: a rate of 10,000 is all of it.
const basisPoints = 10_000

// field is the name that faults carry, as the HTTP contract spells it.
const field = "amount"

// Of is an amount from minor units: Of(5050, BBD) is BBD 50.50.
func Of(minor int64, c Currency) Amount { return Amount{Minor: minor, Currency: c} }

// IsZero reports whether there is nothing, of whatever currency.
func (a Amount) IsZero() bool { return a.Minor == 0 }

// IsPositive reports whether there is something: zero and less are not positive.
func (a Amount) IsPositive() bool { return a.Minor > 0 }

// Less reports whether a is less than b. Comparing two currencies is a mistake in the
// program and panics; whoever takes both from outside calls Sub first.
func (a Amount) Less(b Amount) bool {
	if a.Currency != b.Currency {
		panic(fmt.Sprintf("money: %s compared with %s", a.Currency, b.Currency))
	}
	return a.Minor < b.Minor
}

// Add is a + b. Two currencies are a CURRENCY_MISMATCH, a sum beyond int64 is a
// VALIDATION_ERROR.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, mismatch(a, b)
	}
	sum := a.Minor + b.Minor
	overflowed := (b.Minor > 0 && sum < a.Minor) || (b.Minor < 0 && sum > a.Minor)
	if overflowed || sum == math.MinInt64 {
		return Amount{}, tooLarge()
	}
	return Of(sum, a.Currency), nil
}

// Sub is a - b, with the faults of Add.
func (a Amount) Sub(b Amount) (Amount, error) {
	if b.Minor == math.MinInt64 {
		return Amount{}, tooLarge()
	}
	return a.Add(Of(-b.Minor, b.Currency))
}

// Share is a's part at a rate in basis points (1 bps = 0.01%), rounded half away from
// zero, so that the share of -a is minus the share of a and a reversal mirrors it to
// the cent. The product is exact whatever its size; only a share that is itself beyond
// int64, which takes a rate over 100%, is a broken invariant and panics.
func (a Amount) Share(bps int64) Amount {
	hi, lo := bits.Mul64(magnitude(a.Minor), magnitude(bps))
	lo, carry := bits.Add64(lo, basisPoints/2, 0)
	hi += carry
	if hi >= basisPoints {
		panic(fmt.Sprintf("money: %d bps of %d %s do not fit", bps, a.Minor, a.Currency))
	}
	part, _ := bits.Div64(hi, lo, basisPoints)
	if part > maxMinor {
		panic(fmt.Sprintf("money: %d bps of %d %s do not fit", bps, a.Minor, a.Currency))
	}
	return Of(signed(part, (a.Minor < 0) != (bps < 0)), a.Currency)
}

// ShareDown is Share rounded towards zero: for what somebody earns, so that splitting one payment into many never
// earns more than the one.
func (a Amount) ShareDown(bps int64) Amount {
	hi, lo := bits.Mul64(magnitude(a.Minor), magnitude(bps))
	if hi >= basisPoints {
		panic(fmt.Sprintf("money: %d bps of %d %s do not fit", bps, a.Minor, a.Currency))
	}
	part, _ := bits.Div64(hi, lo, basisPoints)
	if part > maxMinor {
		panic(fmt.Sprintf("money: %d bps of %d %s do not fit", bps, a.Minor, a.Currency))
	}
	return Of(signed(part, (a.Minor < 0) != (bps < 0)), a.Currency)
}

// Allocate splits a by weights, which are not negative and not all zero, so that the
// parts add up to a exactly: each gets its share rounded towards zero, and what is
// left goes a unit each to the largest remainders, the earlier first. A weight of zero
// gets nothing.
func (a Amount) Allocate(weights ...int64) []Amount {
	total := totalWeight(weights)
	whole := magnitude(a.Minor)
	parts := make([]uint64, len(weights))
	remainders := make([]uint64, len(weights))
	left := whole
	for i, w := range weights {
		hi, lo := bits.Mul64(whole, uint64(w))
		// hi < total, because w <= total: the quotient fits.
		parts[i], remainders[i] = bits.Div64(hi, lo, total)
		left -= parts[i]
	}
	for ; left > 0; left-- {
		i := largest(remainders)
		parts[i]++
		remainders[i] = 0
	}
	amounts := make([]Amount, len(parts))
	for i, part := range parts {
		amounts[i] = Of(signed(part, a.Minor < 0), a.Currency)
	}
	return amounts
}

// totalWeight panics on weights that cannot split anything: they are written by us or
// checked when data is loaded.
func totalWeight(weights []int64) uint64 {
	var total uint64
	for _, w := range weights {
		sum, carry := bits.Add64(total, uint64(w), 0)
		if w < 0 || carry != 0 {
			panic(fmt.Sprintf("money: no split by weights %v", weights))
		}
		total = sum
	}
	if total == 0 {
		panic(fmt.Sprintf("money: no split by weights %v", weights))
	}
	return total
}

// largest is the index of the first largest number.
func largest(numbers []uint64) int {
	at := 0
	for i, n := range numbers {
		if n > numbers[at] {
			at = i
		}
	}
	return at
}

// magnitude is |n|, also of the least int64.
func magnitude(n int64) uint64 {
	if n < 0 {
		return uint64(-(n + 1)) + 1
	}
	return uint64(n)
}

func signed(n uint64, negative bool) int64 {
	if negative {
		return -int64(n)
	}
	return int64(n)
}

// String is the machine's form, with all of the currency's decimals and without its
// code: "1234.50".
func (a Amount) String() string {
	sign, whole, decimals := a.split()
	return sign + whole + decimals
}

// Format is the handset's form: "1,234.50". Its separators are the same in every
// language and in GSM-7.
func (a Amount) Format() string {
	sign, whole, decimals := a.split()
	var b strings.Builder
	b.WriteString(sign)
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(whole[i])
	}
	b.WriteString(decimals)
	return b.String()
}

// split gives "-" or "", the integer digits, and "." with the decimals or "".
func (a Amount) split() (sign, whole, decimals string) {
	if a.Minor < 0 {
		sign = "-"
	}
	digits := strconv.FormatUint(magnitude(a.Minor), 10)
	exponent := a.Currency.Exponent()
	if exponent == 0 {
		return sign, digits, ""
	}
	if short := exponent + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	point := len(digits) - exponent
	return sign, digits[:point], "." + digits[point:]
}

func mismatch(a, b Amount) error {
	return fault.New(fault.CurrencyMismatch, "%q with %q", a.Currency, b.Currency)
}

func tooLarge() error {
	return fault.New(fault.ValidationError, "beyond what a ledger account can hold").Field(field, "is too large")
}
