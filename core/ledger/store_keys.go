package ledger

import (
	"context"
	"crypto/hmac"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/sql"
)

// maxReclaims bounds the attempts at a key that is given up whenever it is looked at.
const maxReclaims = 3

// withdrawnCode answers whoever comes with a key after it was withdrawn. It is a refusal that may be stored.
const withdrawnCode = fault.InvalidState

// Outcome asks what became of a command. found is false for a key that was never claimed, or whose refusal was not
// stored: nothing ran under it. With found, err is the stored refusal, if it was one; without it, err is a failure to
// ask.
func (s *Store) Outcome(ctx context.Context, key Key) (r Result, found bool, err error) {
	return s.OutcomeOf(ctx, key.Digest())
}

// OutcomeOf is Outcome by a key's digest, as promises keep it.
func (s *Store) OutcomeOf(ctx context.Context, digest [32]byte) (r Result, found bool, err error) {
	stored, err := s.stored(ctx, digest)
	if err != nil || stored == nil {
		return Result{}, false, err
	}
	r, err = stored.outcome()
	return r, true, err
}

// Stored is what stands under a key, in its stored form; nil for nothing.
func (s *Store) Stored(ctx context.Context, key Key) (*Stored, error) {
	return s.stored(ctx, key.Digest())
}

func (s *Store) stored(ctx context.Context, digest [32]byte) (*Stored, error) {
	row, err := keyOf(ctx, s.db, digest)
	if err != nil || row == nil {
		return nil, err
	}
	stored := row.stored()
	return &stored, nil
}

func keyOf(ctx context.Context, q sql.Querier, digest [32]byte) (*keyRow, error) {
	var row keyRow
	err := q.Get(ctx, &row, queries.Get("stored_key"), digest[:])
	if sql.NoRows(err) {
		return nil, nil //nolint:nilnil // no row is an answer, not a failure
	}
	if err != nil {
		return nil, err
	}
	return &row, nil
}

// Withdraw takes a key that nothing has run under, so that nothing can run under it any more: whoever comes with it
// later is refused with INVALID_STATE, and so is a command that is being run and has not stored its key yet. It is false
// where the key has an outcome, and true again for one that was withdrawn before.
func (s *Store) Withdraw(ctx context.Context, key Key) (bool, error) {
	return s.WithdrawOf(ctx, key.Digest())
}

// WithdrawOf is Withdraw by a key's digest.
func (s *Store) WithdrawOf(ctx context.Context, digest [32]byte) (bool, error) {
	var noBody [32]byte
	n, err := s.db.Exec(ctx, queries.Get("withdraw_key"), digest[:], s.clock.Now(), noBody[:], withdrawnCode)
	if err != nil || n == 1 {
		return err == nil, err
	}
	row, err := keyOf(ctx, s.db, digest)
	return row != nil && row.withdrawn(), err
}

// ClaimIn claims a key for a transaction of another core package, before anything else in it. It returns nil when the
// key is the caller's, who must call SettleIn in the same transaction, or roll back; otherwise what is stored, and
// the caller answers from that. Another body is IDEMPOTENCY_CONFLICT. While another transaction is claiming the
// key, it waits.
func (s *Store) ClaimIn(ctx context.Context, tx *sql.Tx, key Key, body [32]byte) (*Stored, error) {
	digest := key.Digest()
	for range maxReclaims {
		n, err := tx.Exec(ctx, queries.Get("claim_key"), digest[:], body[:], s.clock.Now())
		if err != nil || n == 1 {
			return nil, err
		}
		// A statement of its own: the claim's snapshot is older than the commit that it waited for.
		row, err := keyOf(ctx, tx, digest)
		if err != nil {
			return nil, err
		}
		if row == nil {
			continue // given up between the two statements
		}
		if !row.withdrawn() && !hmac.Equal(row.Body, body[:]) {
			return nil, conflict()
		}
		stored := row.stored()
		return &stored, nil
	}
	return nil, fault.New(fault.IdempotencyInProgress, "the key is claimed and given up by turns")
}

// SettleIn stores the outcome under a key that ClaimIn claimed. Code is empty for a result; EncodeRefusal makes the
// form of a refusal.
func (s *Store) SettleIn(ctx context.Context, tx *sql.Tx, key Key, outcome Stored) error {
	digest := key.Digest()
	n, err := tx.Exec(ctx, queries.Get("settle_key"), digest[:], string(outcome.Code), outcome.Result)
	if err == nil && n != 1 {
		return fault.New(fault.InternalServerError, "settle a key that was not claimed")
	}
	return err
}

// dueHolds are the active holds whose time is over, the longest overdue first.
func (s *Store) dueHolds(ctx context.Context, n int) ([]uuid.UUID, error) {
	var due []uuid.UUID
	err := s.db.Select(ctx, &due, queries.Get("due_holds"), s.clock.Now(), n)
	return due, err
}

// makeMonth makes the partition of the month and moves what lies in the rest; -1 when it was there.
func (s *Store) makeMonth(ctx context.Context, month time.Time) (moved int64, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := setLockTimeout(ctx, tx, partitionWait); err != nil {
			return err
		}
		return tx.Get(ctx, &moved, queries.Get("make_month"), month.Format(time.DateOnly))
	})
	return moved, err
}
