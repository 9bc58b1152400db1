package bank

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/ledger"
	"nova/sql"
)

// store alone runs this package's statements. Of the tables only grants is the bank's own.
type store struct{ queries sql.Queries }

func newStore() store { return store{queries: sql.Named("bank")} }

// granted are those of some accounts that the client was granted.
func (s store) granted(ctx context.Context, q sql.Querier, client uuid.UUID, accounts []uuid.UUID) ([]uuid.UUID, error) {
	var granted []uuid.UUID
	err := q.Select(ctx, &granted, s.queries.Get("granted"), client, sql.UUIDs(accounts))
	return granted, err
}

// grant is false where there is no such client.
func (s store) grant(ctx context.Context, q sql.Querier, client, account uuid.UUID, now time.Time) (bool, error) {
	n, err := q.Exec(ctx, s.queries.Get("grant"), client, account, now)
	return n == 1, err
}

func (s store) revoke(ctx context.Context, q sql.Querier, client, account uuid.UUID) error {
	_, err := q.Exec(ctx, s.queries.Get("revoke"), client, account)
	return err
}

// standing is an account's money over all its lanes. Owed is what is out on its overdraft line.
type standing struct {
	Status             ledger.Status
	Posted, Held, Owed int64
}

// lockBalance reads an account's money and keeps it as it is until the transaction ends.
func (s store) lockBalance(ctx context.Context, tx *sql.Tx, account uuid.UUID) (standing, error) {
	var b standing
	err := tx.Get(ctx, &b, s.queries.Get("lock_balance"), account)
	return b, err
}
