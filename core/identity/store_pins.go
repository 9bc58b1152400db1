package identity

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/ids"
	"nova/sql"
)

// noFamily spares none where all families but one end.
var noFamily = uuid.Nil

// keepPIN puts the present PIN, where there is one, among those before, and forgets all but the newest so many.
func (s store) keepPIN(ctx context.Context, tx *sql.Tx, subject uuid.UUID, most int, now time.Time) error {
	if _, err := tx.Exec(ctx, s.queries.Get("keep_pin"), subject, ids.New(now), now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, s.queries.Get("forget_pins"), subject, most)
	return err
}

func (s store) pinsBefore(ctx context.Context, q sql.Querier, subject uuid.UUID, most int) ([]credential, error) {
	var rows []credential
	err := q.Select(ctx, &rows, s.queries.Get("pins_before"), subject, most)
	return rows, err
}

// resetCredential reports false where no reset is open.
func (s store) resetCredential(ctx context.Context, tx *sql.Tx, row *credential, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("reset_credential"),
		row.SubjectID, row.Sealed, row.Salt, row.PepperVersion, row.KEK, now)
	return n == 1, err
}

func (s store) openReset(ctx context.Context, tx *sql.Tx, sub Subject, until time.Time) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("open_reset"), sub.ID, until, string(sub.Kind))
	return n == 1, err
}

func (s store) unlock(ctx context.Context, tx *sql.Tx, sub Subject) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("unlock"), sub.ID, string(sub.Kind))
	return n == 1, err
}

func (s store) untoldLocks(ctx context.Context, tx *sql.Tx, most int) ([]credential, error) {
	var rows []credential
	err := tx.Select(ctx, &rows, s.queries.Get("untold_locks"), most)
	return rows, err
}

func (s store) tellLocks(ctx context.Context, tx *sql.Tx, rows []credential) error {
	subjects := make([]uuid.UUID, len(rows))
	for i := range rows {
		subjects[i] = rows[i].SubjectID
	}
	_, err := tx.Exec(ctx, s.queries.Get("tell_locks"), sql.UUIDs(subjects))
	return err
}

// pinBefore is a row of pin_history.
type pinBefore struct {
	ID uuid.UUID `db:"id"`
	credential
}

func (s store) historyWrappedBefore(ctx context.Context, tx *sql.Tx, current int64, most int) ([]pinBefore, error) {
	var rows []pinBefore
	err := tx.Select(ctx, &rows, s.queries.Get("history_wrapped_before"), current, most)
	return rows, err
}

func (s store) rewrapPIN(ctx context.Context, tx *sql.Tx, row pinBefore) error {
	_, err := tx.Exec(ctx, s.queries.Get("rewrap_pin"), row.SubjectID, row.ID, row.Sealed, row.KEK)
	return err
}

func (s store) dropPIN(ctx context.Context, tx *sql.Tx, row pinBefore) error {
	_, err := tx.Exec(ctx, s.queries.Get("drop_pin"), row.SubjectID, row.ID)
	return err
}

func (s store) keysLeft(ctx context.Context, q sql.Querier, kek int64, pepper int, field []byte) (KeysLeft, error) {
	var left KeysLeft
	err := q.Get(ctx, &left, s.queries.Get("keys_left"), kek, pepper, field)
	return left, err
}
