package commissions

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/sql"
)

// store alone runs this package's statements.
type store struct{ queries sql.Queries }

func newStore() store { return store{queries: sql.Named("commissions")} }

// earned sums what came onto a commission account since day and since month, in minor units.
func (s store) earned(ctx context.Context, q sql.Querier, account uuid.UUID, day, month time.Time) (
	today, thisMonth int64, err error,
) {
	var row struct {
		Today int64 `db:"today"`
		Month int64 `db:"month"`
	}
	err = q.Get(ctx, &row, s.queries.Get("earned"), account, day, month)
	return row.Today, row.Month, err
}
