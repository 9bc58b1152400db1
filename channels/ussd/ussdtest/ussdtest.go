// Package ussdtest makes a gateway's test pure data: what it sends, and what it must be
// answered. Beside those cases it tries on every gateway what gateways do: the same hop
// again and in parallel, another caller on a session, a session that is lost, bad
// numbers, over-long inputs, Redis gone, a core that is slow; and it searches the logs,
// Redis and the database for what was typed in secret.
//
// It runs a real HTTP server, real sessions in a real Redis, and the menus it is given:
// a scripted one of its own, or, by Harness.Backend, the real ones with core behind
// them. It knows no vendor: a Dialect says how a gateway expresses a hop.
package ussdtest

import (
	"context"
	"maps"
	"net/http"
	"testing"
	"time"

	"nova/channels/ussd"
	"nova/channels/web"
	"nova/sessions"
)

// Token is the path token of the harness' doors.
const Token = "demo"

// Case is one call and what it must be answered. Cases run in their order against one
// server, so that one may open the session that the next goes on with.
type Case struct {
	Name string
	// Method is POST unless it says otherwise; Path comes after the gateway's own.
	Method, Path string
	// Token replaces the door's in the path.
	Token string
	// At most one of the bodies; each sets its content type unless Headers do.
	Form, JSON, XML string
	Headers         map[string]string
	WantCode        int
	// WantBody is the whole body; WantPart, where it is given instead, a part of it.
	WantBody, WantPart string
	// WantType is the content type, "" for any.
	WantType string
}

// Hop is what a gateway would tell of one hop, in no vendor's words.
type Hop struct {
	Session string
	// Caller is the number's digits, or what stands in their place.
	Caller string
	// Code is the short code; Ahead are inputs dialled behind it.
	Code  string
	Ahead []string
	// Inputs are all typed so far, the last one now; none is the begin.
	Inputs []string
}

// Last is the input of this hop.
func (h Hop) Last() string { return h.Inputs[len(h.Inputs)-1] }

// IsBegin tells the hop that dials.
func (h Hop) IsBegin() bool { return len(h.Inputs) == 0 }

// Call is an HTTP call; the zero Method is POST.
type Call struct {
	Method, Path, Type, Body string
	Headers                  map[string]string
}

// Dialect is a gateway and how it speaks.
type Dialect struct {
	// Turn or Async is the adapter.
	Turn  ussd.Turn
	Async ussd.Async
	// Terms are completed: the name, the backend's code, any country.
	Terms ussd.Terms
	// Express is the call that tells a hop.
	Express func(h Hop) Call
	// Reply reads a Turn's answer.
	Reply func(t testing.TB, body []byte) sessions.Reply
	// Await waits for what an Async delivered next to the session.
	Await func(t testing.TB, session string) sessions.Reply
	// Cumulative: a call tells all inputs so far, so that an unknown session is begun
	// anew with them.
	Cumulative bool
	// BlankIsBegin: an empty first input can't be told from the begin delivered again.
	BlankIsBegin bool

	// Mount replaces /ussd/<name>/:token; it returns the path. Headers go with every
	// call, Tokens verifies the bearer among them.
	Mount   func(t testing.TB, app *web.App, p *ussd.Pipeline) (path string)
	Headers map[string]string
	Tokens  web.Authenticator
}

// name is the gateway's.
func (d Dialect) name() string {
	if d.Turn != nil {
		return d.Turn.Name()
	}
	return d.Async.Name()
}

// Backend is what stands behind the pipeline, and who may be played in it.
type Backend struct {
	Engine ussd.Engine
	// Hash is for repeats; nil: a key of the harness' own.
	Hash ussd.Hasher
	// Code is dialled; Caller and Other are two customers' numbers, digits only.
	Code, Caller, Other string
	// Keys lead from home to a result that moves money; the last is the PIN, and at
	// Keys[Numeric] a number is asked for. The harness sends some twenty times.
	Keys    []string
	Numeric int
	// Canary is a wrong PIN, long enough to be found by search alone.
	Canary string
	// Moves counts what was moved so far.
	Moves func(t testing.TB) int
	// Dump is all text in the database; nil: there is none.
	Dump func(t testing.TB) string
	// Slow makes money commands wait before and after they are taken, as long as it says
	// or until it is called again; nil: it can't.
	Slow func(before, after time.Duration)
	// Logs are what the backend logged by itself; nil: nothing.
	Logs func() string
}

// Harness drives a gateway. The zero value uses the scripted menu.
type Harness struct {
	Backend func(testing.TB) Backend
}

// Run tests a gateway against the scripted menu.
func Run(t *testing.T, d Dialect, cases []Case) {
	t.Helper()
	Harness{}.Run(t, d, cases)
}

// Run tests a gateway: its own cases, then what every gateway must stand.
func (h Harness) Run(t *testing.T, d Dialect, cases []Case) {
	t.Helper()
	if h.Backend == nil {
		h.Backend = Scripted
	}
	t.Run("cases", func(t *testing.T) {
		s := start(t, d, h.Backend(t))
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) { s.check(t, c) })
		}
	})
	t.Run("every gateway", func(t *testing.T) {
		s := start(t, d, h.Backend(t))
		for _, try := range tries {
			t.Run(try.name, func(t *testing.T) { try.run(t, s) })
			s.searchLogs(t)
		}
	})
}

// mediaTypes of the bodies that a Case may have.
const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
	xmlType  = "text/xml"
)

// call is the case's, as it goes out.
func (c Case) call() Call {
	out := Call{Method: c.Method, Path: c.Path, Headers: maps.Clone(c.Headers)}
	switch {
	case c.Form != "":
		out.Type, out.Body = formType, c.Form
	case c.JSON != "":
		out.Type, out.Body = jsonType, c.JSON
	case c.XML != "":
		out.Type, out.Body = xmlType, c.XML
	}
	return out
}

// send makes the HTTP request of a call.
func (c Call) request(ctx context.Context, url string) (*http.Request, error) {
	method := c.Method
	if method == "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, url, bodyOf(c.Body))
	if err != nil {
		return nil, err
	}
	if c.Type != "" {
		r.Header.Set("Content-Type", c.Type)
	}
	for name, value := range c.Headers {
		r.Header.Set(name, value)
	}
	return r, nil
}
