package payments

import (
	"context"

	"github.com/google/uuid"

	"nova/core/customers"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/outbox"
	"nova/core/transactions"
)

// Own is an errand of one customer alone: money between the wallet and another account of theirs, or one that keeps
// what they owe. Package products decides what may pass between those accounts; here it gets its price, its limits,
// its proof and its receipt like every other errand.
type Own struct {
	Type transactions.Type
	Ask
	// Other is the account on the other side; zero in a quote where it is opened with the order. Name is what
	// receipts call it.
	Other uuid.UUID
	Name  string
	// ToWallet says that money comes to the wallet; else it leaves it.
	ToWallet bool
	// Lent says that the other side is what the customer owes: it gives what it does not have, within Ceilings.
	Lent bool
	// Fee is the fee where something else than the tariff says how much it is; nil where the tariff does. The tariff
	// says in both cases how much of it is tax.
	Fee *money.Amount
	// Holds are placed with the money, Ceilings bound what may stand on accounts afterwards.
	Holds    []ledger.HoldMove
	Ceilings []ledger.Cap
	// Notice is the template of what the customer is told, with Args besides the usual ones and the fee.
	Notice string
	Args   map[string]string
}

// QuoteOwn prices an errand of a customer alone. Errors: CUSTOMER_NOT_FOUND, ACCOUNT_FROZEN, ACCOUNT_CLOSED,
// LIMIT_EXCEEDED, INSUFFICIENT_FUNDS, MAX_BALANCE_EXCEEDED.
func (s *Service) QuoteOwn(ctx context.Context, customer uuid.UUID, e Own) (Quote, error) {
	c, err := s.payer(ctx, customer, customers.Look, e.Channel)
	if err != nil {
		return Quote{}, err
	}
	d, err := s.own(c, e)
	if err != nil {
		return Quote{}, err
	}
	total, err := d.total()
	if err != nil {
		return Quote{}, err
	}
	if err := s.possible(ctx, d, e, total); err != nil {
		return Quote{}, err
	}
	repeated, err := s.repeated(ctx, d)
	if err != nil {
		return Quote{}, err
	}
	return Quote{
		Type: d.typ, Amount: d.amount, Fee: d.charge.Fee, Tax: d.charge.Tax, Commission: d.charge.Commission,
		Total: total, From: d.from, To: d.to, RepeatedAt: repeated,
	}, nil
}

// DoOwn moves the money of a confirmed errand of a customer alone. decide is called again when the customer's tier
// changed meanwhile.
func (s *Service) DoOwn(ctx context.Context, customer uuid.UUID, o Order,
	decide func(ctx context.Context, c customers.Customer) (Own, error),
) (Receipt, error) {
	return s.run(ctx, func() (*deal, error) {
		c, err := s.payer(ctx, customer, customers.Look, o.Channel)
		if err != nil {
			return nil, err
		}
		e, err := decide(ctx, c)
		if err != nil {
			return nil, err
		}
		e.Channel = o.Channel
		return s.own(c, e)
	}, o)
}

func (s *Service) own(c customers.Customer, e Own) (*deal, error) {
	d := s.newDeal(e.Type, e.Ask)
	wallet, other := customerParty(c), Party{Owner: c.ID, Account: e.Other, Name: e.Name}
	d.from, d.to = wallet, other
	if e.ToWallet {
		d.from, d.to, d.capped = other, wallet, &wallet
	}
	d.limited, d.shown = wallet, wallet.Account
	d.proving, d.promisee = c.Subject(), toldCustomer(c)
	d.holds, d.ceilings = e.Holds, e.Ceilings
	if err := s.priceOwn(d, e.Fee); err != nil {
		return nil, err
	}
	told := d.notice(e.Notice, d.promisee, wallet.Account, e.Args)
	told.Args["fee"] = d.fee()
	d.notices = []outbox.Notice{told}
	return d, nil
}

// priceOwn asks the tariff for the price of the amount; where the fee is given, only for what of it is tax.
func (s *Service) priceOwn(d *deal, given *money.Amount) error {
	err := s.price(d)
	if err != nil || given == nil {
		return err
	}
	bps, err := s.tariffs.TaxBPS(string(d.typ), d.now)
	d.charge.Fee, d.charge.Tax = *given, given.Share(bps)
	return err
}

// possible refuses what can be known before a PIN is typed.
func (s *Service) possible(ctx context.Context, d *deal, e Own, total money.Amount) error {
	if err := d.limits.Check(d.operation()); err != nil {
		return err
	}
	accounts := []uuid.UUID{d.from.Account, d.to.Account}
	balances, err := s.ledger.Balances(ctx, accounts)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		if account == uuid.Nil {
			continue // it is opened with the order
		}
		if err := open(account, balances[account].Status); err != nil {
			return err
		}
	}
	if !e.Lent {
		if err := affordable(d.from.Account, balances[d.from.Account], total); err != nil {
			return err
		}
	}
	if e.ToWallet {
		if err := s.receivable(d, balances[d.to.Account]); err != nil {
			return err
		}
	}
	return s.within(ctx, d)
}
