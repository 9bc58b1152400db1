package rest

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/agents"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/msisdn"
	"nova/core/secret"
)

// person is somebody behind a number, as a door needs to know them: the zero person is nobody.
type person struct {
	subject  identity.Subject
	number   msisdn.MSISDN
	language string
}

// byNumber is who answers to a number, whatever their status: whether they may act is asked when their PIN was right.
func (s *side) byNumber(ctx context.Context, m msisdn.MSISDN) (person, error) {
	if s.kind == identity.Operator {
		o, err := s.Apps.Workers.OperatorByMSISDN(ctx, m)
		return nobodyOr(person{o.Subject(), o.MSISDN, o.Language}, err)
	}
	c, err := s.Apps.People.ByMSISDN(ctx, m)
	return nobodyOr(person{c.Subject(), c.MSISDN, c.Language}, err)
}

func (s *side) byID(ctx context.Context, id uuid.UUID) (person, error) {
	if s.kind == identity.Operator {
		o, err := s.Apps.Workers.OperatorByID(ctx, id)
		return person{o.Subject(), o.MSISDN, o.Language}, err
	}
	c, err := s.Apps.People.ByID(ctx, id)
	return person{c.Subject(), c.MSISDN, c.Language}, err
}

// nobodyOr turns whom nobody knows into the zero person.
func nobodyOr(p person, err error) (person, error) {
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.CustomerNotFound) {
		return person{}, nil
	}
	return p, err
}

// bearerOf is the token of an Authorization header; nothing where there is none.
func bearerOf(header string) secret.Text {
	const scheme = "Bearer "
	if len(header) <= len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return secret.Text{}
	}
	return secret.New(strings.TrimSpace(header[len(scheme):]))
}

// OperatorLogin is how an operator says who they are. It is exported because huma does not look into others.
type OperatorLogin struct {
	AgentCode      string `json:"agent_code" example:"100011" minLength:"1" maxLength:"20"`
	OperatorMSISDN string `json:"operator_msisdn,omitempty" doc:"Which operator; the agent's owner if left out" example:"+12462500011" maxLength:"32"`
}

// operatorOf is the operator whom a login names, zero for nobody, and the login in its one form. Both are found by the same number
// of look-ups whether they are known or not.
func (s *side) operatorOf(ctx context.Context, in OperatorLogin) (identity.Subject, string, error) {
	code := strings.TrimSpace(in.AgentCode)
	if in.OperatorMSISDN == "" {
		if err := web.Allow(ctx, code); err != nil {
			return identity.Subject{}, "", err
		}
		who, err := s.ownerOf(ctx, code)
		return who, code, err
	}
	number, err := s.number(in.OperatorMSISDN, "operator_msisdn")
	if err != nil {
		return identity.Subject{}, "", err
	}
	if err := web.Allow(ctx, number.Digits()); err != nil {
		return identity.Subject{}, "", err
	}
	o, err := s.Apps.Workers.OperatorByMSISDN(ctx, number)
	if err != nil && !fault.Is(err, fault.NotFound) || err == nil && o.Agent.Code == code {
		return o.Subject(), code + "/" + number.Digits(), err
	}
	return identity.Subject{}, code + "/" + number.Digits(), nil
}

// ownerOf is who signs in under an agent's code alone: its owner, or who works there alone.
func (s *side) ownerOf(ctx context.Context, code string) (identity.Subject, error) {
	a, err := s.Apps.Workers.AgentByCode(ctx, code)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return identity.Subject{}, err
	}
	staffed, err := s.Apps.Workers.StaffedByID(ctx, a.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return identity.Subject{}, err
	}
	if n := len(staffed.Operators); n == 0 || n > 1 && staffed.Operators[0].Role != agents.Owner {
		return identity.Subject{}, nil
	}
	return staffed.Operators[0].Subject(), nil
}

type agentLoginInput struct {
	DeviceHeader
	Body struct {
		OperatorLogin
		PIN      secret.Text `json:"pin" doc:"4 to 6 digits" example:"2468" maxLength:"6" minLength:"4"`
		DeviceID string      `json:"device_id,omitempty" doc:"The app's own name of its device; bound ones get tokens that are theirs" example:"7d0f6a52-phone" maxLength:"64"`
	}
}

// AgentTokens are an operator's.
type AgentTokens struct {
	TokenPair
	AgentID    string `json:"agent_id" example:"agt_01kat5m7q8e2r9v4c6x0z3n1bw"`
	OperatorID string `json:"operator_id" example:"opr_01kat5m7q8e2r9v4c6x0z3n1bw"`
}

type agentTokensOutput struct{ Body AgentTokens }

// agentLogin answers POST /v1/agent/auth/login.
func (s *side) agentLogin(ctx context.Context, in *agentLoginInput) (*agentTokensOutput, error) {
	device, err := in.device(in.Body.DeviceID)
	if err != nil {
		return nil, err
	}
	who, login, err := s.operatorOf(ctx, in.Body.OperatorLogin)
	if err != nil {
		return nil, err
	}
	return s.agentTokens(ctx)(s.Apps.SignIns.SignIn(ctx, s.typed(ctx, who, login, in.Body.PIN, device)))
}

func (s *side) typed(ctx context.Context, who identity.Subject, login string, pin secret.Text, device string) identity.PINSignIn {
	return identity.PINSignIn{Kind: s.kind, Subject: who, Login: login, PIN: pin, Device: device, Via: web.Via(ctx, s.kind)}
}

// agentRefresh answers POST /v1/agent/auth/refresh.
func (s *side) agentRefresh(ctx context.Context, in *refreshInput) (*agentTokensOutput, error) {
	return s.agentTokens(ctx)(s.Apps.SignIns.Refresh(ctx, s.kind, in.Body.RefreshToken, web.Via(ctx, s.kind)))
}

func (s *side) agentTokens(ctx context.Context) func(identity.SignedIn, error) (*agentTokensOutput, error) {
	return func(in identity.SignedIn, err error) (*agentTokensOutput, error) {
		if err != nil {
			return nil, err
		}
		o, err := s.Apps.Workers.OperatorByID(ctx, in.Subject.ID)
		if err != nil {
			return nil, err
		}
		return &agentTokensOutput{Body: AgentTokens{
			TokenPair: pairOf(in), AgentID: ids.Format(ids.Agent, o.Agent.ID), OperatorID: in.Subject.String(),
		}}, nil
	}
}

// CustomerLogin is how a customer says who they are. It is exported because huma does not look into others.
type CustomerLogin struct {
	MSISDN string `json:"msisdn" example:"+12462501001" maxLength:"32"`
}

// customerOf is the customer whom a login names, zero for nobody, and their number.
func (s *side) customerOf(ctx context.Context, in CustomerLogin) (identity.Subject, string, error) {
	number, err := s.number(in.MSISDN, "msisdn")
	if err != nil {
		return identity.Subject{}, "", err
	}
	if err := web.Allow(ctx, number.Digits()); err != nil {
		return identity.Subject{}, "", err
	}
	who, err := s.byNumber(ctx, number)
	return who.subject, number.Digits(), err
}

type customerLoginInput struct {
	DeviceHeader
	Body struct {
		CustomerLogin
		PIN      secret.Text `json:"pin" doc:"4 to 6 digits" example:"1357" maxLength:"6" minLength:"4"`
		DeviceID string      `json:"device_id,omitempty" doc:"The app's own name of its device; bound ones get tokens that are theirs" example:"7d0f6a52-phone" maxLength:"64"`
	}
}

// CustomerTokens are a customer's.
type CustomerTokens struct {
	TokenPair
	CustomerID string `json:"customer_id" example:"cus_01kat5m7q8e2r9v4c6x0z3n1bw"`
}

type customerTokensOutput struct{ Body CustomerTokens }

// customerLogin answers POST /v1/customer/auth/login.
func (s *side) customerLogin(ctx context.Context, in *customerLoginInput) (*customerTokensOutput, error) {
	device, err := in.device(in.Body.DeviceID)
	if err != nil {
		return nil, err
	}
	who, login, err := s.customerOf(ctx, in.Body.CustomerLogin)
	if err != nil {
		return nil, err
	}
	return customerTokens(s.Apps.SignIns.SignIn(ctx, s.typed(ctx, who, login, in.Body.PIN, device)))
}

// customerRefresh answers POST /v1/customer/auth/refresh.
func (s *side) customerRefresh(ctx context.Context, in *refreshInput) (*customerTokensOutput, error) {
	return customerTokens(s.Apps.SignIns.Refresh(ctx, s.kind, in.Body.RefreshToken, web.Via(ctx, s.kind)))
}

func customerTokens(in identity.SignedIn, err error) (*customerTokensOutput, error) {
	if err != nil {
		return nil, err
	}
	return &customerTokensOutput{Body: CustomerTokens{TokenPair: pairOf(in), CustomerID: in.Subject.String()}}, nil
}
