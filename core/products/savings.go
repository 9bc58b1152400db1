package products

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/customers"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/payments"
	"nova/core/transactions"
	"nova/sql"
)

// Savings is a customer's savings account, or what one would be: Account is zero until the first deposit is confirmed,
// and Opened tells that it has come.
type Savings struct {
	Account uuid.UUID
	Opened  bool
	// Balance is all that is saved, Available what of it may be withdrawn.
	Balance, Available money.Amount
	// Minimum is what must stay, as agreed when the account was opened.
	Minimum money.Amount
	Product Product

	hold uuid.UUID
}

// minimumHold keeps the minimum on the account: nothing that takes money from it, by whatever way, can pass it.
const minimumHold ledger.HoldKind = "minimum_balance"

// holdsForever is when the hold of a minimum ends: never.
var holdsForever = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)

// Savings reads a customer's account, or the terms of the one that they may open. NOT_FOUND where nothing is offered.
func (s *Service) Savings(ctx context.Context, customer uuid.UUID) (Savings, error) {
	saved, found, err := s.store.savingsOf(ctx, s.o.DB, customer, s.today())
	if err != nil {
		return Savings{}, err
	}
	if !found {
		p, err := s.Offered(ctx)
		return Savings{Minimum: p.Minimum, Product: p, Balance: s.of(0), Available: s.of(0)}, err
	}
	b, err := s.balance(ctx, saved.Account)
	if err != nil {
		return Savings{}, err
	}
	saved.Opened = b.Sequence > 0
	saved.Balance, saved.Available = s.of(b.Posted), s.of(b.Available)
	return saved, nil
}

// DepositOrder confirms that a customer saves an amount; the first one opens the account.
type DepositOrder struct {
	payments.Order
	Customer uuid.UUID
	Amount   money.Amount
}

// WithdrawOrder confirms that a customer takes an amount of their savings back.
type WithdrawOrder struct {
	payments.Order
	Customer uuid.UUID
	Amount   money.Amount
}

// QuoteDeposit prices a deposit. Errors: NOT_FOUND on product where nothing is offered, LIMIT_EXCEEDED on amount for a
// first deposit below the minimum, INSUFFICIENT_FUNDS, ACCOUNT_FROZEN, ACCOUNT_CLOSED.
func (s *Service) QuoteDeposit(ctx context.Context, customer uuid.UUID, ask payments.Ask) (payments.Quote, error) {
	saved, err := s.Savings(ctx, customer)
	if err != nil {
		return payments.Quote{}, err
	}
	e, err := s.deposit(saved, ask.Amount)
	if err != nil {
		return payments.Quote{}, err
	}
	e.Ask = ask
	q, err := s.o.Payments.QuoteOwn(ctx, customer, e)
	return q, onAmount(err)
}

// Deposit moves money from the wallet to the customer's savings.
func (s *Service) Deposit(ctx context.Context, o DepositOrder) (payments.Receipt, error) {
	r, err := s.o.Payments.DoOwn(ctx, o.Customer, o.Order, func(ctx context.Context, c customers.Customer) (payments.Own, error) {
		saved, err := s.prepared(ctx, c)
		if err != nil {
			return payments.Own{}, err
		}
		if err := s.ownMoney(ctx, c, o); err != nil {
			return payments.Own{}, err
		}
		return s.deposit(saved, o.Amount)
	})
	return r, onAmount(err)
}

func (s *Service) deposit(saved Savings, amount money.Amount) (payments.Own, error) {
	e := payments.Own{
		Type: transactions.SavingsDeposit, Ask: payments.Ask{Amount: amount}, Other: saved.Account,
		Name: saved.Product.Name, Notice: NoticeDeposit, Args: savingsArgs(saved),
	}
	if saved.Opened {
		return e, nil
	}
	if amount.Currency == saved.Minimum.Currency && amount.Less(saved.Minimum) {
		return e, fault.New(fault.LimitExceeded, "first deposit under the minimum").
			Field("amount", "is below the minimum").With("min", saved.Minimum.String())
	}
	if saved.Minimum.IsPositive() && saved.Account != uuid.Nil {
		e.Holds = []ledger.HoldMove{ledger.PlaceHold(ledger.Hold{
			ID: saved.hold, Account: saved.Account, Kind: minimumHold, Minor: saved.Minimum.Minor,
			Reason: string(minimumHold), ExpiresAt: holdsForever,
		})}
	}
	return e, nil
}

// ownMoney refuses a deposit that the wallet alone does not cover, where an overdraft line would lend the rest: nobody
// saves what they have to borrow. Without a line, the ledger refuses it.
func (s *Service) ownMoney(ctx context.Context, c customers.Customer, o DepositOrder) error {
	b, err := s.balance(ctx, c.Wallet)
	if err != nil || b.Overdraft == 0 {
		return err
	}
	total, err := o.Amount.Add(o.FeeShown)
	if err == nil && b.Available < total.Minor {
		err = fault.New(fault.InsufficientFunds, "wallet %s has less than %s", c.Wallet, total)
	}
	return err
}

// QuoteWithdraw prices a withdrawal. Errors: NOT_FOUND on account for somebody without savings, INSUFFICIENT_FUNDS on
// amount where less than the minimum would stay, MAX_BALANCE_EXCEEDED, ACCOUNT_FROZEN, ACCOUNT_CLOSED.
func (s *Service) QuoteWithdraw(ctx context.Context, customer uuid.UUID, ask payments.Ask) (payments.Quote, error) {
	saved, err := s.opened(ctx, customer)
	if err != nil {
		return payments.Quote{}, err
	}
	e := s.withdraw(saved)
	e.Ask = ask
	q, err := s.o.Payments.QuoteOwn(ctx, customer, e)
	return q, onAmount(err)
}

// Withdraw moves money from the customer's savings to the wallet.
func (s *Service) Withdraw(ctx context.Context, o WithdrawOrder) (payments.Receipt, error) {
	r, err := s.o.Payments.DoOwn(ctx, o.Customer, o.Order, func(ctx context.Context, c customers.Customer) (payments.Own, error) {
		saved, err := s.opened(ctx, c.ID)
		if err != nil {
			return payments.Own{}, err
		}
		e := s.withdraw(saved)
		e.Amount = o.Amount
		return e, nil
	})
	return r, onAmount(err)
}

func (s *Service) withdraw(saved Savings) payments.Own {
	return payments.Own{
		Type: transactions.SavingsWithdrawal, Other: saved.Account, Name: saved.Product.Name, ToWallet: true,
		Notice: NoticeWithdrawal, Args: savingsArgs(saved),
	}
}

// opened is the account of somebody who saves.
func (s *Service) opened(ctx context.Context, customer uuid.UUID) (Savings, error) {
	saved, err := s.Savings(ctx, customer)
	if err != nil {
		return Savings{}, err
	}
	if !saved.Opened {
		return Savings{}, fault.New(fault.NotFound, "customer %s has no savings", customer).Field("account", "is not opened")
	}
	return saved, nil
}

// prepared is the customer's account, made if it is not there: empty, until a deposit comes.
func (s *Service) prepared(ctx context.Context, c customers.Customer) (Savings, error) {
	saved, err := s.Savings(ctx, c.ID)
	if err != nil || saved.Account != uuid.Nil {
		return saved, err
	}
	now := s.o.Clock.Now()
	saved.Account, saved.hold = ids.New(now), ids.New(now)
	err = s.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		err := s.o.Ledger.OpenIn(ctx, tx, ledger.Account{
			ID: saved.Account, OwnerKind: customers.OwnerKind, OwnerID: c.ID.String(), Product: ledger.Savings,
			Currency: s.o.Currency, Tier: c.Tier, Floor: ledger.ZeroFloor(), Name: saved.Product.Name,
		})
		if err != nil {
			return err
		}
		if err := s.store.insertSavings(ctx, tx, saved, c.ID, now); err != nil {
			return err
		}
		return s.store.bearIn(ctx, tx, saved.Account, kindSavings, s.today())
	})
	if fault.Is(err, fault.DuplicateEntity) {
		return s.Savings(ctx, c.ID) // another confirmation made it meanwhile
	}
	return saved, err
}

// onAmount says that it is the amount that cannot be had.
func onAmount(err error) error {
	if fault.Is(err, fault.InsufficientFunds) {
		return fault.From(err).Field("amount", "is more than there is to take")
	}
	return err
}
