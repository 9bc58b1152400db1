package identity

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/sql"
)

// The states of staff.
const (
	staffActive   = "active"
	staffDisabled = "disabled"
)

// staffRow is a row of staff.
type staffRow struct {
	ID          uuid.UUID  `db:"id"`
	Email       string     `db:"email"`
	Name        string     `db:"name"`
	Roles       string     `db:"roles"`
	Password    string     `db:"password"`
	MustChange  bool       `db:"must_change"`
	TOTPSealed  []byte     `db:"totp_sealed"`
	TOTPSince   *time.Time `db:"totp_since"`
	TOTPStep    int64      `db:"totp_step"`
	Wrong       int        `db:"wrong"`
	LockedUntil *time.Time `db:"locked_until"`
	Status      string     `db:"status"`
	CreatedAt   time.Time  `db:"created_at"`
	UpdatedAt   time.Time  `db:"updated_at"`
}

func (r staffRow) subject() Subject { return Subject{Kind: Staff, ID: r.ID} }

func (r staffRow) roles() []Role {
	var roles []Role
	for _, word := range words(r.Roles) {
		roles = append(roles, Role(word))
	}
	return roles
}

func (r staffRow) member(now time.Time) Member {
	m := Member{
		ID: r.ID, Email: r.Email, Name: r.Name, Roles: r.roles(), Active: r.Status == staffActive,
		HasTOTP: r.TOTPSince != nil, MustChange: r.MustChange, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	if r.LockedUntil != nil && now.Before(*r.LockedUntil) {
		m.LockedUntil = r.LockedUntil.UTC()
	}
	return m
}

// insertStaff reports false where the email is taken.
func (s store) insertStaff(ctx context.Context, tx *sql.Tx, row staffRow, by string, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("insert_staff"), row.ID, row.Email, row.Name, row.Roles, row.Password,
		row.MustChange, by, now)
	return n == 1, err
}

func (s store) staffByEmail(ctx context.Context, q sql.Querier, email string) (staffRow, bool, error) {
	return oneStaff(ctx, q, s.queries.Get("staff_by_email"), email)
}

func (s store) staffByID(ctx context.Context, q sql.Querier, id uuid.UUID) (staffRow, bool, error) {
	return oneStaff(ctx, q, s.queries.Get("staff_by_id"), id)
}

func (s store) lockStaff(ctx context.Context, tx *sql.Tx, id uuid.UUID) (staffRow, bool, error) {
	return oneStaff(ctx, tx, s.queries.Get("lock_staff"), id)
}

func oneStaff(ctx context.Context, q sql.Querier, query sql.Query, by any) (staffRow, bool, error) {
	var row staffRow
	err := q.Get(ctx, &row, query, by)
	if sql.NoRows(err) {
		return staffRow{}, false, nil
	}
	return row, err == nil, err
}

func (s store) staffAfter(ctx context.Context, q sql.Querier, after string, most int) ([]staffRow, error) {
	var rows []staffRow
	err := q.Select(ctx, &rows, s.queries.Get("staff_after"), after, most)
	return rows, err
}

// countStaffTry reports false for nobody, and for somebody who is locked or disabled.
func (s store) countStaffTry(ctx context.Context, q sql.Querier, id uuid.UUID, now time.Time) (bool, error) {
	n, err := q.Exec(ctx, s.queries.Get("count_staff_try"), id, now, maxStaffWrong, now.Add(staffLock))
	return n == 1, err
}

func (s store) clearStaffTries(ctx context.Context, tx *sql.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, s.queries.Get("clear_staff_tries"), id)
	return err
}

// useTOTP reports false where the step, or a later one, was used before.
func (s store) useTOTP(ctx context.Context, tx *sql.Tx, id uuid.UUID, step int64) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("use_totp"), id, step)
	return n == 1, err
}

// setTOTP reports false where a second factor is in force.
func (s store) setTOTP(ctx context.Context, q sql.Querier, id uuid.UUID, sealed []byte, now time.Time) (bool, error) {
	n, err := q.Exec(ctx, s.queries.Get("set_totp"), id, sealed, now)
	return n == 1, err
}

func (s store) confirmTOTP(ctx context.Context, tx *sql.Tx, id uuid.UUID, step int64, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("confirm_totp"), id, now, step)
	return err
}

func (s store) dropTOTP(ctx context.Context, tx *sql.Tx, id uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("drop_totp"), id, now)
	return err
}

func (s store) setPassword(ctx context.Context, tx *sql.Tx, id uuid.UUID, hash string, mustChange bool, now time.Time,
) error {
	_, err := tx.Exec(ctx, s.queries.Get("set_password"), id, hash, mustChange, now)
	return err
}

func (s store) setRoles(ctx context.Context, tx *sql.Tx, id uuid.UUID, roles string, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("set_roles"), id, roles, now)
	return err
}

func (s store) setStaffStatus(ctx context.Context, tx *sql.Tx, id uuid.UUID, to string, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("set_staff_status"), id, to, now)
	return err
}

func (s store) totpSealedBefore(ctx context.Context, tx *sql.Tx, current []byte, most int) ([]staffRow, error) {
	var rows []staffRow
	err := tx.Select(ctx, &rows, s.queries.Get("totp_sealed_before"), current, most)
	return rows, err
}

func (s store) rewrapTOTP(ctx context.Context, tx *sql.Tx, row staffRow) error {
	_, err := tx.Exec(ctx, s.queries.Get("rewrap_totp"), row.ID, row.TOTPSealed)
	return err
}
