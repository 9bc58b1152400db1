package payments

import (
	"context"

	"github.com/google/uuid"

	"nova/core/agents"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/msisdn"
	"nova/core/transactions"
)

// Payee is the early look at whom a customer wants to send money to, before an amount is typed. Errors:
// SAME_PARTIES, CUSTOMER_NOT_FOUND, ACCOUNT_FROZEN, ACCOUNT_CLOSED.
func (s *Service) Payee(ctx context.Context, from uuid.UUID, to msisdn.MSISDN) (Party, error) {
	payee, err := s.payee(ctx, to)
	if err != nil {
		return Party{}, err
	}
	if payee.ID == from {
		return Party{}, sameParties()
	}
	return customerParty(payee), nil
}

// Agent is the early look at an agent where a customer wants cash. Errors: NOT_FOUND on agent_code, ACCOUNT_FROZEN,
// ACCOUNT_CLOSED.
func (s *Service) Agent(ctx context.Context, code string) (Party, error) {
	a, err := s.agents.AgentByCode(ctx, code)
	if err != nil {
		return Party{}, err
	}
	return agentParty(a), onPayee(a.Usable())
}

// Till is the early look at a merchant. Errors: NOT_FOUND on till, ACCOUNT_FROZEN, ACCOUNT_CLOSED.
func (s *Service) Till(ctx context.Context, till string) (Party, error) {
	m, err := s.agents.MerchantByTill(ctx, till)
	if err != nil {
		return Party{}, err
	}
	return merchantParty(m), onPayee(m.Usable())
}

// CashInTo is the early look at whom an operator takes cash for. Errors as Payee's; SAME_PARTIES where an operator
// would pay into the wallet of their own number, which earns commission for nothing.
func (s *Service) CashInTo(ctx context.Context, operator uuid.UUID, to msisdn.MSISDN) (Party, error) {
	o, err := s.operator(ctx, operator)
	if err != nil {
		return Party{}, err
	}
	payee, err := s.payee(ctx, to)
	if err != nil {
		return Party{}, err
	}
	if payee.MSISDN == o.MSISDN {
		return Party{}, sameParties()
	}
	return customerParty(payee), nil
}

// payee is a customer who can receive.
func (s *Service) payee(ctx context.Context, to msisdn.MSISDN) (customers.Customer, error) {
	c, err := s.customers.ByMSISDN(ctx, to)
	if err != nil {
		return customers.Customer{}, err
	}
	return c, onPayee(c.Usable())
}

// payer is a customer who may do this now.
func (s *Service) payer(ctx context.Context, id uuid.UUID, act customers.Act, through transactions.Channel) (
	customers.Customer, error,
) {
	c, err := s.customers.ByID(ctx, id)
	if err != nil {
		return customers.Customer{}, err
	}
	return c, s.customers.Allow(ctx, c, act, through)
}

// pair is a payer who may send now and a payee who can receive, in one read.
func (s *Service) pair(ctx context.Context, from, to uuid.UUID, through transactions.Channel) (
	payer, payee customers.Customer, err error,
) {
	if from == to {
		return payer, payee, sameParties()
	}
	both, err := s.customers.ByIDs(ctx, from, to)
	if err != nil {
		return payer, payee, err
	}
	if err := s.customers.Allow(ctx, both[0], customers.PayOut, through); err != nil {
		return payer, payee, err
	}
	return both[0], both[1], onPayee(both[1].Usable())
}

// operator is somebody who may serve now.
func (s *Service) operator(ctx context.Context, id uuid.UUID) (agents.Operator, error) {
	o, err := s.agents.OperatorByID(ctx, id)
	if err != nil {
		return agents.Operator{}, err
	}
	return o, o.Usable()
}

// onPayee says that it is the payee, and not oneself, whose account is frozen or closed.
func onPayee(err error) error {
	if err == nil {
		return nil
	}
	return fault.From(err).Field("to", "cannot receive")
}

func sameParties() error {
	return fault.New(fault.SameParties, "payer and payee are one").Field("to", "is the payer")
}

func customerParty(c customers.Customer) Party {
	return Party{Owner: c.ID, Account: c.Wallet, Name: c.Shown(), Tier: c.Tier, MSISDN: c.MSISDN}
}

func agentParty(a agents.Agent) Party {
	return Party{Owner: a.ID, Account: a.Float, Name: a.TradingName}
}

func merchantParty(m agents.Merchant) Party {
	return Party{Owner: m.ID, Account: m.Account, Name: m.Name}
}

func toldCustomer(c customers.Customer) told { return told{to: c.MSISDN, language: c.Language} }
func toldOperator(o agents.Operator) told    { return told{to: o.MSISDN, language: o.Language} }
