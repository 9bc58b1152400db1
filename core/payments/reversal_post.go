package payments

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"nova/core/approvals"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/transactions"
	"nova/sql"
)

// claimedIn reads a claim that was approved, and the transaction that it is about.
func (s *Service) claimedIn(ctx context.Context, tx *sql.Tx, a approvals.Approval) (payload, *recovery, error) {
	p, err := payloadOf(a)
	if err != nil {
		return payload{}, nil, err
	}
	r, err := s.recovery(ctx, tx, p.Transaction)
	return p, r, err
}

func payloadOf(a approvals.Approval) (payload, error) {
	var p payload
	if err := json.Unmarshal([]byte(a.Payload), &p); err != nil {
		return payload{}, fmt.Errorf("decode claim %s: %w", a.ID, err)
	}
	return p, nil
}

// takeBack is the command of an approved claim without its lines: a transaction in the other direction.
func (s *Service) takeBack(a approvals.Approval, p payload, r *recovery) *ledger.Command {
	t := r.original
	c := s.house(a.Kind, a.ID)
	c.Currency, c.Posting, c.Narration, c.Reference = s.currency, ids.New(r.now), a.Kind, t.Receipt
	none := money.Of(0, s.currency)
	c.Transaction = &transactions.Transaction{
		ID: c.Posting, Type: transactions.Type(a.Kind), Status: transactions.Completed,
		Amount: money.Of(p.Minor, s.currency), Fee: none, Tax: none, Commission: none, From: t.To, To: t.From,
		Channel: p.Channel, Agent: t.Agent, Outlet: t.Outlet, Reverses: t.ID, Tier: transactions.TierUnknown,
		CreatedAt: r.now,
	}
	return c
}

// house is a command of the house for an approval. An approval has one of a kind: it is claimed once and decided once.
func (s *Service) house(what string, approval uuid.UUID) *ledger.Command {
	return &ledger.Command{
		Key:  ledger.Key{Scope: houseKind + ":" + houseID, Operation: what, Value: approval.String()},
		Body: s.identity.Body(what, approval.String()), Currency: s.currency,
	}
}

// post runs a command that was computed a moment ago under the transaction's lock. What the ledger refuses now has
// changed since, so it is computed again, and then refused by name. A posting that was reversed behind the transaction's
// back is refused here.
func (s *Service) post(ctx context.Context, tx *sql.Tx, c *ledger.Command) (ledger.Result, error) {
	result, err := s.poster.PostIn(ctx, tx, c)
	if err != nil && !fault.Is(err, fault.AlreadyReversed) {
		err = late(err)
	}
	return result, err
}

// late is a refusal after something was written: nothing of it may last, and nobody is told before the transaction has
// run again and refused while it had written nothing.
func late(err error) error {
	if fault.Ours(err) {
		return err
	}
	return moved(err)
}

// moved has the transaction run again on what stands now.
func moved(err error) error {
	return sql.Again(fault.Wrap(err, fault.ServiceUnavailable, "the books moved under a claim"))
}

// letGo ends what was held for a claim that came to nothing, unless it ended before or another claim took it over.
func (s *Service) letGo(ctx context.Context, tx *sql.Tx, a approvals.Approval) error {
	p, err := payloadOf(a)
	if err != nil {
		return err
	}
	active, err := s.store.holdActive(ctx, tx, p.Hold)
	if err != nil || !active {
		return err
	}
	c := s.house(a.Kind, a.ID)
	c.Holds = []ledger.HoldMove{ledger.ReleaseHold(p.Hold)}
	_, err = s.post(ctx, tx, c)
	return err
}
