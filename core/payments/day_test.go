package payments_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/commissions"
	"nova/core/money"
	"nova/core/payments"
	"nova/core/reports"
	"nova/core/transactions"
)

// An agent's day is told by two packages that only read what payments made, so they are tested here, on real errands.

func TestWhatAnAgentEarned(t *testing.T) {
	w := newWorld(t)
	service := commissions.New(commissions.Options{
		DB: w.db, Writer: w.writer, Ledger: w.ledger, Agents: w.agents, Identity: w.identity, Clock: w.clock,
		Location: w.location, Currency: money.BBD,
	})
	earned := func() commissions.Earnings {
		t.Helper()
		e, err := service.Earned(t.Context(), w.clerk.Agent.ID)
		require.NoError(t, err)
		return e
	}
	require.Equal(t, commissions.Earnings{Available: bbd(0), Owed: bbd(0), Today: bbd(0), Month: bbd(0)}, earned())
	_, err := w.payments.CashIn(t.Context(), w.cashIn(100_00))
	require.NoError(t, err)
	require.Equal(t, commissions.Earnings{Available: bbd(50), Owed: bbd(0), Today: bbd(50), Month: bbd(50)}, earned())
	w.clock.Advance(24 * time.Hour)
	_, err = w.payments.CashIn(t.Context(), w.cashIn(40_00))
	require.NoError(t, err)
	require.Equal(t, commissions.Earnings{Available: bbd(70), Owed: bbd(0), Today: bbd(20), Month: bbd(70)}, earned())
	w.clock.Advance(13 * 24 * time.Hour) // December
	require.Equal(t, commissions.Earnings{Available: bbd(70), Owed: bbd(0), Today: bbd(0), Month: bbd(0)}, earned())
}

func TestAnOutletsDay(t *testing.T) {
	w := newWorld(t)
	service := reports.New(reports.Options{DB: w.db, Clock: w.clock, Location: w.location, Currency: money.BBD})
	var numbers []string
	for _, minor := range []int64{10_00, 20_00, 30_00} {
		r, err := w.payments.CashIn(t.Context(), w.cashIn(minor))
		require.NoError(t, err)
		numbers = append(numbers, r.Number)
		w.clock.Advance(time.Minute)
	}
	out, err := w.payments.CashOutAtAgent(t.Context(), payments.CashOutOrder{
		Order: w.order(w.marcia.Subject(), marciaPIN, 1_00), From: w.marcia.ID, Agent: w.clerk.Agent.ID, Amount: bbd(50_00),
	})
	require.NoError(t, err)
	_, err = w.payments.Send(t.Context(), w.send()) // no business of the outlet
	require.NoError(t, err)

	day, err := service.Today(t.Context(), w.clerk.Outlet.ID)
	require.NoError(t, err)
	require.Equal(t, reports.Day{
		Date: "2026-11-18",
		Last: []reports.Last{
			{At: noon.Add(3 * time.Minute), Type: transactions.CashOut, Name: "Marcia C.", Amount: bbd(50_00), Number: out.Number},
			{At: noon.Add(2 * time.Minute), Type: transactions.CashIn, Name: "Andre C.", Amount: bbd(30_00), Number: numbers[2]},
			{At: noon.Add(time.Minute), Type: transactions.CashIn, Name: "Andre C.", Amount: bbd(20_00), Number: numbers[1]},
		},
		Types: []reports.Total{
			{Type: transactions.CashIn, Count: 3, Amount: bbd(60_00)},
			{Type: transactions.CashOut, Count: 1, Amount: bbd(50_00)},
		},
	}, day)

	w.clock.Advance(12 * time.Hour)
	day, err = service.Today(t.Context(), w.clerk.Outlet.ID)
	require.NoError(t, err)
	require.Equal(t, reports.Day{Date: "2026-11-19"}, day, "a new day in Barbados")
}

func TestTheHouseHasOneSetOfBooks(t *testing.T) {
	w := newWorld(t)
	again, err := payments.OpenBooks(t.Context(), w.db, w.ledger, money.BBD, w.clock)
	require.NoError(t, err)
	require.Equal(t, w.books, again)
}
