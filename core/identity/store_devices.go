package identity

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/sql"
)

func (s store) devicesOf(ctx context.Context, q sql.Querier, sub Subject, most int) ([]deviceRow, error) {
	var rows []deviceRow
	err := q.Select(ctx, &rows, s.queries.Get("devices_of"), sub.ID, string(sub.Kind), most)
	return rows, err
}

func (s store) device(ctx context.Context, q sql.Querier, sub Subject, device string) (deviceRow, bool, error) {
	var row deviceRow
	err := q.Get(ctx, &row, s.queries.Get("device"), sub.ID, string(sub.Kind), device)
	if sql.NoRows(err) {
		return deviceRow{}, false, nil
	}
	return row, err == nil, err
}

// bindDevice reports false where the key is another subject's.
func (s store) bindDevice(ctx context.Context, tx *sql.Tx, sub Subject, row deviceRow) (uuid.UUID, bool, error) {
	var id uuid.UUID
	err := tx.Get(ctx, &id, s.queries.Get("bind_device"), row.ID, string(sub.Kind), sub.ID, row.Device, row.Platform,
		row.Model, row.PublicKey, row.Thumbprint, row.BoundAt)
	if sql.NoRows(err) {
		return uuid.Nil, false, nil
	}
	return id, err == nil, err
}

// unbindDevice reports false where there was none.
func (s store) unbindDevice(ctx context.Context, tx *sql.Tx, subject uuid.UUID, device string, now time.Time,
) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("unbind_device"), subject, device, now, reasonUnbound)
	return n == 1, err
}

func (s store) revokeDevice(ctx context.Context, tx *sql.Tx, subject uuid.UUID, device string, now time.Time,
) ([]uuid.UUID, error) {
	var ended []uuid.UUID
	err := tx.Select(ctx, &ended, s.queries.Get("revoke_device"), subject, device, now, reasonUnbound)
	return ended, err
}

// bindFamily makes a sign-in the device's; one that is not the subject's stays as it is.
func (s store) bindFamily(ctx context.Context, tx *sql.Tx, session, subject uuid.UUID, device string) error {
	_, err := tx.Exec(ctx, s.queries.Get("bind_sign_in"), session, subject, device)
	return err
}
