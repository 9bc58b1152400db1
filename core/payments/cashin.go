package payments

import (
	"context"

	"github.com/google/uuid"

	"nova/core/agents"
	"nova/core/customers"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/outbox"
	"nova/core/transactions"
)

// CashInOrder confirms that an operator took cash for a customer.
type CashInOrder struct {
	Order
	Operator, To uuid.UUID
	Amount       money.Amount
}

// QuoteCashIn prices a cash-in. Errors: SAME_PARTIES for the operator's own number, CUSTOMER_NOT_FOUND,
// ACCOUNT_FROZEN, ACCOUNT_CLOSED, LIMIT_EXCEEDED, INSUFFICIENT_FUNDS (the float is too low), MAX_BALANCE_EXCEEDED.
func (s *Service) QuoteCashIn(ctx context.Context, operator uuid.UUID, to msisdn.MSISDN, ask Ask) (Quote, error) {
	o, err := s.operator(ctx, operator)
	if err != nil {
		return Quote{}, err
	}
	payee, err := s.payee(ctx, to)
	if err != nil {
		return Quote{}, err
	}
	d, err := s.cashIn(o, payee, ask)
	if err != nil {
		return Quote{}, err
	}
	return s.quote(ctx, d)
}

// CashIn moves the money of a confirmed cash-in: from the agent's float to the wallet, and the agent earns.
func (s *Service) CashIn(ctx context.Context, o CashInOrder) (Receipt, error) {
	return s.run(ctx, func() (*deal, error) {
		operator, err := s.operator(ctx, o.Operator)
		if err != nil {
			return nil, err
		}
		payee, err := s.customers.ByID(ctx, o.To)
		if err != nil {
			return nil, err
		}
		if err := payee.Usable(); err != nil {
			return nil, onPayee(err)
		}
		return s.cashIn(operator, payee, o.ask(o.Amount))
	}, o.Order)
}

func (s *Service) cashIn(o agents.Operator, payee customers.Customer, ask Ask) (*deal, error) {
	if payee.MSISDN == o.MSISDN {
		return nil, sameParties()
	}
	d := s.newDeal(transactions.CashIn, ask)
	d.from, d.to = agentParty(o.Agent), customerParty(payee)
	d.limited, d.capped = d.to, &d.to
	d.servedBy(o)
	if err := s.price(d); err != nil {
		return nil, err
	}
	d.notices = []outbox.Notice{
		d.notice(NoticeCashInCustomer, toldCustomer(payee), payee.Wallet, map[string]string{
			"fee": d.fee(), "agent": o.Agent.TradingName, "agent_code": o.Agent.Code,
		}),
		d.notice(NoticeCashInOperator, toldOperator(o), o.Agent.Float, d.forOperator(payee)),
		d.repaid(toldCustomer(payee), payee.Wallet),
	}
	return d, nil
}

// servedBy records the operator who confirms, and that their agent earns.
func (d *deal) servedBy(o agents.Operator) {
	d.earner, d.agent, d.outlet, d.operator = o.Agent.Commission, o.Agent.ID, o.Outlet.ID, o.ID
	d.proving, d.promisee = o.Subject(), toldOperator(o)
}

// forOperator are the arguments of what an operator is told about a customer. Called when the deal is priced.
func (d *deal) forOperator(c customers.Customer) map[string]string {
	return map[string]string{
		"commission": d.charge.Commission.Format(), "customer": c.Shown(), "customer_number": c.MSISDN.Digits(),
	}
}
