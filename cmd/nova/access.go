package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"nova/channels/rest"
	"nova/core/agents"
	"nova/core/audit"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/policy"
)

// staffIssuer names the service in the authenticator apps of staff.
const staffIssuer = "Nova"

// How often what is over is swept, and locks are recorded.
const (
	sweepEvery = time.Minute
	locksEvery = 5 * time.Second
)

// openAccess joins who may sign in, and what proves them: codes, devices, second factors, staff.
func (p *parts) openAccess(context.Context) error {
	p.otps = identity.NewOTPs(identity.OTPOptions{
		DB: p.db, Keyring: p.keyring, Clock: p.clock, Expose: p.config.ExposeOTP,
	})
	p.signIns = identity.NewSignIns(identity.SignInOptions{
		DB: p.db, Identity: p.identity, Tokens: p.tokens, Clock: p.clock, Grants: p.grants,
	})
	p.devices = identity.NewDevices(identity.DeviceOptions{
		DB: p.db, OTPs: p.otps, Tokens: p.tokens, Clock: p.clock, NewFor: p.config.DeviceNewFor,
	})
	p.stepUps = identity.NewStepUps(identity.StepUpOptions{
		DB: p.db, Identity: p.identity, OTPs: p.otps, Tokens: p.tokens, Clock: p.clock,
	})
	var err error
	p.staff, err = identity.NewStaffing(identity.StaffOptions{
		DB: p.db, Keyring: p.keyring, SignIns: p.signIns, Clock: p.clock, Issuer: staffIssuer,
		Purposes: p.staffPurposes(), Scopes: rest.StaffScopes(), WithoutTOTP: p.config.StaffWithoutTOTP,
	})
	return err
}

// staffPurposes is what each role of staff is for, as the policies have it.
func (p *parts) staffPurposes() map[identity.Role][]string {
	table := map[identity.Role][]string{}
	for _, role := range identity.Roles() {
		table[role] = p.purposes(policy.Caller{Subject: identity.Subject{Kind: identity.Staff}, Roles: []string{string(role)}})
	}
	return table
}

// purposes are those that the policies let somebody act for.
func (p *parts) purposes(c policy.Caller) []string {
	var may []string
	for _, purpose := range p.policies.Purposes(c) {
		may = append(may, string(purpose))
	}
	return may
}

// grants says what somebody may do now, at each sign-in and refresh. Who is suspended, closed or gone may nothing.
func (p *parts) grants(ctx context.Context, sub identity.Subject) (identity.Grant, error) {
	switch sub.Kind {
	case identity.Customer:
		c, err := p.customers.ByID(ctx, sub.ID)
		if err != nil {
			return identity.Grant{}, err
		}
		if err := c.Usable(); err != nil {
			return identity.Grant{}, err
		}
		return identity.Grant{
			Name: c.Shown(), Scopes: rest.PersonScopes(), Purposes: p.purposes(policy.Caller{Subject: sub}),
		}, nil
	case identity.Operator:
		o, err := p.agents.OperatorByID(ctx, sub.ID)
		if err != nil {
			return identity.Grant{}, err
		}
		// A viewer may not work, and may look.
		if err := o.Usable(); err != nil && (o.Role != agents.Viewer || !fault.Is(err, fault.CodeForbidden)) {
			return identity.Grant{}, err
		}
		roles := []string{string(o.Role)}
		return identity.Grant{
			Name: o.Name, Roles: roles, Scopes: rest.PersonScopes(), Purposes: p.purposes(policy.Caller{Subject: sub, Roles: roles}),
		}, nil
	case identity.Staff:
		return p.staff.Grant(ctx, sub)
	case identity.Client:
		// A client has a secret and no sign-in.
	}
	return identity.Grant{}, fault.New(fault.CodeForbidden, "a %s does not sign in", sub.Kind)
}

// ops is what administrators and staff work with. The record is proved on the connection that may take its time.
func (p *parts) ops() rest.Ops {
	return rest.Ops{
		Clients: p.clients, Staff: p.staff, SignIns: p.signIns, Customers: p.customers, PINs: p.identity, Agents: p.agents,
		Record: audit.NewEvents(p.db), Proof: audit.NewEvents(p.proofDB), Recorder: p.audit, Region: p.config.Region,
	}
}

// demoStaff are the demonstration's.
var demoStaff = []identity.NewMember{
	{Email: "ops@nova.local", Name: "Demo Operations", Roles: []identity.Role{identity.Operations, identity.Support, identity.Admin}},
	{Email: "finance@nova.local", Name: "Demo Finance", Roles: []identity.Role{identity.Finance}},
	{Email: "compliance@nova.local", Name: "Demo Compliance", Roles: []identity.Role{identity.Compliance}},
}

// tendAccess runs the chores of identity.
func (s *server) tendAccess(ctx context.Context, work *errgroup.Group) {
	s.every(ctx, work, "sweep sign-ins and codes", sweepEvery, s.identity.Sweep)
	s.every(ctx, work, "record locks", locksEvery, s.identity.RecordLocks)
}
