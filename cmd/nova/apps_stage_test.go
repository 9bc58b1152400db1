package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/channels/web"
	"nova/channels/web/httpsig"
	"nova/configs"
)

// site is a whole server that listens, with what it has logged.
type site struct {
	*world
	base string
	log  *lockedLog
}

func newSite(t *testing.T, change ...func(*configs.Config)) *site {
	t.Helper()
	s := &site{world: newWorld(t, change...), log: &lockedLog{}}
	s.server.log = slog.New(slog.NewJSONHandler(s.log, nil))
	// The house is built again, with numbers of its own, so that its lines are kept.
	s.server.metrics = web.NewMetrics()
	var err error
	s.server, err = newServer(s.server.parts)
	require.NoError(t, err)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.server.app.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, s.server.app.Shutdown(context.Background()))
		require.NoError(t, <-served)
	})
	s.base = "http://" + listener.Addr().String()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	return s
}

// said is what the server said.
type said struct {
	Status int
	Header http.Header
	Body   map[string]any
}

func (a said) text(field string) string {
	text, _ := a.Body[field].(string)
	return text
}

// code is the error's; "" for success.
func (a said) code() string { return a.text("errorCode") }

func (a said) detail(field string) any {
	details, _ := a.Body["details"].(map[string]any)
	return details[field]
}

// call is one request.
type call struct {
	method, path, token, body, key, device string
	signer                                 ed25519.PrivateKey
	at                                     time.Time
}

func (s *site) do(c call) said {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), c.method, s.base+c.path, strings.NewReader(c.body))
	require.NoError(s.t, err)
	if c.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.key != "" {
		request.Header.Set("Idempotency-Key", c.key)
	}
	if c.signer != nil {
		s.sign(request, c)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }() // read whole
	text, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	a := said{Status: response.StatusCode, Header: response.Header}
	if len(text) > 0 {
		require.NoError(s.t, json.Unmarshal(text, &a.Body), string(text))
	}
	return a
}

func (s *site) sign(request *http.Request, c call) {
	s.t.Helper()
	request.Header.Set("Content-Digest", httpsig.Digest([]byte(c.body)))
	input, signature, err := httpsig.Sign(httpsig.Request{
		Method: c.method, TargetURI: s.base + c.path, Body: []byte(c.body),
		Header: func(name string) []string { return request.Header.Values(name) },
	}, httpsig.Signing{Key: c.signer, KeyID: c.device, Components: httpsig.Device, Created: c.at})
	require.NoError(s.t, err)
	request.Header.Set("Signature-Input", input)
	request.Header.Set("Signature", signature)
}

// appUser is somebody's app on a handset of theirs.
type appUser struct {
	*site
	side, login, number, pin string
	device                   string
	key                      ed25519.PrivateKey
	token, refresh           string
	keys                     int
}

func (s *site) customer(number, pin string) *appUser {
	return s.phone("/v1/customer", `"msisdn":"`+number+`"`, number, pin)
}

func (s *site) operator(agent, number, pin string) *appUser {
	return s.phone("/v1/agent", `"agent_code":"`+agent+`","operator_msisdn":"`+number+`"`, number, pin)
}

func (s *site) phone(side, login, number, pin string) *appUser {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(s.t, err)
	return &appUser{site: s, side: side, login: login, number: number, pin: pin, device: "phone-" + number[1:], key: key}
}

func (p *appUser) post(path, body string) said {
	p.t.Helper()
	return p.do(call{method: "POST", path: p.side + path, token: p.token, body: body})
}

func (p *appUser) signIn() said {
	p.t.Helper()
	a := p.post("/auth/login", `{`+p.login+`,"pin":"`+p.pin+`","device_id":"`+p.device+`"}`)
	return p.keep(a)
}

func (p *appUser) keep(a said) said {
	if a.Status == http.StatusOK {
		p.token, p.refresh = a.text("access_token"), a.text("refresh_token")
	}
	return a
}

func (p *appUser) renew() said {
	p.t.Helper()
	return p.keep(p.post("/auth/refresh", `{"refresh_token":"`+p.refresh+`"}`))
}

// otp asks for a code and changes it for its token. The code is read from the SMS.
func (p *appUser) otp(purpose, more string) string {
	p.t.Helper()
	asked := p.post("/auth/otp/request", `{"purpose":"`+purpose+`"`+more+`}`)
	require.Equal(p.t, http.StatusAccepted, asked.Status, asked.Body)
	require.Contains(p.t, p.SMS(p.number), asked.text("otp"), "the same code as in the SMS")
	got := p.post("/auth/otp/verify", `{"otp_session_id":"`+asked.text("otp_session_id")+`","code":"`+asked.text("otp")+`"}`)
	require.Equal(p.t, http.StatusOK, got.Status, got.Body)
	return got.text("otp_token")
}

// bind binds the phone and takes tokens that are its own.
func (p *appUser) bind() {
	p.t.Helper()
	public, ok := p.key.Public().(ed25519.PublicKey)
	require.True(p.t, ok)
	token := p.otp("device_bind", `,"msisdn":"`+p.number+`"`)
	bound := p.post("/auth/device-bind", `{"device_id":"`+p.device+`","platform":"android","otp_token":"`+token+
		`","public_key":{"kty":"OKP","crv":"Ed25519","x":"`+base64.RawURLEncoding.EncodeToString(public)+`"}}`)
	require.Equal(p.t, http.StatusCreated, bound.Status, bound.Body)
	require.Equal(p.t, "bound", bound.text("status"))
	renewed := p.renew()
	require.Equal(p.t, true, renewed.Body["device_bound"], renewed.Body)
}

// ready signs in, binds the phone, and lets the day pass in which it is new.
func (p *appUser) ready() *appUser {
	p.t.Helper()
	require.Equal(p.t, http.StatusOK, p.signIn().Status)
	p.bind()
	p.Wait(25 * time.Hour)
	require.Equal(p.t, http.StatusOK, p.renew().Status)
	return p
}

// signed is a call that the phone signs.
func (p *appUser) signed(path, body string, change ...func(*call)) said {
	p.t.Helper()
	p.keys++
	c := call{
		method: "POST", path: path, token: p.token, body: body, key: p.device + "-" + strconv.Itoa(p.keys), device: p.device,
		signer: p.key, at: p.clock.Now(),
	}
	for _, f := range change {
		f(&c)
	}
	return p.do(c)
}

func sendBody(to, amount string) string {
	return `{"recipient":{"msisdn":"` + to + `"},"amount":{"amount":"` + amount + `","currency":"BBD"}}`
}

const (
	marciasNumber = "+12462501001"
	andresNumber  = "+12462501002"
	oistinsNumber = "+12462500011"
)

func under(key string) func(*call) { return func(c *call) { c.key = key } }
