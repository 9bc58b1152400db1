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

// Window bounds one stretch of days; 0 is no bound.
type Window struct {
	Count int64
	Value int64
}

// Allowance is what a rule grants one tier, in minor units; 0 is no bound.
type Allowance struct {
	Min, Max int64
	Windows  [3]Window // indexed by clock.Window
}

// Rule counts some operations together.
type Rule struct {
	Name       string
	Operations []transactions.Type
	Channels   []transactions.Channel // empty: all
	Tiers      map[int]Allowance
}

// Book is all rules of a market. It is never changed after Parse.
type Book struct {
	currency   money.Currency
	maxBalance map[int]int64
	rules      []Rule
}

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
		if a.Min > 0 && op.Amount.Minor < a.Min {
			return fault.New(fault.LimitExceeded, "%s under %s's minimum", op.Type, a.rule).
				Field("amount", "is below the minimum").With("min", money.Of(a.Min, b.currency).String())
		}
		if a.Max > 0 && op.Amount.Minor > a.Max {
			return fault.New(fault.LimitExceeded, "%s over %s's maximum", op.Type, a.rule).
				Field("amount", "is above the maximum").With("max", money.Of(a.Max, b.currency).String())
		}
	}
	return nil
}

// Counters are what the ledger must count, and refuse to pass, when subject does op.
func (b *Book) Counters(op Operation, subject uuid.UUID) []ledger.Count {
	var counts []ledger.Count
	for _, a := range b.allowances(op) {
		for _, w := range windows {
			bound := a.Windows[w]
			if bound.Value > 0 {
				counts = append(counts, ledger.Count{
					Subject: subject, Rule: a.rule + byValue, Window: w, Delta: op.Amount.Minor, Cap: bound.Value,
				})
			}
			if bound.Count > 0 {
				counts = append(counts, ledger.Count{
					Subject: subject, Rule: a.rule + byCount, Window: w, Delta: 1, Cap: bound.Count,
				})
			}
		}
	}
	return counts
}

// Cap is the most that may stand on an account of this tier after money came in; nil where there is no bound.
func (b *Book) Cap(tier int, account uuid.UUID) *ledger.Cap {
	most, bounded := b.maxBalance[tier]
	if !bounded {
		return nil
	}
	return &ledger.Cap{Account: account, Max: most}
}

// allowance is a tier's part of a rule, with the rule's name.
type allowance struct {
	Allowance
	rule string
}

func (b *Book) allowances(op Operation) []allowance {
	var found []allowance
	for _, r := range b.rules {
		if !slices.Contains(r.Operations, op.Type) {
			continue
		}
		if len(r.Channels) > 0 && !slices.Contains(r.Channels, op.Channel) {
			continue
		}
		if a, ok := r.Tiers[op.Tier]; ok {
			found = append(found, allowance{Allowance: a, rule: r.Name})
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
	var values [len(Allowance{}.Windows)]int64
	for _, a := range b.allowances(op) {
		single = tighter(single, a.Max)
		for _, w := range windows {
			values[w] = tighter(values[w], a.Windows[w].Value)
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
