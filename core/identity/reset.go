package identity

import (
	"context"
	"time"

	"nova/core/audit"
	"nova/core/fault"
	"nova/core/secret"
	"nova/sql"
)

// ResetWindow is how long a reset that support opened waits for its owner's next dial.
const ResetWindow = 24 * time.Hour

// OpenReset lets somebody who has forgotten their PIN choose another at the next dial within a day, after the questions
// that a first PIN asks. Support opens it, having seen the ID; via.Actor is who. Until then the old PIN stays good, and
// stays locked if it is. Who has no PIN needs no reset: INVALID_STATE.
func (s *Service) OpenReset(ctx context.Context, sub Subject, via Via) error {
	now := s.clock.Now()
	return s.upon(ctx, sub, via.done(actPINOpen, sub, map[string]string{
		audit.DetailExpires: now.Add(ResetWindow).Format(time.RFC3339),
	}), func(ctx context.Context, tx *sql.Tx) (bool, error) {
		return s.store.openReset(ctx, tx, sub, now.Add(ResetWindow))
	})
}

// Unlock forgets the wrong PINs of somebody, and the lock that they led to. Who has no PIN is an INVALID_STATE.
func (s *Service) Unlock(ctx context.Context, sub Subject, via Via) error {
	return s.upon(ctx, sub, via.done(actPINUnlock, sub, nil), func(ctx context.Context, tx *sql.Tx) (bool, error) {
		return s.store.unlock(ctx, tx, sub)
	})
}

// upon changes the row of somebody's PIN and records it.
func (s *Service) upon(ctx context.Context, sub Subject, e audit.Event,
	change func(ctx context.Context, tx *sql.Tx) (bool, error)) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		changed, err := change(ctx, tx)
		if err != nil {
			return err
		}
		if !changed {
			return fault.New(fault.InvalidState, "subject %s has no PIN", sub.ID)
		}
		return audit.RecordIn(ctx, tx, s.clock.Now(), e)
	})
}

// resetIn sets the PIN that an open reset allows. The PIN before it is looked at under its row's lock, which is what
// decides between two dials at once.
func (s *Service) resetIn(ctx context.Context, tx *sql.Tx, row *credential, pin secret.Text) error {
	old, found, err := s.store.credential(ctx, tx, row.SubjectID)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	if !found || old.ResetUntil == nil || !now.Before(*old.ResetUntil) {
		return fault.New(fault.InvalidState, "subject %s has a PIN", row.SubjectID)
	}
	if err := s.unlikeOld(ctx, tx, &old, pin); err != nil {
		return err
	}
	if err := s.store.keepPIN(ctx, tx, row.SubjectID, pinsRemembered, now); err != nil {
		return err
	}
	reset, err := s.store.resetCredential(ctx, tx, row, now)
	if err != nil {
		return err
	}
	if !reset {
		return fault.New(fault.InvalidState, "the reset of %s was used", row.SubjectID)
	}
	if _, err := s.store.revokeSubject(ctx, tx, row.SubjectID, noFamily, reasonReset, now); err != nil {
		return err
	}
	sub := Subject{Kind: row.SubjectKind, ID: row.SubjectID}
	return audit.RecordIn(ctx, tx, now, Via{}.done(actPINReset, sub, nil))
}

// locksAtOnce bounds one round of RecordLocks.
const locksAtOnce = 100

// RecordLocks puts the locks of PINs into the record, whichever door the wrong ones came through: the ledger's group,
// where most are compared, knows no record. It returns how many it put there; a worker calls it each few seconds.
func (s *Service) RecordLocks(ctx context.Context) (int, error) {
	told := 0
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		locks, err := s.store.untoldLocks(ctx, tx, locksAtOnce)
		if err != nil || len(locks) == 0 {
			return err
		}
		events := make([]audit.Event, len(locks))
		for i, l := range locks {
			sub := Subject{Kind: l.SubjectKind, ID: l.SubjectID}
			e := Via{Actor: audit.Nova}.done(actPINLocked, sub, map[string]string{
				audit.DetailExpires: l.lock().UTC().Format(time.RFC3339),
			})
			events[i] = e
		}
		if err := s.store.tellLocks(ctx, tx, locks); err != nil {
			return err
		}
		told = len(locks)
		return audit.RecordIn(ctx, tx, s.clock.Now(), events...)
	})
	return told, err
}
