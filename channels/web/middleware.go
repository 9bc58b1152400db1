package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"nova/core/fault"
)

const (
	// overloadRetry is how many seconds a caller is asked to wait when the server is full or a dependency is down.
	overloadRetry = 1
	// unmatched labels requests that came to no route, for want of one or of a token, and unread those whose head or
	// body could not be read: a label taken from the request would let anybody fill the metrics with series.
	unmatched = "unmatched"
	unread    = "unread"
	// healthPath is answered even when the server is full: a balancer that took this node away would only load the rest.
	healthPath = "/v1/health"
)

// header is a response header as fasthttp keeps it: its name in canonical form, both in bytes.
type header struct{ name, value []byte }

// securityHeaders stand on every answer. Pages that need more than nothing replace the content policy.
var securityHeaders = headers(
	fiber.HeaderXContentTypeOptions, "nosniff",
	fiber.HeaderXFrameOptions, "DENY",
	fiber.HeaderReferrerPolicy, "no-referrer",
	fiber.HeaderCacheControl, "no-store",
	fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'",
	"Cross-Origin-Resource-Policy", "same-origin",
	"Cross-Origin-Opener-Policy", "same-origin",
	"X-Permitted-Cross-Domain-Policies", "none",
)

// machineHeaders stand on the answers of doors that no browser calls.
var machineHeaders = headers(fiber.HeaderXContentTypeOptions, "nosniff", fiber.HeaderCacheControl, "no-store")

// strictTransport tells a browser to come by HTTPS for a year, whatever it is asked to open.
var strictTransport = headers(fiber.HeaderStrictTransportSecurity, "max-age=31536000; includeSubDomains")

// headersOf are the headers of all answers but a machine's. TLS ends at a proxy, so that only the public URL tells that there
// is any.
func headersOf(publicURL string) []header {
	if strings.HasPrefix(publicURL, "https://") {
		return slices.Concat(securityHeaders, strictTransport)
	}
	return securityHeaders
}

// headers takes names and values in turns.
func headers(pairs ...string) []header {
	var list []header
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, header{name: []byte(http.CanonicalHeaderKey(pairs[i])), value: []byte(pairs[i+1])})
	}
	return list
}

// secure puts the security headers on the answer.
func (a *App) secure(c *fiber.Ctx) {
	list := a.headers
	if a.door(c.Path()).Machines {
		list = machineHeaders
	}
	for _, h := range list {
		c.Response().Header.SetCanonical(h.name, h.value)
	}
}

// observe answers what the handlers left as an error, and writes the one log line and the metrics of the request.
func (a *App) observe(c *fiber.Ctx) error {
	began := a.o.Clock.Now()
	a.o.Metrics.inFlight.Inc()
	defer a.o.Metrics.inFlight.Dec()
	err := c.Next()
	route := c.Route().Path
	if _, declared := a.routes[c.Method()+" "+route]; !declared {
		route = unmatched
	}
	if err != nil {
		err = WriteError(c, err)
	}
	a.record(c, route, a.o.Clock.Now().Sub(began))
	return err
}

// unread answers what the server could not hand to any route: an over-long head or body, a malformed request. Where
// a body was left unread because the caller's token is not good, that is the answer.
func (a *App) unread(c *fiber.Ctx, err error) error {
	var router *fiber.Error
	if errors.As(err, &router) && router.Code == http.StatusRequestEntityTooLarge && !a.public(c.Method(), c.Path()) {
		if _, refusal := a.verify(c.UserContext(), authorization(&c.Request().Header)); refusal != nil {
			err = refusal
		}
	}
	a.greet(c)
	written := WriteError(c, err)
	a.record(c, unread, 0)
	return written
}

// record writes the request's line and numbers. Route is a pattern: paths and queries hold numbers and inputs.
func (a *App) record(c *fiber.Ctx, route string, took time.Duration) {
	status := c.Response().StatusCode()
	a.o.Metrics.request(c.Method(), route, status, took)
	failure := notedError(c)
	if a.door(c.Path()).OwnLog && route != unmatched && failure == nil && status < http.StatusBadRequest {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", c.Method()), slog.String("route", route), slog.Int("status", status),
		slog.Duration("took", took), slog.String("correlation_id", Correlation(c.UserContext())),
	}
	v := visitOf(c.UserContext())
	if v.known {
		attrs = append(attrs, slog.String("caller", v.caller.String()))
	}
	if v.policy != "" {
		attrs = append(attrs, slog.String("policy", v.policy))
	}
	level := slog.LevelInfo
	if failure != nil {
		e := reason(failure)
		attrs = append(attrs, slog.Any("fault", e))
		if fault.Ours(e) {
			level = slog.LevelError
		}
	}
	a.o.Logger.LogAttrs(c.UserContext(), level, "request", attrs...)
}

// limitInFlight refuses at once what would only wait: a queue of requests helps nobody whose handset gives up.
func (a *App) limitInFlight(c *fiber.Ctx) error {
	if c.Path() == healthPath {
		return c.Next()
	}
	defer a.inFlight.Add(-1)
	if a.inFlight.Add(1) > int64(a.o.InFlight) {
		a.o.Metrics.overloads.Inc()
		return a.sorry(c, fault.New(fault.ServiceUnavailable, "more than %d requests in flight", a.o.InFlight))
	}
	return c.Next()
}

// recover turns a handler's panic into a failure. The stack goes to the log with the request's id.
func (a *App) recover(c *fiber.Ctx) (err error) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		a.o.Metrics.panics.Inc()
		a.o.Logger.LogAttrs(c.UserContext(), slog.LevelError, "panic",
			slog.String("correlation_id", Correlation(c.UserContext())), slog.String("stack", string(debug.Stack())))
		c.Response().ResetBody()
		err = a.sorry(c, fault.Wrap(panicked(cause), fault.InternalServerError, "handler panicked"))
	}()
	return c.Next()
}

// panicked is the panic's value as an error.
func panicked(cause any) error {
	if err, ok := cause.(error); ok {
		return err
	}
	return fmt.Errorf("%v", cause)
}

// sorry answers in the door's own words, or leaves the error to observe.
func (a *App) sorry(c *fiber.Ctx, err error) error {
	answer := a.door(c.Path()).Sorry
	if answer == nil {
		return err
	}
	noteError(c, err)
	return answer(c, err)
}

// bound gives the request's context its deadline, unless the door's handlers do. Fiber's own context has none, and
// nothing cancels it.
func (a *App) bound(c *fiber.Ctx) error {
	door := a.door(c.Path())
	if door.OwnDeadline {
		return c.Next()
	}
	deadline := door.Deadline
	if deadline == 0 {
		deadline = a.o.Deadline
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), deadline)
	defer cancel()
	c.SetUserContext(ctx)
	return c.Next()
}

// refuseEncoding stops compressed bodies: Fiber unpacks them without a limit, and a few hundred kilobytes become a
// gigabyte. A door that must take the request all the same reads the body as it came.
func (a *App) refuseEncoding(c *fiber.Ctx) error {
	if c.Get(fiber.HeaderContentEncoding) == "" {
		return c.Next()
	}
	if !a.door(c.Path()).IgnoreEncoding {
		return fault.New(fault.UnsupportedMediaType, "content encoding")
	}
	c.Request().Header.Del(fiber.HeaderContentEncoding)
	return c.Next()
}
