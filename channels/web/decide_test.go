package web_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/channels/web"
	"nova/channels/web/httpsig"
	"nova/core/audit"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/money"
	"nova/core/policy"
	"nova/core/secret"
	"nova/core/transactions"
)

// guard is everything that decides about a request, scripted, and what it was asked.
type guard struct {
	mu        sync.Mutex
	decide    func(policy.Request) policy.Decision
	asked     []policy.Request
	events    []audit.Event
	required  [][sha256.Size]byte
	channel   string
	spent     bool
	key       crypto.PublicKey
	unbound   bool
	newDevice bool
}

func (g *guard) Decide(_ context.Context, r policy.Request) policy.Decision {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, r)
	if g.decide == nil {
		return policy.Decision{Allowed: true, Policy: "all"}
	}
	return g.decide(r)
}

func (g *guard) Record(_ context.Context, events ...audit.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(g.events, events...)
}

// Require grants the request that the token is bound to, once.
func (g *guard) Require(_ context.Context, p identity.Principal, request [sha256.Size]byte, channel string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.Bound == hex.EncodeToString(request[:]) && !g.spent {
		g.spent = true
		return nil
	}
	g.required, g.channel = append(g.required, request), channel
	return fault.New(fault.MFARequired, "").With("challenge", "chl_1")
}

func (g *guard) DeviceKey(_ context.Context, s identity.Subject, device string) (crypto.PublicKey, time.Time, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.unbound || s.ID != person || device != canaryDevice {
		return nil, time.Time{}, fault.New(fault.DeviceNotBound, "%s", s.ID)
	}
	return g.key, noon, nil
}

func (g *guard) New(boundAt time.Time) bool { return g.newDevice && boundAt.Equal(noon) }

// Verify knows people by the names of their tokens.
func (g *guard) Verify(_ context.Context, token secret.Text) (identity.Principal, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := identity.Principal{
		Kind: identity.Customer, ID: person, Scopes: []string{"txns"}, Purposes: []string{string(policy.CustomerTransact)}, AAL: 1,
	}
	name, bound, _ := strings.Cut(token.Reveal(), ":")
	p.Bound = bound
	switch name {
	case "phone":
		p.Device = canaryDevice
	case "browser":
	case "client":
		p.Kind = identity.Client
	case "staff":
		p.Kind, p.Roles = identity.Staff, []string{"support"}
	case "scopeless":
		p.Scopes = nil
	default:
		return identity.Principal{}, fault.New(fault.Unauthorized, "unknown token")
	}
	return p, nil
}

var (
	person = uuid.MustParse("01900000-0000-7000-8000-00000000a001")
	wallet = uuid.MustParse("01900000-0000-7000-8000-00000000b001")
	noon   = time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC)
)

const (
	payPath = "/v1/txns/p2p"
	ownPath = "/v1/own"
	payBody = `{"amount":"50"}`
)

// till is an app with one route that moves money and one that looks, and what became of their requests.
type till struct {
	*server
	guard *guard
	key   ed25519.PrivateKey
	clock *clock.Manual
	about func(*policy.Request)
	paid  int
	via   identity.Via
}

func newTill(t *testing.T, change ...func(*web.Options)) *till {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	s := &till{guard: &guard{key: public}, key: key, clock: clock.NewManual(noon)}
	s.server = &server{log: &lockedBuffer{}}
	o := web.Options{
		Logger: web.NewLogger(s.log, 0, "json"), Clock: s.clock, Tokens: s.guard, Policies: s.guard, Audit: s.guard, StepUps: s.guard,
		Devices: s.guard, PublicURL: "https://api.nova.example",
	}
	for _, f := range change {
		f(&o)
	}
	s.App = web.New(o)
	access := web.Needs(policy.CustomerTransact, "txns")
	handler := func(ctx context.Context, _ *struct {
		Key  string `header:"Idempotency-Key"`
		Body payIn
	}) (*payAnswer, error) {
		if s.about != nil {
			if _, err := web.Decide(ctx, s.about); err != nil {
				return nil, err
			}
		}
		s.paid++
		return &payAnswer{}, nil
	}
	web.Register(s.App, web.Operation{
		Operation: huma.Operation{OperationID: "txn_p2p", Method: http.MethodPost, Path: payPath}, Access: access.SignedByDevice(),
	}, handler)
	web.Register(s.App, web.Operation{
		Operation: huma.Operation{OperationID: "txn_note", Method: http.MethodPost, Path: "/v1/notes"}, Access: access,
	}, handler)
	web.Register(s.App, web.Operation{
		Operation: huma.Operation{OperationID: "secret_change", Method: http.MethodPost, Path: ownPath}, Access: web.Self(identity.Customer),
	}, func(ctx context.Context, _ *struct{ Body payIn }) (*payAnswer, error) {
		s.via = web.Via(ctx, identity.Staff)
		return &payAnswer{}, nil
	})
	s.listen(t)
	return s
}

// pay is a payment with a token, signed by the phone.
func (s *till) pay(t *testing.T, token string, change ...func(*call)) call {
	t.Helper()
	in := call{method: "POST", path: payPath, token: token, body: payBody, header: map[string]string{"Idempotency-Key": "0190c1de"}}
	s.sign(t, &in, "https://api.nova.example")
	for _, f := range change {
		f(&in)
	}
	return in
}

func (s *till) sign(t *testing.T, in *call, public string) {
	t.Helper()
	in.header["Content-Digest"] = httpsig.Digest([]byte(in.body))
	input, signature, err := httpsig.Sign(httpsig.Request{
		Method: in.method, TargetURI: public + in.path, Body: []byte(in.body),
		Header: func(name string) []string {
			if name == "authorization" {
				return []string{"Bearer " + in.token}
			}
			return []string{in.header[http.CanonicalHeaderKey(name)]}
		},
	}, httpsig.Signing{Key: s.key, KeyID: canaryDevice, Components: httpsig.Device, Created: s.clock.Now()})
	require.NoError(t, err)
	in.header["Signature-Input"], in.header["Signature"] = input, signature
}

func TestMoneyMovesFromAnAppWithItsDevicesSignatureAlone(t *testing.T) {
	without := func(names ...string) func(*call) {
		return func(in *call) {
			for _, name := range names {
				delete(in.header, name)
			}
		}
	}
	rows := []struct {
		name, token string
		change      func(*call)
		status      int
		code        fault.Code
	}{
		{"signed", "phone", func(*call) {}, 200, ""},
		{"by a system, which has no device", "client", without("Signature", "Signature-Input", "Content-Digest"), 200, ""},
		{"not signed", "phone", without("Signature", "Signature-Input", "Content-Digest"), 401, fault.Unauthorized},
		{"without the input", "phone", without("Signature-Input"), 401, fault.Unauthorized},
		{"without a digest", "phone", without("Content-Digest"), 401, fault.Unauthorized},
		{"with another body", "phone", func(in *call) { in.body = `{"amount":"99"}` }, 401, fault.Unauthorized},
		{"with another body and its digest", "phone", func(in *call) {
			in.body = `{"amount":"99"}`
			in.header["Content-Digest"] = httpsig.Digest([]byte(in.body))
		}, 401, fault.Unauthorized},
		{"with another idempotency key", "phone", func(in *call) { in.header["Idempotency-Key"] = "other" }, 401, fault.Unauthorized},
		{"with another query", "phone", func(in *call) { in.path += "?x=1" }, 401, fault.Unauthorized},
		{"with a token of another session", "phone:other", func(in *call) { in.token = "phone" }, 401, fault.Unauthorized},
		{"from an app without a device", "browser", func(*call) {}, 403, fault.DeviceNotBound},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := newTill(t)
			status, _, body := s.do(t, s.pay(t, row.token, row.change))
			require.Equal(t, row.status, status, "%s\n%s", body, s.log)
			if row.code == "" {
				require.Equal(t, 1, s.paid)
				return
			}
			require.Equal(t, row.code, errorBody(t, body).Code)
			require.Zero(t, s.paid, "a refused payment was made")
			require.Empty(t, s.guard.asked)
			require.Len(t, s.guard.events, 1, "the refusal is on record")
			require.Equal(t, string(row.code), s.guard.events[0].Detail[audit.DetailCode])
		})
	}
	t.Run("too late", func(t *testing.T) {
		s := newTill(t)
		in := s.pay(t, "phone")
		s.clock.Advance(time.Minute)
		status, _, _ := s.do(t, in)
		require.Equal(t, 200, status)
		s.clock.Advance(time.Second)
		status, _, body := s.do(t, in)
		require.Equal(t, 401, status, body)
	})
	t.Run("too early", func(t *testing.T) {
		s := newTill(t)
		in := s.pay(t, "phone")
		s.clock.Advance(-time.Minute - time.Second)
		status, _, _ := s.do(t, in)
		require.Equal(t, 401, status)
	})
	t.Run("after the device was lost", func(t *testing.T) {
		s := newTill(t)
		s.guard.unbound = true
		status, _, body := s.do(t, s.pay(t, "phone"))
		require.Equal(t, 403, status)
		require.Equal(t, fault.DeviceNotBound, errorBody(t, body).Code)
	})
	t.Run("by another device's key", func(t *testing.T) {
		s := newTill(t)
		_, other, err := ed25519.GenerateKey(rand.Reader)
		require.NoError(t, err)
		s.key = other
		status, _, _ := s.do(t, s.pay(t, "phone"))
		require.Equal(t, 401, status)
	})
	t.Run("without a proxy, for the host that was called", func(t *testing.T) {
		s := newTill(t, func(o *web.Options) { o.PublicURL = "" })
		status, _, _ := s.do(t, s.pay(t, "phone"))
		require.Equal(t, 401, status)
		status, _, body := s.do(t, s.pay(t, "phone", func(in *call) { s.sign(t, in, s.url) }))
		require.Equal(t, 200, status, body)
	})
	t.Run("what moves no money needs no signature", func(t *testing.T) {
		s := newTill(t)
		for _, token := range []string{"phone", "browser"} {
			status, _, _ := s.do(t, call{method: "POST", path: "/v1/notes", token: token, body: payBody})
			require.Equal(t, 200, status)
		}
	})
	t.Run("without devices nobody is believed", func(t *testing.T) {
		s := newTill(t, func(o *web.Options) { o.Devices = nil })
		status, _, _ := s.do(t, s.pay(t, "phone"))
		require.Equal(t, 403, status)
	})
}

func TestPoliciesAreAskedWhoDoesWhatAndHow(t *testing.T) {
	rows := []struct {
		name, token string
		path        string
		change      func(*till)
		want        policy.Context
		kind        identity.Kind
		action      string
	}{
		{"a customer's app", "phone", payPath, nil, policy.Context{Channel: transactions.App, Scope: "txns", Money: true, Device: policy.BoundDevice}, identity.Customer, "txn_p2p"},
		{"a new device", "phone", payPath, func(s *till) { s.guard.newDevice = true }, policy.Context{Channel: transactions.App, Scope: "txns", Money: true, Device: policy.NewDevice}, identity.Customer, "txn_p2p"},
		{"no device", "browser", "/v1/notes", nil, policy.Context{Channel: transactions.App, Scope: "txns", Device: policy.UnboundDevice}, identity.Customer, "txn_note"},
		{"a system", "client", payPath, nil, policy.Context{Channel: transactions.API, Scope: "txns", Money: true, Device: policy.NoDevice}, identity.Client, "txn_p2p"},
		{"staff", "staff", "/v1/notes", nil, policy.Context{Channel: transactions.Console, Scope: "txns", Device: policy.NoDevice}, identity.Staff, "txn_note"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := newTill(t)
			if row.change != nil {
				row.change(s)
			}
			status, _, body := s.do(t, s.pay(t, row.token, func(in *call) { in.path = row.path }))
			require.Equal(t, 200, status, body)
			require.Len(t, s.guard.asked, 1)
			asked := s.guard.asked[0]
			require.Equal(t, row.want, asked.Context)
			require.Equal(t, policy.CustomerTransact, asked.Purpose)
			require.Equal(t, row.action, asked.Action)
			require.Equal(t, row.kind, asked.Caller.Kind)
			require.True(t, asked.Caller.Token)
			require.Contains(t, s.log.String(), `"policy":"all"`)
		})
	}
}

func TestWhatThePoliciesForbidIsRefusedAndRecorded(t *testing.T) {
	s := newTill(t)
	s.guard.decide = func(policy.Request) policy.Decision {
		return policy.Decision{Policy: "not-today", Code: fault.CodeForbidden, Audit: true}
	}
	in := call{method: "POST", path: "/v1/notes", token: "phone", body: payBody, header: map[string]string{"X-Correlation-ID": "c-1"}}
	status, _, body := s.do(t, in)
	require.Equal(t, 403, status, body)
	require.Zero(t, s.paid)
	require.NotContains(t, body, "not-today", "a caller is told which policy")
	require.Contains(t, s.log.String(), `"policy":"not-today"`)
	require.Equal(t, []audit.Event{{
		Actor: ids.Format(ids.Customer, person), Action: "txn_note", Outcome: audit.Refused, Purpose: "customer.transact", Policy: "not-today",
		Channel: "app", Correlation: "c-1", Detail: map[string]string{audit.DetailCode: "FORBIDDEN"},
	}}, s.guard.events)

	t.Run("and so is what the token does not grant", func(t *testing.T) {
		s := newTill(t)
		status, _, _ := s.do(t, call{method: "POST", path: "/v1/notes", token: "scopeless", body: payBody})
		require.Equal(t, 403, status)
		require.Len(t, s.guard.events, 1)
		require.Equal(t, audit.Refused, s.guard.events[0].Outcome)
		require.Empty(t, s.guard.asked)
	})
	t.Run("but an outage is nobody's refusal", func(t *testing.T) {
		s := newTill(t)
		s.guard.decide = func(policy.Request) policy.Decision {
			return policy.Decision{Policy: "policy-broken:x", Code: fault.InternalServerError}
		}
		status, _, _ := s.do(t, call{method: "POST", path: "/v1/notes", token: "phone", body: payBody})
		require.Equal(t, 500, status)
		require.Zero(t, s.paid)
	})
}

func TestAHandlerAsksAboutWhatItHasFound(t *testing.T) {
	s := newTill(t)
	s.about = func(r *policy.Request) {
		r.Resource = policy.Resource{Kind: policy.Wallet, ID: wallet, Owner: wallet}
		r.Context.Amount = money.Of(5000, "BBD")
	}
	s.guard.decide = func(r policy.Request) policy.Decision {
		if r.Resource.Kind == policy.Wallet && r.Resource.Owner != r.Caller.ID {
			return policy.Decision{Policy: policy.ByDefault, Code: fault.NotFound, Audit: true}
		}
		return policy.Decision{Allowed: true, Policy: "all"}
	}
	status, _, body := s.do(t, s.pay(t, "phone"))
	require.Equal(t, 404, status, body)
	require.Zero(t, s.paid)
	require.Len(t, s.guard.asked, 2)
	require.Equal(t, money.Of(5000, "BBD"), s.guard.asked[1].Context.Amount)
	require.Equal(t, policy.BoundDevice, s.guard.asked[1].Context.Device, "the door's context is kept")
	require.Equal(t, ids.Format(ids.Wallet, wallet), s.guard.events[0].Object)

	_, err := web.Decide(t.Context(), func(*policy.Request) {})
	require.True(t, fault.Is(err, fault.Unauthorized), "outside a request nobody is known")
}

// large asks for a second factor above one.
func large(r policy.Request) policy.Decision {
	if r.Context.Money && r.Caller.AAL < 2 {
		return policy.Decision{Policy: "large-amounts-ask-again", Code: fault.MFARequired, StepUp: true, Audit: true}
	}
	return policy.Decision{Allowed: true, Policy: "all"}
}

func TestASecondFactorIsGoodForOneRequestOnce(t *testing.T) {
	s := newTill(t)
	s.guard.decide = large
	status, _, body := s.do(t, s.pay(t, "phone"))
	require.Equal(t, 403, status)
	e := errorBody(t, body)
	require.Equal(t, fault.MFARequired, e.Code)
	require.Equal(t, "chl_1", e.Details["challenge"])
	require.Equal(t, "app", s.guard.channel)
	require.Len(t, s.guard.required, 1)
	require.Zero(t, s.paid)
	hash := hex.EncodeToString(s.guard.required[0][:])

	s.guard.decide = nil // a stepped-up token has AAL 2, which this one's policies would see
	rows := []struct {
		name   string
		change func(*call)
		status int
	}{
		{"another body", func(in *call) { in.body = `{"amount":"51"}`; s.sign(t, in, "https://api.nova.example") }, 403},
		{"another path", func(in *call) { in.path = "/v1/notes" }, 403},
		{"another query", func(in *call) { in.path += "?x=1"; s.sign(t, in, "https://api.nova.example") }, 403},
		{"the very request", func(*call) {}, 200},
		{"the very request again", func(*call) {}, 403},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			before := s.paid
			status, _, body := s.do(t, s.pay(t, "phone:"+hash, row.change))
			require.Equal(t, row.status, status, body)
			if row.status != 200 {
				require.Equal(t, fault.MFARequired, errorBody(t, body).Code)
				require.Equal(t, before, s.paid)
			}
		})
	}
	require.Equal(t, 1, s.paid)

	t.Run("only the signed may spend it", func(t *testing.T) {
		s.guard.spent = false
		status, _, _ := s.do(t, s.pay(t, "phone:"+hash, func(in *call) { delete(in.header, "Signature") }))
		require.Equal(t, 401, status)
		require.False(t, s.guard.spent)
	})
	t.Run("without anything that asks there is no way", func(t *testing.T) {
		s := newTill(t, func(o *web.Options) { o.StepUps = nil })
		s.guard.decide = large
		status, _, body := s.do(t, s.pay(t, "phone"))
		require.Equal(t, 403, status)
		require.Equal(t, fault.MFARequired, errorBody(t, body).Code)
	})
}

func TestAHandlerMayAskForASecondFactor(t *testing.T) {
	s := newTill(t)
	s.about = func(r *policy.Request) { r.Context.Amount = money.Of(900_00, "BBD") }
	s.guard.decide = func(r policy.Request) policy.Decision {
		if r.Context.Amount.Minor > 500_00 {
			return large(r)
		}
		return policy.Decision{Allowed: true, Policy: "all"}
	}
	status, _, body := s.do(t, s.pay(t, "phone"))
	require.Equal(t, 403, status)
	require.Equal(t, "chl_1", errorBody(t, body).Details["challenge"])
	require.Zero(t, s.paid)
}

func TestRoutesThatAreNoOperationsHaveNames(t *testing.T) {
	require.Equal(t, "post_v1_ussd_session", web.ActionOf("POST", "/v1/ussd/session"))
	require.Equal(t, "get_v1_x_id", web.ActionOf("GET", "/v1/x/:id"))
}

func TestWhoeverMustFirstChangeASecretEntersByATokenThatGrantsNothing(t *testing.T) {
	s := newTill(t)
	own := func(token string) call {
		return call{method: "POST", path: ownPath, token: token, body: payBody, header: map[string]string{"X-Correlation-ID": "c-1"}}
	}
	status, _, body := s.do(t, own("scopeless"))
	require.Equal(t, 200, status, body)
	require.Empty(t, s.guard.asked, "who somebody is themselves is no policy's to say")
	require.Equal(t, identity.Via{
		Actor: ids.Format(ids.Customer, person), Channel: "app", Correlation: "c-1", Address: "127.0.0.1/32",
	}, s.via)
	s.via = identity.Via{}
	for token, want := range map[string]int{"staff": 403, "client": 403, "nobody": 401, "phone:00": 403} {
		status, _, body := s.do(t, own(token))
		require.Equal(t, want, status, "%s: %s", token, body)
	}
	require.Zero(t, s.via, "somebody else came in")
}
