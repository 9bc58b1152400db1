package policy

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/cedar-policy/cedar-go"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/money"
)

// The policies that stand in no file.
const (
	// ByDefault decides where no policy permits.
	ByDefault = "deny-by-default"
	// Broken, with the id of a policy behind it, decides where that could not be asked: what it forbids is not known.
	Broken = "policy-broken:"
)

// Decision is what the policies say to a request.
type Decision struct {
	Allowed bool
	// Policy is the id of the policy that decided: the first one in the order of the files, where several agree.
	Policy string
	// StepUp: it is refused for want of a second factor, and of nothing else.
	StepUp bool
	// Code is what a refusal answers; "" where it is allowed.
	Code fault.Code
	// Mask: personal data may be shown masked alone.
	Mask bool
	// Audit: the policies ask for a record of this decision. They do of every refusal.
	Audit bool

	detail string
}

// Err is nil where the request is allowed. Else it is a fault with the decision's Code: FORBIDDEN at the door, NOT_FOUND for
// an object that no policy lets the caller have, MFA_REQUIRED (to which the asker adds its challenge), or what the
// policy says.
func (d Decision) Err() error {
	if d.Allowed {
		return nil
	}
	return fault.New(d.Code, "policy %s: %s", d.Policy, d.detail)
}

// Options are what a Decider is made of.
type Options struct {
	// Files are the policies: all *.cedar in it.
	Files fs.FS
	Clock clock.Clock
	// LargeAbove is the amount above which an act counts as large; zero: none does.
	LargeAbove money.Amount
	// Record gets the decisions that are to be recorded; nil: nobody does.
	Record Recorder
}

// Decider asks the policies. It never changes, and is safe for concurrent use.
type Decider struct {
	clock     clock.Clock
	large     money.Amount
	record    Recorder
	byPurpose map[Purpose]chapter
}

// chapter is what may be about one purpose: the rules, and what asks for a second factor where the rules permit. Who may not
// do something is never asked for one.
type chapter struct{ rules, asks rules }

// NewDecider reads and checks all policies. Its error joins everything that is wrong with any of them.
func NewDecider(o Options) (*Decider, error) {
	all, err := load(o.Files)
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	d := &Decider{clock: o.Clock, large: o.LargeAbove, record: o.Record, byPurpose: map[Purpose]chapter{}}
	for _, purpose := range Purposes() {
		var c chapter
		for _, r := range all {
			switch {
			case !r.about(purpose):
			case r.code == fault.MFARequired:
				c.asks = append(c.asks, r)
			default:
				c.rules = append(c.rules, r)
			}
		}
		d.byPurpose[purpose] = c
	}
	return d, nil
}

// Unrecorded is the decider for whoever records the decisions itself.
func (d *Decider) Unrecorded() *Decider {
	quiet := *d
	quiet.record = nil
	return &quiet
}

// Decide asks the policies whether a caller may do something: a forbid overrides every permit, and what none permits is
// refused, an unknown purpose included. It reads nothing but the request and the clock, and the decision is recorded where
// the policies say so.
func (d *Decider) Decide(ctx context.Context, r Request) Decision {
	c := d.byPurpose[r.Purpose]
	known, asked := d.put(r)
	decision := c.rules.decide(known, asked)
	if decision.Allowed {
		if ask := c.asks.decide(known, asked); ask.Policy != ByDefault {
			decision = ask
		}
	}
	if !decision.Allowed {
		decision.StepUp, decision.Audit = decision.Code == fault.MFARequired, true
		decision.detail = fmt.Sprintf("%s, %s for %s, %s", r.Caller, r.Action, r.Purpose, r.Resource)
	}
	if decision.Audit && d.record != nil {
		d.record.Record(ctx, decision.Event(r))
	}
	return decision
}

// put is the request in cedar's words.
func (d *Decider) put(r Request) (*entities, cedar.Request) {
	who, what := r.Caller.entity(), r.Resource.entity()
	return &entities{who, what}, cedar.Request{
		Principal: who.UID, Action: cedar.NewEntityUID(actionType, cedar.String(r.Purpose)), Resource: what.UID,
		Context: r.record(d.clock.Now(), d.large),
	}
}

// decide reads cedar's verdict.
func (rs rules) decide(known *entities, asked cedar.Request) Decision {
	verdict, why := cedar.Authorize(rs, known, asked)
	switch {
	case len(why.Errors) > 0:
		// Cedar leaves out a policy that fails. A forbid must not be got rid of that way.
		return Decision{Policy: Broken + string(why.Errors[0].PolicyID), Code: fault.InternalServerError}
	case verdict == cedar.Allow:
		return rs.permission(why.Reasons)
	case len(why.Reasons) > 0:
		first := rs.find(why.Reasons[0].PolicyID)
		return Decision{Policy: first.id, Code: first.code}
	case asked.Resource.Type != cedar.EntityType(Route):
		return Decision{Policy: ByDefault, Code: fault.NotFound}
	}
	return Decision{Policy: ByDefault, Code: fault.CodeForbidden}
}

// permission is what some permits agree on: masked if all of them say so, recorded if one does. The first that shows most is
// named.
func (rs rules) permission(permits []cedar.DiagnosticReason) Decision {
	d := Decision{Allowed: true, Policy: string(permits[0].PolicyID), Mask: true}
	for _, p := range permits {
		r := rs.find(p.PolicyID)
		d.Audit = d.Audit || r.audit
		if d.Mask && !r.mask {
			d.Mask, d.Policy = false, r.id
		}
	}
	return d
}

// Purposes are those that some policy lets the caller act for at the door, reading or not: what a token of theirs may be
// granted. It looks neither at a token nor for a second factor.
func (d *Decider) Purposes(c Caller) []Purpose {
	c.Token = false
	var may []Purpose
	for _, purpose := range Purposes() {
		for _, reads := range [...]bool{false, true} {
			known, asked := d.put(Request{Caller: c, Purpose: purpose, Context: Context{Reads: reads}})
			if d.byPurpose[purpose].rules.decide(known, asked).Allowed {
				may = append(may, purpose)
				break
			}
		}
	}
	return may
}
