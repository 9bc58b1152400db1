package identity

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/sql"
)

func (s store) insertStepUp(ctx context.Context, tx *sql.Tx, row stepUp, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("insert_step_up"), row.ID, string(row.Kind), row.Subject, row.Session, row.Hash,
		row.Channel, now, row.ExpiresAt)
	return err
}

// dropStepUps leaves so many open challenges of the row's session.
func (s store) dropStepUps(ctx context.Context, tx *sql.Tx, row stepUp, most int, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("drop_step_ups"), row.Subject, row.Session, now, most)
	return err
}

func (s store) stepUp(ctx context.Context, q sql.Querier, id uuid.UUID) (stepUp, bool, error) {
	var row stepUp
	err := q.Get(ctx, &row, s.queries.Get("step_up"), id)
	if sql.NoRows(err) {
		return stepUp{}, false, nil
	}
	return row, err == nil, err
}

func (s store) lockStepUp(ctx context.Context, tx *sql.Tx, id uuid.UUID) (stepUp, bool, error) {
	var row stepUp
	err := tx.Get(ctx, &row, s.queries.Get("lock_step_up"), id)
	if sql.NoRows(err) {
		return stepUp{}, false, nil
	}
	return row, err == nil, err
}

func (s store) openStepUps(ctx context.Context, q sql.Querier, sub Subject, now time.Time, most int) ([]stepUp, error) {
	var rows []stepUp
	err := q.Select(ctx, &rows, s.queries.Get("open_step_ups"), sub.ID, string(sub.Kind), now, most)
	return rows, err
}

// approveStepUp reports false where there is nothing to approve any more.
func (s store) approveStepUp(ctx context.Context, q sql.Querier, id uuid.UUID, now time.Time) (bool, error) {
	n, err := q.Exec(ctx, s.queries.Get("approve_step_up"), id, now)
	return n == 1, err
}

func (s store) completeStepUp(ctx context.Context, tx *sql.Tx, id, token uuid.UUID, f Factor) error {
	_, err := tx.Exec(ctx, s.queries.Get("complete_step_up"), id, token, string(f))
	return err
}

// spendStepUp reports false where the token was spent before, or is none for this request.
func (s store) spendStepUp(ctx context.Context, q sql.Querier, p Principal, hash []byte, now time.Time) (bool, error) {
	n, err := q.Exec(ctx, s.queries.Get("spend_step_up"), p.Token, now, hash, p.ID, p.Session)
	return n == 1, err
}
