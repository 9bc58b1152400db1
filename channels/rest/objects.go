package rest

import (
	"context"

	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/agents"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/policy"
	"nova/core/transactions"
)

// maxAbove bounds the agents above an agent that are asked for: today there is one.
const maxAbove = 5

// mayHave asks the policies about an object; its error is NOT_FOUND for what the caller may not know of. An operator is
// asked about with whom they work for, and where.
func (a *api) mayHave(ctx context.Context, r policy.Resource) error {
	var o agents.Operator
	if p, _ := web.Caller(ctx); p.Kind == identity.Operator {
		var err error
		if o, err = a.Apps.Workers.OperatorByID(ctx, p.ID); err != nil {
			return err
		}
		if r, err = a.seenBy(ctx, o, r); err != nil {
			return err
		}
	}
	_, err := web.Decide(ctx, func(asked *policy.Request) {
		works(asked, o)
		asked.Resource = r
	})
	return err
}

// seenBy is an object with what only matters to an operator: one float serves all outlets of its agent, and super-agents
// see what is below them.
func (a *api) seenBy(ctx context.Context, o agents.Operator, r policy.Resource) (policy.Resource, error) {
	switch r.Agent {
	case uuid.Nil:
		return r, nil
	case o.Agent.ID:
		if r.Kind == policy.Wallet {
			r.Outlet = o.Outlet.ID
		}
		return r, nil
	}
	var err error
	r.Above, err = a.above(ctx, r.Agent)
	return r, err
}

// above are the agents above an agent, the nearest first.
func (a *api) above(ctx context.Context, agent uuid.UUID) ([]uuid.UUID, error) {
	var list []uuid.UUID
	for range maxAbove {
		below, err := a.Apps.Workers.AgentByID(ctx, agent)
		if fault.Is(err, fault.NotFound) || err == nil && below.Parent == uuid.Nil {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		agent = below.Parent
		list = append(list, agent)
	}
	return list, nil
}

// walletResource is whose an account is, as policies ask.
func walletResource(ctx context.Context, account ledger.Account) policy.Resource {
	r := policy.Resource{Kind: policy.Wallet, ID: account.ID}
	if clients(account) {
		caller, _ := web.Caller(ctx) // the account is this client's, as was asked before
		r.Kind, r.Owner = policy.Account, caller.ID
		return r
	}
	owner, err := uuid.Parse(account.OwnerID)
	if err != nil {
		return r // nobody's whom we know
	}
	switch account.OwnerKind {
	case customers.OwnerKind:
		r.Owner = owner
	case agents.AgentOwnerKind:
		r.Agent = owner
	}
	return r
}

// transactionResource is whose a transaction is: the caller's, if they have a part in it.
func transactionResource(ctx context.Context, t transactions.Transaction) policy.Resource {
	r := policy.Resource{Kind: policy.Transaction, ID: t.ID, Agent: t.Agent, Outlet: t.Outlet}
	caller, _ := web.Caller(ctx) // Decide refuses nobody's question
	if caller.ID == t.From.Owner || caller.ID == t.To.Owner {
		r.Owner = caller.ID
	}
	return r
}
