package payments

import (
	"context"

	"github.com/google/uuid"

	"nova/core/agents"
	"nova/core/customers"
	"nova/core/money"
	"nova/core/outbox"
	"nova/core/transactions"
)

// CashOutOrder confirms, on the customer's own handset, that an agent may pay them cash.
type CashOutOrder struct {
	Order
	From, Agent uuid.UUID
	Amount      money.Amount
}

// QuoteCashOut prices a cash-out at an agent. Errors: NOT_FOUND on agent_code, ACCOUNT_FROZEN, ACCOUNT_CLOSED,
// LIMIT_EXCEEDED, INSUFFICIENT_FUNDS, and FORBIDDEN with opens_at while cash waits.
func (s *Service) QuoteCashOut(ctx context.Context, from uuid.UUID, agentCode string, ask Ask) (Quote, error) {
	agent, err := s.agents.AgentByCode(ctx, agentCode)
	if err != nil {
		return Quote{}, err
	}
	d, err := s.cashOut(ctx, from, agents.Staffed{Agent: agent}, ask) // nobody is told of a quote
	if err != nil {
		return Quote{}, err
	}
	return s.quote(ctx, d)
}

// CashOutAtAgent moves the money of a confirmed cash-out: from the wallet to the agent's float, and the agent earns.
// The agent's operators are told to pay.
func (s *Service) CashOutAtAgent(ctx context.Context, o CashOutOrder) (Receipt, error) {
	return s.run(ctx, func() (*deal, error) {
		agent, err := s.agents.StaffedByID(ctx, o.Agent)
		if err != nil {
			return nil, err
		}
		return s.cashOut(ctx, o.From, agent, o.ask(o.Amount))
	}, o.Order)
}

func (s *Service) cashOut(ctx context.Context, from uuid.UUID, agent agents.Staffed, ask Ask) (*deal, error) {
	if err := agent.Usable(); err != nil {
		return nil, onPayee(err)
	}
	payer, err := s.payer(ctx, from, customers.CashOut, ask.Channel)
	if err != nil {
		return nil, err
	}
	d := s.newDeal(transactions.CashOut, ask)
	d.from, d.to = customerParty(payer), agentParty(agent.Agent)
	d.limited = d.from
	d.earner, d.agent, d.outlet = agent.Commission, agent.ID, onlyOutlet(agent.Operators)
	d.proving, d.promisee = payer.Subject(), toldCustomer(payer)
	if err := s.price(d); err != nil {
		return nil, err
	}
	d.notices = append(d.paidOut(payer, agent), d.drawn(toldCustomer(payer), payer.Wallet))
	return d, nil
}

// paidOut are the notices of a cash-out: the customer's receipt, and the operators' word that they may pay.
func (d *deal) paidOut(c customers.Customer, a agents.Staffed) []outbox.Notice {
	notices := []outbox.Notice{
		d.notice(NoticeCashOutCustomer, toldCustomer(c), c.Wallet, map[string]string{
			"fee": d.fee(), "agent": a.TradingName, "agent_code": a.Code,
		}),
	}
	for _, o := range a.Operators {
		notices = append(notices, d.notice(NoticeCashOutOperator, toldOperator(o), a.Float, d.forOperator(c)))
	}
	return notices
}

// onlyOutlet is the outlet where a customer who named just the agent must be; zero if there are several.
func onlyOutlet(operators []agents.Operator) uuid.UUID {
	var only uuid.UUID
	for _, o := range operators {
		if only != uuid.Nil && only != o.Outlet.ID {
			return uuid.Nil
		}
		only = o.Outlet.ID
	}
	return only
}
