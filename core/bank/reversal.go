package bank

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/transactions"
)

// NewReversal takes a posting of the client back, to the cent. Reason becomes the narration; Reference is the
// client's own, and unique to it for ever.
type NewReversal struct {
	Posting           uuid.UUID
	Reason, Reference string
}

// Reverse books the reversal of a posting that the client booked, whole or not at all. A posting is reversed once
// (ALREADY_REVERSED), and a reversal never (INVALID_STATE): whoever wants its money moved again posts anew.
func (s *Service) Reverse(ctx context.Context, o Order, n NewReversal) (Posted, error) {
	err := checkTexts(text{"reason", n.Reason, 1, MaxReason}, text{"reference", n.Reference, 1, MaxReference})
	if err != nil {
		return Posted{}, err
	}
	c, err := s.reversal(ctx, o, n)
	if err != nil {
		result, err := s.before(ctx, o, err)
		return s.posted(ctx, o, nil, result, err)
	}
	result, err := s.submit(ctx, c)
	if fault.Is(err, fault.InvalidState) {
		// Only another reversal takes a client's transaction out of its status: it came between our look and the group's.
		err = fault.Wrap(err, fault.AlreadyReversed, "posting %s", n.Posting)
	}
	return s.posted(ctx, o, nil, result, err)
}

func (s *Service) reversal(ctx context.Context, o Order, n NewReversal) (*ledger.Command, error) {
	fact, err := s.booked(ctx, o.Client, n.Posting)
	if err != nil {
		return nil, err
	}
	c, err := s.ledger.Reversal(ctx, n.Posting)
	if err != nil {
		return nil, err
	}
	if err := s.reversible(ctx, o.Client, c.Lines); err != nil {
		return nil, err
	}
	c.Key, c.Body, c.Posting = o.Key, o.Body, ids.New(s.clock.Now())
	c.Narration, c.Reference = n.Reason, n.Reference
	none := money.Of(0, c.Currency)
	c.Transaction = &transactions.Transaction{
		ID: c.Posting, Type: transactions.Reversal, Status: transactions.Completed, Channel: transactions.API,
		Amount: fact.Amount, Fee: none, Tax: none, Commission: none, From: fact.To, To: fact.From,
		Client: o.Client, Reference: n.Reference, Reverses: n.Posting, CreatedAt: s.clock.Now(),
	}
	c.Change = &transactions.Change{
		ID: n.Posting, From: transactions.Completed, To: transactions.Reversed, ReversedBy: c.Posting,
	}
	return c, nil
}

// lineProducts are the books that an overdraft line adds to a posting by itself. Their entries go back with the rest.
var lineProducts = []ledger.Product{ledger.OverdraftReceivable, ledger.FeeIncome, ledger.TaxPayable}

// reversible is NOT_FOUND when one of the accounts was taken from the client since it posted.
func (s *Service) reversible(ctx context.Context, client uuid.UUID, lines []ledger.Line) error {
	all := make([]uuid.UUID, len(lines))
	for i, l := range lines {
		all[i] = l.Account
	}
	mine, err := s.mine(ctx, client, all)
	if err != nil || len(mine) == len(all) {
		return err
	}
	found, err := s.facts.of(ctx, s.ledger, all)
	if err != nil {
		return err
	}
	for id, a := range found {
		_, may := mine[id]
		if !may && (a.OpenedBy != ledger.OpenedByNova || !slices.Contains(lineProducts, a.Product)) {
			return fault.New(fault.NotFound, "client %s and account %s", client, id).
				Field("posting_id", "has an account that is not known")
		}
	}
	return nil
}
