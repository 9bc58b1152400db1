package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/agents"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/msisdn"
	"nova/core/payments"
	"nova/core/policy"
	"nova/core/secret"
	"nova/core/transactions"
)

// mountPayments adds what moves people's money from their apps.
func (a *api) mountPayments(app *web.App) {
	web.Register(app, payment("txn_p2p", "/v1/txns/p2p", "Send money from one's own wallet to another customer's",
		web.Needs(policy.CustomerTransact, ScopePayments)), a.sendMoney)
	web.Register(app, payment("txn_cashin", "/v1/txns/cashin", "Take cash for a customer: from the float to their wallet",
		web.Needs(policy.AgentTransact, ScopePayments)), a.cashIn)
}

// payment is an operation that moves money from an app.
func payment(id, path, summary string, access web.Access) web.Operation {
	return web.Operation{Access: access.SignedByDevice(), Operation: huma.Operation{
		OperationID: id, Method: http.MethodPost, Path: path, Summary: summary, Tags: []string{"Transactions"},
		DefaultStatus: http.StatusCreated,
		Description: "Signed by the bound device, whose signature proves its owner; a pin is compared as well where one is sent. The fee " +
			"is the price list's; an overdraft is not drawn on. Above a configured amount, and from a device bound lately, the " +
			"answer is MFA_REQUIRED with a challenge: see stepup/complete.",
		Errors: []int{
			http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusGone,
			http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusLocked, http.StatusTooManyRequests,
			http.StatusServiceUnavailable,
		},
	}}
}

// CustomerRef names a customer, one way or the other.
type CustomerRef struct {
	MSISDN     string `json:"msisdn,omitempty" example:"+12462501002" maxLength:"32"`
	CustomerID string `json:"customer_id,omitempty" example:"cus_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
}

type sendInput struct {
	Idempotent
	DeviceHeader
	Body struct {
		Recipient CustomerRef `json:"recipient"`
		Amount    MoneyInput  `json:"amount"`
		PIN       secret.Text `json:"pin,omitzero" doc:"Compared as well, where it is sent" example:"1357" maxLength:"6" minLength:"4"`
		Note      string      `json:"note,omitempty" doc:"The payer's own words" example:"rent" maxLength:"140"`
	}
}

type cashInInput struct {
	Idempotent
	DeviceHeader
	Body struct {
		Customer CustomerRef `json:"customer"`
		Amount   MoneyInput  `json:"amount"`
		PIN      secret.Text `json:"pin,omitzero" doc:"The operator's; compared as well, where it is sent" example:"2468" maxLength:"6" minLength:"4"`
		Note     string      `json:"note,omitempty" doc:"The operator's own words" example:"market day" maxLength:"140"`
	}
}

type paidOutput struct {
	Replay
	Body Txn
}

// sendMoney answers POST /v1/txns/p2p.
func (a *api) sendMoney(ctx context.Context, in *sendInput) (*paidOutput, error) {
	p, err := a.payer(ctx, identity.Customer, in.DeviceHeader)
	if err != nil {
		return nil, err
	}
	payer, err := a.Apps.People.ByID(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	amount, err := in.Body.Amount.parse("amount")
	if err != nil {
		return nil, err
	}
	_, err = web.Decide(ctx, func(r *policy.Request) {
		r.Resource = policy.Resource{Kind: policy.Wallet, ID: payer.Wallet, Owner: payer.ID}
		r.Context.Amount, r.Context.PIN = amount, !in.Body.PIN.IsZero()
		if payer.SIMSwappedAt != nil {
			r.Context.SIMSwappedAt = *payer.SIMSwappedAt
		}
		if payer.PINResetAt != nil {
			r.Context.PINResetAt = *payer.PINResetAt
		}
	})
	if err != nil {
		return nil, err
	}
	order, err := a.confirmed(ctx, p, confirmation{&in.Idempotent, in.Body.PIN, in.Body.Note, transactions.App})
	if err != nil {
		return nil, err
	}
	to, err := a.payee(ctx, payer.MSISDN, in.Body.Recipient, "recipient")
	if err != nil {
		return nil, err
	}
	return a.paid(ctx)(a.Apps.Errands.Send(ctx, payments.SendOrder{Order: order, From: payer.ID, To: to, Amount: amount}))
}

// cashIn answers POST /v1/txns/cashin.
func (a *api) cashIn(ctx context.Context, in *cashInInput) (*paidOutput, error) {
	p, err := a.payer(ctx, identity.Operator, in.DeviceHeader)
	if err != nil {
		return nil, err
	}
	o, err := a.Apps.Workers.OperatorByID(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	status, err := a.Apps.Proofs.Status(ctx, p.Subject())
	if err != nil {
		return nil, err
	}
	amount, err := in.Body.Amount.parse("amount")
	if err != nil {
		return nil, err
	}
	to, err := a.payee(ctx, o.MSISDN, in.Body.Customer, "customer")
	if err != nil {
		return nil, err
	}
	_, err = web.Decide(ctx, func(r *policy.Request) {
		works(r, o)
		r.Resource = policy.Resource{Kind: policy.Person, ID: to, Owner: to}
		r.Context.Amount, r.Context.PIN, r.Context.PINResetAt = amount, !in.Body.PIN.IsZero(), status.ResetAt
	})
	if err != nil {
		return nil, err
	}
	order, err := a.confirmed(ctx, p, confirmation{&in.Idempotent, in.Body.PIN, in.Body.Note, transactions.AgentApp})
	if err != nil {
		return nil, err
	}
	return a.paid(ctx)(a.Apps.Errands.CashIn(ctx, payments.CashInOrder{Order: order, Operator: o.ID, To: to, Amount: amount}))
}

// payer is the caller of a kind, on the device that the request says.
func (a *api) payer(ctx context.Context, kind identity.Kind, h DeviceHeader) (identity.Principal, error) {
	p, err := callerOf(ctx, kind)
	if err == nil && h.DeviceID != "" && h.DeviceID != p.Device {
		err = fault.New(fault.Unauthorized, "token of %s is another device's", p)
	}
	return p, err
}

// confirmation is what a request brings besides whom and how much.
type confirmation struct {
	*Idempotent
	pin     secret.Text
	note    string
	channel transactions.Channel
}

// confirmed makes the order of a request: one key of one person is one intent, whatever device or token it comes with.
func (a *api) confirmed(ctx context.Context, p identity.Principal, c confirmation) (payments.Order, error) {
	key, body, err := c.Claim(ctx, a.Bodies)
	if err != nil {
		return payments.Order{}, err
	}
	o := payments.Order{Key: key, Body: body, Intent: intentOf(key), AtTariff: true, Channel: c.channel, Note: c.note}
	switch {
	case !web.Signed(ctx):
		err = fault.New(fault.DeviceNotBound, "%s moves money unsigned", p)
	case c.pin.IsZero():
		o.Proof = a.Apps.Proofs.Signature(p.Subject())
	default:
		o.Proof = a.Apps.Proofs.PIN(p.Subject(), c.pin)
	}
	return o, err
}

// intentOf names the intent of a request whose app has asked for no quote: the same for the same key, for ever.
func intentOf(key ledger.Key) uuid.UUID {
	digest := key.Digest()
	id := uuid.UUID(digest[:16])
	id[6], id[8] = 0x80|id[6]&0x0f, 0x80|id[8]&0x3f // version 8: ours to define (RFC 9562, 5.8)
	return id
}

// payee is whom money goes to. Nobody tries numbers at speed.
func (a *api) payee(ctx context.Context, caller msisdn.MSISDN, ref CustomerRef, field string) (uuid.UUID, error) {
	if err := a.Apps.Lookups.Allow(ctx, caller); err != nil {
		return uuid.Nil, err
	}
	return a.customer(ctx, ref, field)
}

// customer finds whom a field names.
func (a *api) customer(ctx context.Context, ref CustomerRef, field string) (uuid.UUID, error) {
	if (ref.MSISDN == "") == (ref.CustomerID == "") {
		return uuid.Nil, fault.New(fault.ValidationError, "%s named twice or not at all", field).
			Field(field, "is either an msisdn or a customer_id")
	}
	if ref.CustomerID != "" {
		id, err := ids.Parse(ids.Customer, ref.CustomerID)
		if err != nil {
			id, err = ids.Parse(ids.User, ref.CustomerID)
		}
		if err != nil {
			return uuid.Nil, malformed(field+".customer_id", err)
		}
		c, err := a.Apps.People.ByID(ctx, id)
		return c.ID, err
	}
	number, err := a.number(ref.MSISDN, field+".msisdn")
	if err != nil {
		return uuid.Nil, err
	}
	c, err := a.Apps.People.ByMSISDN(ctx, number)
	return c.ID, err
}

// paid words what an errand did, as it was when it was done: what became of it later is not part of a first answer.
func (a *api) paid(ctx context.Context) func(payments.Receipt, error) (*paidOutput, error) {
	return func(r payments.Receipt, err error) (*paidOutput, error) {
		if err != nil {
			return nil, err
		}
		done, err := a.Transactions.ByID(ctx, r.Transaction)
		if err != nil {
			return nil, fault.Wrap(err, fault.ServiceUnavailable, "read transaction %s, which is done", r.Transaction)
		}
		done.Status, done.ReversedBy = transactions.Completed, uuid.Nil
		body, err := txnOf(done)
		if err != nil {
			return nil, err
		}
		replay, err := again(r.Replayed, nil)
		return &paidOutput{Replay: replay, Body: body}, err
	}
}

// works tells the policies whom an operator works for, and where.
func works(r *policy.Request, o agents.Operator) {
	r.Caller.Agent, r.Caller.Outlet = o.Agent.ID, o.Outlet.ID
}
