package rest

import (
	"context"

	"nova/channels/web"
	"nova/core/ids"
	"nova/core/policy"
)

func (s *side) mountCustomer(app *web.App) {
	web.Register(app, get("customer_me", "/v1/customer/me", s.tag, "Who one is", web.Needs(policy.CustomerAccountView, ScopeSelf)), s.customerMe)
}

func (s *side) mountOperator(app *web.App) {
	web.Register(app, get("agent_me", "/v1/agent/me", s.tag, "Whom one works for, and as what", web.Needs(policy.AgentTransact, ScopeSelf)), s.agentMe)
}

// CustomerProfile is what a customer is told about themselves.
type CustomerProfile struct {
	CustomerID  string `json:"customer_id" example:"cus_01kat5m7q8e2r9v4c6x0z3n1bw"`
	MSISDN      string `json:"msisdn" example:"+12462501001"`
	FirstName   string `json:"first_name" example:"Marcia"`
	LastName    string `json:"last_name" example:"Brathwaite"`
	Language    string `json:"language" example:"en"`
	Status      string `json:"status" enum:"active,suspended,closed" example:"active"`
	Tier        int    `json:"tier" doc:"KYC tier, which bounds amounts" example:"1"`
	KYCStatus   string `json:"kyc_status" example:"approved"`
	WalletID    string `json:"wallet_id" example:"wal_01kat5m7q8e2r9v4c6x0z3n1bw"`
	USSDBlocked bool   `json:"ussd_blocked" doc:"Nobody may dial into the wallet"`
}

type customerMeOutput struct{ Body CustomerProfile }

// customerMe answers GET /v1/customer/me.
func (s *side) customerMe(ctx context.Context, _ *struct{}) (*customerMeOutput, error) {
	p, err := s.own(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.Apps.People.ByID(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	return &customerMeOutput{Body: CustomerProfile{
		CustomerID: ids.Format(ids.Customer, c.ID), MSISDN: c.MSISDN.E164(), FirstName: c.FirstName, LastName: c.LastName,
		Language: c.Language, Status: string(c.Status), Tier: c.Tier, KYCStatus: c.KYCStatus,
		WalletID: ids.Format(ids.Wallet, c.Wallet), USSDBlocked: c.USSDBlockedAt != nil,
	}}, nil
}

// OperatorProfile is who works for an agent.
type OperatorProfile struct {
	OperatorID string `json:"operator_id" example:"opr_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Name       string `json:"name" example:"Oistins Corner Shop"`
	Role       string `json:"role" enum:"owner,manager,cashier,viewer" example:"owner"`
}

// AgentProfile is what an operator is told about their agent.
type AgentProfile struct {
	AgentID       string          `json:"agent_id" example:"agt_01kat5m7q8e2r9v4c6x0z3n1bw"`
	AgentCode     string          `json:"agent_code" example:"100011"`
	Type          string          `json:"type" enum:"super_agent,agent" example:"agent"`
	Status        string          `json:"status" enum:"active,suspended,closed" example:"active"`
	LegalName     string          `json:"legal_name" example:"Oistins Corner Shop"`
	TradingName   string          `json:"trading_name" example:"Oistins Corner Shop"`
	MSISDN        string          `json:"msisdn" doc:"The operator's" example:"+12462500011"`
	Language      string          `json:"language" example:"en"`
	ParentAgentID string          `json:"parent_agent_id,omitempty" example:"agt_01kat5m7q8e2r9v4c6x0z3n1bw"`
	OutletID      string          `json:"outlet_id" example:"out_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Operator      OperatorProfile `json:"operator"`
}

type agentMeOutput struct{ Body AgentProfile }

// agentMe answers GET /v1/agent/me.
func (s *side) agentMe(ctx context.Context, _ *struct{}) (*agentMeOutput, error) {
	p, err := s.own(ctx)
	if err != nil {
		return nil, err
	}
	o, err := s.Apps.Workers.OperatorByID(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	return &agentMeOutput{Body: AgentProfile{
		AgentID: ids.Format(ids.Agent, o.Agent.ID), AgentCode: o.Agent.Code, Type: string(o.Agent.Type), Status: string(o.Agent.Status),
		LegalName: o.Agent.LegalName, TradingName: o.Agent.TradingName, MSISDN: o.MSISDN.E164(), Language: o.Language,
		ParentAgentID: idOrNone(ids.Agent, o.Agent.Parent), OutletID: ids.Format(ids.Outlet, o.Outlet.ID),
		Operator: OperatorProfile{OperatorID: ids.Format(ids.Operator, o.ID), Name: o.Name, Role: string(o.Role)},
	}}, nil
}
