package reports_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/reports"
	"nova/core/transactions"
	"nova/sql"
	"nova/sql/sqltest"
)

// world is books with a clock that stands still, and two nodes that write them, each in a lane of its own.
type world struct {
	t          testing.TB
	db         *sql.DB
	url        string
	clock      *clock.Manual
	market     *time.Location
	store      *ledger.Store
	poster     *ledger.Poster
	nodes      [2]*ledger.Writer
	statements *reports.Statements
}

// newWorld begins at a moment in a market.
func newWorld(t testing.TB, now time.Time, zone string) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewManual(now)}
	w.db, w.url = sqltest.Open(t)
	var err error
	w.market, err = time.LoadLocation(zone)
	require.NoError(t, err)
	w.store = ledger.NewStore(w.db, w.clock)
	w.poster = ledger.NewPoster(ledger.PosterOptions{Clock: w.clock, Location: w.market})
	for i := range w.nodes {
		w.nodes[i] = w.node()
	}
	w.statements = reports.NewStatements(reports.StatementOptions{
		Books: w.store, Facts: transactions.NewStore(w.db), Clock: w.clock, Location: w.market,
	})
	return w
}

func (w *world) node() *ledger.Writer {
	pool, err := ledger.OpenDB(w.t.Context(), w.url)
	require.NoError(w.t, err)
	node, err := ledger.NewWriter(ledger.WriterOptions{DB: pool, Clock: w.clock, Location: w.market, Node: "test"})
	require.NoError(w.t, err)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(w.t, node.Close(ctx))
		require.NoError(w.t, pool.Close())
	})
	return node
}

// account opens one. The house's have no floor, and a row a lane.
func (w *world) account(product ledger.Product) ledger.Account {
	a := ledger.Account{
		ID: ids.New(w.clock.Now()), OwnerKind: "test", Product: product, Currency: money.BBD, Name: string(product),
	}
	a.OwnerID = a.ID.String()
	switch product {
	case ledger.Wallet, ledger.Float, ledger.Savings, ledger.Commission, ledger.Suspense:
		a.Floor = ledger.ZeroFloor()
	}
	require.NoError(w.t, w.db.InTx(w.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return w.store.OpenIn(ctx, tx, a)
	}))
	return a
}

// move is the command that moves money from one account to another.
func (w *world) move(from, to ledger.Account, minor int64) *ledger.Command {
	key := ledger.Key{Scope: "test", Operation: "move", Value: uuid.NewString()}
	return &ledger.Command{
		Key: key, Body: key.Digest(), Currency: money.BBD, Posting: ids.New(w.clock.Now()),
		Lines: []ledger.Line{
			{Account: from.ID, Side: ledger.Debit, Minor: minor}, {Account: to.ID, Side: ledger.Credit, Minor: minor},
		},
	}
}

// post runs a command on a node: 0 and 1 are writers, 2 is PostIn.
func (w *world) post(node int, c *ledger.Command) error {
	if node < len(w.nodes) {
		_, err := w.nodes[node].Submit(w.t.Context(), c)
		return err
	}
	return w.db.InTx(w.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := w.poster.PostIn(ctx, tx, c)
		return err
	})
}

func bbd(minor int64) money.Amount { return money.Of(minor, money.BBD) }
