package payments

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/ledger"
	"nova/core/money"
	"nova/core/transactions"
)

// maxLines bounds a mini statement: what fits an SMS, or two screens.
const maxLines = 10

// Line is one line of a mini statement. Amount is what the wallet gained or, fee included, lost; In says which.
type Line struct {
	At     time.Time
	Type   transactions.Type // "" for a posting without a transaction
	Name   string            // the other side
	Amount money.Amount
	In     bool
	Number string // the receipt's
}

// Balance is what a customer can spend.
func (s *Service) Balance(ctx context.Context, customer uuid.UUID) (money.Amount, error) {
	c, err := s.customers.ByID(ctx, customer)
	if err != nil {
		return money.Amount{}, err
	}
	return s.available(ctx, c.Wallet)
}

// FloatBalance is what an agent can pay in for customers.
func (s *Service) FloatBalance(ctx context.Context, agent uuid.UUID) (money.Amount, error) {
	a, err := s.agents.AgentByID(ctx, agent)
	if err != nil {
		return money.Amount{}, err
	}
	return s.available(ctx, a.Float)
}

func (s *Service) available(ctx context.Context, account uuid.UUID) (money.Amount, error) {
	b, err := s.ledger.Balance(ctx, account)
	return money.Of(b.Available, s.currency), err
}

// MiniStatement is the last n lines of a wallet or float, newest first, ten at most.
func (s *Service) MiniStatement(ctx context.Context, account uuid.UUID, n int) ([]Line, error) {
	entries, err := s.ledger.Entries(ctx, ledger.Page{Account: account, Limit: min(n, maxLines)})
	if err != nil {
		return nil, err
	}
	postings := make([]uuid.UUID, len(entries))
	for i, e := range entries {
		postings[i] = e.Posting
	}
	facts, err := s.transactions.ByIDs(ctx, postings)
	if err != nil {
		return nil, err
	}
	lines := make([]Line, len(entries))
	for i, e := range entries {
		lines[i] = s.line(e, facts[e.Posting])
	}
	return lines, nil
}

// line is an entry of a person's account, which is a liability: a credit is money in.
func (s *Service) line(e ledger.Entry, t transactions.Transaction) Line {
	l := Line{
		At: e.BookedAt, Type: t.Type, Name: t.From.Name, Amount: money.Of(e.Minor, s.currency),
		In: e.Side == ledger.Credit, Number: t.Receipt,
	}
	if t.From.Account == e.Account {
		l.Name = t.To.Name
	}
	return l
}
