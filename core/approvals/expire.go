package approvals

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"nova/sql"
)

// Expire ends at most n proposals whose time is over, each in its own transaction: an effect that fails keeps only its
// own proposal. It tells how many it ended. Any number of nodes may run it.
func (s *Service) Expire(ctx context.Context, n int) (int, error) {
	overdue, err := s.store.overdue(ctx, s.db, s.clock.Now(), n)
	if err != nil {
		return 0, err
	}
	var faults []error
	done := 0
	for _, id := range overdue {
		ended, err := s.expire(ctx, id)
		if err != nil {
			faults = append(faults, fmt.Errorf("expire approval %s: %w", id, err))
		}
		if ended {
			done++
		}
	}
	return done, errors.Join(faults...)
}

// expire ends one, unless somebody was quicker.
func (s *Service) expire(ctx context.Context, id uuid.UUID) (ended bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		ended = false
		a, err := s.store.lock(ctx, tx, id)
		if err != nil || a.Status != Pending {
			return err
		}
		a.Status, a.DecidedAt = Expired, s.clock.Now()
		ended = true
		return s.settle(ctx, tx, a)
	})
	return ended && err == nil, err
}
