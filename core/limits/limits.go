// Package limits is how much a customer may do: rules as data, computed into the counters and caps that the ledger
// enforces in the group that moves the money.
//
// It reads no balance and no counter, so it decides only what an amount alone tells: the single minimum and maximum.
// Its one rule: an operation that no rule names for a tier is refused, because a forgotten line must not be an open
// door.
package limits

import (
	"slices"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/transactions"
)

// The units that counters of a rule count in; each is part of a counter's name.
const (
	byValue = ":value"
	byCount = ":count"
)

// Operation is what somebody wants to do, as far as limits care. Tier is the limited customer's: the payer's, or the
// receiver's of a cash-in, whose payer is an agent.
type Operation struct {
	Type    transactions.Type
	Channel transactions.Channel
	Tier    int
	Amount  money.Amount
}

// bound bounds one stretch of days; 0 is no bound.
type bound struct{ count, value int64 }

// allowance is what a rule grants one tier, in minor units; 0 is no bound.
type allowance struct {
	rule     string
	min, max int64
	windows  [3]bound // indexed by clock.Window
}

// rule counts some operations together.
type rule struct {
	name       string
	operations []transactions.Type
	channels   []transactions.Channel // empty: all
	tiers      map[int]allowance
}

// Book is all rules of a market. It is never changed after Parse.
type Book struct {
	currency   money.Currency
	maxBalance map[int]int64 // by tier, in minor units; 0 is no bound
	rules      []rule
}

// Currency is what the book bounds amounts in.
func (b *Book) Currency() money.Currency { return b.currency }

// windows lists the windows in the order in which screens and counters name them.
var windows = []clock.Window{clock.Daily, clock.Weekly, clock.Monthly}

// Check refuses what the amount alone decides: LIMIT_EXCEEDED with the field amount, and in Extra the bound
// ("min" or "max", machine form). Screens ask before the PIN is typed.
func (b *Book) Check(op Operation) error {
	if op.Amount.Currency != b.currency {
		return fault.New(fault.CurrencyMismatch, "limits are in %s, not %s", b.currency, op.Amount.Currency)
	}
	allowances := b.allowances(op)
	if len(allowances) == 0 {
		return fault.New(fault.LimitExceeded, "no rule allows %s to tier %d", op.Type, op.Tier).
			Field("type", "is not allowed for this tier")
	}
	for _, a := range allowances {
		if a.min > 0 && op.Amount.Minor < a.min {
			return fault.New(fault.LimitExceeded, "%s under %s's minimum", op.Type, a.rule).
				Field("amount", "is below the minimum").With("min", money.Of(a.min, b.currency).String())
		}
		if a.max > 0 && op.Amount.Minor > a.max {
			return fault.New(fault.LimitExceeded, "%s over %s's maximum", op.Type, a.rule).
				Field("amount", "is above the maximum").With("max", money.Of(a.max, b.currency).String())
		}
	}
	return nil
}

// Counters are what the ledger must count, and refuse to pass, when subject does op.
func (b *Book) Counters(op Operation, subject uuid.UUID) []ledger.Count {
	var counts []ledger.Count
	for _, a := range b.allowances(op) {
		for _, w := range windows {
			most := a.windows[w]
			if most.value > 0 {
				counts = append(counts, ledger.Count{
					Subject: subject, Rule: a.rule + byValue, Window: w, Delta: op.Amount.Minor, Cap: most.value,
				})
			}
			if most.count > 0 {
				counts = append(counts, ledger.Count{
					Subject: subject, Rule: a.rule + byCount, Window: w, Delta: 1, Cap: most.count,
				})
			}
		}
	}
	return counts
}

// Cap is the most that may stand on an account of this tier after money came in; nil where there is no bound, and
// nothing at all for a tier that the book does not list.
func (b *Book) Cap(tier int, account uuid.UUID) *ledger.Cap {
	most, listed := b.maxBalance[tier]
	if listed && most == 0 {
		return nil
	}
	return &ledger.Cap{Account: account, Max: most}
}

// allowances are those of every rule that counts the operation for its tier.
func (b *Book) allowances(op Operation) []allowance {
	var found []allowance
	for _, r := range b.rules {
		if !slices.Contains(r.operations, op.Type) {
			continue
		}
		if len(r.channels) > 0 && !slices.Contains(r.channels, op.Channel) {
			continue
		}
		if a, ok := r.tiers[op.Tier]; ok {
			found = append(found, a)
		}
	}
	return found
}

// Description is a tier's limits as a handset lists them; a zero amount is no bound.
type Description struct {
	MaxBalance money.Amount
	Out        Described
	In         Described
}

// Described is the tightest bound over the rules of one direction.
type Described struct {
	Single, Daily, Weekly, Monthly money.Amount
}

// Describe is what the screen "Limits" says to a customer of this tier: what a send on this channel is bound by, and
// what a cash-in is.
func (b *Book) Describe(tier int, channel transactions.Channel) Description {
	return Description{
		MaxBalance: money.Of(b.maxBalance[tier], b.currency),
		Out:        b.describe(Operation{Type: transactions.P2P, Channel: channel, Tier: tier}),
		In:         b.describe(Operation{Type: transactions.CashIn, Channel: channel, Tier: tier}),
	}
}

func (b *Book) describe(op Operation) Described {
	var single int64
	var values [len(allowance{}.windows)]int64
	for _, a := range b.allowances(op) {
		single = tighter(single, a.max)
		for _, w := range windows {
			values[w] = tighter(values[w], a.windows[w].value)
		}
	}
	return Described{
		Single: money.Of(single, b.currency), Daily: money.Of(values[clock.Daily], b.currency),
		Weekly: money.Of(values[clock.Weekly], b.currency), Monthly: money.Of(values[clock.Monthly], b.currency),
	}
}

// tighter is the smaller of two bounds, where 0 is none.
func tighter(a, b int64) int64 {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
