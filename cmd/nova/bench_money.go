package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/sql"
)

// firstCashOuts is how many cash-outs a second are prepared for before any was measured.
const firstCashOuts = 2_000

// moneyHops measures the hop that types the PIN of a cash-out.
func (b *bench) moneyHops(ctx context.Context) error {
	b.expected = firstCashOuts
	const uniform, hot, plain, plainHot = "money hops", "money hops, one agent", "plain SQL", "plain SQL, one account"
	medians, err := b.turns(ctx, []system{
		{uniform, func(ctx context.Context, slice time.Duration) (measured, error) {
			return b.cashOutSlice(ctx, false, pace{time: slice})
		}},
		{plain, b.plainSlice(plainBank{db: b.plain})},
		{hot, func(ctx context.Context, slice time.Duration) (measured, error) {
			return b.cashOutSlice(ctx, true, pace{time: slice})
		}},
		{plainHot, b.plainSlice(plainBank{db: b.plain, hot: true})},
	})
	if err != nil {
		return err
	}
	b.rate("money_hop", medians[uniform], "PIN hop of a cash-out over HTTP: PIN, limits, fee, tax, commission, idempotency, notices")
	b.rate("money_hop_ceiling", medians[plain], "transfers of 2 entries, a transaction and 7 round trips each, lib/pq, prepared")
	b.ratio("money_hop_to_ceiling", medians[uniform], medians[plain], goal{least: 1000, says: "money hop / plain SQL"})
	b.rate("money_hop_hot", medians[hot], "all cash-outs at one agent")
	b.ratio("money_hop_hot_to_uniform", medians[hot], medians[uniform], goal{least: 900, says: "one hot account / uniform"})
	b.rate("money_hop_hot_ceiling", medians[plainHot], "plain transfers to one account")
	rate := medians[uniform] * easyPercent / 100
	b.expected = rate
	m, err := b.cashOutSlice(ctx, false, pace{time: pacedSlices * b.slice, rate: rate})
	if err != nil {
		return err
	}
	b.times("money_hop", m, rate)
	b.expected = medians[uniform]
	return b.profiled("money", func(p pace) (measured, error) { return b.cashOutSlice(ctx, false, p) })
}

// cashOutSlice dials up to the PIN, unmeasured, and then types it.
func (b *bench) cashOutSlice(ctx context.Context, hot bool, p pace) (measured, error) {
	c := cashOuts{dialogues: b.fresh(), hot: hot}
	p.connections = b.connections
	p.most = b.expected*int(p.time/time.Millisecond)/1000*5/4 + b.connections
	if p.rate > 0 {
		p.most = p.rate * int(p.time/time.Millisecond) / 1000
	}
	if _, err := c.asked().run(ctx, b.nova.addr, pace{connections: b.connections, most: p.most}); err != nil {
		return measured{}, fmt.Errorf("dial up to the PIN: %w", err)
	}
	m, err := b.call(ctx, b.nova, c.confirmed(), p)
	b.cashedOut += m.done
	b.expected = m.perSecond()
	return m, err
}

// plainSlice is the plain transfers' turn. They are made by the load generator itself.
func (b *bench) plainSlice(p plainBank) func(context.Context, time.Duration) (measured, error) {
	return func(ctx context.Context, long time.Duration) (measured, error) {
		before := b.stage.spent()
		m, err := p.run(ctx, b.connections, long)
		m.spent = b.stage.spent().minus(before)
		return m, err
	}
}

// groupsWritten counts the transactions of all writers.
var groupsWritten = sql.Query{Name: "bench.groups", Text: `select sum(groups)::bigint from lanes`}

// prove stops the server and looks at the books: they must be whole, and hold what the answers said, no more and no
// less.
func (b *bench) prove(ctx context.Context) error {
	if err := b.nova.stop(); err != nil {
		return err
	}
	if err := (plainBank{db: b.plain}).check(ctx); err != nil {
		return err
	}
	p, err := b.stage.parts(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = p.close(ctx) }() // it only reads
	report, _, err := proveLedger(ctx, p)
	if err != nil {
		return err
	}
	if err := b.proveBooks(ctx, p); err != nil {
		return err
	}
	var groups int64
	if err := p.db.Get(ctx, &groups, groupsWritten); err != nil {
		return err
	}
	b.say("  %d postings and %d entries are right, in %d groups", report.Postings, report.Entries, groups)
	return nil
}

// proveBooks compares the house's accounts with the cash-outs that were answered.
func (b *bench) proveBooks(ctx context.Context, p *parts) error {
	n := int64(b.cashedOut)
	for _, book := range []struct {
		name    string
		account uuid.UUID
		want    int64
	}{
		{"trust", p.books.Trust, b.crowd.money()},
		{"fee income", p.books.FeeIncome, n * (cashOutFee - cashOutTax)},
		{"tax payable", p.books.TaxPayable, n * cashOutTax},
		{"commission expense", p.books.CommissionExpense, n * cashOutCommission},
	} {
		balance, err := p.ledger.Balance(ctx, book.account)
		if err != nil {
			return err
		}
		if balance.Posted != book.want {
			return fmt.Errorf("%s holds %d after %d cash-outs, and should hold %d", book.name, balance.Posted, n, book.want)
		}
	}
	return nil
}
