package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/ids"
	"nova/core/limits"
	"nova/core/transactions"
	"nova/sql"
)

const (
	// countersAtOnce is how many transactions are read in one statement.
	countersAtOnce = transactions.MaxPage
	// settledFor is the longest that a transaction waits between being made and being posted.
	settledFor = 48 * time.Hour
)

// CounterAudit derives the counters of limits again from the transactions that they counted.
type CounterAudit struct {
	DB           *sql.DB
	Transactions *transactions.Store
	Limits       Limits
	Clock        clock.Clock
	Location     *time.Location
}

// CountersReport is what Check found. Breach names the first counter that is wrong; empty for none.
type CountersReport struct {
	Counters, Transactions int64
	Breach                 string
}

// counted names a counter of a window that runs now.
type counted struct {
	subject uuid.UUID
	rule    string
	window  clock.Window
}

// Check compares the counters of the windows that run now with what the transactions in them come to, reversals
// included. Subjects with a transaction whose tier is not known are left out. It is for books at rest: what is posted
// while it reads looks like a breach.
func (a CounterAudit) Check(ctx context.Context) (r CountersReport, err error) {
	now := a.Clock.Now()
	sums := map[counted]int64{}
	unknown := map[uuid.UUID]bool{}
	begin := min(clock.Monthly.Start(now, a.Location), clock.Weekly.Start(now, a.Location)).Start(a.Location)
	for after := ids.Floor(begin.Add(-settledFor)); ; {
		page, err := a.Transactions.After(ctx, after, countersAtOnce)
		if err != nil {
			return r, err
		}
		for i := range page {
			if err := a.add(ctx, &page[i], now, sums, unknown); err != nil {
				return r, err
			}
		}
		r.Transactions += int64(len(page))
		if len(page) < countersAtOnce {
			break
		}
		after = page[len(page)-1].ID
	}
	r.Counters, r.Breach, err = a.compare(ctx, now, sums, unknown)
	return r, err
}

// add counts a transaction as its command did, and takes off what its reversal gave back.
func (a CounterAudit) add(ctx context.Context, t *transactions.Transaction, now time.Time, sums map[counted]int64,
	unknown map[uuid.UUID]bool,
) error {
	if t.PostedAt.IsZero() || t.Status != transactions.Completed && t.Status != transactions.Reversed {
		return nil
	}
	limited := limitedParty(t)
	if t.Tier == transactions.TierUnknown {
		unknown[limited.Owner] = true
		return nil
	}
	held, err := a.Limits.At(t.CreatedAt)
	if err != nil {
		return err
	}
	var reversed time.Time
	if t.Status == transactions.Reversed {
		by, err := a.Transactions.ByID(ctx, t.ReversedBy)
		if err != nil {
			return err
		}
		reversed = by.PostedAt
	}
	op := limits.Operation{Type: t.Type, Channel: t.Channel, Tier: t.Tier, Amount: t.Amount}
	for _, c := range held.Counters(op, limited.Owner) {
		start := c.Window.Start(t.PostedAt, a.Location)
		if start != c.Window.Start(now, a.Location) {
			continue
		}
		if !reversed.IsZero() && start == c.Window.Start(t.CreatedAt, a.Location) &&
			start == c.Window.Start(reversed, a.Location) {
			continue
		}
		sums[counted{limited.Owner, c.Rule, c.Window}] += c.Delta
	}
	return nil
}

// limitedParty is the customer whose limits count a transaction.
func limitedParty(t *transactions.Transaction) transactions.Party {
	if t.Type == transactions.CashIn {
		return t.To
	}
	return t.From
}

// compare names the first counter that is not what the transactions come to.
func (a CounterAudit) compare(ctx context.Context, now time.Time, sums map[counted]int64, unknown map[uuid.UUID]bool) (
	n int64, breach string, err error,
) {
	for w := clock.Daily; w <= clock.Monthly; w++ {
		rows, err := newStore().running(ctx, a.DB, w, w.Start(now, a.Location))
		if err != nil {
			return n, "", err
		}
		n += int64(len(rows))
		for _, row := range rows {
			name := counted{row.Subject, row.Rule, w}
			want := sums[name]
			delete(sums, name)
			if want != row.Used && !unknown[row.Subject] {
				return n, fmt.Sprintf("counter %s of %s this %s: %d, its transactions come to %d", row.Rule, row.Subject, w,
					row.Used, want), nil
			}
		}
	}
	for name, want := range sums {
		if want != 0 && !unknown[name.subject] {
			return n, fmt.Sprintf("counter %s of %s this %s is not there, its transactions come to %d", name.rule,
				name.subject, name.window, want), nil
		}
	}
	return n, "", nil
}
