package customers

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/identity"
	"nova/core/ids"
	"nova/sql"
)

// The acts that this package records.
const (
	actSIMSwap     = "customer.sim_swap"
	actUSSDBlock   = "customer.ussd_block"
	actUSSDUnblock = "customer.ussd_unblock"
	actTier        = "customer.tier"
	actNumbersSet  = "customer.numbers_set"
	actNumbersRead = "customer.numbers_read"
	actRead        = "customer.read"
	actStatus      = "customer.status"
	actIDCheck     = "customer.id_check"
)

// record writes what somebody did to a customer into the transaction that does it.
func (s *Service) record(ctx context.Context, tx *sql.Tx, by identity.Subject, action string, c uuid.UUID,
	detail map[string]string,
) error {
	// The zero Subject is nobody: Nova acted by itself.
	event := audit.Event{Actor: cmp.Or(by.String(), audit.Nova), Action: action, Outcome: audit.Done, Detail: detail}
	if c != uuid.Nil {
		event.Object = ids.Format(ids.Customer, c)
	}
	return audit.RecordIn(ctx, tx, s.clock.Now(), event)
}

// Consult is ByID for staff and other systems, who look at somebody else: that they did is recorded, or they see
// nothing. A customer who asks for another one is FORBIDDEN.
func (s *Service) Consult(ctx context.Context, by identity.Subject, id uuid.UUID) (Customer, error) {
	if err := own(by, id); err != nil {
		return Customer{}, err
	}
	c, err := s.ByID(ctx, id)
	if err != nil || by.Kind == identity.Customer {
		return c, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return s.record(ctx, tx, by, actRead, id, nil)
	})
	if err != nil {
		return Customer{}, err
	}
	return c, nil
}

// fields name the numbers that there are, for the record.
func (n Numbers) fields() string {
	var names []string
	for _, number := range numbers {
		if !number.plain(&n).IsZero() {
			names = append(names, number.field)
		}
	}
	return strings.Join(names, " ")
}

// swapDetail is what the record tells of a changed SIM.
func swapDetail(swap SIMSwap) map[string]string {
	return map[string]string{
		audit.DetailMSISDN: swap.MSISDN.Masked(), audit.DetailKind: swap.Source, audit.DetailFrom: swap.SwappedAt.UTC().Format(time.RFC3339),
	}
}
