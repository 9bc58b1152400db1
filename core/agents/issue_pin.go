package agents

import (
	"context"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
	"nova/sql"
)

// actIssuePIN is what the record calls it.
const actIssuePIN = "operator.pin_issued"

// IssuePIN gives an operator a PIN that somebody else chose, in place of a forgotten one: they change it at their next
// dial before anything else. Errors: NOT_FOUND, VALIDATION_ERROR on pin; FORBIDDEN for who would issue one to themselves,
// and for a customer.
func (s *Service) IssuePIN(ctx context.Context, by identity.Subject, operator uuid.UUID, pin secret.Text) error {
	if by.Kind == identity.Customer || by.ID == operator {
		return fault.New(fault.CodeForbidden, "%s issues a PIN to operator %s", by, operator)
	}
	o, err := s.OperatorByID(ctx, operator)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.identity.IssuePINIn(ctx, tx, o.Subject(), pin); err != nil {
			return err
		}
		return audit.RecordIn(ctx, tx, s.clock.Now(), audit.Event{
			Actor: by.String(), Action: actIssuePIN, Object: o.Subject().String(), Outcome: audit.Done,
		})
	})
}
