package reports_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/ledger"
	"nova/core/reports"
	"nova/core/transactions"
	"nova/sql"
)

// The two histories that the benchmark compares, and the page that it reads of them.
const (
	shortHistory = 10_000
	longHistory  = 1_000_000
	benchPage    = 50
)

// BenchmarkStatementPages reads the first and the last page of a year's statement of a short and a long history, in the
// same books and in turns, and reports how many times as long the long one takes.
func BenchmarkStatementPages(b *testing.B) {
	w := newWorld(b, noon, "America/Barbados")
	began := noon.AddDate(-1, 0, 0)
	histories := []history{w.history(began, shortHistory), w.history(began, longHistory)}
	require.NoError(b, w.db.ExecText(b.Context(), "analyze"))
	// As a server reads: prepared, and planned for look-ups.
	pool, err := sql.Open(b.Context(), w.url, sql.Options{Prepared: true})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, pool.Close()) })
	statements := reports.NewStatements(reports.StatementOptions{
		Books: ledger.NewStore(pool, w.clock), Facts: transactions.NewStore(pool), Clock: w.clock, Location: w.market,
	})
	period := reports.Period{From: began.Add(24 * time.Hour), To: noon.Add(-time.Hour)}

	took := map[string]time.Duration{}
	read := func(name string, h history, after *reports.Place) {
		start := time.Now() //nolint:forbidigo // a benchmark measures real time
		page, err := statements.Page(b.Context(), h.account, period, after, benchPage)
		took[name] += time.Since(start)
		require.NoError(b, err)
		require.Len(b, page.Lines, benchPage)
	}
	round := func() {
		for i, name := range []string{"short", "long"} {
			read(name+"-first", histories[i], nil)
			read(name+"-last", histories[i], histories[i].lastPage(period))
		}
	}
	round() // connections, plans and caches
	clear(took)
	for b.Loop() {
		round()
	}
	for _, page := range []string{"first", "last"} {
		for _, name := range []string{"short-" + page, "long-" + page} {
			b.ReportMetric(float64(took[name].Microseconds())/1000/float64(b.N), name+"-ms/op") //nolint:forbidigo // no money
		}
		b.ReportMetric(float64(took["long-"+page])/float64(took["short-"+page]), page+"-long/short") //nolint:forbidigo // no money
	}
}

// history is an account of which the n-th entry leaves n cents on it, and all are a step apart.
type history struct {
	account ledger.Account
	began   time.Time
	step    time.Duration
	entries int64
}

// history makes n entries over a year, in the months' partitions, faster than anybody could post them.
func (w *world) history(began time.Time, n int64) history {
	w.t.Helper()
	h := history{account: w.account(ledger.Wallet), began: began, entries: n}
	h.step = (noon.Sub(began) / time.Duration(n)).Truncate(time.Microsecond)
	for month := began; month.Before(noon.AddDate(0, 1, 0)); month = month.AddDate(0, 1, 0) {
		w.exec("select entries_make_month('%s')", month.Format("2006-01-02"))
	}
	// Ids that grow with time, as those that the bank makes do.
	id := fmt.Sprintf("(substr('%s', 1, 23) || '-' || lpad(to_hex(i), 12, '0'))::uuid", h.account.ID)
	at := fmt.Sprintf("'%s'::timestamptz + i * interval '%d microseconds'", began.Format(time.RFC3339), h.step.Microseconds())
	w.exec(`insert into postings (id, seal, booked_at, value_date, lane, place, currency, narration)
		select %s, i, %s, '2026-01-01', %d, 0, 'BBD', 'salary' from generate_series(1, %d) i`, id, at, 40+n%7, n)
	w.exec(`insert into entries (account_id, posting_id, sequence, minor, balance_after, booked_at, lane, line, credit)
		select '%s', %s, i, 1, i, %s, 0, 0, true from generate_series(1, %d) i`, h.account.ID, id, at, n)
	w.exec("update balances set posted = %d, sequence = %d where account_id = '%s'", n, n, h.account.ID)
	return h
}

func (w *world) exec(format string, args ...any) {
	w.t.Helper()
	require.NoError(w.t, w.db.ExecText(w.t.Context(), fmt.Sprintf(format, args...)))
}

// lastPage is where the last page of a period begins.
func (h history) lastPage(p reports.Period) *reports.Place {
	last := int64((p.To.Sub(h.began) - 1) / h.step) // the last entry before the period's end
	after := last - benchPage
	return &reports.Place{
		To: p.To, BookedAt: h.began.Add(time.Duration(after) * h.step), Sequence: after, Balance: after,
	}
}
