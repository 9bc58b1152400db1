package ussd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"nova/channels/web"
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

// App takes routes. *web.App is it.
type App interface {
	Handle(method, pattern string, access web.Access, handler fiber.Handler)
}

// mounted is a gateway that is served.
type mounted struct {
	Gateway
	router []Route
}

const (
	// prefix is where gateways call.
	prefix = "/ussd"
	// bodyLimit bounds a call: the longest text, form-encoded, and a vendor's envelope.
	bodyLimit = 64 << 10
	// notDecoded is the reason of calls without a session or a caller.
	notDecoded = "undecodable"
)

// access is of all gateways' routes: they carry no token of ours, their door asks for
// what they have.
var access = web.Open("the gateway's door")

// WebDoor is what the HTTP app must know of the gateways' paths before it is made.
// Content-Encoding is ignored, since some gateways put a charset there. Each hop is bound
// by its gateway's terms, and has its line.
func (p *Pipeline) WebDoor() web.Door {
	return web.Door{
		Prefix: prefix, Machines: true, OwnDeadline: true, OwnLog: true, BodyLimit: bodyLimit, IgnoreEncoding: true,
		Sorry: p.sorry,
	}
}

// Mount registers the gateways' routes: /ussd/<name>/:token, and below it what the
// gateway lists beside. The app must be built with Immutable, as what is decoded
// outlives the handler.
func Mount(app App, p *Pipeline, gateways []Gateway) error {
	var faults []error
	for _, g := range gateways {
		if err := p.mount(app, g); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (p *Pipeline) mount(app App, g Gateway) error {
	if (g.Turn == nil) == (g.Async == nil) {
		return errors.New("a gateway is a Turn or an Async")
	}
	m := mounted{Gateway: g, router: g.routes()}
	if m.Name == "" {
		m.Name = g.adapter().Name()
	}
	switch {
	case p.terms[m.Name] == nil:
		return fmt.Errorf("gateway %s has no terms", m.Name)
	case m.Door == nil:
		return fmt.Errorf("gateway %s has no door", m.Name)
	}
	p.mounted[m.Name] = m
	for _, r := range m.router {
		handler := p.Serve(m.Name, r.Turn, m.Door)
		if r.Turn == nil {
			handler = p.serveAsync(m.Name, g.Async, m.Door)
		}
		app.Handle(r.Method, prefix+"/"+m.Name+"/:token"+r.Path, access, handler)
	}
	return nil
}

func (g Gateway) adapter() interface{ Name() string } {
	if g.Turn != nil {
		return g.Turn
	}
	return g.Async
}

// routes are the adapter's own, or its one address. There it is also asked by GET, so
// that who sets a gateway up wrongly is told so behind the door and not before it.
func (g Gateway) routes() []Route {
	if r, ok := g.adapter().(Router); ok {
		return r.Routes()
	}
	return []Route{{Method: fiber.MethodPost, Turn: g.Turn}, {Method: fiber.MethodGet, Turn: g.Turn}}
}

// Serve is the handler of a Turn. door is nil only where something else, standing
// before it, admits callers.
func (p *Pipeline) Serve(gateway string, t Turn, door *Door) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if p.refuses(c, gateway, door, c.Params("token")) {
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
func (p *Pipeline) refuses(c *fiber.Ctx, gateway string, door *Door, token string) bool {
	if door == nil {
		return false
	}
	reason := door.refuses(c, token)
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
		if p.refuses(c, gateway, door, c.Params("token")) {
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
		return unavailable(c)
	}
}

func unavailable(c *fiber.Ctx) error {
	c.Response().ResetBody()
	c.Status(fiber.StatusServiceUnavailable)
	return nil
}

// sorry answers what no handler did, for want of room or after a panic: in the
// gateway's words if it takes them in the response, else with 503. No route is known
// here, so the path is read by hand.
func (p *Pipeline) sorry(c *fiber.Ctx, err error) error {
	name, rest, _ := strings.Cut(strings.TrimPrefix(c.Path(), prefix+"/"), "/")
	token, below, _ := strings.Cut(rest, "/")
	m, ok := p.mounted[name]
	if !ok {
		return fiber.ErrNotFound
	}
	if p.refuses(c, name, m.Door, token) {
		return nil
	}
	for _, r := range m.router {
		if r.Turn == nil || r.Method != c.Method() || strings.Trim(r.Path, "/") != below {
			continue
		}
		req, undecoded := r.Turn.Decode(c)
		if undecoded != nil {
			return p.undecodable(c, name, r.Turn, undecoded)
		}
		ref := reference()
		p.refuseCall(c.UserContext(), name, "sorry", err, slog.String("ref", ref))
		return r.Turn.Encode(c, req, p.engine.Sorry(language(&req), err, ref))
	}
	return unavailable(c)
}
