package approvals

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/sql"
)

// Verdict is what a checker says: Approved or Rejected.
type Verdict = Status

// May tells whether the checker is one of those whom the approval is meant for. NOT_FOUND, as if there were none, where
// it is meant for other people; FORBIDDEN where the purpose is missing; MAKER_CHECKER_VIOLATION where they made it.
func (a Approval) May(by Checker) error {
	switch {
	case a.Audience != uuid.Nil && !slices.Contains(by.Audiences, a.Audience):
		return fault.New(fault.NotFound, "approval %s is meant for others", a.ID)
	case !slices.Contains(by.Purposes, a.Purpose):
		return fault.New(fault.CodeForbidden, "approval %s needs the purpose %s", a.ID, a.Purpose)
	case by.ID == a.Maker.ID:
		return fault.New(fault.MakerCheckerViolation, "approval %s was made by the same %s", a.ID, by.Kind)
	}
	return nil
}

// open tells whether it can still be decided: INVALID_STATE where it was, QUOTE_EXPIRED where it is too late. That is
// the contract's code for an offer whose time is over (410): what was proposed may be proposed again.
func (a Approval) open(now time.Time) error {
	switch {
	case a.Status == Expired, a.Status == Pending && !now.Before(a.ExpiresAt):
		return fault.New(fault.QuoteExpired, "approval %s expired at %s", a.ID, a.ExpiresAt)
	case a.Status != Pending:
		return fault.New(fault.InvalidState, "approval %s is %s", a.ID, a.Status)
	}
	return nil
}

// Decide approves or rejects, once, and runs the effect, all in one transaction. Errors: NOT_FOUND, FORBIDDEN and
// MAKER_CHECKER_VIOLATION as May's; INVALID_STATE where it was decided before; QUOTE_EXPIRED; VALIDATION_ERROR for the
// note; and the effect's own, after which nothing is decided.
func (s *Service) Decide(ctx context.Context, id uuid.UUID, by Checker, v Verdict, note string) (Approval, error) {
	if v != Approved && v != Rejected {
		return Approval{}, fmt.Errorf("no verdict: %q", v)
	}
	if err := readable("note", note); err != nil {
		return Approval{}, err
	}
	var a Approval
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		if a, err = s.store.lock(ctx, tx, id); err != nil {
			return err
		}
		if err := a.May(by); err != nil {
			return err
		}
		a.Checker = by.Actor
		return s.close(ctx, tx, &a, v, note)
	})
	if err != nil {
		return Approval{}, err
	}
	return a, nil
}

// Cancel withdraws a proposal, which only its maker may: FORBIDDEN for everybody else. Other errors as Decide's.
func (s *Service) Cancel(ctx context.Context, id uuid.UUID, by Actor, note string) (Approval, error) {
	if err := readable("note", note); err != nil {
		return Approval{}, err
	}
	var a Approval
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		if a, err = s.store.lock(ctx, tx, id); err != nil {
			return err
		}
		if by.ID != a.Maker.ID {
			return fault.New(fault.CodeForbidden, "approval %s was made by somebody else", id)
		}
		return s.close(ctx, tx, &a, Cancelled, note)
	})
	if err != nil {
		return Approval{}, err
	}
	return a, nil
}

// close ends a locked approval that is open, and runs its effect, which comes last: it may post money.
func (s *Service) close(ctx context.Context, tx *sql.Tx, a *Approval, to Status, note string) error {
	now := s.clock.Now()
	if err := a.open(now); err != nil {
		return err
	}
	a.Status, a.DecidedAt, a.Note = to, now, note
	return s.settle(ctx, tx, *a)
}

func (s *Service) settle(ctx context.Context, tx *sql.Tx, a Approval) error {
	effect := s.effects[a.Kind]
	if effect == nil {
		return fmt.Errorf("nobody decides approvals of kind %q", a.Kind)
	}
	if err := s.store.close(ctx, tx, a); err != nil {
		return err
	}
	if a.Status == Approved {
		return effect.ApproveIn(ctx, tx, a)
	}
	return effect.RejectIn(ctx, tx, a)
}
