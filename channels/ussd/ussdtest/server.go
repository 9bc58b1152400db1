package ussdtest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/channels/ussd"
	"nova/channels/web"
	"nova/core/clock"
	"nova/core/secret"
	"nova/menus"
	"nova/sessions"
	"nova/sessions/redistest"
)

// patience bounds every wait of the harness: longer than any deadline of a gateway.
const patience = 20 * time.Second

// deadline is a gateway's unless its dialect has another: short, as two tries wait for
// all of it.
const deadline = 1500 * time.Millisecond

// server is a gateway on a real HTTP server with real sessions.
type server struct {
	d     Dialect
	b     Backend
	terms ussd.Terms
	redis *redistest.Server
	url   string
	path  string
	logs  *logs
	last  *atomic.Int64 // number of the last session
}

// start serves a dialect until the test ends.
func start(t testing.TB, d Dialect, b Backend) *server {
	t.Helper()
	s := &server{d: d, b: b, redis: redistest.Start(t), logs: &logs{}, last: &atomic.Int64{}}
	keys := secret.EphemeralKeyring()
	store, err := sessions.Open(sessions.Options{URL: secret.New(s.redis.URL()), Keys: keys})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() }) // its server may have been killed
	if b.Hash == nil {
		b.Hash = keys.Caller
	}
	s.terms = d.terms(b.Code)
	log := slog.New(slog.NewJSONHandler(s.logs, nil))
	p, err := ussd.New(ussd.Options{
		Engine: b.Engine, Sessions: store, Hash: b.Hash, Clock: clock.System{}, Log: log,
		Gateways: []ussd.Terms{s.terms},
	})
	require.NoError(t, err)
	app := web.New(web.Options{Logger: log, Tokens: d.Tokens, Doors: []web.Door{p.WebDoor()}})
	s.path = d.mount(t, app, p)
	s.serve(t, app, p)
	return s
}

func (d Dialect) terms(code string) ussd.Terms {
	terms := d.Terms
	if terms.Name == "" {
		terms.Name = d.name()
	}
	if terms.Codes == nil {
		terms.Codes = map[string]menus.Root{code: menus.CustomerRoot}
	}
	if terms.Countries == nil {
		terms.Countries = []string{ussd.AnyCountry}
	}
	if terms.Deadline == 0 {
		terms.Deadline = deadline
	}
	return terms
}

func (d Dialect) mount(t testing.TB, app *web.App, p *ussd.Pipeline) (path string) {
	t.Helper()
	if d.Mount != nil {
		return d.Mount(t, app, p)
	}
	door, err := ussd.NewDoor(ussd.DoorOptions{Token: secret.New(Token)})
	require.NoError(t, err)
	require.NoError(t, ussd.Mount(app, p, []ussd.Gateway{{Door: door, Turn: d.Turn, Async: d.Async}}))
	return "/ussd/" + d.name() + "/" + Token
}

func (s *server) serve(t testing.TB, app *web.App, p *ussd.Pipeline) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.url = "http://" + listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- app.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		client.CloseIdleConnections() // a server that shuts down waits for them
		require.NoError(t, app.Shutdown(ctx))
		require.NoError(t, p.Close(ctx))
		require.NoError(t, <-served)
	})
	// A server that is shut down before it serves would serve for ever after.
	s.send(t, "/", Call{Method: http.MethodGet})
}

// session is an id that no other try has.
func (s *server) session() string {
	return "ATUid_e9d0662dea3f3db658e7" + strconv.FormatInt(s.last.Add(1), 36)
}

// answer is a response.
type answer struct {
	code int
	kind string
	body []byte
}

// client keeps connections, as gateways do.
var client = &http.Client{Timeout: patience}

// send makes a call to the gateway's path.
func (s *server) send(t testing.TB, path string, c Call) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := c.request(ctx, s.url+path+c.Path)
	require.NoError(t, err)
	for name, value := range s.d.Headers {
		if r.Header.Get(name) == "" {
			r.Header.Set(name, value)
		}
	}
	response, err := client.Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }() // read to its end
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{code: response.StatusCode, kind: response.Header.Get("Content-Type"), body: body}
}

// tell tells a hop and reads the screen, in the response or as it is delivered.
func (s *server) tell(t testing.TB, h Hop) sessions.Reply {
	t.Helper()
	a := s.send(t, s.path, s.d.Express(h))
	require.Equal(t, http.StatusOK, a.code, "a decoded hop is answered 200: %s", a.body)
	if s.d.Async != nil {
		return s.d.Await(t, h.Session)
	}
	return s.d.Reply(t, a.body)
}

// check runs a case.
func (s *server) check(t *testing.T, c Case) {
	t.Helper()
	path := s.path
	if c.Token != "" {
		path = strings.TrimSuffix(path, Token) + c.Token
	}
	a := s.send(t, path, c.call())
	require.Equal(t, c.WantCode, a.code, "body %q", a.body)
	if c.WantType != "" {
		require.Equal(t, c.WantType, a.kind)
	}
	if c.WantPart != "" {
		require.Contains(t, string(a.body), c.WantPart)
	} else {
		require.Equal(t, c.WantBody, string(a.body))
	}
	s.searchLogs(t)
}

// searchLogs looks for what must never be logged.
func (s *server) searchLogs(t testing.TB) {
	t.Helper()
	text := s.logs.String()
	if s.b.Logs != nil {
		text += s.b.Logs()
	}
	s.search(t, "the log", text)
}

// search looks for secrets and whole numbers.
func (s *server) search(t testing.TB, where, text string) {
	t.Helper()
	require.NotContains(t, text, s.b.Canary, "a PIN is in %s", where)
	for _, number := range []string{s.b.Caller, s.b.Other} {
		require.NotContains(t, text, number, "a whole number is in %s", where)
	}
}

func bodyOf(text string) io.Reader { return strings.NewReader(text) }

// logs is a log that can be read while it is written.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
