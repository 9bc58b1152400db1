package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/channels/web"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/policy"
	"nova/core/secret"
)

// Secrets that no answer and no log line may ever show.
const (
	canaryPIN    = "739182645"
	canaryNumber = "12462501777"
	canaryToken  = "tok-canary-5519"
	canaryDevice = "dev_canary8810"
)

// tokens is an Authenticator of four callers.
type tokens struct{}

func (tokens) Verify(_ context.Context, token secret.Text) (identity.Principal, error) {
	all := identity.Principal{
		Kind: "client", ID: uuid.MustParse("01900000-0000-7000-8000-000000000001"),
		Scopes: []string{"wallets.read"}, Purposes: []string{string(policy.CustomerAccountView)},
	}
	switch token.Reveal() {
	case "good":
		return all, nil
	case "device":
		all.Device = canaryDevice
		return all, nil
	case "purposeless":
		all.Purposes = nil
		return all, nil
	case "scopeless":
		all.Scopes = nil
		return all, nil
	}
	return identity.Principal{}, fault.New(fault.Unauthorized, "unknown token")
}

// lockedBuffer is a log that requests write at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type payIn struct {
	Amount string `json:"amount" pattern:"^[0-9]+$" maxLength:"9"`
	PIN    string `json:"pin,omitempty"`
	Count  int    `json:"count,omitempty" maximum:"100"`
	Email  string `json:"email,omitempty" format:"email"`
}

type payRequest struct {
	ID   string `path:"id"`
	Key  string `header:"Idempotency-Key"`
	Page int    `query:"page_size" default:"50" minimum:"1" maximum:"100"`
	Body payIn
}

type payAnswer struct {
	Body struct {
		ID   string `json:"id"`
		Page int    `json:"page"`
	}
}

// server is an app with one of every kind of route.
type server struct {
	*web.App
	log    *lockedBuffer
	kept   chan payRequest
	url    string
	client *http.Client
}

func newServer(t *testing.T, change ...func(*web.Options)) *server {
	t.Helper()
	s := &server{log: &lockedBuffer{}, kept: make(chan payRequest, 100)}
	o := web.Options{Logger: web.NewLogger(s.log, 0, "json"), Tokens: tokens{}}
	for _, f := range change {
		f(&o)
	}
	s.App = web.New(o)
	needs := web.Needs(policy.CustomerAccountView, "wallets.read")
	web.Register(s.App, web.Operation{
		Operation: huma.Operation{OperationID: "pay", Method: http.MethodPost, Path: "/v1/things/{id}/pay"}, Access: needs,
	}, func(_ context.Context, in *payRequest) (*payAnswer, error) {
		s.kept <- *in
		out := &payAnswer{}
		out.Body.ID, out.Body.Page = in.ID, in.Page
		return out, nil
	})
	fails := map[string]error{
		"/v1/broke":  fault.New(fault.InsufficientFunds, "account %s", canaryToken).With("available", "1.00"),
		"/v1/plain":  io.ErrUnexpectedEOF,
		"/v1/late":   context.DeadlineExceeded,
		"/v1/locked": fault.New(fault.AccountLocked, "").With("retry_after_seconds", 90),
	}
	for path, err := range fails {
		web.Register(s.App, web.Operation{
			Operation: huma.Operation{OperationID: path, Method: http.MethodGet, Path: path}, Access: needs,
		}, func(context.Context, *struct{}) (*payAnswer, error) { return nil, err })
	}
	s.Handle(http.MethodGet, "/v1/panic", needs, func(*fiber.Ctx) error { panic("broken invariant") })
	s.Handle(http.MethodGet, "/v1/health", web.Open("public"), func(c *fiber.Ctx) error { return c.SendString("ok") })
	s.Handle(http.MethodGet, "/v1/deadline", needs, func(c *fiber.Ctx) error {
		_, has := c.UserContext().Deadline()
		return c.JSON(has)
	})
	s.listen(t)
	return s
}

// listen serves on a real socket: refusals before a body is read show there alone.
func (s *server) listen(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	transport := &http.Transport{}
	s.url, s.client = "http://"+listener.Addr().String(), &http.Client{Transport: transport, Timeout: 10 * time.Second}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
		require.NoError(t, <-served)
	})
}

type call struct {
	method, path, token, body string
	header                    map[string]string
}

func (s *server) do(t *testing.T, in call) (int, http.Header, string) {
	t.Helper()
	method := in.method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+in.path, strings.NewReader(in.body))
	require.NoError(t, err)
	if in.token != "" {
		req.Header.Set("Authorization", "Bearer "+in.token)
	}
	if in.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range in.header {
		req.Header.Set(name, value)
	}
	resp, err := s.client.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(body)
}

// errorBody reads a failure and refuses any field beyond the contract's three.
func errorBody(t *testing.T, body string) web.Error {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.DisallowUnknownFields()
	var e web.Error
	require.NoError(t, decoder.Decode(&e), body)
	require.NotEmpty(t, e.Message)
	return e
}

func TestFailures(t *testing.T) {
	const pay = "/v1/things/t1/pay"
	good := `{"amount":"5"}`
	over := strings.Repeat("x", 1<<20+1)
	rows := []struct {
		name   string
		in     call
		status int
		code   fault.Code
	}{
		{"no token", call{path: "/v1/broke"}, 401, fault.Unauthorized},
		{"a wrong token", call{path: "/v1/broke", token: canaryToken}, 401, fault.Unauthorized},
		{"a token of another scheme", call{path: "/v1/broke", header: map[string]string{"Authorization": "Basic Z29vZA=="}}, 401, fault.Unauthorized},
		{"no token comes before a bad body", call{method: "POST", path: pay, body: "{"}, 401, fault.Unauthorized},
		{"no token comes before an unknown path", call{path: "/v1/nothing"}, 401, fault.Unauthorized},
		{"no token comes before an over-long body", call{method: "POST", path: pay, body: over}, 401, fault.Unauthorized},
		{"no token comes before a wrong encoding", call{method: "POST", path: pay, body: good, header: map[string]string{"Content-Encoding": "gzip"}}, 401, fault.Unauthorized},
		{"no token comes before a wrong media type", call{method: "POST", path: pay, body: good, header: map[string]string{"Content-Type": "text/plain"}}, 401, fault.Unauthorized},
		{"a token without the purpose", call{method: "POST", path: pay, token: "purposeless", body: "{"}, 403, fault.CodeForbidden},
		{"a token without the scope", call{method: "POST", path: pay, token: "scopeless", body: "{"}, 403, fault.CodeForbidden},
		{"an unknown path", call{path: "/v1/nothing", token: "good"}, 404, fault.NotFound},
		{"an unknown path outside the API", call{path: "/nothing"}, 404, fault.NotFound},
		{"a method that the path lacks", call{method: "DELETE", path: "/v1/broke", token: "good"}, 405, fault.NotFound},
		{"a method that HTTP lacks", call{method: "BREW", path: "/v1/broke", token: "good"}, 400, fault.ValidationError},
		{"malformed JSON", call{method: "POST", path: pay, token: "good", body: "{"}, 400, fault.ValidationError},
		{"two JSON values", call{method: "POST", path: pay, token: "good", body: good + good}, 400, fault.ValidationError},
		{"a name that comes twice", call{method: "POST", path: pay, token: "good", body: `{"amount":"5","amount":"6"}`}, 400, fault.ValidationError},
		{"text that is not UTF-8", call{method: "POST", path: pay, token: "good", body: "{\"amount\":\"5\xff\"}"}, 400, fault.ValidationError},
		{"no body", call{method: "POST", path: pay, token: "good"}, 400, fault.ValidationError},
		{"a field that is missing", call{method: "POST", path: pay, token: "good", body: "{}"}, 400, fault.ValidationError},
		{"a field in other case", call{method: "POST", path: pay, token: "good", body: `{"Amount":"5"}`}, 400, fault.ValidationError},
		{"a query that is unknown", call{method: "POST", path: pay + "?pagesize=1", token: "good", body: good}, 400, fault.ValidationError},
		{"a form where JSON is asked for", call{method: "POST", path: pay, token: "good", body: "amount=5", header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, 415, fault.UnsupportedMediaType},
		{"an encoded body", call{method: "POST", path: pay, token: "good", body: good, header: map[string]string{"Content-Encoding": "gzip"}}, 415, fault.UnsupportedMediaType},
		{"an over-long body", call{method: "POST", path: pay, token: "good", body: over}, 413, fault.PayloadTooLarge},
		{"over-long headers", call{path: "/v1/broke", token: "good", header: map[string]string{"X-Long": strings.Repeat("x", 20<<10)}}, 431, fault.PayloadTooLarge},
		{"a refusal of a handler", call{path: "/v1/broke", token: "good"}, 422, fault.InsufficientFunds},
		{"an error without a code", call{path: "/v1/plain", token: "good"}, 500, fault.InternalServerError},
		{"a panic", call{path: "/v1/panic", token: "good"}, 500, fault.InternalServerError},
		{"work that ran out of time", call{path: "/v1/late", token: "good"}, 503, fault.ServiceUnavailable},
	}
	s := newServer(t)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			status, header, body := s.do(t, row.in)
			require.Equal(t, row.status, status, body)
			require.Equal(t, row.code, errorBody(t, body).Code)
			require.Equal(t, "application/json", header.Get("Content-Type"))
			require.NotEmpty(t, header.Get("X-Correlation-ID"))
			require.Contains(t, s.log.String(), header.Get("X-Correlation-ID"))
			require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
			require.NotContains(t, body, canaryToken)
		})
	}
}

func gzipped(t *testing.T, plain []byte) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(plain)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}
