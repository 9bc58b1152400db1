package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"nova/channels/web"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/policy"
)

// Each test here is a trap that one of the libraries sets.

func TestKeptValuesSurviveTheNextRequestOnTheConnection(t *testing.T) {
	s := newServer(t)
	s.client.Transport.(*http.Transport).MaxConnsPerHost = 1
	var wants []payRequest
	for i := range 20 {
		id, key := fmt.Sprintf("thing-%02d", i), fmt.Sprintf("%02d-idempotency", i)
		status, _, body := s.do(t, call{
			method: "POST", path: "/v1/things/" + id + "/pay", token: "good", body: `{"amount":"5"}`,
			header: map[string]string{"Idempotency-Key": key},
		})
		require.Equal(t, 200, status, body)
		wants = append(wants, payRequest{ID: id, Key: key, Page: 50, Body: payIn{Amount: "5"}})
	}
	for _, want := range wants {
		require.Equal(t, want, <-s.kept, "a kept value changed under its keeper")
	}
}

func TestGzipBombIsRefusedUnread(t *testing.T) {
	s := newServer(t, func(o *web.Options) {
		o.Doors = []web.Door{{Prefix: "/ussd", IgnoreEncoding: true}}
	})
	bomb := gzipped(t, make([]byte, 10<<20))
	encoded := map[string]string{"Content-Encoding": "gzip"}
	status, _, body := s.do(t, call{method: "POST", path: "/v1/things/t/pay", token: "good", body: bomb, header: encoded})
	require.Equal(t, 415, status, body)
	require.Empty(t, s.kept)
}

func TestADoorThatIgnoresAnEncodingReadsTheBodyAsItCame(t *testing.T) {
	app := web.New(web.Options{Doors: []web.Door{{Prefix: "/ussd", IgnoreEncoding: true}}})
	app.Handle(http.MethodPost, "/ussd/x", web.Open("test"), func(c *fiber.Ctx) error {
		return c.JSON(len(c.Body()))
	})
	bomb := gzipped(t, make([]byte, 1<<20))
	req := httptest.NewRequest(http.MethodPost, "/ussd/x", strings.NewReader(bomb))
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := app.Fiber().Test(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	var size int
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&size))
	require.Equal(t, len(bomb), size)
}

func TestSubmittedValuesAreNeverEchoed(t *testing.T) {
	const pay = "/v1/things/t1/pay"
	secrets := []string{canaryPIN, canaryNumber, canaryToken}
	rows := []struct {
		name, path, body string
		field, problem   string
	}{
		{"an unknown field", pay, `{"amount":"5","pni":"` + canaryPIN + `"}`, "pni", "unexpected property"},
		{"a secret as a field's name", pay, `{"amount":"5","` + canaryNumber + `":1}`, "body", "unexpected property"},
		{"malformed JSON", pay, `{"amount":"5","pin":"` + canaryPIN + `"`, "body", "is not valid"},
		{"a wrong type", pay, `{"amount":` + canaryPIN + `}`, "amount", "expected string"},
		{"a number over its maximum", pay, `{"amount":"5","count":` + canaryPIN + `}`, "count", "expected number <= 100"},
		{"a pattern that does not match", pay, `{"amount":"` + canaryToken + `"}`, "amount", "expected string to match pattern ^[0-9]+$"},
		{"a parser that quotes", pay, `{"amount":"5","email":"` + canaryToken + ` <"}`, "email", "expected string to be RFC 5322 email"},
		{"a field that is missing", pay, `{"pin":"` + canaryPIN + `"}`, "amount", "is required"},
		{"a query parameter", pay + "?page_size=" + canaryPIN, `{"amount":"5"}`, "page_size", "expected number <= 100"},
		{"a query that is no number", pay + "?page_size=" + canaryToken, `{"amount":"5"}`, "page_size", "invalid integer"},
		{"an unknown query parameter", pay + "?" + canaryNumber + "=1", `{"amount":"5"}`, "body", "unknown query parameter"},
	}
	s := newServer(t)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			status, _, body := s.do(t, call{method: "POST", path: row.path, token: "good", body: row.body})
			require.Equal(t, 400, status, body)
			e := errorBody(t, body)
			require.Equal(t, fault.ValidationError, e.Code)
			require.Equal(t, row.problem, e.Details[row.field], body)
			for _, secret := range secrets {
				require.NotContains(t, body, secret)
			}
		})
	}
	for _, secret := range secrets {
		require.NotContains(t, s.log.String(), secret)
	}
	require.NotContains(t, s.log.String(), "things/t1", "a log line holds a path instead of its pattern")
}

func TestEveryRequestHasADeadline(t *testing.T) {
	s := newServer(t)
	_, _, body := s.do(t, call{path: "/v1/deadline", token: "good"})
	require.Equal(t, "true", body)
}

func TestADoorHasItsOwnDeadline(t *testing.T) {
	app := web.New(web.Options{Deadline: time.Hour, Doors: []web.Door{{Prefix: "/ussd", Deadline: time.Millisecond}}})
	app.Handle(http.MethodGet, "/ussd/x", web.Open("test"), func(c *fiber.Ctx) error {
		<-c.UserContext().Done()
		return c.UserContext().Err()
	})
	resp, err := app.Fiber().Test(httptest.NewRequest(http.MethodGet, "/ussd/x", nil))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 503, resp.StatusCode)
	require.Equal(t, "1", resp.Header.Get("Retry-After"))
}

func TestADoorMayBoundItsRequestsItself(t *testing.T) {
	app := web.New(web.Options{Doors: []web.Door{{Prefix: "/ussd", OwnDeadline: true}}})
	app.Handle(http.MethodGet, "/ussd/x", web.Open("test"), func(c *fiber.Ctx) error {
		_, bound := c.UserContext().Deadline()
		return c.JSON(bound)
	})
	resp, err := app.Fiber().Test(httptest.NewRequest(http.MethodGet, "/ussd/x", nil))
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "false", string(body))
}

func TestPathParametersAreDecodedOnce(t *testing.T) {
	rows := []struct{ name, sent, want string }{
		{"a plus stays a plus", "a+b", "a+b"},
		{"an escape is decoded", "a%2Bb%20c", "a+b c"},
		{"a decoded percent is not decoded again", "a%252Bb", "a%2Bb"},
	}
	s := newServer(t)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			status, _, body := s.do(t, call{method: "POST", path: "/v1/things/" + row.sent + "/pay", token: "good", body: `{"amount":"5"}`})
			require.Equal(t, 200, status, body)
			require.Equal(t, row.want, (<-s.kept).ID)
		})
	}
}

func TestOverloadAnswersAtOnceAndInTheDoorsWords(t *testing.T) {
	release, entered := make(chan struct{}), make(chan struct{})
	app := web.New(web.Options{InFlight: 1, Doors: []web.Door{{
		Prefix: "/ussd", Sorry: func(c *fiber.Ctx, _ error) error { return c.SendString("END Busy. Dial again.") },
	}}})
	app.Handle(http.MethodGet, "/slow", web.Open("test"), func(c *fiber.Ctx) error {
		close(entered)
		<-release
		return c.SendString("done")
	})
	app.Handle(http.MethodGet, "/v1/health", web.Open("test"), func(c *fiber.Ctx) error { return c.SendString("ok") })
	s := &server{App: app}
	s.listen(t)
	slow := make(chan string, 1)
	go func() {
		_, _, body := s.do(t, call{path: "/slow"})
		slow <- body
	}()
	<-entered
	status, header, body := s.do(t, call{path: "/other"})
	require.Equal(t, 503, status)
	require.Equal(t, "1", header.Get("Retry-After"))
	require.Equal(t, fault.ServiceUnavailable, errorBody(t, body).Code)
	status, _, body = s.do(t, call{path: "/ussd/x"})
	require.Equal(t, 200, status)
	require.Equal(t, "END Busy. Dial again.", body)
	status, _, _ = s.do(t, call{path: "/v1/health"})
	require.Equal(t, 200, status, "health must answer when the server is full")
	close(release)
	require.Equal(t, "done", <-slow)
	status, _, _ = s.do(t, call{path: "/other"})
	require.Equal(t, 404, status, "the place was not given back")
}

func TestShutdownDrains(t *testing.T) {
	release, entered := make(chan struct{}), make(chan struct{})
	app := web.New(web.Options{})
	app.Handle(http.MethodGet, "/slow", web.Open("test"), func(c *fiber.Ctx) error {
		close(entered)
		<-release
		return c.SendString("done")
	})
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	served, ended, answered := make(chan error, 1), make(chan error, 1), make(chan string, 1)
	go func() { served <- app.Serve(listener) }()
	s := &server{App: app, url: "http://" + listener.Addr().String(), client: &http.Client{Timeout: 10 * time.Second}}
	go func() {
		_, _, body := s.do(t, call{path: "/slow"})
		answered <- body
	}()
	<-entered
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		ended <- app.Shutdown(ctx)
	}()
	require.Eventually(t, app.Draining, time.Second, time.Millisecond)
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp4", listener.Addr().String())
		if err == nil {
			_ = conn.Close() // only whether it opened matters
		}
		return err != nil
	}, 2*time.Second, 5*time.Millisecond, "new connections are still taken")
	close(release)
	require.Equal(t, "done", <-answered, "a request under way was cut off")
	require.NoError(t, <-ended)
	require.NoError(t, <-served)
}

func TestShutdownHasADeadline(t *testing.T) {
	release, entered := make(chan struct{}), make(chan struct{})
	defer close(release)
	app := web.New(web.Options{})
	app.Handle(http.MethodGet, "/slow", web.Open("test"), func(*fiber.Ctx) error {
		close(entered)
		<-release
		return nil
	})
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = app.Serve(listener) }() // ends with Shutdown
	conn, err := net.Dial("tcp4", listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }() // the server may have closed it
	_, err = io.WriteString(conn, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	<-entered
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	require.Error(t, app.Shutdown(ctx))
}

func TestARouteThatDeclaresNothingIsABrokenBuild(t *testing.T) {
	needs := web.Needs(policy.CustomerAccountView, "x")
	rows := []struct {
		name   string
		access web.Access
	}{
		{"no access at all", web.Access{}},
		{"a purpose outside the catalogue", web.Needs("customer.look", "x")},
		{"no scope", web.Needs(policy.CustomerAccountView, "")},
		{"no purpose", web.Access{Scope: "x"}},
		{"open and not open", web.Access{Open: "public", Scope: "x"}},
		{"one's own and open", web.Access{Open: "public", Self: identity.Staff}},
		{"one's own and for a purpose", web.Access{Self: identity.Staff, Purpose: policy.ConfigChange}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			require.Panics(t, func() { web.New(web.Options{}).Handle("GET", "/v1/x", row.access, nil) })
		})
	}
	t.Run("one route twice", func(t *testing.T) {
		app := web.New(web.Options{})
		app.Handle("GET", "/v1/x", needs, func(*fiber.Ctx) error { return nil })
		require.Panics(t, func() { app.Handle("GET", "/v1/x", needs, nil) })
	})
	t.Run("a route behind the app's back", func(t *testing.T) {
		app := web.New(web.Options{})
		app.Fiber().Get("/v1/secret", func(*fiber.Ctx) error { return nil })
		require.Contains(t, app.Undeclared(), "GET /v1/secret")
		require.Panics(t, func() { _ = app.Serve(nil) })
	})
}
