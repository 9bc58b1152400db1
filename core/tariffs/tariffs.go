// Package tariffs is the price list: what a transaction of a type and size costs at a
// moment, how much of that is tax, and what the agent earns.
//
// It is pure: a Book is read once from data, and Charge is arithmetic. It knows
// nothing of who pays or of accounts. Its one rule: a price that is not in the list is
// an error, never free of charge.
package tariffs

import (
	"slices"
	"strings"
	"time"

	"nova/core/fault"
	"nova/core/money"
	"nova/core/rules/document"
)

// Book is a price list in one currency: for each type of transaction the versions that
// follow each other without a gap. It never changes once read.
type Book struct {
	currency money.Currency
	tariffs  map[string][]version // by type, oldest first
}

// version is a price from a moment on, until the next one's.
type version struct {
	path  string // where it stands in the document
	name  string
	from  time.Time
	until time.Time // zero: open
	terms
}

// terms are what a version's name stands for.
type terms struct {
	fee           fee
	taxBPS        int64 // of the fee
	commissionBPS int64 // of the amount
}

// fee is either a flat one (then bps is 0 and min is the fee), or a share of the
// amount between min and max.
type fee struct {
	bps int64
	min money.Amount
	max money.Amount // zero: no maximum
}

// Charge is the price of one transaction. The payer pays Fee on top of the amount; Tax
// is the part of it that is owed to the state; Commission is what the agent earns,
// paid by the operator. Version names the line of the price list, for the receipt's
// history.
type Charge struct {
	Fee        money.Amount
	Tax        money.Amount
	Commission money.Amount
	Version    string
}

// Income is what the operator keeps of the fee: Income and Tax add up to Fee.
func (c Charge) Income() money.Amount {
	return money.Of(c.Fee.Minor-c.Tax.Minor, c.Fee.Currency)
}

// Charge is the price of a transaction of type t at a moment. An amount that is not
// positive is a VALIDATION_ERROR, one in another currency a CURRENCY_MISMATCH; a type
// or moment that the book does not price is our own INTERNAL_SERVER_ERROR.
func (b *Book) Charge(t string, amount money.Amount, at time.Time) (Charge, error) {
	if amount.Currency != b.currency {
		return Charge{}, fault.New(fault.CurrencyMismatch, "%q priced in %q", amount.Currency, b.currency)
	}
	if !amount.IsPositive() {
		return Charge{}, fault.New(fault.ValidationError, "an amount of %s has no price", amount).
			Field("amount", "must be more than zero")
	}
	v, ok := b.at(t, at)
	if !ok {
		return Charge{}, noTariff(t, at)
	}
	charged := v.fee.of(amount)
	return Charge{
		Fee:        charged,
		Tax:        charged.Share(v.taxBPS),
		Commission: amount.ShareDown(v.commissionBPS),
		Version:    v.name,
	}, nil
}

// TaxBPS is the tax inside the fees of type t at a moment, in basis points of the fee, for fees that the list does not
// set itself: those of overdraft lines.
func (b *Book) TaxBPS(t string, at time.Time) (int64, error) {
	v, ok := b.at(t, at)
	if !ok {
		return 0, noTariff(t, at)
	}
	return v.taxBPS, nil
}

func noTariff(t string, at time.Time) error {
	return fault.New(fault.InternalServerError, "no tariff for %q at %s", t, at.Format(time.RFC3339))
}

// Currency is what the book prices in.
func (b *Book) Currency() money.Currency { return b.currency }

// Prices reports whether the book has a tariff for type t at a moment, so that a
// missing one is found when a node starts and not when a customer pays.
func (b *Book) Prices(t string, at time.Time) bool {
	_, ok := b.at(t, at)
	return ok
}

// Follows names what keeps this book from following an earlier one: transactions keep the name of the version that
// priced them, so a name that stood for some terms never stands for others.
func (b *Book) Follows(earlier *Book) document.Faults {
	var faults document.Faults
	was := earlier.named()
	for t, versions := range b.tariffs {
		for _, v := range versions {
			if before, known := was[v.name]; known && before != (named{t, v.terms}) {
				faults = append(faults, document.Fault{
					Path: v.path + ".name", Problem: "stood for other terms before", Value: v.name,
				})
			}
		}
	}
	slices.SortFunc(faults, func(x, y document.Fault) int { return strings.Compare(x.Path, y.Path) })
	return faults
}

// named is all that a version's name stands for.
type named struct {
	typ string
	terms
}

func (b *Book) named() map[string]named {
	all := map[string]named{}
	for t, versions := range b.tariffs {
		for _, v := range versions {
			all[v.name] = named{t, v.terms}
		}
	}
	return all
}

// at is the version of t that holds at a moment: from its first instant, to its last.
func (b *Book) at(t string, at time.Time) (version, bool) {
	for _, v := range b.tariffs[t] {
		if !at.Before(v.from) && (v.until.IsZero() || at.Before(v.until)) {
			return v, true
		}
	}
	return version{}, false
}

// of is the fee for an amount, its share rounded half up before the bounds apply.
func (f fee) of(amount money.Amount) money.Amount {
	charged := amount.Share(f.bps)
	if charged.Less(f.min) {
		return f.min
	}
	if f.max.IsPositive() && f.max.Less(charged) {
		return f.max
	}
	return charged
}
