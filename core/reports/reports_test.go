package reports_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/ids"
	"nova/core/money"
	"nova/core/reports"
	"nova/core/transactions"
	"nova/sql"
	"nova/sql/sqltest"
)

// evening is 22:00 of the 18th in Barbados, and already the 19th in UTC: the day is the market's.
var evening = time.Date(2026, time.November, 19, 2, 0, 0, 0, time.UTC)

func TestTodayCountsTheOutletsCompletedBusinessOfItsOwnDay(t *testing.T) {
	db, _ := sqltest.Open(t)
	barbados, err := time.LoadLocation("America/Barbados")
	require.NoError(t, err)
	here, elsewhere := ids.New(evening), ids.New(evening)
	receipt := 0
	fact := func(outlet uuid.UUID, typ transactions.Type, minor int64, age time.Duration, status transactions.Status) transactions.Transaction {
		receipt++
		zero := money.Of(0, money.BBD)
		return transactions.Transaction{
			ID: ids.New(evening.Add(-age)), Receipt: ids.Receipt(uint64(receipt)), Type: typ, Status: status, Outlet: outlet,
			Amount: money.Of(minor, money.BBD), Fee: zero, Tax: zero, Commission: zero, Channel: transactions.USSD,
			From: transactions.Party{Name: "from"}, To: transactions.Party{Name: "to"}, CreatedAt: evening.Add(-age),
		}
	}
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return transactions.InsertIn(ctx, tx, []transactions.Transaction{
			fact(here, transactions.CashIn, 10_00, 4*time.Hour, transactions.Completed),
			fact(here, transactions.CashIn, 20_00, 3*time.Hour, transactions.Completed),
			fact(here, transactions.CashOut, 40_00, 2*time.Hour, transactions.Completed),
			fact(here, transactions.CashIn, 30_00, 22*time.Hour, transactions.Completed), // midnight
			fact(here, transactions.CashIn, 1_00, 22*time.Hour+time.Second, transactions.Completed),
			fact(here, transactions.CashIn, 2_00, time.Hour, transactions.Reversed),
			fact(here, transactions.CashOut, 3_00, time.Hour, transactions.PendingApproval),
			fact(elsewhere, transactions.CashIn, 4_00, time.Hour, transactions.Completed),
		})
	}))
	service := reports.New(reports.Options{
		DB: db, Clock: clock.NewManual(evening), Location: barbados, Currency: money.BBD,
	})
	day, err := service.Today(t.Context(), here)
	require.NoError(t, err)
	bbd := func(minor int64) money.Amount { return money.Of(minor, money.BBD) }
	require.Equal(t, reports.Day{
		Date: "2026-11-18",
		Last: []reports.Last{
			{At: evening.Add(-2 * time.Hour), Type: transactions.CashOut, Name: "from", Amount: bbd(40_00), Number: ids.Receipt(3)},
			{At: evening.Add(-3 * time.Hour), Type: transactions.CashIn, Name: "to", Amount: bbd(20_00), Number: ids.Receipt(2)},
			{At: evening.Add(-4 * time.Hour), Type: transactions.CashIn, Name: "to", Amount: bbd(10_00), Number: ids.Receipt(1)},
		},
		Types: []reports.Total{
			{Type: transactions.CashIn, Count: 3, Amount: bbd(60_00)},
			{Type: transactions.CashOut, Count: 1, Amount: bbd(40_00)},
		},
	}, day)
}
