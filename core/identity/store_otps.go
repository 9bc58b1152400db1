package identity

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/secret"
	"nova/sql"
)

// countOTPSend reports false where the limit is met.
func (s store) countOTPSend(ctx context.Context, tx *sql.Tx, l otpLimit, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("count_otp_send"), l.who, now, now.Add(-otpWindow), now.Add(-l.apart), l.most)
	return n == 1, err
}

func (s store) otpSend(ctx context.Context, tx *sql.Tx, who []byte) (sendRow, error) {
	var row sendRow
	err := tx.Get(ctx, &row, s.queries.Get("otp_send"), who)
	return row, err
}

// endOTPs ends the codes of a subject for a purpose, and returns their notices.
func (s store) endOTPs(ctx context.Context, tx *sql.Tx, subject uuid.UUID, p OTPPurpose) ([]uuid.UUID, error) {
	var notices []uuid.UUID
	err := tx.Select(ctx, &notices, s.queries.Get("end_otps"), subject, string(p))
	return notices, err
}

func (s store) insertOTP(ctx context.Context, tx *sql.Tx, row otp, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("insert_otp"), row.ID, string(row.Purpose), string(row.Kind), row.Subject,
		row.Object, row.CodeHash, row.KeyVersion, row.Notice, now, row.ExpiresAt)
	return err
}

func (s store) lockOTP(ctx context.Context, tx *sql.Tx, id uuid.UUID) (otp, bool, error) {
	var row otp
	err := tx.Get(ctx, &row, s.queries.Get("lock_otp"), id)
	if sql.NoRows(err) {
		return otp{}, false, nil
	}
	return row, err == nil, err
}

func (s store) lockOTPOfToken(ctx context.Context, tx *sql.Tx, token secret.Text) (otp, bool, error) {
	var row otp
	err := tx.Get(ctx, &row, s.queries.Get("lock_otp_of_token"), opaqueHash(token))
	if sql.NoRows(err) {
		return otp{}, false, nil
	}
	return row, err == nil, err
}

// wrongOTP counts a wrong guess; the last one ends the code.
func (s store) wrongOTP(ctx context.Context, tx *sql.Tx, id uuid.UUID, most int) error {
	_, err := tx.Exec(ctx, s.queries.Get("wrong_otp"), id, most)
	return err
}

func (s store) verifyOTP(ctx context.Context, tx *sql.Tx, id uuid.UUID, token secret.Text, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("verify_otp"), id, now, opaqueHash(token), now.Add(OTPTokenLife))
	return err
}

func (s store) spendOTP(ctx context.Context, tx *sql.Tx, id uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("spend_otp"), id, now)
	return err
}

// overOTPs ends codes whose time is over, and returns their notices; one that nobody was sent has none.
func (s store) overOTPs(ctx context.Context, tx *sql.Tx, now time.Time, most int) ([]uuid.NullUUID, error) {
	var notices []uuid.NullUUID
	err := tx.Select(ctx, &notices, s.queries.Get("over_otps"), now, most)
	return notices, err
}

// sweep deletes at most so many rows of one kind that were over before then.
func (s store) sweep(ctx context.Context, q sql.Querier, query sql.Query, before time.Time) (int, error) {
	n, err := q.Exec(ctx, query, before, sweepAtOnce)
	return int(n), err
}
