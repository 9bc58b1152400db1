package identity

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/sql"
)

// client is a row of clients.
type client struct {
	ID              uuid.UUID  `db:"id"`
	Name            string     `db:"name"`
	SecretHash      []byte     `db:"secret_hash"`
	SecretVersion   int        `db:"secret_version"`
	Scopes          string     `db:"scopes"`
	Purposes        string     `db:"purposes"`
	Status          string     `db:"status"`
	PreviousHash    []byte     `db:"previous_hash"`
	PreviousVersion *int       `db:"previous_version"`
	PreviousUntil   *time.Time `db:"previous_until"`
	CreatedAt       time.Time  `db:"created_at"`
	RotatedAt       *time.Time `db:"rotated_at"`
	RevokedAt       *time.Time `db:"revoked_at"`
	LastUsedAt      *time.Time `db:"last_used_at"`
}

// client finds a client by its name or, where id is not zero, by its id.
func (s store) client(ctx context.Context, q sql.Querier, name string, id uuid.UUID) (client, bool, error) {
	var row client
	err := q.Get(ctx, &row, s.queries.Get("client"), name, id)
	if sql.NoRows(err) {
		return client{}, false, nil
	}
	return row, err == nil, err
}

// insertClient reports false where the name is taken.
func (s store) insertClient(ctx context.Context, q sql.Querier, row client, now time.Time) (bool, error) {
	n, err := q.Exec(ctx, s.queries.Get("insert_client"), row.ID, row.Name, row.SecretHash, row.SecretVersion,
		row.Scopes, row.Purposes, now)
	return n == 1, err
}

func (s store) clientsAfter(ctx context.Context, q sql.Querier, after string, most int) ([]client, error) {
	var rows []client
	err := q.Select(ctx, &rows, s.queries.Get("clients_after"), after, most)
	return rows, err
}

// rotateClient reports false for a client that is revoked, or is none.
func (s store) rotateClient(ctx context.Context, tx *sql.Tx, row client, until, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("rotate_client"), row.ID, row.SecretHash, row.SecretVersion, until, now)
	return n == 1, err
}

// revokeClient reports false for a client that was revoked before, or is none.
func (s store) revokeClient(ctx context.Context, tx *sql.Tx, id uuid.UUID, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("revoke_client"), id, now)
	return n == 1, err
}

func (s store) useClient(ctx context.Context, q sql.Querier, id uuid.UUID, now time.Time) error {
	_, err := q.Exec(ctx, s.queries.Get("use_client"), id, now, now.Add(-usedEvery))
	return err
}

func (s store) rehashClient(ctx context.Context, q sql.Querier, row client, hash []byte, version int) error {
	_, err := q.Exec(ctx, s.queries.Get("rehash_client"), row.ID, hash, version, row.SecretHash)
	return err
}
