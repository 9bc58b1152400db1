package agents

import (
	"context"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/sql"
)

// Part is what of the businesses that take and give cash has a status of its own.
type Part string

// The parts. A status holds for all who stand under it.
const (
	PartAgent    Part = "agent"
	PartOutlet   Part = "outlet"
	PartOperator Part = "operator"
	PartMerchant Part = "merchant"
)

// parts say how the record names one of each.
var parts = map[Part]ids.Prefix{
	PartAgent: ids.Agent, PartOutlet: ids.Outlet, PartOperator: ids.Operator, PartMerchant: ids.Merchant,
}

// Change is a change of somebody's status, and why, in a person's own words.
type Change struct {
	Of  Part
	ID  uuid.UUID
	To  Status
	Why string
}

// SetStatus suspends, reinstates or closes an agent, an outlet, an operator or a merchant, and with it all who stand under it:
// it holds for the next hop. Sign-ins are identity's to end, of those whom OperatorsUnder names. NOT_FOUND where there is
// none, and for one that is closed, which stays so.
func (s *Service) SetStatus(ctx context.Context, by identity.Subject, c Change) error {
	prefix, known := parts[c.Of]
	if !known || c.To != Active && c.To != Suspended && c.To != Closed {
		return fault.New(fault.ValidationError, "status %q of a %q", c.To, c.Of).Field("status", "is not known")
	}
	now := s.clock.Now()
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := s.store.setStatus(ctx, tx, c.Of, c.ID, c.To, now)
		if err := nobody(done, err, string(c.Of), c.ID); err != nil {
			return err
		}
		return audit.RecordIn(ctx, tx, now, audit.Event{
			Actor: actor(by), Action: string(c.Of) + ".status", Object: ids.Format(prefix, c.ID), Outcome: audit.Done,
			Detail: map[string]string{audit.DetailTo: string(c.To), audit.DetailReason: c.Why},
		})
	})
}

// actor names who acted; the zero Subject is Nova itself.
func actor(by identity.Subject) string {
	if name := by.String(); name != "" {
		return name
	}
	return audit.Nova
}

// operatorsAtOnce bounds one page of OperatorsUnder.
const operatorsAtOnce = 500

// OperatorsUnder are the people who work for an agent or at an outlet, or the one operator of the id, whatever their status,
// after the given one: a page of them. None is none.
func (s *Service) OperatorsUnder(ctx context.Context, of, after uuid.UUID) ([]uuid.UUID, error) {
	return s.store.operatorsUnder(ctx, s.db, of, after, operatorsAtOnce)
}
