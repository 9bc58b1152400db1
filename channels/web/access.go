package web

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/policy"
	"nova/core/secret"
)

// Access is what a route asks of its caller: a token with a purpose and a scope, or nothing where it is open.
type Access struct {
	// Purpose is why the caller acts, and Scope which part of the API it was given.
	Purpose policy.Purpose
	Scope   string
	// Open says why a route takes no token: "public: the contract", "the gateway's door".
	Open string
	// Rate is the class whose limits hold; empty: RateDefault.
	Rate Rate
	// Self: any person of this kind enters by a good token, also by one that grants nothing yet; see Self.
	Self identity.Kind
	// Signed: the route moves or reserves money, so a person's call must be signed by their bound device. Clients have none.
	Signed bool

	// action is the route's name in policies and the audit record: its operation id.
	action string
}

// SignedByDevice is the access of a route that moves or reserves money; see Signed.
func (a Access) SignedByDevice() Access {
	a.Signed = true
	return a
}

// Limited is the access with the limits of a class.
func (a Access) Limited(class Rate) Access {
	a.Rate = class
	return a
}

// Needs is the access of a route that serves only callers whose token has the purpose and the scope.
func Needs(purpose policy.Purpose, scope string) Access {
	return Access{Purpose: purpose, Scope: scope}
}

// Self is the access of a route on which a person of a kind acts on their own sign-in alone: change a secret that somebody
// else chose, enrol a second factor. Until that is done their token grants nothing, so nothing but the token is asked for.
func Self(kind identity.Kind) Access { return Access{Self: kind} }

// Open is the access of a route that takes no token. The reason is read by whoever reviews the list of routes.
func Open(reason string) Access { return Access{Open: reason} }

// scopes are those that the API document names.
func (a Access) scopes() []string {
	if a.Scope == "" {
		return []string{}
	}
	return []string{a.Scope}
}

// valid tells that the access says what it means.
func (a Access) valid() error {
	needs := a.Purpose != "" || a.Scope != "" || a.Signed
	switch {
	case a.Open != "" && (needs || a.Self != ""):
		return errors.New("is declared open, and with a purpose, scope or signature")
	case a.Self != "" && needs:
		return errors.New("is declared for a person's own sign-in, and with a purpose, scope or signature")
	case a.Self != "":
		return nil
	case a.Open != "":
		return nil
	case !a.Purpose.Known():
		return errors.New("declares no purpose of the catalogue")
	case a.Scope == "":
		return errors.New("declares no scope")
	}
	return nil
}

// admit asks all that a route asks of its caller, once the route is known: first whether there were too many calls, because
// all else costs more.
func (a *App) admit(c *fiber.Ctx, access Access) error {
	v := visitOf(c.UserContext())
	v.access = access
	if err := a.count(c, access.Rate); err != nil || access.Open != "" {
		return err
	}
	return a.permitted(c, v)
}

// check answers FORBIDDEN where the caller lacks the purpose or the scope. The token itself was verified before the
// route was looked up.
func (a Access) check(ctx context.Context) error {
	p, ok := Caller(ctx)
	if !ok {
		return fault.New(fault.Unauthorized, "route needs a token and its path is not guarded")
	}
	if a.Self != "" {
		if p.Kind != a.Self {
			return fault.New(fault.CodeForbidden, "%s is no %s", p, a.Self)
		}
		return nil
	}
	if !a.Purpose.Allowed(p.Purposes) {
		return fault.New(fault.CodeForbidden, "%s lacks the purpose %s", p, a.Purpose)
	}
	if !p.HasScope(a.Scope) {
		return fault.New(fault.CodeForbidden, "%s lacks the scope %s", p, a.Scope)
	}
	return nil
}

// Authenticator verifies a bearer token. A bad one is UNAUTHORIZED; other faults pass through. *identity.Tokens is it.
type Authenticator interface {
	Verify(ctx context.Context, token secret.Text) (identity.Principal, error)
}

// nobody is the Authenticator of an app that was given none.
type nobody struct{}

func (nobody) Verify(context.Context, secret.Text) (identity.Principal, error) {
	return identity.Principal{}, fault.New(fault.Unauthorized, "no authenticator is configured")
}

// guardedPrefixes are the paths under which every request needs a token unless its route is declared open. A path
// that no route serves is answered 401 without a token, so nobody can map the API from outside.
var guardedPrefixes = []string{"/v1", "/api", "/files"}

func guarded(path string) bool {
	return slices.ContainsFunc(guardedPrefixes, func(prefix string) bool { return under(path, prefix) })
}

// public tells that a request needs no token.
func (a *App) public(method, path string) bool {
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	return !guarded(path) || a.open[method+" "+path]
}

const bearer = "Bearer "

// verify checks an Authorization header's bearer token. The verifier bounds its length.
func (a *App) verify(ctx context.Context, header string) (identity.Principal, error) {
	if len(header) <= len(bearer) || !strings.EqualFold(header[:len(bearer)], bearer) {
		return identity.Principal{}, fault.New(fault.Unauthorized, "no bearer token")
	}
	return a.o.Tokens.Verify(ctx, secret.New(strings.TrimSpace(header[len(bearer):])))
}

// authorization is the request's one Authorization header; two are none.
func authorization(h *fasthttp.RequestHeader) string {
	values := h.PeekAll(fiber.HeaderAuthorization)
	if len(values) != 1 {
		return ""
	}
	return string(values[0])
}

// authenticate verifies the token before anything else of the request is looked at.
func (a *App) authenticate(c *fiber.Ctx) error {
	if a.public(c.Method(), c.Path()) {
		return c.Next()
	}
	ctx := c.UserContext()
	p, err := a.verify(ctx, authorization(&c.Request().Header))
	if err != nil {
		return err
	}
	v := visitOf(ctx)
	v.caller, v.known = p, true
	return c.Next()
}

const (
	// freeBody is how much of a body is read before its token is known to be good: answering 401 comes first all the
	// same, and verifying here as well is only worth it where reading costs something.
	freeBody = 16 << 10
	// unreadBody makes the server refuse a body without reading it; 0 would mean its default.
	unreadBody = 1
	// chunked is the content length of a body that does not say how long it is.
	chunked = -1
)

// headerReceived decides how much of a body is read once its headers are known. A large body, or one of unknown
// length, is read for a valid token only; a caller without one is then answered 401 by unread.
func (a *App) headerReceived(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	path, _, _ := strings.Cut(string(h.RequestURI()), "?")
	limit := a.door(path).BodyLimit
	if limit == 0 {
		limit = bodyLimit
	}
	size := h.ContentLength()
	if size != chunked && size <= freeBody || a.public(string(h.Method()), path) {
		return fasthttp.RequestConfig{MaxRequestBodySize: limit}
	}
	ctx, cancel := context.WithTimeout(context.Background(), a.o.Deadline)
	defer cancel()
	if _, err := a.verify(ctx, authorization(h)); err != nil {
		return fasthttp.RequestConfig{MaxRequestBodySize: unreadBody}
	}
	return fasthttp.RequestConfig{MaxRequestBodySize: limit}
}
