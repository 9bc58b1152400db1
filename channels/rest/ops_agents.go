package rest

import (
	"context"

	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/agents"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/policy"
)

// opsParts is the table of what can be suspended: its word in paths and in the names of operations, and its ids.
var opsParts = []struct {
	part   agents.Part
	path   string
	prefix ids.Prefix
}{
	{agents.PartAgent, "agents", ids.Agent},
	{agents.PartOutlet, "outlets", ids.Outlet},
	{agents.PartOperator, "operators", ids.Operator},
	{agents.PartMerchant, "merchants", ids.Merchant},
}

// mountOpsAgents adds what suspends and reinstates agents, and who stands under them.
func (a *api) mountOpsAgents(app *web.App) {
	access := web.Needs(policy.ConfigChange, ScopeOpsAgents)
	for _, row := range opsParts {
		one := "/v1/ops/" + row.path + "/{id}"
		web.Register(app, opsAct("ops_"+string(row.part)+"_suspend", one+"/suspend",
			"Suspend: the "+string(row.part)+", and who stands under it, may do nothing; their sign-ins end", access),
			a.partStatus(row.part, row.prefix, agents.Suspended))
		web.Register(app, opsAct("ops_"+string(row.part)+"_reinstate", one+"/reinstate", "Undo the suspension", access),
			a.partStatus(row.part, row.prefix, agents.Active))
	}
}

type partStatusInput struct {
	ID   string `path:"id" doc:"Id of what is suspended or reinstated" maxLength:"64"`
	Body WhyBody
}

// partStatus answers what suspends and reinstates.
func (a *api) partStatus(part agents.Part, prefix ids.Prefix, to agents.Status,
) func(context.Context, *partStatusInput) (*struct{}, error) {
	return func(ctx context.Context, in *partStatusInput) (*struct{}, error) {
		id, err := ids.Parse(prefix, in.ID)
		if err != nil {
			return nil, malformed("id", err)
		}
		about, err := a.aboutPart(ctx, part, id)
		if err != nil {
			return nil, err
		}
		if _, err := web.Decide(ctx, func(r *policy.Request) { r.Resource = about }); err != nil {
			return nil, err
		}
		change := agents.Change{Of: part, ID: id, To: to, Why: in.Body.Reason}
		if err := a.Ops.Agents.SetStatus(ctx, acting(ctx), change); err != nil || to == agents.Active {
			return nil, err
		}
		return nil, a.signOut(ctx, id, string(part)+" "+string(to))
	}
}

// aboutPart is the object that the policies are asked about: an operator's is where they work, a merchant's the account that
// the till pays into.
func (a *api) aboutPart(ctx context.Context, part agents.Part, id uuid.UUID) (policy.Resource, error) {
	switch part {
	case agents.PartOperator:
		o, err := a.Ops.Agents.OperatorByID(ctx, id)
		return policy.Resource{Kind: policy.Outlet, ID: o.Outlet.ID, Agent: o.Agent.ID, Outlet: o.Outlet.ID}, err
	case agents.PartMerchant:
		m, err := a.Ops.Agents.MerchantByID(ctx, id)
		return policy.Resource{Kind: policy.Wallet, ID: m.Account, Owner: m.ID}, err
	case agents.PartOutlet:
		return policy.Resource{Kind: policy.Outlet, ID: id, Outlet: id}, nil
	case agents.PartAgent:
	}
	return policy.Resource{Kind: policy.Agent, ID: id, Agent: id}, nil
}

// signOut ends the sign-ins of everybody who stands under what was suspended. Their handsets are asked at each hop.
func (a *api) signOut(ctx context.Context, of uuid.UUID, reason string) error {
	for after := uuid.Nil; ; {
		page, err := a.Ops.Agents.OperatorsUnder(ctx, of, after)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, id := range page {
			operator := identity.Subject{Kind: identity.Operator, ID: id}
			if err := a.Ops.SignIns.RevokeSubject(ctx, operator, reason, web.Via(ctx, identity.Staff)); err != nil {
				return err
			}
			after = id
		}
	}
}
