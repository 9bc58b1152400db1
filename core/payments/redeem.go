package payments

import (
	"context"

	"github.com/google/uuid"

	"nova/core/agents"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/core/tariffs"
	"nova/core/transactions"
)

// RedeemOrder confirms that an operator pays cash against a customer's code.
type RedeemOrder struct {
	Order
	Operator, Customer uuid.UUID
	Amount             money.Amount
	Code               secret.Text
}

// QuoteRedeem tells an operator what a customer's live code is worth; the code itself is compared with the PIN, in
// Redeem. Errors: CUSTOMER_NOT_FOUND, SAME_PARTIES for the operator's own number, ACCOUNT_FROZEN, ACCOUNT_CLOSED,
// OTP_EXPIRED where no code is live, FORBIDDEN on to while the customer's cash waits.
func (s *Service) QuoteRedeem(ctx context.Context, operator uuid.UUID, customer msisdn.MSISDN) (Quote, error) {
	o, err := s.operator(ctx, operator)
	if err != nil {
		return Quote{}, err
	}
	c, err := s.payee(ctx, customer)
	if err != nil {
		return Quote{}, err
	}
	d, err := s.redeem(ctx, o, c, Ask{})
	if err != nil {
		return Quote{}, err
	}
	total, err := d.total()
	if err != nil {
		return Quote{}, err
	}
	return Quote{
		Type: d.typ, Amount: d.amount, Fee: d.charge.Fee, Tax: d.charge.Tax, Commission: d.charge.Commission,
		Total: total, From: d.from, To: d.to,
	}, nil
}

// RedeemCode moves the money of a code to the agent's float. A wrong code is an OTP_INVALID and counts, three end
// the code; a wrong PIN is the operator's. Only with the receipt may cash be paid.
func (s *Service) RedeemCode(ctx context.Context, o RedeemOrder) (Receipt, error) {
	return s.run(ctx, func() (*deal, error) {
		operator, err := s.operator(ctx, o.Operator)
		if err != nil {
			return nil, err
		}
		c, err := s.customers.ByID(ctx, o.Customer)
		if err != nil {
			return nil, onPayee(err)
		}
		d, err := s.redeem(ctx, operator, c, o.ask(o.Amount))
		if err != nil {
			return nil, err
		}
		if d.amount != o.Amount {
			return nil, fault.New(fault.QuoteExpired, "the live code is for another amount")
		}
		d.holds[0].Code = &o.Code
		return d, nil
	}, o.Order)
}

// redeem is the deal behind the customer's live hold: amount and fee are those that the customer confirmed, so of ask
// only the channel counts. The hold's move has no code yet.
func (s *Service) redeem(ctx context.Context, o agents.Operator, c customers.Customer, ask Ask) (*deal, error) {
	if c.MSISDN == o.MSISDN {
		return nil, sameParties()
	}
	// Through which door the customer may come is no matter here: they stand before the agent.
	if err := s.customers.Allow(ctx, c, customers.CashOut, ""); err != nil {
		return nil, onPayee(err)
	}
	hold, err := s.ledger.LiveHold(ctx, c.Wallet, ledger.WithdrawalCode)
	if err != nil {
		return nil, err
	}
	if hold == nil {
		return nil, fault.New(fault.OTPExpired, "customer %s has no live code", c.ID).Field("code", "is not live")
	}
	ask.Amount = money.Of(hold.Minor-hold.Fee, s.currency)
	d := s.newDeal(transactions.CashOut, ask)
	d.from, d.to = customerParty(c), agentParty(o.Agent)
	d.limited = d.from
	d.servedBy(o)
	if err := s.price(d); err != nil {
		return nil, err
	}
	if d.charge, err = promised(d.charge, hold); err != nil {
		return nil, err
	}
	d.holds = []ledger.HoldMove{ledger.RedeemHold(hold.ID, hold.Minor, secret.Text{})}
	d.notices = d.paidOut(c, agents.Staffed{Agent: o.Agent, Operators: []agents.Operator{o}})
	return d, nil
}

// promised is today's charge with the fee and tax that the customer saw when the code was issued.
func promised(today tariffs.Charge, hold *ledger.Hold) (tariffs.Charge, error) {
	tax, err := money.Parse(hold.Metadata[metaTax], today.Fee.Currency)
	if err != nil {
		return tariffs.Charge{}, fault.Wrap(err, fault.InternalServerError, "tax of hold %s", hold.ID)
	}
	today.Fee, today.Tax, today.Version = money.Of(hold.Fee, today.Fee.Currency), tax, hold.Metadata[metaTariff]
	return today, nil
}
