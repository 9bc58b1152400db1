package rest

import (
	"context"
	"net/http"

	"nova/channels/web"
	"nova/core/identity"
	"nova/core/policy"
	"nova/core/transactions"
)

// mountOwnGuards adds what a customer puts before their own wallet. Anybody who holds a good token may shut the door to dials,
// because haste is what counts; opening it takes the signature of a bound device, as moving money does.
func (a *api) mountOwnGuards(app *web.App) {
	access := web.Needs(policy.CustomerTransact, ScopeSelf)
	const tag = "Customer's app"
	web.Register(app, manage("customer_ussd_block", http.MethodPost, "/v1/customer/ussd/block",
		"Let nobody dial into one's own wallet, whatever SIM they hold", tag, http.StatusNoContent, access), a.blockUSSD)
	web.Register(app, manage("customer_ussd_unblock", http.MethodPost, "/v1/customer/ussd/unblock",
		"Let one's own SIM dial again", tag, http.StatusNoContent, access.SignedByDevice()), a.unblockUSSD)
}

// ownPerson is the caller as a customer whom the policies let act on themselves.
func (a *api) ownPerson(ctx context.Context) (identity.Subject, error) {
	p, err := callerOf(ctx, identity.Customer)
	if err != nil {
		return identity.Subject{}, err
	}
	return p.Subject(), a.mayHave(ctx, policy.Resource{Kind: policy.Person, ID: p.ID, Owner: p.ID})
}

// blockUSSD answers POST /v1/customer/ussd/block.
func (a *api) blockUSSD(ctx context.Context, _ *struct{}) (*struct{}, error) {
	who, err := a.ownPerson(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.Ops.Customers.BlockUSSD(ctx, who, who.ID)
}

type unblockInput struct {
	Key string `header:"Idempotency-Key" doc:"Any: the device's signature covers it, and doing this twice is doing it once" example:"0190c1de" maxLength:"255"`
}

// unblockUSSD answers POST /v1/customer/ussd/unblock.
func (a *api) unblockUSSD(ctx context.Context, _ *unblockInput) (*struct{}, error) {
	who, err := a.ownPerson(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.Ops.Customers.UnblockUSSD(ctx, who, who.ID, transactions.App)
}
