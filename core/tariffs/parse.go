package tariffs

import (
	"nova/core/money"
	"nova/core/rules/document"
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
// is missing, unknown, negative or contradictory is named, all of it at once, as
// document.Faults.
func Parse(data []byte) (*Book, error) {
	r := &reader{}
	book := r.book(data)
	if err := r.Err("tariffs"); err != nil {
		return nil, err
	}
	return book, nil
}

// reader reads a price list.
type reader struct{ document.Reader }

func (r *reader) book(data []byte) *Book {
	root := r.Root(data, "currency", "tariffs")
	b := &Book{currency: r.Currency(root, "currency"), tariffs: map[string][]version{}}
	names := map[string]bool{}
	for _, tariff := range r.Objects(root, "tariffs", "type", "versions") {
		t := document.Word(&r.Reader, tariff, "type", types)
		if t != "" && b.tariffs[t] != nil {
			r.FaultOf(t, tariff.At("type"), "has a tariff already")
		}
		b.tariffs[t] = r.versions(tariff, b.currency, names)
	}
	return b
}

func (r *reader) versions(tariff document.Object, c money.Currency, names map[string]bool) []version {
	var versions []version
	nodes := r.Objects(tariff, "versions", "name", "from", "until", "fee", "tax_bps", "commission_bps")
	for _, node := range nodes {
		v := version{
			path: node.Path(),
			name: r.Text(node, "name"),
			from: r.Moment(node, "from"),
			terms: terms{
				fee:           r.fee(node, c),
				taxBPS:        r.rate(node, "tax_bps"),
				commissionBPS: r.rate(node, "commission_bps"),
			},
		}
		if node.Has("until") {
			v.until = r.Moment(node, "until")
		}
		if v.name != "" && names[v.name] {
			r.FaultOf(v.name, node.At("name"), "is the name of another version")
		}
		names[v.name] = true
		versions = append(versions, v)
	}
	r.succession(nodes, versions)
	return versions
}

// succession checks that versions, oldest first, follow each other without a gap.
func (r *reader) succession(nodes []document.Object, versions []version) {
	for i, v := range versions {
		if v.from.IsZero() {
			continue // named already
		}
		if !v.until.IsZero() && !v.from.Before(v.until) {
			r.Fault(nodes[i].Path(), "ends before it begins")
		}
		if i == len(versions)-1 {
			continue
		}
		next := versions[i+1].from
		switch {
		case next.IsZero():
		case v.until.IsZero():
			r.Fault(nodes[i].Path(), "has no until, but a version follows it")
		case next.Before(v.until):
			r.Fault(nodes[i+1].Path(), "overlaps the version before it")
		case next.After(v.until):
			r.Fault(nodes[i+1].Path(), "leaves a gap after the version before it")
		}
	}
	if last := len(versions) - 1; last >= 0 && !versions[last].until.IsZero() {
		r.Fault(nodes[last].Path(), "is the last and must have no until")
	}
}

// fee reads { flat: "1.00" } or { bps: 100, min: "1.00", max: "25.00" }.
func (r *reader) fee(node document.Object, c money.Currency) fee {
	o := r.Object(node, "fee", "flat", "bps", "min", "max")
	switch {
	case !o.Read():
		return fee{} // named already
	case o.Has("flat") == o.Has("bps"):
		r.Fault(o.Path(), "needs either flat or bps")
	case o.Has("flat") && (o.Has("min") || o.Has("max")):
		r.Fault(o.Path(), "a flat fee has no min and no max")
	}
	if o.Has("flat") {
		return fee{min: r.Amount(o, "flat", c)}
	}
	f := fee{min: money.Of(0, c), max: money.Of(0, c)}
	if o.Has("bps") {
		f.bps = r.rate(o, "bps")
	}
	if o.Has("min") {
		f.min = r.Amount(o, "min", c)
	}
	if o.Has("max") {
		f.max = r.Amount(o, "max", c)
		if !f.max.IsPositive() || f.max.Less(f.min) {
			r.Fault(o.Path(), "max is zero or less than min")
		}
	}
	return f
}

// rate reads basis points from none to all.
func (r *reader) rate(o document.Object, key string) int64 { return r.Integer(o, key, 0, allOfIt) }
