package web

import (
	"context"
	"crypto/sha256"
	"strings"

	"github.com/gofiber/fiber/v2"

	"nova/core/audit"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/policy"
	"nova/core/transactions"
)

// Decider asks the policies. *policy.Decider is it.
type Decider interface {
	Decide(ctx context.Context, r policy.Request) policy.Decision
}

// Recorder keeps security events. *audit.Log is it.
type Recorder interface {
	Record(ctx context.Context, events ...audit.Event)
}

// StepUps asks for a second factor for one request. *identity.StepUps is it.
type StepUps interface {
	// Require is nil once for a token that was stepped up for exactly this request, and else an MFA_REQUIRED with a new
	// challenge. Where the channel leaves no second factor it is a FORBIDDEN.
	Require(ctx context.Context, p identity.Principal, request [sha256.Size]byte, channel string) error
}

// floor is the Decider of an app that was given none: purpose and scope alone decide.
type floor struct{}

func (floor) Decide(context.Context, policy.Request) policy.Decision {
	return policy.Decision{Allowed: true, Policy: "floor"}
}

// unrecorded is the Recorder of an app that was given none.
type unrecorded struct{}

func (unrecorded) Record(context.Context, ...audit.Event) {}

// oneFactor is the StepUps of an app that was given none.
type oneFactor struct{}

func (oneFactor) Require(_ context.Context, p identity.Principal, _ [sha256.Size]byte, _ string) error {
	return fault.New(fault.MFARequired, "%s has no second factor", p)
}

// channels are the doors that callers come through, by what they are.
var channels = map[identity.Kind]transactions.Channel{
	identity.Customer: transactions.App, identity.Operator: transactions.AgentApp,
	identity.Client: transactions.API, identity.Staff: transactions.Console,
}

// actionOf names a route that is no operation, for policies and the audit record: "post_ussd_session".
func actionOf(method, pattern string) string {
	words := strings.FieldsFunc(strings.ToLower(method+" "+pattern), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_'
	})
	return strings.Join(words, "_")
}

// question is what a route asks the policies about its caller, before anybody has looked for what it is about.
func (v *visit) question(c *fiber.Ctx) policy.Request {
	method := c.Method()
	return policy.Request{
		Caller: policy.ByToken(v.caller), Purpose: v.access.Purpose, Action: v.access.action,
		Context: policy.Context{
			Channel: channels[v.caller.Kind], Scope: v.access.Scope, Money: v.access.Signed, Device: v.device(),
			Reads: method == fiber.MethodGet || method == fiber.MethodHead,
		},
	}
}

// permitted asks what a guarded route asks of a caller whose token is good: the purpose and the scope, the device's signature,
// the one request that a stepped-up token is for, and the policies. A refusal is recorded.
func (a *App) permitted(c *fiber.Ctx, v *visit) error {
	ctx := c.UserContext()
	v.asked = v.question(c)
	if err := v.access.check(ctx); err != nil {
		return v.refused(ctx, err)
	}
	if err := a.checkSignature(c, v); err != nil {
		return v.refused(ctx, err)
	}
	v.asked.Context.Device = v.device()
	v.request = func() [sha256.Size]byte { return requestHash(c) }
	if v.caller.Bound != "" {
		// A token for one request is for nothing else, and for that once, whatever the policies ask.
		if err := v.stepUp(ctx); err != nil {
			return v.refused(ctx, err)
		}
	}
	if v.access.Self != "" {
		return nil // who somebody is themselves is no policy's to say
	}
	_, err := v.decide(ctx, v.asked)
	return err
}

// decide asks the policies, asks for a second factor if that is all that lacks, and records what they want recorded.
func (v *visit) decide(ctx context.Context, asked policy.Request) (policy.Decision, error) {
	d := v.app.o.Policies.Decide(ctx, asked)
	v.policy = d.Policy
	if d.Audit {
		event := d.Event(asked)
		event.Correlation = v.correlation
		v.app.o.Audit.Record(ctx, event)
	}
	if d.StepUp {
		return d, v.stepUp(ctx)
	}
	return d, d.Err()
}

// stepUp is nil once for a token that was made for this very request.
func (v *visit) stepUp(ctx context.Context) error {
	return v.app.o.StepUps.Require(ctx, v.caller, v.request(), string(channels[v.caller.Kind]))
}

// refused records what was refused without asking the policies.
func (v *visit) refused(ctx context.Context, err error) error {
	e := fault.From(err)
	if fault.Ours(e) {
		return err
	}
	event := policy.Decision{Code: e.Code}.Event(v.asked)
	event.Correlation = v.correlation
	v.app.o.Audit.Record(ctx, event)
	return err
}

// Decide asks the policies about what a request is about, once its handler has found it: the same question as at the door,
// with what about adds to it (whose the object is, where an operator works, how much is moved). Its error is what to answer:
// NOT_FOUND for what the caller may not know of, MFA_REQUIRED with a challenge for what needs a second factor. The
// decision says whether personal data is to be masked.
func Decide(ctx context.Context, about func(*policy.Request)) (policy.Decision, error) {
	v := visitOf(ctx)
	if !v.known {
		return policy.Decision{}, fault.New(fault.Unauthorized, "a decision is asked for without a caller")
	}
	asked := v.asked
	about(&asked)
	return v.decide(ctx, asked)
}

// requestHash is what a challenge is bound to: what is asked, of what with its query, and the body as it came.
func requestHash(c *fiber.Ctx) [sha256.Size]byte {
	r := c.Request()
	return identity.RequestHash(c.Method(), string(r.Header.RequestURI()), r.Body())
}
