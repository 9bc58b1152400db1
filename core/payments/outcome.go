package payments

import (
	"context"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/transactions"
)

// Outcome tells whether a confirmed intent became a transaction, for a caller who dials again. The receipt's balance
// is not known any more.
func (s *Service) Outcome(ctx context.Context, intent uuid.UUID) (Receipt, bool, error) {
	t, found, err := s.done(ctx, intent)
	if err != nil || !found {
		return Receipt{}, false, err
	}
	return receiptOf(t), true, nil
}

// Undecided tells that the ledger may still say yes or no to a confirmed intent: its promise is not settled yet. It is
// asked after Outcome found nothing.
func (s *Service) Undecided(ctx context.Context, intent uuid.UUID) (bool, error) {
	return s.promises.Waits(ctx, intent)
}

func (s *Service) done(ctx context.Context, intent uuid.UUID) (transactions.Transaction, bool, error) {
	t, err := s.transactions.ByIntent(ctx, intent)
	if fault.Is(err, fault.NotFound) {
		return transactions.Transaction{}, false, nil
	}
	return t, err == nil, err
}
