package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nova/core/ids"
	"nova/core/outbox"
	"nova/core/transactions"
	"nova/sql"
)

const (
	// PromiseAge is how old a promise must be before the worker asks what became of it: longer than any writer holds
	// a command, and with the worker's round well inside the 60 seconds that the customer was promised.
	PromiseAge = 20 * time.Second
	// promisesAtOnce bounds one round.
	promisesAtOnce = 100
)

// SettlePromises keeps the promises that are older than age and returns how many it settled. What happened has its
// receipt already, written with the money, and is settled in one statement; what was refused, or never reached the
// ledger, is told as not sent. A command that never ran is withdrawn first, so that it cannot run after the customer
// was told. Any number of nodes may do this at once: a notice is written once for a command's key.
func (s *Service) SettlePromises(ctx context.Context, age time.Duration) (int, error) {
	before := s.clock.Now().Add(-age)
	settled, err := s.promises.SettleKept(ctx, before)
	if err != nil {
		return 0, err
	}
	for {
		n, due, err := s.settleDue(ctx, before)
		settled += n
		if err != nil || due < promisesAtOnce {
			return settled, err
		}
	}
}

// settleDue settles one round of what is left, and tells how many were due.
func (s *Service) settleDue(ctx context.Context, before time.Time) (settled, n int, err error) {
	due, err := s.promises.Overdue(ctx, before, promisesAtOnce)
	if err != nil {
		return 0, 0, err
	}
	var faults []error
	for _, p := range due {
		// One promise that cannot be settled must not keep the others waiting.
		if err := s.settle(ctx, p); err != nil {
			faults = append(faults, err)
			continue
		}
		settled++
	}
	return settled, len(due), errors.Join(faults...)
}

func (s *Service) settle(ctx context.Context, p transactions.Promise) error {
	sent, err := s.happened(ctx, p)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if !sent {
			notice := notSent(p, p.CreatedAt.In(s.location).Format("15:04"), ids.New(now))
			if err := outbox.EnqueueIn(ctx, tx, []outbox.Notice{notice}, now); err != nil {
				return err
			}
		}
		return transactions.SettleIn(ctx, tx, p.Intent, p.Key)
	})
}

// happened tells whether the promised errand was done. The intent is asked before the key: it may have been confirmed
// again under another one.
func (s *Service) happened(ctx context.Context, p transactions.Promise) (bool, error) {
	_, found, err := s.done(ctx, p.Intent)
	if err != nil || found {
		return found, err
	}
	withdrawn, err := s.ledger.WithdrawOf(ctx, p.Key)
	if err != nil || withdrawn {
		return false, err
	}
	// The key has an outcome: a refusal, or a success without a transaction (a code) or since the first look.
	_, found, refusal := s.ledger.OutcomeOf(ctx, p.Key)
	if found {
		return refusal == nil, nil
	}
	if refusal != nil {
		return false, refusal
	}
	return false, fmt.Errorf("promise %s: its key was given up meanwhile", p.Intent)
}
