package tariffs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"nova/core/money"
)

// allOfIt is 100% in basis points, the most that any rate may be.
const allOfIt = 10_000

// types are the transactions that can have a price, as the HTTP contract names them. A
// word outside the table is a slip that would leave a type without its price.
var types = []string{
	"cashin", "cashout", "p2p", "p2p_assist", "merchant_payment", "float_topup", "float_redeem",
	"commission_payout", "savings_deposit", "savings_withdrawal", "overdraft_draw", "overdraft_repay",
}

// Parse reads a price list:
//
//	currency: BBD
//	tariffs:
//	  - type: cashout
//	    versions:
//	      - name: cashout-2026
//	        from: "2026-01-01T00:00:00-04:00"
//	        until: "2027-01-01T00:00:00-04:00"  # the last one stays open
//	        fee: { bps: 100, min: "1.00", max: "25.00" }  # or { flat: "1.00" }
//	        tax_bps: 1750        # of the fee, inside it
//	        commission_bps: 50   # of the amount, to the agent
//
// Versions of a type follow each other without a gap or an overlap, and only the last
// has no end. Amounts and times are text in quotes, rates are whole basis points. What
// is missing, unknown, negative or contradictory is named, all of it at once.
func Parse(data []byte) (*Book, error) {
	r := &reader{}
	book := r.book(data)
	if err := errors.Join(r.faults...); err != nil {
		return nil, fmt.Errorf("read tariffs: %w", err)
	}
	return book, nil
}

func (r *reader) book(data []byte) *Book {
	root := r.document(data, "currency", "tariffs")
	b := &Book{currency: r.currency(root), tariffs: map[string][]version{}}
	names := map[string]bool{}
	for _, tariff := range r.objects(root, "tariffs", "type", "versions") {
		t := r.text(tariff, "type")
		if t != "" && !slices.Contains(types, t) {
			r.fault(tariff.path, "is of type %q, which is none of %s", t, strings.Join(types, ", "))
		}
		if b.tariffs[t] != nil {
			r.fault(tariff.path, "is a second tariff of type %q", t)
		}
		b.tariffs[t] = r.versions(tariff, b.currency, names)
	}
	return b
}

// currency reads the book's. Where it can't be read, amounts are judged by two decimals
// so that their own faults are found as well.
func (r *reader) currency(root object) money.Currency {
	text := r.text(root, "currency")
	c := money.Currency(text)
	if c.Valid() {
		return c
	}
	if text != "" {
		r.fault("currency", "is not known: %q", text)
	}
	return money.USD
}

func (r *reader) versions(tariff object, c money.Currency, names map[string]bool) []version {
	var versions []version
	nodes := r.objects(tariff, "versions", "name", "from", "until", "fee", "tax_bps", "commission_bps")
	for _, node := range nodes {
		v := version{
			name:          r.text(node, "name"),
			from:          r.moment(node, "from"),
			fee:           r.fee(node, c),
			taxBPS:        r.rate(node, "tax_bps"),
			commissionBPS: r.rate(node, "commission_bps"),
		}
		if node.has("until") {
			v.until = r.moment(node, "until")
		}
		if v.name != "" && names[v.name] {
			r.fault(node.path, "is a second version named %q", v.name)
		}
		names[v.name] = true
		versions = append(versions, v)
	}
	r.succession(nodes, versions)
	return versions
}

// succession checks that versions, oldest first, follow each other without a gap.
func (r *reader) succession(nodes []object, versions []version) {
	for i, v := range versions {
		if v.from.IsZero() {
			continue // named already
		}
		if !v.until.IsZero() && !v.from.Before(v.until) {
			r.fault(nodes[i].path, "ends before it begins")
		}
		if i == len(versions)-1 {
			continue
		}
		next := versions[i+1].from
		switch {
		case next.IsZero():
		case v.until.IsZero():
			r.fault(nodes[i].path, "has no until, but a version follows it")
		case next.Before(v.until):
			r.fault(nodes[i+1].path, "overlaps the version before it")
		case next.After(v.until):
			r.fault(nodes[i+1].path, "leaves a gap after the version before it")
		}
	}
	if last := len(versions) - 1; last >= 0 && !versions[last].until.IsZero() {
		r.fault(nodes[last].path, "is the last and must have no until")
	}
}

// fee reads { flat: "1.00" } or { bps: 100, min: "1.00", max: "25.00" }.
func (r *reader) fee(node object, c money.Currency) fee {
	o := r.object(node, "fee", "flat", "bps", "min", "max")
	switch {
	case o.fields == nil:
		return fee{} // named already
	case o.has("flat") == o.has("bps"):
		r.fault(o.path, "needs either flat or bps")
	case o.has("flat") && (o.has("min") || o.has("max")):
		r.fault(o.path, "a flat fee has no min and no max")
	}
	if o.has("flat") {
		return fee{min: r.amount(o, "flat", c)}
	}
	f := fee{min: money.Of(0, c), max: money.Of(0, c)}
	if o.has("bps") {
		f.bps = r.rate(o, "bps")
	}
	if o.has("min") {
		f.min = r.amount(o, "min", c)
	}
	if o.has("max") {
		f.max = r.amount(o, "max", c)
		if !f.max.IsPositive() || f.max.Less(f.min) {
			r.fault(o.path, "max is zero or less than min")
		}
	}
	return f
}

func (r *reader) amount(o object, key string, c money.Currency) money.Amount {
	text := r.text(o, key)
	a, err := money.Parse(text, c)
	if text != "" && err != nil {
		r.fault(o.path+"."+key, "is no amount of %s: %q", c, text)
	}
	return money.Of(a.Minor, c)
}

// rate reads basis points from none to all.
func (r *reader) rate(o object, key string) int64 {
	n, ok := r.integer(o, key)
	if ok && (n < 0 || n > allOfIt) {
		r.fault(o.path+"."+key, "is not between 0 and %d basis points: %d", allOfIt, n)
		return 0
	}
	return n
}

func (r *reader) moment(o object, key string) time.Time {
	text := r.text(o, key)
	t, err := time.Parse(time.RFC3339, text)
	if text != "" && err != nil {
		r.fault(o.path+"."+key, "is not a time as 2026-01-01T00:00:00-04:00: %q", text)
	}
	return t.UTC()
}
