package payments_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/core/customers"
	"nova/core/fault"
	"nova/core/payments"
	"nova/sql"
)

// pencil is the books as a person would keep them by hand: names and figures, and what each errand did.
type pencil struct {
	w       *world
	figures map[string]int64
	errands []*errand
}

// errand is money that moved, and what became of it.
type errand struct {
	txn                          uuid.UUID
	from, to                     string
	amount, fee, tax, commission int64
	adjusted                     int64
	reversed                     bool
}

// person is a customer of the model.
type person struct {
	customers.Customer
	pin string
}

func (w *world) person(name string) person {
	return map[string]person{
		"marcia": {w.marcia, marciaPIN}, "andre": {w.andre, andrePIN}, "shanice": {w.shanice, shanicePIN},
	}[name]
}

var people = []string{"marcia", "andre", "shanice"}

// share is so many basis points, half up; commission is what is whole of it.
func share(minor, bps int64) int64 { return (minor*bps + 5_000) / 10_000 }

func commission(minor int64) int64 { return minor * 50 / 10_000 }

// do books an errand by hand.
func (p *pencil) do(e *errand, sign int64) {
	f := p.figures
	f[e.from] -= sign * (e.amount + e.fee)
	f[e.to] += sign * e.amount
	f["income"] += sign * (e.fee - e.tax)
	f["tax"] += sign * e.tax
	f["expense"] += sign * e.commission
	f["commission"] += sign * e.commission
	if f["commission"] < 0 { // it was paid out
		f["owed"] -= f["commission"]
		f["commission"] = 0
	}
}

// step is one thing that happens: what is asked for, and the code that the pencil expects; "" for success.
func (p *pencil) step(t *rapid.T) (fault.Code, error) {
	who := rapid.SampledFrom(people).Draw(t, "who")
	minor := rapid.Int64Range(1, 150_00).Draw(t, "minor")
	switch rapid.IntRange(0, 8).Draw(t, "kind") {
	case 0, 1:
		other := rapid.SampledFrom(slices.DeleteFunc(slices.Clone(people), func(s string) bool { return s == who })).Draw(t, "to")
		return p.send(who, other, minor)
	case 2:
		return p.cashIn(who, minor)
	case 3:
		return p.cashOut(who, minor, p.atAgent)
	case 4:
		return p.cashOut(who, minor, p.byCode)
	case 5, 6:
		return p.reverse(t)
	case 7:
		return p.adjust(t, minor)
	default:
		return p.payOut(minor)
	}
}

// book takes an errand down as it was predicted.
func (p *pencil) book(e *errand, r payments.Receipt, err error) (fault.Code, error) {
	if p.figures[e.from] < e.amount+e.fee {
		return fault.InsufficientFunds, err
	}
	e.txn = r.Transaction
	p.errands = append(p.errands, e)
	p.do(e, 1)
	return "", err
}

func (p *pencil) send(from, to string, minor int64) (fault.Code, error) {
	e := &errand{from: from, to: to, amount: minor, fee: 1_00, tax: 18}
	payer, payee := p.w.person(from), p.w.person(to)
	r, err := p.w.payments.Send(p.w.t.Context(), payments.SendOrder{
		Order: p.w.order(payer.Subject(), payer.pin, e.fee), From: payer.ID, To: payee.ID, Amount: bbd(minor),
	})
	return p.book(e, r, err)
}

func (p *pencil) cashIn(to string, minor int64) (fault.Code, error) {
	o := p.w.cashIn(minor)
	o.To = p.w.person(to).ID
	r, err := p.w.payments.CashIn(p.w.t.Context(), o)
	return p.book(&errand{from: "float", to: to, amount: minor, commission: commission(minor)}, r, err)
}

func (p *pencil) cashOut(from string, minor int64, pay func(person, *errand) (payments.Receipt, error)) (fault.Code, error) {
	e := &errand{from: from, to: "float", amount: minor, fee: max(1_00, share(minor, 100)), commission: commission(minor)}
	e.tax = share(e.fee, 1750)
	r, err := pay(p.w.person(from), e)
	return p.book(e, r, err)
}

func (p *pencil) atAgent(payer person, e *errand) (payments.Receipt, error) {
	return p.w.payments.CashOutAtAgent(p.w.t.Context(), payments.CashOutOrder{
		Order: p.w.order(payer.Subject(), payer.pin, e.fee), From: payer.ID, Agent: p.w.clerk.Agent.ID, Amount: bbd(e.amount),
	})
}

func (p *pencil) byCode(payer person, e *errand) (payments.Receipt, error) {
	code, err := p.w.payments.IssueCode(p.w.t.Context(), payments.CodeOrder{
		Order: p.w.order(payer.Subject(), payer.pin, e.fee), From: payer.ID, Amount: bbd(e.amount),
	})
	if err != nil {
		return payments.Receipt{}, err
	}
	return p.w.payments.RedeemCode(p.w.t.Context(), payments.RedeemOrder{
		Order: p.w.order(p.w.clerk.Subject(), clerkPIN, e.fee), Operator: p.w.clerk.ID, Customer: payer.ID,
		Amount: bbd(e.amount), Code: code.Secret,
	})
}

// any is an errand of those so far; nil before the first.
func (p *pencil) any(t *rapid.T) *errand {
	if len(p.errands) == 0 {
		return nil
	}
	return p.errands[rapid.IntRange(0, len(p.errands)-1).Draw(t, "errand")]
}

// decided approves what was asked for; what cannot be done is rejected, and changes nothing.
func (p *pencil) decided(c payments.Claimed, err error) error {
	if err != nil {
		return err
	}
	if err := p.w.approve(c.Approval); err != nil {
		p.w.reject(c.Approval)
		return err
	}
	return nil
}

func (p *pencil) reverse(t *rapid.T) (fault.Code, error) {
	e := p.any(t)
	if e == nil {
		return "", nil
	}
	return p.reversed(e)
}

func (p *pencil) reversed(e *errand) (fault.Code, error) {
	err := p.decided(p.w.payments.AskReversal(p.w.t.Context(), p.w.claim(e.txn)))
	switch {
	case e.reversed:
		return fault.AlreadyReversed, err
	case e.adjusted > 0:
		return fault.InvalidState, err
	case p.figures[e.to] < e.amount:
		return fault.InsufficientFunds, err
	}
	e.reversed = true
	p.do(e, -1)
	return "", err
}

func (p *pencil) adjust(t *rapid.T, minor int64) (fault.Code, error) {
	e := p.any(t)
	if e == nil {
		return "", nil
	}
	err := p.decided(p.w.adjust(e.txn, minor))
	switch {
	case e.reversed:
		return fault.AlreadyReversed, err
	case minor > e.amount-e.adjusted:
		return fault.ValidationError, err
	case p.figures[e.to] < minor:
		return fault.InsufficientFunds, err
	}
	e.adjusted += minor
	p.figures[e.to] -= minor
	p.figures[e.from] += minor
	return "", err
}

// payOut pays commission out as far as there is any.
func (p *pencil) payOut(most int64) (fault.Code, error) {
	minor := min(most, p.figures["commission"])
	if minor > 0 {
		p.w.pay(p.w.clerk.Agent.Commission, p.w.books.OperatorBank, minor)
		p.figures["commission"] -= minor
		p.figures["bank"] -= minor
	}
	return "", nil
}

// books are the figures of the database.
func (p *pencil) books() map[string]int64 {
	figures := p.w.balances()
	figures["bank"] = p.w.posted(p.w.books.OperatorBank)
	figures["owed"] = 0
	if owed, found := p.w.receivable(); found {
		figures["owed"] = p.w.posted(owed)
	}
	return figures
}

// undo reverses every errand that is not adjusted, with money lent to all who may have spent theirs, and expects that
// nothing is left but the loans and what adjusted errands did.
func (p *pencil) undo(t *rapid.T, start map[string]int64) {
	const lent = 1_000_000_00
	left := &pencil{figures: maps.Clone(start)}
	for name, account := range p.borrowers() {
		p.w.deposit(account, lent)
		for _, figures := range []map[string]int64{p.figures, left.figures} {
			figures[name] += lent
			figures["trust"] += lent
		}
	}
	for _, e := range p.errands {
		if e.adjusted > 0 {
			left.do(e, 1)
			left.figures[e.to] -= e.adjusted
			left.figures[e.from] += e.adjusted
		}
		if !e.reversed && e.adjusted == 0 {
			code, err := p.reversed(e)
			require.Empty(t, code)
			require.NoError(t, err)
		}
	}
	got := p.books()
	require.Equal(t, p.figures, got)
	require.Equal(t, left.earned(), (&pencil{figures: got}).earned())
}

// earned are the figures with commission that was paid out and what is owed of it counted as commission: together it is
// what was earned.
func (p *pencil) earned() map[string]int64 {
	figures := maps.Clone(p.figures)
	figures["commission"] -= figures["owed"] + figures["bank"]
	delete(figures, "owed")
	delete(figures, "bank")
	return figures
}

// borrowers are those who may have spent what is taken back.
func (p *pencil) borrowers() map[string]uuid.UUID {
	return map[string]uuid.UUID{
		"marcia": p.w.marcia.Wallet, "andre": p.w.andre.Wallet, "shanice": p.w.shanice.Wallet, "float": p.w.clerk.Agent.Float,
	}
}

// level brings the borrowers back to what they had at the start.
func (p *pencil) level(start map[string]int64) {
	for name, account := range p.borrowers() {
		require.Zero(p.w.t, p.w.held(account))
		if more := p.w.posted(account) - start[name]; more > 0 {
			p.w.pay(account, p.w.books.Trust, more)
		} else if more < 0 {
			p.w.deposit(account, -more)
		}
	}
}

func TestTheBooksAreThoseKeptByHand(t *testing.T) {
	w := newWorld(t)
	o := w.options(read(t, "../../configs/tariffs.yaml"), `
currency: BBD
tiers: [{ tier: 1 }, { tier: 2 }]
rules:
  - { name: all, operations: [p2p, cashin, cashout], tiers: [{ tier: 1 }, { tier: 2 }] }
`)
	w.payments = payments.New(o)
	w.effects[payments.KindReversal] = w.payments.ReversalEffect()
	w.effects[payments.KindAdjustment] = w.payments.AdjustmentEffect()
	rapid.Check(t, func(t *rapid.T) {
		p := &pencil{w: w}
		start := p.books()
		p.figures = maps.Clone(start)
		for range rapid.IntRange(1, 10).Draw(t, "steps") {
			want, err := p.step(t)
			require.Equal(t, want, codeOf(err), "%v", err)
			require.Equal(t, p.figures, p.books())
		}
		p.undo(t, start)
		p.level(start)
	})
	var sum int64
	require.NoError(t, w.db.Get(t.Context(), &sum, sql.Query{Name: "test.sum", Text: `
		select sum(case when credit then minor else -minor end)::bigint from entries`}))
	require.Zero(t, sum)
	report, err := w.ledger.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, report.Breach)
}

func codeOf(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}
