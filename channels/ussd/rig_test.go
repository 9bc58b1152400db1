package ussd_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"nova/channels/ussd"
	"nova/channels/ussd/ussdtest"
	"nova/core/clock"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/menus"
	"nova/sessions"
)

func TestMain(m *testing.M) {
	// The HTTP server's own clock and cleaner never end.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

const gateway = "demo"

var (
	marcia  = caller("12462501001")
	andre   = caller("12462501002")
	morning = time.Date(2026, 11, 21, 10, 31, 0, 0, time.UTC)
)

func caller(digits string) msisdn.MSISDN {
	m, err := msisdn.FromNetwork(digits)
	if err != nil {
		panic(err)
	}
	return m
}

// hooked is the scripted menu with something happening before or in place of an input.
type hooked struct {
	*ussdtest.Menu
	input func(ctx context.Context, s *sessions.Session, input string) *menus.Outcome
	mu    sync.Mutex // an asynchronous gateway's dials begin side by side
	begun begun
}

// begun is what the last Begin was given.
type begun struct {
	dial   menus.Dial
	resume *sessions.Resume
	ahead  []string
}

func (h *hooked) Begin(
	ctx context.Context, s *sessions.Session, d menus.Dial, r *sessions.Resume, ahead []string,
) menus.Outcome {
	h.mu.Lock()
	h.begun = begun{d, r, ahead}
	h.mu.Unlock()
	return h.Menu.Begin(ctx, s, d, r, ahead)
}

func (h *hooked) Input(ctx context.Context, s *sessions.Session, d menus.Dial, input string) menus.Outcome {
	if h.input != nil {
		if out := h.input(ctx, s, input); out != nil {
			return *out
		}
	}
	return h.Menu.Input(ctx, s, d, input)
}

// rig is a pipeline with a clock that stands still and a Redis inside the process.
type rig struct {
	p     *ussd.Pipeline
	menu  *hooked
	clock *clock.Manual
	redis *miniredis.Miniredis
	store *sessions.Store
	logs  *buffer
	lost  *letters
}

func newRig(t testing.TB, change func(*ussd.Terms), stores ...func(*sessions.Options)) *rig {
	t.Helper()
	keys := secret.EphemeralKeyring()
	r := &rig{
		menu: &hooked{Menu: ussdtest.NewMenu()}, clock: clock.NewManual(morning), redis: miniredis.RunT(t),
		logs: &buffer{}, lost: &letters{},
	}
	o := sessions.Options{URL: secret.New("redis://" + r.redis.Addr()), Keys: keys}
	for _, change := range stores {
		change(&o)
	}
	var err error
	r.store, err = sessions.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.store.Close() }) // its server may be gone
	terms := ussd.Terms{
		Name: gateway, Countries: []string{ussd.AnyCountry},
		Codes: map[string]menus.Root{"*123#": menus.CustomerRoot, "*124#": menus.AgentRoot, "*123*7#": menus.AgentRoot},
	}
	if change != nil {
		change(&terms)
	}
	r.p, err = ussd.New(ussd.Options{
		Engine: r.menu, Sessions: r.store, Hash: keys.Caller, Clock: r.clock, Fallback: r.lost, Workers: 2,
		Log: slog.New(slog.NewJSONHandler(r.logs, nil)), Gateways: []ussd.Terms{terms},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.p.Close(context.Background())) })
	return r
}

// hop is a latest-only call without a counter; edit makes it another.
func (r *rig) hop(phase ussd.Phase, input string, edit ...func(*ussd.Request)) sessions.Reply {
	req := ussd.Request{
		Gateway: gateway, SessionID: "s1", MSISDN: marcia, ShortCode: "*123#", Phase: phase, Input: input,
	}
	for _, e := range edit {
		e(&req)
	}
	return r.p.Hop(context.Background(), req)
}

// pass lets more than the repeat window go by.
func (r *rig) pass() { r.clock.Advance(2 * time.Second) }

// toPIN walks to the screen that asks for the PIN.
func (r *rig) toPIN(t testing.TB) sessions.Reply {
	t.Helper()
	reply := r.hop(ussd.Begin, "")
	for _, key := range []string{"1", "2462501002", "50"} {
		r.pass()
		require.False(t, reply.End, "%q", reply.Text)
		reply = r.hop(ussd.Continue, key)
	}
	require.Contains(t, reply.Text, "Enter PIN")
	r.pass()
	return reply
}

// buffer is a log that can be read while it is written.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// letters are the SMS that would be queued.
type letters struct {
	mu   sync.Mutex
	sent []ussd.Undelivered
}

func (l *letters) Undelivered(_ context.Context, u ussd.Undelivered) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, u)
	return nil
}

func (l *letters) all() []ussd.Undelivered {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]ussd.Undelivered{}, l.sent...)
}

var discard = slog.New(slog.DiscardHandler)

// hasher is a keyed hash that no key is left for.
type hasher struct{}

func (hasher) Current() int { return 0 }

func (hasher) Sum(int, ...[]byte) ([32]byte, error) { return [32]byte{}, errors.New("no key") }

// logged counts the lines with a text in them.
func (r *rig) logged(text string) int { return strings.Count(r.logs.String(), text) }
