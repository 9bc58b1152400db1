package payments

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/ledger"
	"nova/sql"
)

// store alone runs this package's statements. Payments owns no table: it reads what the ledger keeps.
type store struct{ queries sql.Queries }

func newStore() store { return store{queries: sql.Named("payments")} }

// runningCounter is a counter that counted something.
type runningCounter struct {
	Subject uuid.UUID
	Rule    string
	Used    int64
}

// running are all counters of one kind of window that begin on a day.
func (s store) running(ctx context.Context, q sql.Querier, w clock.Window, start clock.Day) ([]runningCounter, error) {
	var rows []runningCounter
	err := q.Select(ctx, &rows, s.queries.Get("running_counters"), int(w), start)
	return rows, err
}

// repeated is when the deal was last made since then with the same parties and amount; nil for not.
func (s store) repeated(ctx context.Context, q sql.Querier, d *deal, since time.Time) (*time.Time, error) {
	var at time.Time
	err := q.Get(ctx, &at, s.queries.Get("repeated"), d.from.Account, d.to.Account, d.typ, d.amount.Minor,
		d.amount.Currency, since, repeatedAmong)
	if sql.NoRows(err) {
		return nil, nil //nolint:nilnil // never is an answer, not a failure
	}
	at = at.UTC()
	return &at, err
}

// overdueCode is the hold of a code that is over but still reserves money; zero for none.
func (s store) overdueCode(ctx context.Context, q sql.Querier, wallet uuid.UUID, now time.Time) (uuid.UUID, error) {
	var id uuid.UUID
	err := q.Get(ctx, &id, s.queries.Get("overdue_code"), wallet, string(ledger.WithdrawalCode), now)
	if sql.NoRows(err) {
		return uuid.Nil, nil
	}
	return id, err
}
