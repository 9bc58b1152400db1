package ussd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"nova/core/fault"
)

// Gateway is an adapter on its route behind its door. Exactly one of Turn and Async is
// set. Its terms stand in the pipeline's options, under the same name.
type Gateway struct {
	// Name is the terms' name; "" is the adapter's own.
	Name  string
	Door  *Door
	Turn  Turn
	Async Async
}

// prefix is where gateways call. Under it, Content-Encoding is ignored: some gateways
// set it to a charset.
const prefix = "/ussd/"

// notDecoded is the reason of calls without a session or a caller.
const notDecoded = "undecodable"

// Mount registers the gateways' routes: /ussd/<name>/:token, and below it what the
// gateway lists beside. The app must be built with Immutable, as what is decoded
// outlives the handler.
func Mount(app fiber.Router, p *Pipeline, gateways []Gateway) error {
	var faults []error
	for _, g := range gateways {
		if err := p.mount(app, g); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (p *Pipeline) mount(app fiber.Router, g Gateway) error {
	if (g.Turn == nil) == (g.Async == nil) {
		return errors.New("a gateway is a Turn or an Async")
	}
	adapter := any(g.Turn)
	named := interface{ Name() string }(g.Turn)
	if g.Turn == nil {
		adapter, named = g.Async, g.Async
	}
	if g.Name == "" {
		g.Name = named.Name()
	}
	if p.terms[g.Name] == nil {
		return fmt.Errorf("gateway %s has no terms", g.Name)
	}
	if g.Door == nil {
		return fmt.Errorf("gateway %s has no door", g.Name)
	}
	path := prefix + g.Name + "/:token"
	router, ok := adapter.(Router)
	switch {
	case ok:
		for _, r := range router.Routes() {
			app.Add(r.Method, path+r.Path, p.Serve(g.Name, r.Turn, g.Door))
		}
	case g.Turn != nil:
		// Every method, so that who has no key learns nothing from a 405.
		app.All(path, p.Serve(g.Name, g.Turn, g.Door))
	}
	if g.Async != nil {
		app.All(path, p.serveAsync(g.Name, g.Async, g.Door))
	}
	return nil
}

// Serve is the handler of a Turn. door is nil only where something else, standing
// before it, admits callers.
func (p *Pipeline) Serve(gateway string, t Turn, door *Door) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if p.refuses(c, gateway, door) {
			return nil
		}
		req, err := t.Decode(c)
		if err == nil {
			err = complete(&req)
		}
		if err != nil {
			return p.undecodable(c, gateway, t, err)
		}
		req.Gateway = gateway
		return t.Encode(c, req, p.Hop(c.UserContext(), req))
	}
}

// refuses answers 403 and nothing else to whom the door does not admit.
func (p *Pipeline) refuses(c *fiber.Ctx, gateway string, door *Door) bool {
	if door == nil {
		return false
	}
	reason := door.refuses(c)
	if reason == "" {
		return false
	}
	p.refuseCall(c.UserContext(), gateway, reason, nil)
	c.Status(fiber.StatusForbidden)
	return true
}

// complete catches an adapter that forgot what every hop needs.
func complete(req *Request) error {
	switch {
	case req.SessionID == "":
		return fault.New(fault.ValidationError, "no session id").Field("session", "is required")
	case req.MSISDN.IsZero():
		return fault.New(fault.ValidationError, "no caller").Field("caller", "is required")
	}
	return nil
}

func (p *Pipeline) undecodable(c *fiber.Ctx, gateway string, adapter any, err error) error {
	p.refuseCall(c.UserContext(), gateway, notDecoded, err)
	if r, ok := adapter.(Refuser); ok {
		return r.Refuse(c, err)
	}
	c.Status(fiber.StatusBadRequest).Type("txt", "utf-8")
	return c.SendString(complaint(fault.From(err)))
}

// complaint is for whoever sets the gateway up: the code, and what is wrong with which
// field. It repeats nothing of the call.
func complaint(f *fault.Error) string {
	problems := make([]string, 0, len(f.Fields))
	for field, problem := range f.Fields {
		problems = append(problems, field+" "+problem)
	}
	slices.Sort(problems)
	if len(problems) == 0 {
		return string(fault.ValidationError)
	}
	return string(fault.ValidationError) + ": " + strings.Join(problems, ", ")
}

// serveAsync acknowledges and leaves the hop to the pool.
func (p *Pipeline) serveAsync(gateway string, a Async, door *Door) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if p.refuses(c, gateway, door) {
			return nil
		}
		req, err := a.Decode(c)
		if err == nil {
			err = complete(&req)
		}
		if err != nil {
			return p.undecodable(c, gateway, a, err)
		}
		req.Gateway = gateway
		if err := a.Ack(c, req); err != nil {
			return err
		}
		ctx := context.WithoutCancel(c.UserContext())
		if p.pool.take(func() { p.deliver(ctx, a, req) }) {
			return nil
		}
		// Not taken, so not acknowledged: the gateway may try again elsewhere.
		p.refuseCall(ctx, gateway, "overload", nil)
		c.Response().ResetBody()
		c.Status(fiber.StatusServiceUnavailable)
		return nil
	}
}
