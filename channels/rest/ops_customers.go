package rest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"nova/channels/web"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/msisdn"
	"nova/core/policy"
	"nova/core/transactions"
)

// mountOpsCustomers adds what support sees of customers and does for them.
func (a *api) mountOpsCustomers(app *web.App) {
	access := web.Needs(policy.SupportInvestigate, ScopeOpsCustomers)
	const one = "/v1/ops/customers/{customer_id}"
	lookup := manage("ops_customer_lookup", http.MethodPost, "/v1/ops/customers/lookup", "Find a customer by number", opsTag,
		http.StatusOK, access.Limited(web.RateLookup))
	lookup.Description = "Masked unless a policy lets the caller see the whole. That somebody looked is recorded, or nothing is shown."
	web.Register(app, lookup, a.lookupCustomer)
	web.Register(app, get("ops_customer_get", one, opsTag, "One customer", access), a.opsCustomer)
	web.Register(app, opsAct("ops_customer_suspend", one+"/suspend", "Let a customer do nothing; their sign-ins end", access),
		a.customerStatus(customers.Suspended))
	web.Register(app, opsAct("ops_customer_reinstate", one+"/reinstate", "Undo a suspension", access),
		a.customerStatus(customers.Active))
	web.Register(app, opsAct("ops_pin_unlock", one+"/pin/unlock", "Forget wrong PINs, and the lock that they led to", access),
		a.unlockPIN)
	reset := manage("ops_pin_reset", http.MethodPost, one+"/pin/reset",
		"Let a customer who has shown their ID choose another PIN at the next dial within a day", opsTag, http.StatusOK,
		access.Limited(web.RateOTP))
	reset.Description = "What support reads from the ID is compared as a customer's own answers are, and wrong ones count with " +
		"those: PIN_INVALID with attempts_left says that the ID is another one. Once the PIN is set, money out waits some hours."
	reset.Errors = append(reset.Errors, http.StatusLocked, http.StatusTooManyRequests)
	web.Register(app, reset, a.openReset)
	web.Register(app, opsAct("ops_sim_swap", one+"/sim-swap", "Report that a customer's SIM was changed", access), a.reportSIMSwap)
	web.Register(app, opsAct("ops_ussd_block", one+"/ussd/block", "Let nobody dial into a customer's wallet", access),
		a.onCustomer(func(ctx context.Context, c customers.Customer) error {
			return a.Ops.Customers.BlockUSSD(ctx, acting(ctx), c.ID)
		}))
	web.Register(app, opsAct("ops_ussd_unblock", one+"/ussd/unblock", "Let a customer dial again", access),
		a.onCustomer(func(ctx context.Context, c customers.Customer) error {
			return a.Ops.Customers.UnblockUSSD(ctx, acting(ctx), c.ID, transactions.Console)
		}))
}

// OpsCustomer is a customer as staff see one. What is masked names nobody to a stranger: the number's last digits, the first
// name and an initial.
type OpsCustomer struct {
	CustomerID    string `json:"customer_id" example:"cus_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Masked        bool   `json:"masked" doc:"Personal data is shown in part alone"`
	PhoneNumber   string `json:"phone_number" example:"***1002"`
	Name          string `json:"name" example:"Andre C."`
	BirthDate     string `json:"date_of_birth,omitempty" doc:"Left out where masked" example:"1990-07-02"`
	Language      string `json:"language" example:"en"`
	Status        string `json:"status" enum:"active,suspended,closed" example:"active"`
	Tier          string `json:"tier" example:"T1"`
	KYCStatus     string `json:"kyc_status" example:"verified"`
	PIN           OpsPIN `json:"pin"`
	SIMSwappedAt  *Time  `json:"sim_swapped_at,omitempty" doc:"The newest change of the SIM that is known"`
	USSDBlockedAt *Time  `json:"ussd_blocked_at,omitempty" doc:"Since when nobody may dial into the wallet"`
}

// OpsPIN is how a customer's PIN stands.
type OpsPIN struct {
	Set         bool  `json:"set"`
	LockedUntil *Time `json:"locked_until,omitempty"`
	TriesLeft   int   `json:"tries_left" example:"3"`
	MustChange  bool  `json:"must_change"`
	ResetOpen   bool  `json:"reset_open" doc:"The next dial sets another one"`
	ResetAt     *Time `json:"reset_at,omitempty" doc:"When a reset set the one there is; money out waits some hours from then on"`
}

func opsCustomerOf(c customers.Customer, pin identity.Status, mask bool) OpsCustomer {
	out := OpsCustomer{
		CustomerID: ids.Format(ids.Customer, c.ID), Masked: mask, PhoneNumber: c.MSISDN.Masked(), Name: c.Shown(),
		Language: c.Language, Status: string(c.Status), Tier: "T" + string(rune('0'+c.Tier)), KYCStatus: c.KYCStatus,
		PIN: OpsPIN{
			Set: pin.HasPIN, LockedUntil: timeOrNone(pin.LockedUntil), TriesLeft: pin.TriesLeft, MustChange: pin.MustChange,
			ResetOpen: pin.ResetOpen, ResetAt: timeOrNone(pin.ResetAt),
		},
	}
	if c.SIMSwappedAt != nil {
		out.SIMSwappedAt = timeOrNone(*c.SIMSwappedAt)
	}
	if c.USSDBlockedAt != nil {
		out.USSDBlockedAt = timeOrNone(*c.USSDBlockedAt)
	}
	if !mask {
		out.PhoneNumber, out.Name = c.MSISDN.E164(), strings.TrimSpace(c.FirstName+" "+c.LastName)
		out.BirthDate = string(c.BirthDate)
	}
	return out
}

type opsCustomerOutput struct{ Body OpsCustomer }

// shownCustomer words a customer whom the caller may see, once that is recorded.
func (a *api) shownCustomer(ctx context.Context, c customers.Customer) (*opsCustomerOutput, error) {
	d, err := mayHandle(ctx, c)
	if err != nil {
		return nil, err
	}
	if c, err = a.Ops.Customers.Consult(ctx, acting(ctx), c.ID); err != nil {
		return nil, err
	}
	pin, err := a.Ops.PINs.Status(ctx, c.Subject())
	if err != nil {
		return nil, err
	}
	return &opsCustomerOutput{Body: opsCustomerOf(c, pin, d.Mask)}, nil
}

// mayHandle asks the policies about a customer.
func mayHandle(ctx context.Context, c customers.Customer) (policy.Decision, error) {
	return web.Decide(ctx, func(r *policy.Request) {
		r.Resource = policy.Resource{Kind: policy.Person, ID: c.ID, Owner: c.ID}
	})
}

type opsLookupInput struct {
	Body struct {
		PhoneNumber string `json:"phone_number" doc:"As people write it at home, or with + and the country's code" example:"+12462501002" minLength:"4" maxLength:"40"`
	}
}

// lookupCustomer answers POST /v1/ops/customers/lookup. It is no GET, because a number in a path would be in every log.
func (a *api) lookupCustomer(ctx context.Context, in *opsLookupInput) (*opsCustomerOutput, error) {
	number, err := msisdn.Parse(in.Body.PhoneNumber, a.Ops.Region)
	if err != nil {
		return nil, fault.Wrap(err, fault.ValidationError, "lookup of no number").Field("phone_number", "is not a phone number")
	}
	if err := web.Allow(ctx, number.Digits()); err != nil {
		return nil, err
	}
	c, err := a.Ops.Customers.ByMSISDN(ctx, number)
	if err != nil {
		return nil, err
	}
	return a.shownCustomer(ctx, c)
}

// OpsCustomerInput is what every operation on a customer takes.
type OpsCustomerInput struct {
	CustomerID string `path:"customer_id" doc:"Id of the customer" example:"cus_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
}

// customerNamed finds the customer of a path.
func (a *api) customerNamed(ctx context.Context, in *OpsCustomerInput) (customers.Customer, error) {
	id, err := ids.Parse(ids.Customer, in.CustomerID)
	if err != nil {
		return customers.Customer{}, malformed("customer_id", err)
	}
	c, err := a.Ops.Customers.ByID(ctx, id)
	if fault.Is(err, fault.CustomerNotFound) {
		err = fault.Wrap(err, fault.NotFound, "no customer of that id")
	}
	return c, err
}

// handled finds a customer for whom the caller may do something.
func (a *api) handled(ctx context.Context, in *OpsCustomerInput) (customers.Customer, error) {
	c, err := a.customerNamed(ctx, in)
	if err != nil {
		return c, err
	}
	_, err = mayHandle(ctx, c)
	return c, err
}

type opsCustomerInput struct{ OpsCustomerInput }

// opsCustomer answers GET /v1/ops/customers/{customer_id}.
func (a *api) opsCustomer(ctx context.Context, in *opsCustomerInput) (*opsCustomerOutput, error) {
	c, err := a.customerNamed(ctx, &in.OpsCustomerInput)
	if err != nil {
		return nil, err
	}
	return a.shownCustomer(ctx, c)
}

// onCustomer answers what is done to a customer without more words.
func (a *api) onCustomer(do func(context.Context, customers.Customer) error,
) func(context.Context, *opsCustomerInput) (*struct{}, error) {
	return func(ctx context.Context, in *opsCustomerInput) (*struct{}, error) {
		c, err := a.handled(ctx, &in.OpsCustomerInput)
		if err != nil {
			return nil, err
		}
		return nil, do(ctx, c)
	}
}

// unlockPIN answers POST /v1/ops/customers/{customer_id}/pin/unlock.
func (a *api) unlockPIN(ctx context.Context, in *opsCustomerInput) (*struct{}, error) {
	return a.onCustomer(func(ctx context.Context, c customers.Customer) error {
		return a.Ops.PINs.Unlock(ctx, c.Subject(), web.Via(ctx, identity.Staff))
	})(ctx, in)
}

type customerStatusInput struct {
	OpsCustomerInput
	Body WhyBody
}

// customerStatus answers what suspends and reinstates. Who is suspended is signed out at once.
func (a *api) customerStatus(to customers.Status) func(context.Context, *customerStatusInput) (*struct{}, error) {
	return func(ctx context.Context, in *customerStatusInput) (*struct{}, error) {
		c, err := a.handled(ctx, &in.OpsCustomerInput)
		if err != nil {
			return nil, err
		}
		if err := a.Ops.Customers.SetStatus(ctx, acting(ctx), c.ID, to, in.Body.Reason); err != nil || to == customers.Active {
			return nil, err
		}
		return nil, a.Ops.SignIns.RevokeSubject(ctx, c.Subject(), string(to), web.Via(ctx, identity.Staff))
	}
}

type openResetInput struct {
	OpsCustomerInput
	Body struct {
		BirthYear int    `json:"birth_year" doc:"As the ID shows it" example:"1990" minimum:"1900" maximum:"2100"`
		IDLast4   string `json:"id_last4" doc:"The last four characters of the ID's number" example:"0022" minLength:"4" maxLength:"4"`
	}
}

// ResetOpened is a reset that waits for the customer's next dial.
type ResetOpened struct {
	ExpiresAt Time `json:"expires_at"`
}

type openResetOutput struct{ Body ResetOpened }

// openReset answers POST /v1/ops/customers/{customer_id}/pin/reset.
func (a *api) openReset(ctx context.Context, in *openResetInput) (*openResetOutput, error) {
	c, err := a.handled(ctx, &in.OpsCustomerInput)
	if err != nil {
		return nil, err
	}
	seen := customers.IDCheck{BirthYear: in.Body.BirthYear, Last4: in.Body.IDLast4}
	if err := a.Ops.Customers.OpenReset(ctx, web.Via(ctx, identity.Staff), c.ID, seen); err != nil {
		return nil, err
	}
	return &openResetOutput{Body: ResetOpened{ExpiresAt: Time(a.Clock.Now().Add(identity.ResetWindow))}}, nil
}

type simSwapInput struct {
	OpsCustomerInput
	Body struct {
		SwappedAt time.Time `json:"swapped_at" doc:"When, as far as is known" example:"2026-11-21T13:00:00Z"`
		Source    string    `json:"source" doc:"Who knows it" example:"customer's call" minLength:"1" maxLength:"64"`
	}
}

// reportSIMSwap answers POST /v1/ops/customers/{customer_id}/sim-swap.
func (a *api) reportSIMSwap(ctx context.Context, in *simSwapInput) (*struct{}, error) {
	c, err := a.handled(ctx, &in.OpsCustomerInput)
	if err != nil {
		return nil, err
	}
	return nil, a.Ops.Customers.ReportSIMSwap(ctx, acting(ctx), customers.SIMSwap{
		MSISDN: c.MSISDN, SwappedAt: in.Body.SwappedAt, Source: in.Body.Source,
	})
}
