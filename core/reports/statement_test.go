package reports_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/reports"
	"nova/core/transactions"
)

var noon = time.Date(2026, time.November, 20, 16, 0, 0, 0, time.UTC)

// failer is a test or a rapid check.
type failer interface {
	require.TestingT
	Helper()
}

// whole reads a statement to its end.
func (w *world) whole(t failer, a ledger.Account, p reports.Period) (*reports.StatementReader, []reports.StatementLine) {
	t.Helper()
	r, err := w.statements.Whole(context.Background(), a, p, 1_000_000)
	require.NoError(t, err)
	var all []reports.StatementLine
	for {
		lines, err := r.Next(context.Background())
		require.NoError(t, err)
		if len(lines) == 0 {
			return r, all
		}
		all = append(all, lines...)
	}
}

// paged reads a statement in pages of n lines and checks that they tie.
func (w *world) paged(t failer, a ledger.Account, p reports.Period, n int) []reports.StatementLine {
	t.Helper()
	var all []reports.StatementLine
	var after *reports.Place
	var balance money.Amount
	for {
		page, err := w.statements.Page(context.Background(), a, p, after, n)
		require.NoError(t, err)
		if after == nil {
			balance = page.Opening
		}
		require.Equal(t, balance, page.PageOpening, "a page opens where the one before closed")
		requireTie(t, a, page.PageOpening, page.Lines, page.PageClosing, page.Debits, page.Credits)
		all = append(all, page.Lines...)
		require.LessOrEqual(t, int64(len(all)), page.Entries, "no line comes twice")
		if page.Next == nil {
			require.Equal(t, page.Closing, page.PageClosing, "the last page closes the statement")
			require.EqualValues(t, page.Entries, len(all))
			return all
		}
		require.Len(t, page.Lines, n)
		after, balance = page.Next, page.PageClosing
	}
}

// requireTie checks a part of a statement line by line, and its sums.
func requireTie(t failer, a ledger.Account, opening money.Amount, lines []reports.StatementLine,
	closing, debits, credits money.Amount,
) {
	t.Helper()
	sums := map[ledger.Side]int64{}
	balance := opening.Minor
	var last time.Time
	for _, line := range lines {
		sums[line.Side] += line.Amount.Minor
		if line.Side == a.Product.Normal() {
			balance += line.Amount.Minor
		} else {
			balance -= line.Amount.Minor
		}
		require.Equal(t, balance, line.Balance.Minor)
		require.False(t, line.BookedAt.Before(last), "lines stand in the order of time")
		last = line.BookedAt
	}
	require.Equal(t, closing.Minor, balance)
	require.Equal(t, []int64{sums[ledger.Debit], sums[ledger.Credit]}, []int64{debits.Minor, credits.Minor})
}

// TestStatementsTie posts at random on a floorless account of three lanes and on a wallet, often several times within
// one microsecond, and reads periods of them in one piece and in pages.
func TestStatementsTie(t *testing.T) {
	w := newWorld(t, noon, "America/Barbados")
	rapid.Check(t, func(r *rapid.T) {
		trust, wallet := w.account(ledger.Trust), w.account(ledger.Wallet)
		began := w.clock.Now()
		var moments []time.Time
		for range rapid.IntRange(1, 12).Draw(r, "postings") {
			w.clock.Advance(time.Duration(rapid.SampledFrom([]int{0, 0, 1, 1000}).Draw(r, "microseconds later")) * time.Microsecond)
			moments = append(moments, w.clock.Now())
			c := w.move(trust, wallet, rapid.Int64Range(1, 9_999).Draw(r, "minor"))
			if rapid.Bool().Draw(r, "back") {
				c = w.move(wallet, trust, c.Lines[0].Minor)
			}
			err := w.post(rapid.IntRange(0, 2).Draw(r, "node"), c)
			if !fault.Is(err, fault.InsufficientFunds) {
				require.NoError(r, err)
			}
		}
		w.clock.Advance(time.Minute)
		moments = append(moments, began.Add(-time.Second), w.clock.Now().Add(-10*time.Second))
		from := rapid.SampledFrom(moments).Draw(r, "from")
		to := rapid.SampledFrom(moments).Draw(r, "to")
		if !from.Before(to) {
			from, to = to, from.Add(time.Microsecond)
		}
		for _, a := range []ledger.Account{trust, wallet} {
			p := reports.Period{From: from, To: to}
			statement, lines := w.whole(r, a, p)
			debits, credits := statement.Totals()
			requireTie(r, a, statement.Opening, lines, statement.Closing, debits, credits)
			require.Equal(r, lines, w.paged(r, a, p, rapid.IntRange(1, 4).Draw(r, "page size")))
			for _, line := range lines {
				require.False(r, line.BookedAt.Before(from) || !line.BookedAt.Before(to), "only what lies in the period")
			}
			after, err := w.store.BalanceAt(context.Background(), a.ID, to.Add(-time.Microsecond))
			require.NoError(r, err)
			require.Equal(r, after.Posted, statement.Closing.Minor)
		}
	})
}

func TestAStatementOfAPastPeriodDoesNotChangeWhileItIsRead(t *testing.T) {
	w := newWorld(t, noon, "America/Barbados")
	trust, wallet := w.account(ledger.Trust), w.account(ledger.Wallet)
	for i := range 30 {
		w.clock.Advance(time.Second)
		require.NoError(t, w.post(i%3, w.move(trust, wallet, int64(i+1))))
	}
	w.clock.Advance(time.Minute)
	p, err := w.statements.Period("2026-11-20", "2026-11-20")
	require.NoError(t, err)
	require.Equal(t, w.clock.Now().Add(-5*time.Second), p.To, "the day is not over: it ends where all is settled")
	_, before := w.whole(t, trust, p)
	require.Len(t, before, 30)

	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	for node := range w.nodes {
		work.Go(func() {
			for ctx.Err() == nil {
				_, err := w.nodes[node].Submit(ctx, w.move(trust, wallet, 7))
				if ctx.Err() == nil {
					require.NoError(t, err) //nolint:testifylint // the postings go on whatever comes of one
				}
			}
		})
	}
	for _, a := range []ledger.Account{trust, wallet} {
		require.Equal(t, amounts(before), amounts(w.paged(t, a, p, 4)))
	}
	stop()
	work.Wait()
}

func amounts(lines []reports.StatementLine) []int64 {
	var all []int64
	for _, line := range lines {
		all = append(all, line.Amount.Minor)
	}
	return all
}

func TestALineTellsWhatStandsBehindIt(t *testing.T) {
	w := newWorld(t, noon, "America/Barbados")
	trust, marcia, andre := w.account(ledger.Trust), w.account(ledger.Wallet), w.account(ledger.Wallet)
	opening := w.move(trust, marcia, 100_00)
	opening.Narration, opening.Reference = "opening balance", "OB-1"
	require.NoError(t, w.post(0, opening))
	send := w.move(marcia, andre, 25_00)
	send.Transaction = &transactions.Transaction{
		ID: send.Posting, Type: transactions.P2P, Status: transactions.Completed, Amount: bbd(25_00), Fee: bbd(0),
		Tax: bbd(0), Commission: bbd(0), Channel: transactions.USSD, CreatedAt: w.clock.Now(),
		From: transactions.Party{Account: marcia.ID, Name: "Marcia B."},
		To:   transactions.Party{Account: andre.ID, Name: "André C."},
	}
	require.NoError(t, w.post(0, send))
	w.clock.Advance(time.Minute)
	p := reports.Period{From: noon, To: noon.Add(time.Second)}

	_, lines := w.whole(t, marcia, p)
	require.Len(t, lines, 2)
	receipt := lines[1].Receipt
	require.Len(t, receipt, 6)
	require.Equal(t, []reports.StatementLine{
		{
			Posting: opening.Posting, BookedAt: noon, ValueDate: "2026-11-20", Side: ledger.Credit, Amount: bbd(100_00),
			Balance: bbd(100_00), Narration: "opening balance", Reference: "OB-1",
		},
		{
			Posting: send.Posting, BookedAt: noon, ValueDate: "2026-11-20", Side: ledger.Debit, Amount: bbd(25_00),
			Balance: bbd(75_00), Transaction: send.Posting, Receipt: receipt, Type: transactions.P2P, Counterparty: "André C.",
		},
	}, lines)
	_, lines = w.whole(t, andre, p)
	require.Equal(t, "Marcia B.", lines[0].Counterparty)
}

func TestPeriods(t *testing.T) {
	w := newWorld(t, noon, "Europe/Paris")
	utc := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339Nano, s)
		require.NoError(t, err)
		return at
	}
	cases := []struct{ name, from, to, wantFrom, wantTo string }{
		{"a day", "2026-11-19", "2026-11-19", "2026-11-18T23:00:00Z", "2026-11-19T23:00:00Z"},
		{"the day whose clocks go back has 25 hours", "2026-10-25", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		{"the day whose clocks go forward has 23 hours", "2026-03-29", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"a year", "2025-11-19", "2026-11-19", "2025-11-18T23:00:00Z", "2026-11-19T23:00:00Z"},
		{"moments of any zone", "2026-11-19T10:00:00+02:00", "2026-11-19T10:00:00.5Z", "2026-11-19T08:00:00Z", "2026-11-19T10:00:00.5Z"},
		{"a moment and a day", "2026-11-18T10:00:00Z", "2026-11-18", "2026-11-18T10:00:00Z", "2026-11-18T23:00:00Z"},
		{"what is not over ends five seconds ago", "2026-11-20", "2026-12-31", "2026-11-19T23:00:00Z", "2026-11-20T15:59:55Z"},
		{"finer than the books", "2026-11-19T10:00:00.0000019Z", "2026-11-19T10:00:01Z", "2026-11-19T10:00:00.000001Z", "2026-11-19T10:00:01Z"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := w.statements.Period(c.from, c.to)
			require.NoError(t, err)
			require.Equal(t, reports.Period{From: utc(c.wantFrom), To: utc(c.wantTo)}, p)
		})
	}
	for _, c := range []struct{ name, from, to, field string }{
		{"nothing", "", "2026-11-19", "from"},
		{"no end", "2026-11-19", "", "to"},
		{"no time zone", "2026-11-19T10:00:00", "2026-11-20", "from"},
		{"a date that is none", "2026-02-30", "2026-11-20", "from"},
		{"a month", "2026-11", "2026-11-20", "from"},
		{"words", "2026-11-01", "today", "to"},
		{"backwards", "2026-11-19", "2026-11-18", "from"},
		{"empty", "2026-11-19T10:00:00Z", "2026-11-19T10:00:00Z", "from"},
		{"longer than a year", "2025-11-18", "2026-11-19", "to"},
		{"still to come", "2026-11-21", "2026-11-22", "from"},
		{"this very second", "2026-11-20T15:59:56Z", "2026-11-20T16:00:00Z", "from"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := w.statements.Period(c.from, c.to)
			require.True(t, fault.Is(err, fault.ValidationError), "%v", err)
			require.Contains(t, fault.From(err).Fields, c.field)
		})
	}
}

func TestAWholeStatementHasAMostOfEntries(t *testing.T) {
	w := newWorld(t, noon, "America/Barbados")
	trust, wallet := w.account(ledger.Trust), w.account(ledger.Wallet)
	for range 3 {
		require.NoError(t, w.post(0, w.move(trust, wallet, 1)))
	}
	w.clock.Advance(time.Minute)
	p := reports.Period{From: noon, To: noon.Add(time.Second)}
	_, err := w.statements.Whole(t.Context(), wallet, p, 3)
	require.NoError(t, err)
	_, err = w.statements.Whole(t.Context(), wallet, p, 2)
	require.True(t, fault.Is(err, fault.ValidationError), "%v", err)
	require.Contains(t, fault.From(err).Fields["to"], "3 entries")
}

func TestTurnoverBeyondInt64IsRefused(t *testing.T) {
	w := newWorld(t, noon, "America/Barbados")
	trust, wallet := w.account(ledger.Trust), w.account(ledger.Wallet)
	const huge = 9_000_000_000_000_000_000
	require.NoError(t, w.post(0, w.move(trust, wallet, huge)))
	require.NoError(t, w.post(0, w.move(wallet, trust, huge)))
	require.NoError(t, w.post(0, w.move(trust, wallet, huge)))
	w.clock.Advance(time.Minute)
	_, err := w.statements.Page(t.Context(), wallet, reports.Period{From: noon, To: noon.Add(time.Second)}, nil, 10)
	require.True(t, fault.Is(err, fault.ValidationError), "%v", err)
}

func TestAStatementOfAnAccountThatIsNotThere(t *testing.T) {
	w := newWorld(t, noon, "America/Barbados")
	missing := ledger.Account{ID: ids.New(noon), Product: ledger.Wallet, Currency: money.BBD}
	require.NotEqual(t, uuid.Nil, missing.ID)
	_, err := w.statements.Page(t.Context(), missing, reports.Period{From: noon.Add(-time.Hour), To: noon.Add(-time.Minute)}, nil, 1)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}
