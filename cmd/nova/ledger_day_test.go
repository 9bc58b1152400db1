package main

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/payments"
	"nova/sql"
	"nova/sql/sqltest"
)

// runLedger runs a command on the books as somebody at a terminal does.
func runLedger(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return runNova(t, append([]string{"ledger"}, args...)...)
}

// runNova runs nova as somebody at a terminal does.
func runNova(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	command := rootCommand()
	command.SetArgs(args)
	command.SetOut(&out)
	command.SetErr(&out)
	command.SilenceUsage = true
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

// TestDaysAreClosedFromTheCommandLine closes the day before yesterday, on which 3.00 were left over in trust.
func TestDaysAreClosedFromTheCommandLine(t *testing.T) {
	db, url := sqltest.Open(t)
	t.Setenv("DATABASE_URL", url)
	t.Setenv("NOVA_DATA_DIR", t.TempDir())
	market, err := time.LoadLocation("America/Barbados")
	require.NoError(t, err)
	day := clock.DayOf(clock.System{}.Now(), market).AddDays(-2)
	then := clock.NewManual(day.Start(market).Add(time.Hour))
	books, err := payments.OpenBooks(t.Context(), db, ledger.NewStore(db, then), money.BBD, then)
	require.NoError(t, err)
	key := ledger.Key{Scope: "test", Operation: "earn", Value: "1"}
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := ledger.NewPoster(ledger.PosterOptions{Clock: then, Location: market}).PostIn(ctx, tx, &ledger.Command{
			Key: key, Body: key.Digest(), Currency: money.BBD, Posting: ids.New(then.Now()),
			Lines: []ledger.Line{
				{Account: books.Trust, Side: ledger.Debit, Minor: 3_00},
				{Account: books.FeeIncome, Side: ledger.Credit, Minor: 3_00},
			},
		})
		return err
	}))

	out, err := runLedger(t, "close-day", string(day), "--dry-run")
	require.NoError(t, err)
	require.Contains(t, out, "nothing was changed")
	require.Regexp(t, `sweep, trust to operator's bank +3\.00`, out)
	out, err = runLedger(t, "days")
	require.NoError(t, err)
	require.NotContains(t, out, day)

	out, err = runLedger(t, "close-day", string(day), "--by", "finance")
	require.NoError(t, err)
	require.Contains(t, out, string(day)+" closed: 1 postings, 2 entries")
	_, err = runLedger(t, "close-day", string(day))
	require.True(t, fault.Is(err, fault.InvalidState), "%v", err)
	balance, err := ledger.NewStore(db, then).Balance(t.Context(), books.Trust)
	require.NoError(t, err)
	require.Zero(t, balance.Posted)

	out, err = runLedger(t, "days", "--last", "1")
	require.NoError(t, err)
	require.Regexp(t, string(day)+` +1 +BBD +3\.00 +0\.00 +3\.00 .* finance`, out)
	for _, args := range [][]string{{"close-day", "yesterday"}, {"close-day", "2026-02-30"}, {"days", "--last", "0"}} {
		_, err = runLedger(t, args...)
		require.Error(t, err, args)
	}
}
