package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/sql"
)

// SetOverdraftIn gives an account its line, or changes it; Limit 0 ends new draws. What is owed stays owed. The
// receivable never changes once it is set. Errors: NOT_FOUND; INVALID_STATE for another receivable, or one that is not
// fit for it; VALIDATION_ERROR on limit or fee_bps.
func (s *Store) SetOverdraftIn(ctx context.Context, tx *sql.Tx, l OverdraftLine) error {
	if l.Limit < 0 || l.Limit > maxOverdraft {
		return fault.New(fault.ValidationError, "line of %d", l.Limit).Field("limit", "is out of range")
	}
	if l.FeeBPS < 0 || l.FeeBPS > wholeBPS {
		return fault.New(fault.ValidationError, "fee of %d", l.FeeBPS).Field("fee_bps", "must be 0 to 10000")
	}
	n, err := tx.Exec(ctx, queries.Get("set_overdraft"), l.Account, l.Receivable, l.Limit, l.FeeBPS, orNull(l.Until))
	if err != nil || n == 1 {
		return err
	}
	var known bool
	if err := tx.Get(ctx, &known, queries.Get("account_known"), l.Account); err != nil {
		return err
	}
	if !known {
		return fault.New(fault.NotFound, "account %s", l.Account)
	}
	return fault.New(fault.InvalidState, "account %s cannot owe on %s", l.Account, l.Receivable)
}

// Overdraft is an account's line; false where it has none.
func (s *Store) Overdraft(ctx context.Context, account uuid.UUID) (OverdraftLine, bool, error) {
	row := struct {
		Receivable uuid.UUID
		Limit      int64      `db:"line_limit"`
		FeeBPS     int        `db:"line_fee_bps"`
		Until      *time.Time `db:"line_until"`
	}{}
	err := s.db.Get(ctx, &row, queries.Get("overdraft"), account)
	if sql.NoRows(err) {
		return OverdraftLine{}, false, nil
	}
	l := OverdraftLine{Account: account, Receivable: row.Receivable, Limit: row.Limit, FeeBPS: row.FeeBPS}
	if row.Until != nil {
		l.Until = row.Until.UTC()
	}
	return l, err == nil, err
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
