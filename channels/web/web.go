// Package web is the HTTP house that every door stands in: one Fiber app, one API document, one table from codes to
// statuses, and the limits, headers, metrics and log lines that no handler has to remember.
//
// It knows no business and no gateway: packages rest and ussd bring their routes and say, for each, what a caller
// must hold. Its one rule: no route is served that did not declare its access, and a caller's token is looked at
// before anything else of its request.
package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

const (
	// bodyLimit is the contract's: bodies over 1 MiB are refused.
	bodyLimit = 1 << 20
	// readBufferSize bounds the request's headers. Gateways that sign theirs need 8 to 16 KiB.
	readBufferSize = 16 << 10
	// writeTimeout bounds the writing of one answer.
	writeTimeout = 15 * time.Second
	// idleTimeout keeps a gateway's connection open between two hops of a slow reader.
	idleTimeout = 75 * time.Second
	// connections bounds the open connections; each costs a goroutine and its buffers.
	connections = 16 << 10
)

// App is the HTTP server. Routes are added before it listens; afterwards it is safe for concurrent use.
type App struct {
	fiber    *fiber.App
	api      huma.API
	o        Options
	limits   []limited
	headers  []header
	routes   map[string]Access // by "METHOD pattern"
	open     map[string]bool   // "METHOD path" of routes without parameters that take no token
	inFlight atomic.Int64
	draining atomic.Bool
}

// New builds the app with its middleware and an API that has no operation yet.
func New(o Options) *App {
	o = withDefaults(o)
	a := &App{o: o, limits: limitsOf(o.CallsPerMinute), headers: headersOf(o.PublicURL), routes: map[string]Access{}, open: map[string]bool{}}
	overrideHumaErrors()
	a.fiber = fiber.New(fiber.Config{
		// Without Immutable, strings of one request are overwritten by the next on its connection.
		Immutable:             true,
		CaseSensitive:         true,
		ReadTimeout:           o.ReadTimeout,
		WriteTimeout:          writeTimeout,
		IdleTimeout:           idleTimeout,
		ReadBufferSize:        readBufferSize,
		BodyLimit:             bodyLimit,
		Concurrency:           connections,
		DisableStartupMessage: true,
		// A form of files is read by the route that takes one, and not for whoever sends one.
		DisablePreParseMultipartForm: true,
		ErrorHandler:                 a.unread,
	})
	a.fiber.Server().HeaderReceived = a.headerReceived
	a.fiber.Server().CloseOnShutdown = true
	a.refuseStrangeMethods()
	a.fiber.Use(a.correlate, a.observe, a.limitInFlight, a.recover, a.bound, a.countRest, a.refuseShapes,
		a.authenticate, refuseRepeats, a.refuseEncoding)
	a.api = newAPI(a)
	return a
}

// refuseStrangeMethods answers a method that HTTP does not know with the one error body; Fiber would answer in text.
func (a *App) refuseStrangeMethods() {
	server := a.fiber.Server()
	next := server.Handler
	server.Handler = func(ctx *fasthttp.RequestCtx) {
		if !slices.Contains(fiber.DefaultMethods, string(ctx.Method())) {
			server.ErrorHandler(ctx, errors.New("unknown method"))
			return
		}
		next(ctx)
	}
}

// Fiber is the app underneath, for tests. Routes go through Handle and Register, which make them declare their access.
func (a *App) Fiber() *fiber.App { return a.fiber }

// API is the one OpenAPI document and its operations.
func (a *App) API() huma.API { return a.api }

// Metrics are the numbers that the admin port shows.
func (a *App) Metrics() *Metrics { return a.o.Metrics }

// Handle adds a route outside the API document, such as a gateway's callback. Pattern is Fiber's ("/ussd/x/:token").
// A route without an access is a broken build, and panics.
func (a *App) Handle(method, pattern string, access Access, handler fiber.Handler) {
	a.declare(method, pattern, access)
	access.action = actionOf(method, pattern)
	a.fiber.Add(method, pattern, func(c *fiber.Ctx) error {
		if err := a.admit(c, access); err != nil {
			return a.sorry(c, err)
		}
		return handler(c)
	})
}

// declare notes the access of a route and refuses one that is incomplete or declared twice.
func (a *App) declare(method, pattern string, access Access) {
	key := method + " " + pattern
	if err := access.valid(); err != nil {
		panic(fmt.Sprintf("web: %s: %v", key, err))
	}
	if _, twice := a.routes[key]; twice {
		panic("web: two routes are declared for " + key)
	}
	a.routes[key] = access
	if access.Open == "" {
		return
	}
	if guarded(pattern) && strings.ContainsAny(pattern, ":*+") {
		panic("web: an open route under a guarded prefix must have no parameter: " + key)
	}
	a.open[key] = true
}

// Routes lists what is served and what each asks of its caller, by "METHOD pattern".
func (a *App) Routes() map[string]Access {
	routes := make(map[string]Access, len(a.routes))
	for key, access := range a.routes {
		routes[key] = access
	}
	return routes
}

// Undeclared lists the routes that somebody added to the Fiber app behind Handle's and Register's back.
func (a *App) Undeclared() []string {
	var undeclared []string
	for _, route := range a.fiber.GetRoutes(true) {
		key := route.Method + " " + route.Path
		if _, ok := a.routes[key]; !ok {
			undeclared = append(undeclared, key)
		}
	}
	return undeclared
}

// Serve answers on the listener until Shutdown. A route without a declared access is a broken build, and panics.
func (a *App) Serve(listener net.Listener) error {
	if undeclared := a.Undeclared(); len(undeclared) > 0 {
		panic(fmt.Sprintf("web: routes without access: %v", undeclared))
	}
	if a.Draining() {
		return listener.Close() // stopped before it began
	}
	if err := a.fiber.Listener(lingering{listener}); err != nil {
		return fmt.Errorf("serve http: %w", err)
	}
	return nil
}

// Shutdown stops accepting, lets the requests under way finish until ctx ends, and then cuts them off.
func (a *App) Shutdown(ctx context.Context) error {
	a.draining.Store(true)
	if err := a.fiber.ShutdownWithContext(ctx); err != nil {
		return fmt.Errorf("drain http: %w", err)
	}
	return nil
}

// Draining tells that Shutdown has begun, so that health can say so to a load balancer.
func (a *App) Draining() bool { return a.draining.Load() }

// door is the door whose prefix covers path, or the zero Door; the longest prefix wins.
func (a *App) door(path string) Door {
	var found Door
	for _, d := range a.o.Doors {
		if under(path, d.Prefix) && len(d.Prefix) > len(found.Prefix) {
			found = d
		}
	}
	return found
}

// under tells that path is prefix or lies below it.
func under(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(prefix, "/"))
}
