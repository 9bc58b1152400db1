package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238's own
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/channels/web"
	"nova/core/clock"
)

// desk calls a server over HTTP as staff's pages and other systems do.
type desk struct {
	t     *testing.T
	base  string
	clock *clock.Manual
	// secrets are all that was shown or sent and must stand nowhere.
	secrets map[string]string
}

// node is another server on the world's stores, with a log of its own, that listens.
func (w *world) node(log *lockedLog) (*server, *desk) {
	w.t.Helper()
	p, err := open(w.t.Context(), w.server.config, web.NewLogger(log, 0, "json"), w.clock)
	require.NoError(w.t, err)
	s, err := newServer(p)
	require.NoError(w.t, err)
	listener, err := new(net.ListenConfig).Listen(w.t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(w.t, err)
	served := make(chan error, 1)
	go func() { served <- s.app.Serve(listener) }()
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // the test's own is over
		defer cancel()
		require.NoError(w.t, s.app.Shutdown(ctx))
		require.NoError(w.t, <-served)
		require.NoError(w.t, p.close(ctx))
	})
	return s, &desk{t: w.t, base: "http://" + listener.Addr().String(), clock: w.clock, secrets: map[string]string{}}
}

// lockedLog is a log that a server writes while a test reads.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// reply is what came back.
type reply struct {
	status int
	body   map[string]any
}

func (a reply) text(field string) string {
	text, _ := a.body[field].(string) // "" for what is no text, or not there
	return text
}

// call sends a body, which may be nil, and reads the reply.
func (c *desk) call(method, path, token string, body any) reply {
	c.t.Helper()
	var sent bytes.Buffer
	if body != nil {
		require.NoError(c.t, json.NewEncoder(&sent).Encode(body))
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, &sent)
	require.NoError(c.t, err)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	defer func() { _ = response.Body.Close() }() // read whole
	got := reply{status: response.StatusCode}
	if response.StatusCode != http.StatusNoContent {
		require.NoError(c.t, json.NewDecoder(response.Body).Decode(&got.body))
	}
	return got
}

// must is call for what is expected to be answered so.
func (c *desk) must(want int, method, path, token string, body any) reply {
	c.t.Helper()
	got := c.call(method, path, token, body)
	require.Equal(c.t, want, got.status, "%s %s: %v", method, path, got.body)
	return got
}

// fields are a JSON object.
type fields = map[string]any

// login signs in and returns the reply.
func (c *desk) login(email, password, totp string) reply {
	body := fields{"email": email, "password": password}
	if totp != "" {
		body["totp"] = totp
	}
	return c.call("POST", "/v1/ops/auth/login", "", body)
}

// officerAt is a member of staff with a password and a second factor of their own.
type officerAt struct {
	*desk
	email, password string
	key             []byte
	id              string
}

// enrol gives somebody who signs in with a password a second factor.
func (c *desk) enrol(email, password string) *officerAt {
	c.t.Helper()
	in := c.login(email, password, "")
	require.Equal(c.t, 200, in.status, "%v", in.body)
	o := &officerAt{desk: c, email: email, password: password, id: in.text("staff_id")}
	made := c.must(201, "POST", "/v1/ops/auth/totp", in.text("access_token"), nil)
	u, err := url.Parse(made.text("otpauth_uri"))
	require.NoError(c.t, err)
	c.secrets["TOTP secret of "+email] = u.Query().Get("secret")
	o.key, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(u.Query().Get("secret"))
	require.NoError(c.t, err)
	c.must(204, "POST", "/v1/ops/auth/totp/confirm", in.text("access_token"), fields{"code": o.code()})
	return o
}

// code is that of the authenticator app (RFC 6238), which is good once.
func (o *officerAt) code() string {
	mac := hmac.New(sha1.New, o.key)
	_ = binary.Write(mac, binary.BigEndian, o.clock.Now().Unix()/30) // a hash takes everything
	sum := mac.Sum(nil)
	from := sum[19] & 15
	code := fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[from:from+4])&0x7fffffff)%1_000_000)
	o.secrets["code of "+o.email] = `"` + code // six digits stand in ids by chance, and there not behind a quotation mark
	return code
}

// token signs in with both factors.
func (o *officerAt) token() string {
	o.t.Helper()
	o.clock.Advance(time.Minute) // a code is good once
	in := o.login(o.email, o.password, o.code())
	require.Equal(o.t, 200, in.status, "%v", in.body)
	require.InDelta(o.t, 2, in.body["aal"], 0)
	o.secrets["refresh token of "+o.email] = in.text("refresh_token")
	return in.text("access_token")
}

// newcomer is somebody whom an administrator adds: they change the issued password, and enrol.
func (c *desk) newcomer(admin, email, role string) *officerAt {
	c.t.Helper()
	added := c.must(201, "POST", "/v1/ops/staff", admin, fields{"email": email, "name": "New " + role, "roles": []string{role}})
	issued, own := added.text("password"), "a "+role+"'s own battery"
	c.secrets["issued to "+email], c.secrets["password of "+email] = issued, own
	first := c.login(email, issued, "")
	require.Equal(c.t, true, first.body["must_change_password"])
	c.must(204, "POST", "/v1/ops/auth/password", first.text("access_token"), fields{"old_password": issued, "password": own})
	require.Equal(c.t, 401, c.login(email, issued, "").status)
	return c.enrol(email, own)
}

// leaks names the secrets that stand in a text.
func (c *desk) leaks(text string) []string {
	var found []string
	for name, value := range c.secrets {
		if strings.Contains(text, value) {
			found = append(found, name)
		}
	}
	return found
}
