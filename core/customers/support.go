package customers

import (
	"context"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/transactions"
	"nova/sql"
)

// IDCheck is what support reads from the document that a customer shows.
type IDCheck struct {
	BirthYear int
	// Last4 are the last four characters of the document's number.
	Last4 string
}

// OpenReset lets a customer who has forgotten the PIN choose another at the next dial within a day. Support asks for it, having
// seen the ID: what it says is compared as a customer's own answers are, and wrong ones count with those, so that nobody at
// a desk guesses either. Errors: CUSTOMER_NOT_FOUND; PIN_INVALID with attempts_left where the ID is another one,
// ACCOUNT_LOCKED after three; INVALID_STATE for who has no PIN; those of Allow, a change of the SIM included.
func (s *Service) OpenReset(ctx context.Context, via identity.Via, id uuid.UUID, seen IDCheck) error {
	c, err := s.ByID(ctx, id)
	if err != nil {
		return err
	}
	if err := s.Allow(ctx, c, ProveByAnswers, transactions.Console); err != nil {
		return err
	}
	if err := s.checkID(ctx, via, c, seen); err != nil {
		return err
	}
	return s.identity.OpenReset(ctx, c.Subject(), via)
}

// checkID compares and records how that ended. A wrong answer's count is kept, so the transaction commits.
func (s *Service) checkID(ctx context.Context, via identity.Via, c Customer, seen IDCheck) error {
	var refusal error
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		refusal = s.confirmIn(ctx, tx, c.ID, identityClaim{year: seen.BirthYear, last4: seen.Last4})
		if fault.Ours(refusal) {
			return refusal
		}
		e := audit.Event{
			Actor: via.Actor, Action: actIDCheck, Object: c.Subject().String(), Outcome: audit.Done, Channel: via.Channel,
			Correlation: via.Correlation,
		}
		if refusal != nil {
			e.Outcome, e.Detail = audit.Refused, map[string]string{audit.DetailCode: string(fault.From(refusal).Code)}
		}
		return audit.RecordIn(ctx, tx, s.clock.Now(), e)
	})
	if err != nil {
		return err
	}
	return refusal
}
