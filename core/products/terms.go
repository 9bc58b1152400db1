package products

import (
	"fmt"
	"math/big"
	"slices"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/money"
)

// Tier is a slice of a balance with a rate of its own: what lies from From up to UpTo, which is not in it any more.
// UpTo 0 is without end. Amounts are minor units.
type Tier struct {
	From int64 `json:"from"`
	UpTo int64 `json:"up_to"`
	BPS  int   `json:"annual_rate_bps"`
}

// Terms are what a savings product promises from a day on.
type Terms struct {
	From clock.Day
	// RateBPS is the yearly rate, in basis points, of what no tier covers.
	RateBPS int
	// Minimum is what must stay on an account that is opened under these terms.
	Minimum money.Amount
	// Tiers are in the order of their amounts.
	Tiers []Tier
}

// Units is what a day's closing balance earns: the sum over its slices of minor units times basis points. Interest of
// one minor unit takes UnitsPerMinor of them. A balance below zero earns nothing.
func (t Terms) Units(balance int64) *big.Int {
	units := new(big.Int)
	rest := max(balance, 0)
	for _, tier := range t.Tiers {
		slice := tier.slice(max(balance, 0))
		rest -= slice
		units.Add(units, product(slice, tier.BPS))
	}
	return units.Add(units, product(rest, t.RateBPS))
}

const (
	// DayCount is the days of a year, leap years too.
	DayCount = 365
	// UnitsPerMinor units are one minor unit of interest.
	UnitsPerMinor = DayCount * MaxBPS
)

func product(minor int64, bps int) *big.Int {
	return new(big.Int).Mul(big.NewInt(minor), big.NewInt(int64(bps)))
}

// slice is how much of a balance lies in the tier.
func (t Tier) slice(balance int64) int64 {
	if t.UpTo > 0 {
		balance = min(balance, t.UpTo)
	}
	return max(balance-t.From, 0)
}

// interest splits units into whole minor units and what is left over. More than an int64 of interest is a broken
// invariant: no account holds so much.
func interest(units *big.Int) (minor int64, left *big.Int, err error) {
	whole, left := new(big.Int).QuoRem(units, big.NewInt(UnitsPerMinor), new(big.Int))
	if !whole.IsInt64() {
		return 0, nil, fmt.Errorf("%s units are more interest than there is money", units)
	}
	return whole.Int64(), left, nil
}

// check refuses terms that cannot be: a rate outside 0 to 10,000 basis points, a minimum below zero or in another
// currency, tiers that are out of order or overlap. Errors: VALIDATION_ERROR and CURRENCY_MISMATCH with the field.
func (t Terms) check(c money.Currency) error {
	if err := checkBPS("annual_rate_bps", t.RateBPS); err != nil {
		return err
	}
	if t.Minimum.Currency != c {
		return fault.New(fault.CurrencyMismatch, "minimum in %s", t.Minimum.Currency).
			Field("minimum_balance", "is not in the product's currency")
	}
	if t.Minimum.Minor < 0 {
		return invalid("minimum_balance", "must not be below zero")
	}
	if len(t.Tiers) > MaxTiers {
		return invalid("tiers", fmt.Sprintf("must be %d at most", MaxTiers))
	}
	return checkTiers(t.Tiers)
}

func checkTiers(tiers []Tier) error {
	for i, tier := range tiers {
		field := fmt.Sprintf("tiers[%d]", i)
		if err := checkBPS(field+".annual_rate_bps", tier.BPS); err != nil {
			return err
		}
		switch {
		case tier.From < 0:
			return invalid(field+".from", "must not be below zero")
		case tier.UpTo != 0 && tier.UpTo <= tier.From:
			return invalid(field+".up_to", "must be above where the tier begins")
		case i > 0 && (tiers[i-1].UpTo == 0 || tier.From < tiers[i-1].UpTo):
			return invalid(field+".from", "overlaps the tier before it")
		}
	}
	return nil
}

func checkBPS(field string, bps int) error {
	if bps < 0 || bps > MaxBPS {
		return invalid(field, fmt.Sprintf("must be from 0 to %d", MaxBPS))
	}
	return nil
}

func invalid(field, problem string) error {
	return fault.New(fault.ValidationError, "%s %s", field, problem).Field(field, problem)
}

// inForce is the newest of the terms, oldest first, that had begun on a day; false before the first.
func inForce(versions []Terms, day clock.Day) (Terms, bool) {
	for _, t := range slices.Backward(versions) {
		if t.From <= day {
			return t, true
		}
	}
	return Terms{}, false
}
