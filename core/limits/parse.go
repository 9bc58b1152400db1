package limits

import (
	"math"

	"nova/core/money"
	"nova/core/rules/document"
	"nova/core/transactions"
)

// maxTier is the highest KYC tier.
const maxTier = 3

// operations and channels are the words that a rule may use; any other is a slip that would leave a door open.
var (
	operations = []transactions.Type{
		transactions.CashIn, transactions.CashOut, transactions.P2P, transactions.P2PAssist,
		transactions.MerchantPayment, transactions.SavingsDeposit, transactions.SavingsWithdrawal,
		transactions.OverdraftDraw, transactions.OverdraftRepay,
	}
	channels = []transactions.Channel{
		transactions.USSD, transactions.App, transactions.AgentApp, transactions.API, transactions.Console,
	}
)

// Parse reads a book of limits:
//
//	currency: BBD
//	tiers:
//	  - { tier: 1, max_balance: "1000.00" }   # without max_balance: no bound
//	rules:
//	  - name: out                  # what its counters are kept under
//	    operations: [p2p, cashout] # counted together
//	    channels: [ussd]           # left out: all
//	    tiers:
//	      - tier: 1
//	        single: { min: "1.00", max: "500.00" }
//	        daily: { value: "1000.00", count: 20 }   # likewise weekly and monthly
//
// A bound that is left out is none. What is missing, unknown, not above zero or contradictory is named, all of it at
// once, as document.Faults.
func Parse(data []byte) (*Book, error) {
	r := &reader{}
	book := r.book(data)
	if err := r.Err("limits"); err != nil {
		return nil, err
	}
	return book, nil
}

// reader reads a book of limits.
type reader struct {
	document.Reader
	currency money.Currency
}

func (r *reader) book(data []byte) *Book {
	root := r.Root(data, "currency", "tiers", "rules")
	r.currency = r.Currency(root, "currency")
	b := &Book{currency: r.currency, maxBalance: map[int]int64{}}
	for _, node := range r.Objects(root, "tiers", "tier", "max_balance") {
		tier := r.tier(node)
		if _, twice := b.maxBalance[tier]; twice {
			r.Fault(node.At("tier"), "is listed twice")
		}
		b.maxBalance[tier] = r.bound(node, "max_balance")
	}
	names := map[string]bool{}
	for _, node := range r.Objects(root, "rules", "name", "operations", "channels", "tiers") {
		granted := r.rule(node, b.maxBalance)
		if granted.name != "" && names[granted.name] {
			r.FaultOf(granted.name, node.At("name"), "is the name of another rule")
		}
		names[granted.name] = true
		b.rules = append(b.rules, granted)
	}
	return b
}

// rule reads one; its tiers must be among those that the book lists.
func (r *reader) rule(node document.Object, listed map[int]int64) rule {
	granted := rule{
		name:       r.Text(node, "name"),
		operations: document.Words(&r.Reader, node, "operations", operations),
		tiers:      map[int]allowance{},
	}
	if node.Has("channels") {
		granted.channels = document.Words(&r.Reader, node, "channels", channels)
	}
	for _, node := range r.Objects(node, "tiers", "tier", "single", "daily", "weekly", "monthly") {
		tier := r.tier(node)
		if _, twice := granted.tiers[tier]; twice {
			r.Fault(node.At("tier"), "is listed twice")
		}
		if _, ok := listed[tier]; !ok {
			r.Fault(node.At("tier"), "has no line in tiers")
		}
		a := r.allowance(node)
		a.rule = granted.name
		granted.tiers[tier] = a
	}
	return granted
}

func (r *reader) allowance(node document.Object) allowance {
	var a allowance
	if node.Has("single") {
		single := r.Object(node, "single", "min", "max")
		a.min, a.max = r.bound(single, "min"), r.bound(single, "max")
		if a.max > 0 && a.min > a.max {
			r.Fault(single.Path(), "min is above max")
		}
	}
	for _, w := range windows {
		if !node.Has(w.String()) {
			continue
		}
		in := r.Object(node, w.String(), "count", "value")
		a.windows[w] = bound{count: r.count(in), value: r.bound(in, "value")}
	}
	return a
}

func (r *reader) tier(node document.Object) int { return int(r.Integer(node, "tier", 0, maxTier)) }

// count reads a bound in numbers; none where it is left out.
func (r *reader) count(node document.Object) int64 {
	if !node.Has("count") {
		return 0
	}
	return r.Integer(node, "count", 1, math.MaxInt32)
}

// bound reads one in money, in minor units; none where it is left out.
func (r *reader) bound(node document.Object, key string) int64 {
	if !node.Has(key) {
		return 0
	}
	a := r.Amount(node, key, r.currency)
	if a.IsZero() {
		r.Fault(node.At(key), "is not above zero: leave it out for no bound")
	}
	return a.Minor
}
