package products

import (
	"context"

	"github.com/google/uuid"

	"nova/core/customers"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/payments"
	"nova/core/transactions"
)

// lender is what receipts call the other side of a draw and a repayment.
const lender = "Nova"

// Credit is a customer's overdraft line with what it owes: Left is what it still gives, fees included, zero for a line
// that may not be drawn on now.
type Credit struct {
	Overdraft
	Owed, Left money.Amount
}

// Credit reads a customer's line. Errors: NOT_FOUND on account_id for somebody without one, CUSTOMER_NOT_FOUND.
func (s *Service) Credit(ctx context.Context, customer uuid.UUID) (Credit, error) {
	c, err := s.o.Customers.ByID(ctx, customer)
	if err != nil {
		return Credit{}, err
	}
	return s.credit(ctx, c)
}

func (s *Service) credit(ctx context.Context, c customers.Customer) (Credit, error) {
	line, err := s.Line(ctx, c.Wallet)
	if err != nil {
		return Credit{}, err
	}
	b, err := s.balance(ctx, line.Receivable)
	if err != nil {
		return Credit{}, err
	}
	credit := Credit{Overdraft: line, Owed: s.of(b.Posted), Left: s.of(0)}
	if s.open(line) == nil {
		credit.Left = s.of(max(line.Limit.Minor-b.Posted, 0))
	}
	return credit, nil
}

// open refuses a line that may not be drawn on now.
func (s *Service) open(line Overdraft) error {
	switch {
	case line.Status == LineActive && line.ExpiresAt.After(s.o.Clock.Now()):
		return nil
	case line.Status == LineActive, line.Status == LineExpired:
		return fault.New(fault.InvalidState, "line of %s expired", line.Account).Field("expires_at", "is past")
	default:
		return fault.New(fault.InvalidState, "line of %s is %s", line.Account, line.Status).Field("status", "is not active")
	}
}

// DrawOrder confirms that a customer borrows an amount on their line.
type DrawOrder struct {
	payments.Order
	Customer uuid.UUID
	Amount   money.Amount
}

// RepayOrder confirms that a customer pays back an amount of what they owe.
type RepayOrder struct {
	payments.Order
	Customer uuid.UUID
	Amount   money.Amount
}

// QuoteDraw prices a draw. Errors: NOT_FOUND on account_id for somebody without a line; INVALID_STATE on expires_at or
// status for a line that may not be drawn on; LIMIT_EXCEEDED on amount for more than it gives, the fee included;
// MAX_BALANCE_EXCEEDED, ACCOUNT_FROZEN, ACCOUNT_CLOSED.
func (s *Service) QuoteDraw(ctx context.Context, customer uuid.UUID, ask payments.Ask) (payments.Quote, error) {
	credit, err := s.Credit(ctx, customer)
	if err != nil {
		return payments.Quote{}, err
	}
	e, err := s.draw(credit, ask.Amount)
	if err != nil {
		return payments.Quote{}, err
	}
	e.Ask = ask
	return s.o.Payments.QuoteOwn(ctx, customer, e)
}

// Draw lends a confirmed amount: it and its fee are owed from then on.
func (s *Service) Draw(ctx context.Context, o DrawOrder) (payments.Receipt, error) {
	r, err := s.o.Payments.DoOwn(ctx, o.Customer, o.Order, func(ctx context.Context, c customers.Customer) (payments.Own, error) {
		credit, err := s.credit(ctx, c)
		if err != nil {
			return payments.Own{}, err
		}
		return s.draw(credit, o.Amount)
	})
	return r, s.onLine(ctx, o, err)
}

// onLine says that it was the line that gave no more, where another draw was first: by its code, a ceiling is no
// different from a wallet's cap.
func (s *Service) onLine(ctx context.Context, o DrawOrder, err error) error {
	if !fault.Is(err, fault.MaxBalanceExceeded) {
		return err
	}
	credit, unread := s.Credit(ctx, o.Customer)
	if unread != nil {
		return err // the refusal stands, whatever it is called
	}
	if _, over := s.draw(credit, o.Amount); over != nil {
		return over
	}
	return err
}

func (s *Service) draw(credit Credit, amount money.Amount) (payments.Own, error) {
	if err := s.open(credit.Overdraft); err != nil {
		return payments.Own{}, err
	}
	fee := amount.Share(int64(credit.FeeBPS))
	owed, err := amount.Add(fee)
	if err != nil {
		return payments.Own{}, err
	}
	if owed.Currency == credit.Left.Currency && credit.Left.Less(owed) {
		return payments.Own{}, fault.New(fault.LimitExceeded, "line of %s gives less than %s", credit.Account, owed).
			Field("amount", "is more than the line gives")
	}
	return payments.Own{
		Type: transactions.OverdraftDraw, Ask: payments.Ask{Amount: amount}, Other: credit.Receivable, Name: lender,
		ToWallet: true, Lent: true, Fee: &fee,
		// What two draws at once would owe together is decided by the ledger.
		Ceilings: []ledger.Cap{{Account: credit.Receivable, Max: credit.Limit.Minor}},
		Notice:   NoticeDraw, Args: owedArgs(credit.Receivable),
	}, nil
}

// QuoteRepay prices a repayment. Errors: NOT_FOUND on account_id for somebody without a line; LIMIT_EXCEEDED on amount
// for more than is owed; INSUFFICIENT_FUNDS, ACCOUNT_FROZEN, ACCOUNT_CLOSED.
func (s *Service) QuoteRepay(ctx context.Context, customer uuid.UUID, ask payments.Ask) (payments.Quote, error) {
	credit, err := s.Credit(ctx, customer)
	if err != nil {
		return payments.Quote{}, err
	}
	e, err := s.repay(credit, ask.Amount)
	if err != nil {
		return payments.Quote{}, err
	}
	e.Ask = ask
	q, err := s.o.Payments.QuoteOwn(ctx, customer, e)
	return q, onAmount(err)
}

// Repay pays a confirmed amount back.
func (s *Service) Repay(ctx context.Context, o RepayOrder) (payments.Receipt, error) {
	r, err := s.o.Payments.DoOwn(ctx, o.Customer, o.Order, func(ctx context.Context, c customers.Customer) (payments.Own, error) {
		credit, err := s.credit(ctx, c)
		if err != nil {
			return payments.Own{}, err
		}
		return s.repay(credit, o.Amount)
	})
	return r, onAmount(err)
}

func (s *Service) repay(credit Credit, amount money.Amount) (payments.Own, error) {
	if amount.Currency == credit.Owed.Currency && credit.Owed.Less(amount) {
		return payments.Own{}, fault.New(fault.LimitExceeded, "account %s owes less than %s", credit.Account, amount).
			Field("amount", "is more than is owed")
	}
	return payments.Own{
		Type: transactions.OverdraftRepay, Ask: payments.Ask{Amount: amount}, Other: credit.Receivable, Name: lender,
		Notice: NoticeRepayment, Args: owedArgs(credit.Receivable),
	}, nil
}
