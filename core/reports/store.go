package reports

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/transactions"
	"nova/sql"
)

// store alone runs this package's statements.
type store struct{ queries sql.Queries }

func newStore() store { return store{queries: sql.Named("reports")} }

type totalRow struct {
	Type   transactions.Type `db:"type"`
	Count  int               `db:"count"`
	Amount int64             `db:"amount"`
}

type lastRow struct {
	CreatedAt time.Time         `db:"created_at"`
	Type      transactions.Type `db:"type"`
	Name      string            `db:"name"`
	Amount    int64             `db:"amount"`
	Receipt   string            `db:"receipt"`
}

func (s store) totals(ctx context.Context, q sql.Querier, outlet uuid.UUID, since time.Time) ([]totalRow, error) {
	var rows []totalRow
	err := q.Select(ctx, &rows, s.queries.Get("totals"), outlet, since)
	return rows, err
}

func (s store) last(ctx context.Context, q sql.Querier, outlet uuid.UUID, since time.Time, n int) ([]lastRow, error) {
	var rows []lastRow
	err := q.Select(ctx, &rows, s.queries.Get("last"), outlet, since, n)
	return rows, err
}
