package identity

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/secret"
	"nova/sql"
)

func (s store) addDecoy(ctx context.Context, q sql.Querier, row *credential, now time.Time) error {
	_, err := q.Exec(ctx, s.queries.Get("add_decoy"),
		row.SubjectID, row.Sealed, row.Salt, row.PepperVersion, row.KEK, now)
	return err
}

func (s store) insertFamily(ctx context.Context, tx *sql.Tx, f family) error {
	_, err := tx.Exec(ctx, s.queries.Get("insert_sign_in"), f.ID, string(f.Kind), f.Subject, f.Device, f.Channel, f.AAL,
		f.AMR, f.CreatedAt, f.ExpiresAt)
	return err
}

func (s store) lockFamily(ctx context.Context, tx *sql.Tx, id uuid.UUID) (family, error) {
	var f family
	err := tx.Get(ctx, &f, s.queries.Get("lock_sign_in"), id)
	return f, err
}

func (s store) touchFamily(ctx context.Context, tx *sql.Tx, id uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("touch_sign_in"), id, now)
	return err
}

// revokeFamily reports false where the family had ended before.
func (s store) revokeFamily(ctx context.Context, tx *sql.Tx, id uuid.UUID, reason string, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("revoke_sign_in"), id, now, reason)
	return n == 1, err
}

// revokeOwn reports false where the family is not the subject's, or had ended before.
func (s store) revokeOwn(ctx context.Context, tx *sql.Tx, id uuid.UUID, sub Subject, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("revoke_own"), id, sub.ID, string(sub.Kind), now, reasonLogout)
	return n == 1, err
}

// revokeSubject ends all families of a subject but one; the zero id spares none.
func (s store) revokeSubject(ctx context.Context, tx *sql.Tx, subject, but uuid.UUID, reason string, now time.Time,
) ([]uuid.UUID, error) {
	var ended []uuid.UUID
	err := tx.Select(ctx, &ended, s.queries.Get("revoke_subject"), subject, now, reason, but)
	return ended, err
}

func (s store) revokeExcess(ctx context.Context, tx *sql.Tx, subject uuid.UUID, most int, now time.Time,
) ([]uuid.UUID, error) {
	var ended []uuid.UUID
	err := tx.Select(ctx, &ended, s.queries.Get("revoke_excess"), subject, most, now, reasonExcess)
	return ended, err
}

func (s store) revokedSince(ctx context.Context, q sql.Querier, since time.Time, most int) ([]uuid.UUID, error) {
	var revoked []uuid.UUID
	err := q.Select(ctx, &revoked, s.queries.Get("revoked_since"), since, most)
	return revoked, err
}

func (s store) revokedOf(ctx context.Context, q sql.Querier, of []uuid.UUID) (bool, error) {
	var revoked bool
	err := q.Get(ctx, &revoked, s.queries.Get("revoked_of"), sql.UUIDs(of))
	return revoked, err
}

func (s store) insertRefresh(ctx context.Context, tx *sql.Tx, token secret.Text, f family, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("insert_refresh"), opaqueHash(token), f.ID, now, refreshUntil(f, now))
	return err
}

func (s store) refreshToken(ctx context.Context, q sql.Querier, token secret.Text) (refreshRow, bool, error) {
	var row refreshRow
	err := q.Get(ctx, &row, s.queries.Get("refresh_token"), opaqueHash(token))
	if sql.NoRows(err) {
		return refreshRow{}, false, nil
	}
	return row, err == nil, err
}

// useRefresh reports false where the token was used before or is over.
func (s store) useRefresh(ctx context.Context, tx *sql.Tx, token secret.Text, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("use_refresh"), opaqueHash(token), now)
	return n == 1, err
}

func (s store) familiesOf(ctx context.Context, q sql.Querier, subject uuid.UUID, now time.Time, most int,
) ([]family, error) {
	var rows []family
	err := q.Select(ctx, &rows, s.queries.Get("sign_ins_of"), subject, now, most)
	return rows, err
}

func (s store) liveDevice(ctx context.Context, q sql.Querier, subject uuid.UUID, device string) (bool, error) {
	var bound bool
	err := q.Get(ctx, &bound, s.queries.Get("live_device"), subject, device)
	return bound, err
}
