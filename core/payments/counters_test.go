package payments_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/limits"
	"nova/core/payments"
	"nova/core/transactions"
	"nova/sql"
)

func TestCountersAreDerivedAgainFromTransactions(t *testing.T) {
	w := newWorld(t)
	const row = `daily: { value: "90.00", count: 9 }, weekly: { value: "500.00" }, monthly: { value: "900.00" }`
	nodes := w.nodes(2, bounds(row))
	book, err := limits.Parse([]byte(bounds(row)))
	require.NoError(t, err)
	audit := payments.CounterAudit{
		DB: w.db, Transactions: transactions.NewStore(w.db), Limits: book, Clock: w.clock, Location: w.location,
	}
	breach := func() string {
		r, err := audit.Check(t.Context())
		require.NoError(t, err)
		require.Positive(t, r.Transactions)
		return r.Breach
	}
	passed := w.fire(nodes, 30, 7_00)
	require.Len(t, passed, 9)
	require.Empty(t, breach())
	w.reverse(passed[0])
	require.Empty(t, breach(), "a reversal gives back")
	w.clock.Advance(24 * time.Hour)
	w.reverse(passed[1])
	w.fire(nodes, 2, 1_00)
	require.Empty(t, breach(), "a new day's counters beside the old week's")

	tamper := func(text string) {
		_, err := w.db.Exec(t.Context(), sql.Query{Name: "test.tamper", Text: text})
		require.NoError(t, err)
	}
	tamper("update counters set used = used - 1 where window_kind = 2 and used > 0")
	require.Contains(t, breach(), "its transactions come to")
	tamper("delete from counters where window_kind = 2")
	require.Contains(t, breach(), "is not there")
}
