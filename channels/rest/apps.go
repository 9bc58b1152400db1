package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/agents"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/msisdn"
	"nova/core/payments"
	"nova/core/policy"
	"nova/core/secret"
)

// Scopes of people's apps. No client is granted them.
const (
	// ScopeSelf is one's own profile, and proving oneself again.
	ScopeSelf = "self"
	// ScopePayments moves one's own money, or brings people theirs.
	ScopePayments = "txns.write"
)

// PersonScopes lists what the tokens of customers and operators are for. Their purposes and the policies narrow it.
func PersonScopes() []string {
	return []string{ScopeSelf, ScopePayments, ScopeTransactions, ScopeWallets}
}

// SignIns keeps who is signed in. *identity.SignIns is it.
type SignIns interface {
	SignIn(ctx context.Context, in identity.PINSignIn) (identity.SignedIn, error)
	Prove(ctx context.Context, in identity.PINSignIn) (ledger.Key, error)
	Refresh(ctx context.Context, kind identity.Kind, token secret.Text, via identity.Via) (identity.SignedIn, error)
	Logout(ctx context.Context, kind identity.Kind, token secret.Text, via identity.Via) error
	List(ctx context.Context, sub identity.Subject) ([]identity.SignedInDevice, error)
	End(ctx context.Context, sub identity.Subject, session uuid.UUID, via identity.Via) error
}

// OTPs sends one-time codes and knows them again. *identity.OTPs is it.
type OTPs interface {
	Request(ctx context.Context, r identity.OTPRequest) (identity.OTPSent, error)
	Verify(ctx context.Context, session uuid.UUID, code secret.Text, via identity.Via) (identity.OTPVerified, error)
	Use(ctx context.Context, token secret.Text, use identity.OTPUse) error
}

// BoundDevices binds devices to people. *identity.Devices is it.
type BoundDevices interface {
	Bind(ctx context.Context, n identity.NewDevice) (identity.Device, error)
	List(ctx context.Context, sub identity.Subject) ([]identity.Device, error)
	Unbind(ctx context.Context, sub identity.Subject, device string, via identity.Via) error
}

// StepUps gives a second factor for one request. *identity.StepUps is it.
type StepUps interface {
	SendCode(ctx context.Context, p identity.Principal, challenge uuid.UUID, to msisdn.MSISDN, language string) (identity.OTPSent, error)
	Complete(ctx context.Context, p identity.Principal, challenge uuid.UUID, otp secret.Text, via identity.Via) (identity.Token, error)
}

// Proofs wraps what somebody brings to a use case that moves money. *identity.Service is it.
type Proofs interface {
	PIN(sub identity.Subject, pin secret.Text) identity.Proof
	Signature(sub identity.Subject) identity.Proof
	Status(ctx context.Context, sub identity.Subject) (identity.Status, error)
}

// People are customers. *customers.Service is it.
type People interface {
	ByMSISDN(ctx context.Context, m msisdn.MSISDN) (customers.Customer, error)
	ByID(ctx context.Context, id uuid.UUID) (customers.Customer, error)
	ChangePIN(ctx context.Context, key ledger.Key, id uuid.UUID, authorised ledger.Key, pin secret.Text) error
	ConfirmIdentity(ctx context.Context, key ledger.Key, id uuid.UUID, birthYear int, last4 string) error
	SetFirstPIN(ctx context.Context, key ledger.Key, id uuid.UUID, confirmed ledger.Key, pin secret.Text) error
}

// Workers are the operators of agents. *agents.Service is it.
type Workers interface {
	OperatorByMSISDN(ctx context.Context, m msisdn.MSISDN) (agents.Operator, error)
	OperatorByID(ctx context.Context, id uuid.UUID) (agents.Operator, error)
	AgentByCode(ctx context.Context, code string) (agents.Agent, error)
	AgentByID(ctx context.Context, id uuid.UUID) (agents.Agent, error)
	StaffedByID(ctx context.Context, id uuid.UUID) (agents.Staffed, error)
	ChangePIN(ctx context.Context, key ledger.Key, id uuid.UUID, authorised ledger.Key, pin secret.Text) error
}

// Errands move money. *payments.Service is it.
type Errands interface {
	Send(ctx context.Context, o payments.SendOrder) (payments.Receipt, error)
	CashIn(ctx context.Context, o payments.CashInOrder) (payments.Receipt, error)
}

// Lookups bounds how many people's numbers one caller may try, on a handset and in an app together.
type Lookups interface {
	Allow(ctx context.Context, caller msisdn.MSISDN) error
}

// PersonTokens reads the tokens of people, and tells the keys that they are signed with. *identity.Tokens is it.
type PersonTokens interface {
	Verify(ctx context.Context, bearer secret.Text) (identity.Principal, error)
	JWKS() identity.KeySet
}

// Apps are what the API for people's apps is made of. Region is whose local numbers people may type.
type Apps struct {
	SignIns SignIns
	OTPs    OTPs
	Devices BoundDevices
	StepUps StepUps
	Proofs  Proofs
	Tokens  PersonTokens
	People  People
	Workers Workers
	Errands Errands
	Lookups Lookups
	Region  string
}

// side is one kind of people with their own door: operators under /v1/agent, customers under /v1/customer.
type side struct {
	*api
	kind identity.Kind
	// name stands in paths and operation ids.
	name string
	tag  string
}

// mountApps adds what lets an app in, and what an app does with money.
func (a *api) mountApps(app *web.App) {
	agent := &side{api: a, kind: identity.Operator, name: "agent", tag: "Agent's app"}
	customer := &side{api: a, kind: identity.Customer, name: "customer", tag: "Customer's app"}
	for _, s := range []*side{agent, customer} {
		s.mountAuth(app)
		s.mountDevices(app)
	}
	agent.mountOperator(app)
	customer.mountCustomer(app)
	a.mountStepUp(app)
	a.mountPayments(app)
}

func (a *api) mountStepUp(app *web.App) {
	web.Register(app, web.Operation{
		Access: web.Needs(policy.CustomerAccountView, ScopeSelf).Limited(web.RateOTP),
		Operation: huma.Operation{
			OperationID: "stepup_complete", Method: http.MethodPost, Path: "/v1/auth/stepup/complete", Tags: []string{stepUpTag},
			Summary: "A token for the one request that asked for a second factor",
			Description: "An MFA_REQUIRED names a challenge, which lives five minutes. Its owner proves themselves by the code of " +
				"an SMS (otp/request with the purpose step_up and the challenge, then otp/verify), or approves it on the handset. " +
				"The token is good for the very same request - method, path, query and body - once, within two minutes.",
			Errors: append([]int{http.StatusGone, http.StatusTooManyRequests}, refusals...),
		},
	}, a.completeStepUp)
	web.Register(app, get("jwks_get", "/.well-known/jwks.json", stepUpTag, "Public keys that access tokens are signed with",
		web.Open("public: whoever verifies a token elsewhere asks")), a.jwks)
}

const stepUpTag = "Tokens"

// operation is one of a side's, under its door.
func (s *side) operation(method, action, path, summary string, status int, access web.Access) web.Operation {
	op := huma.Operation{
		OperationID: s.name + "_" + action, Method: method, Path: "/v1/" + s.name + path, Summary: summary, Tags: []string{s.tag},
		DefaultStatus: status, Errors: []int{
			http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests,
			http.StatusUnsupportedMediaType, http.StatusServiceUnavailable,
		},
	}
	return web.Operation{Operation: op, Access: access}
}

// own is the caller, who is of the side's kind: the door has seen to it.
func (s *side) own(ctx context.Context) (identity.Principal, error) { return callerOf(ctx, s.kind) }

// callerOf is the caller, if they are of a kind.
func callerOf(ctx context.Context, kind identity.Kind) (identity.Principal, error) {
	p, ok := web.Caller(ctx)
	if !ok || p.Kind != kind {
		return identity.Principal{}, fault.New(fault.CodeForbidden, "%s is no %s", p, kind)
	}
	return p, nil
}

// number reads a number that an app sends.
func (a *api) number(typed, field string) (msisdn.MSISDN, error) {
	m, err := msisdn.Parse(typed, a.Apps.Region)
	if err != nil {
		return m, fault.New(fault.ValidationError, "number").Field(field, "is not a phone number")
	}
	return m, nil
}
