package commissions_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/agents"
	"nova/core/clock"
	"nova/core/commissions"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/payments"
	"nova/core/secret"
	"nova/sql"
	"nova/sql/sqltest"
)

// lateOctober is 21:00 of the 31st in Barbados and the first of November in UTC: the month is the market's.
var lateOctober = time.Date(2026, time.November, 1, 1, 0, 0, 0, time.UTC)

// world is an agent, and the expense account that pays the commission.
type world struct {
	t           *testing.T
	db          *sql.DB
	ledger      *ledger.Store
	clock       *clock.Manual
	writer      *ledger.Writer
	agent       agents.Agent
	expense     uuid.UUID
	commissions *commissions.Service
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, url := sqltest.Open(t)
	barbados, err := time.LoadLocation("America/Barbados")
	require.NoError(t, err)
	w := &world{t: t, clock: clock.NewManual(lateOctober)}
	own, err := ledger.OpenDB(t.Context(), url)
	require.NoError(t, err)
	w.writer, err = ledger.NewWriter(ledger.WriterOptions{DB: own, Clock: w.clock, Location: barbados, Node: "test"})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, w.writer.Close(ctx))
		require.NoError(t, own.Close())
	})
	books, err := payments.OpenBooks(t.Context(), db, ledger.NewStore(db, w.clock), money.BBD, w.clock)
	require.NoError(t, err)
	w.expense = books.CommissionExpense
	w.db, w.ledger = db, ledger.NewStore(db, w.clock)
	who := identity.New(identity.Options{DB: db, Keyring: secret.EphemeralKeyring(), Clock: w.clock})
	people := agents.New(agents.Options{
		DB: db, Ledger: w.ledger, Clock: w.clock, Currency: money.BBD, Identity: who,
	})
	w.agent, err = people.CreateAgent(t.Context(), agents.NewAgent{Code: "100011", Type: agents.Ordinary})
	require.NoError(t, err)
	w.commissions = commissions.New(commissions.Options{
		DB: db, Writer: w.writer, Ledger: w.ledger, Agents: people, Identity: who, Clock: w.clock, Location: barbados,
		Currency: money.BBD,
	})
	return w
}

// earn pays so much commission, or takes it back.
func (w *world) earn(minor int64) {
	w.t.Helper()
	if minor < 0 {
		require.NoError(w.t, w.post(w.agent.Commission, w.expense, -minor))
		return
	}
	require.NoError(w.t, w.post(w.expense, w.agent.Commission, minor))
}

// post debits one account and credits the other.
func (w *world) post(debit, credit uuid.UUID, minor int64) error {
	key := ledger.Key{Scope: "house:nova", Operation: "test", Value: uuid.NewString()}
	_, err := w.writer.Submit(w.t.Context(), &ledger.Command{
		Key: key, Body: key.Digest(), Currency: money.BBD, Posting: ids.New(w.clock.Now()),
		Lines: []ledger.Line{
			{Account: debit, Side: ledger.Debit, Minor: minor}, {Account: credit, Side: ledger.Credit, Minor: minor},
		},
	})
	return err
}

func (w *world) earned() [3]int64 {
	w.t.Helper()
	e, err := w.commissions.Earned(w.t.Context(), w.agent.ID)
	require.NoError(w.t, err)
	return [3]int64{e.Available.Minor, e.Today.Minor, e.Month.Minor}
}

func TestEarnedByDayAndMonthOfTheMarket(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, [3]int64{0, 0, 0}, w.earned())
	w.earn(50)
	require.Equal(t, [3]int64{50, 50, 50}, w.earned())
	w.clock.Advance(3 * time.Hour) // midnight: November
	require.Equal(t, [3]int64{50, 0, 0}, w.earned())
	w.earn(70)
	w.clock.Advance(24 * time.Hour)
	w.earn(20)
	require.Equal(t, [3]int64{140, 20, 90}, w.earned())
	w.earn(-20) // a reversal gives it back
	require.Equal(t, [3]int64{120, 0, 70}, w.earned())
}

func TestEarnedOfNobody(t *testing.T) {
	w := newWorld(t)
	_, err := w.commissions.Earned(t.Context(), ids.New(lateOctober))
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}
