package menus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/looplab/fsm"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/msisdn"
	"nova/core/policy"
	"nova/core/transactions"
	"nova/menus"
	"nova/menus/gsm7"
	"nova/sessions"
)

var now = time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)

// known is a bank with one customer who has a PIN.
type known struct {
	menus.Customers
	menus.Identity
}

func (known) ByMSISDN(context.Context, msisdn.MSISDN) (customers.Customer, error) {
	return customers.Customer{ID: ids.New(now), Status: customers.Active, Language: "en"}, nil
}

func (known) Allow(context.Context, customers.Customer, customers.Act, transactions.Channel) error {
	return nil
}

func (known) Admit(context.Context, uuid.UUID, customers.Act, transactions.Channel) error { return nil }

func (known) Status(context.Context, identity.Subject) (identity.Status, error) {
	return identity.Status{HasPIN: true}, nil
}

// small is a bank of one menu and two flows, whose readers do as a test says.
type small struct {
	t       *testing.T
	engine  *menus.Engine
	options menus.Options
	s       *sessions.Session
	read    menus.Reader
}

// pays replaces the bank's errands by one that takes a PIN.
func (b *small) pays(debits bool, read menus.Reader) {
	b.options.Tables = menus.Tables{
		Menus: []menus.Menu{{Name: "customer", Text: "menu.customer", Options: []menus.Option{{Digit: "1", To: "pay"}}}},
		Flows: []menus.Flow{{
			Name: "pay", Purpose: policy.CustomerTransact, Money: debits, Starts: []string{"confirm"},
			Events: fsm.Events{{Name: "next", Src: []string{"confirm"}, Dst: "done"}},
			Screens: map[string]menus.Screen{
				"confirm": {Kind: menus.Authorise, Text: "pay.confirm", Read: read, Debits: debits},
				"done":    {Kind: menus.Result, Text: "pay.done"},
			},
		}},
	}
	var err error
	b.engine, err = menus.New(b.options)
	require.NoError(b.t, err)
}

func newSmall(t *testing.T, texts map[string]string) *small {
	t.Helper()
	b := &small{t: t, s: &sessions.Session{Dialogue: ids.New(now), Hop: 1}}
	b.read = func(context.Context, *menus.Turn, string) (string, error) { return "next", nil }
	read := func(ctx context.Context, turn *menus.Turn, input string) (string, error) {
		return b.read(ctx, turn, input)
	}
	all := map[string]string{
		"key.back": "0 Back", "key.home": "00 Home", "key.more": "98 More", "menu.customer": "Nova", "menu.sub": "Sub",
		"option.sub": "Sub", "option.ask": "Ask", "ask.first": "First {first}", "ask.second": "Second {typed}", "ask.end": "End {typed}",
		"reason.choose": "Choose", "reason.bad": "Bad", "stop.tries": "Too many tries.", "stop.dial_again": "Dial again.",
		"fault.INTERNAL_SERVER_ERROR": "Problem. Ref {ref}", "fault.SERVICE_UNAVAILABLE": "Busy. Ref {ref}",
		"fault.INSUFFICIENT_FUNDS": "Not enough", "fault.NOT_FOUND": "Not found", "fault.FORBIDDEN": "Not you", "stop.unknown_code": "Not in use", "line.ref": "Ref {ref}",
	}
	for key, text := range texts {
		all[key] = text
	}
	data, err := json.Marshal(all)
	require.NoError(t, err)
	packs, err := menus.ReadPacks(fstest.MapFS{"en.json": {Data: data}}, "en")
	require.NoError(t, err)
	b.options = menus.Options{
		Packs: packs, Clock: clock.NewManual(now), Currency: "BBD", Region: "BB", Location: time.UTC, Help: "100",
		Services: menus.Services{Customers: known{}, Identity: known{}},
		Tables: menus.Tables{
			Menus: []menus.Menu{
				{Name: "customer", Text: "menu.customer", Options: []menus.Option{{Digit: "1", To: "ask"}, {Digit: "2", To: "sub"}}},
				{Name: "sub", Text: "menu.sub", Options: []menus.Option{{Digit: "1", To: "ask"}}},
			},
			Flows: []menus.Flow{{
				Name: "ask", Purpose: policy.CustomerTransact, Starts: []string{"first"},
				Enter: func(_ context.Context, turn *menus.Turn) (string, error) {
					turn.Keep("first", "x")
					return "first", nil
				},
				Events: fsm.Events{
					{Name: "next", Src: []string{"first"}, Dst: "second"}, {Name: "stay", Src: []string{"first"}, Dst: "first"},
					{Name: "next", Src: []string{"second"}, Dst: "end"},
				},
				Screens: map[string]menus.Screen{
					"first":  {Kind: menus.Input, Text: "ask.first", Read: read},
					"second": {Kind: menus.Choose, Text: "ask.second", Read: read},
					"end":    {Kind: menus.Result, Text: "ask.end"},
				},
			}},
		},
	}
	b.engine, err = menus.New(b.options)
	require.NoError(t, err)
	return b
}

func (b *small) dial() menus.Dial {
	caller, err := msisdn.FromNetwork("12462501001")
	require.NoError(b.t, err)
	return menus.Dial{Caller: caller, Root: menus.CustomerRoot, Budget: gsm7.Default, Reference: "7K3M9Q"}
}

func (b *small) begin(ahead ...string) string {
	return b.screen(b.engine.Begin(b.t.Context(), b.s, b.dial(), nil, ahead))
}

func (b *small) key(input string) string {
	b.s.Hop++
	return b.screen(b.engine.Input(b.t.Context(), b.s, b.dial(), input))
}

func (b *small) screen(out menus.Outcome) string {
	require.Equal(b.t, out.Reply, b.s.Reply, "the session keeps what the handset got")
	if out.Reply.End {
		return "END " + out.Reply.Text
	}
	return "CON " + out.Reply.Text
}

func keeping(name string) menus.Reader {
	return func(_ context.Context, turn *menus.Turn, input string) (string, error) {
		turn.Keep(name, input)
		return "next", nil
	}
}

const (
	home   = "CON Nova\n1 Ask\n2 Sub"
	footer = "\n0 Back\n00 Home"
)

func TestBackAndHomeAreOnEveryScreenButHome(t *testing.T) {
	b := newSmall(t, nil)
	b.read = keeping("typed")
	require.Equal(t, home, b.begin())
	require.Equal(t, "CON Sub\n1 Ask"+footer, b.key("2"))
	require.Equal(t, "CON First x"+footer, b.key("1"))
	require.Equal(t, "CON Second hello"+footer, b.key("hello"))
	require.Equal(t, "CON First x"+footer, b.key("0"), "back to the screen before")
	require.Equal(t, "CON Sub\n1 Ask"+footer, b.key("0"), "and to the menu before it")
	require.Empty(t, b.s.Values["typed"], "a menu forgets the errand")
	require.Equal(t, home, b.key("0"))
	b.key("1")
	b.key("hello")
	require.Equal(t, home, b.key("00"))
	require.Empty(t, b.s.Stack)
	require.Equal(t, "CON Choose\nNova\n1 Ask\n2 Sub", b.key("0"), "home has no way back")
}

func TestBackAndHomeAreWholeInputs(t *testing.T) {
	b := newSmall(t, nil)
	b.read = keeping("typed")
	b.begin()
	b.key("1")
	require.Equal(t, "CON Second 007"+footer, b.key("007"))
}

func TestThirdBadAnswerEndsSafely(t *testing.T) {
	b := newSmall(t, nil)
	b.begin()
	b.key("1")
	b.read = func(context.Context, *menus.Turn, string) (string, error) {
		return "", fault.New(fault.InsufficientFunds, "")
	}
	require.Equal(t, "CON Not enough\nFirst x"+footer, b.key("a"))
	require.Equal(t, "CON Not enough\nFirst x"+footer, b.key("a"))
	require.Equal(t, "END Too many tries.", b.key("a"))
}

func TestTriesAreOfOneScreen(t *testing.T) {
	b := newSmall(t, nil)
	b.begin()
	b.key("7")
	b.key("7")
	require.Equal(t, "CON First x"+footer, b.key("1"))
	require.Zero(t, b.s.Tries)
}

func TestFailureOfOursEndsWithAReference(t *testing.T) {
	for name, err := range map[string]error{
		"Problem. Ref 7K3M9Q": errors.New("disk on fire"),
		"Busy. Ref 7K3M9Q":    fault.New(fault.ServiceUnavailable, "no database"),
	} {
		b := newSmall(t, nil)
		b.begin()
		b.key("1")
		b.read = func(context.Context, *menus.Turn, string) (string, error) { return "", err }
		require.Equal(t, "END "+name, b.key("a"))
	}
}

func TestMoveThatTheTableLacksIsAFailure(t *testing.T) {
	b := newSmall(t, nil)
	b.begin()
	b.key("1")
	b.read = func(context.Context, *menus.Turn, string) (string, error) { return "fly", nil }
	require.Equal(t, "END Problem. Ref 7K3M9Q", b.key("a"))
}

func TestStayingIsAMove(t *testing.T) {
	b := newSmall(t, nil)
	b.begin()
	b.key("1")
	b.read = func(context.Context, *menus.Turn, string) (string, error) { return "stay", nil }
	require.Equal(t, "CON First x"+footer, b.key("a"))
}

func TestSessionOfAnotherVersionIsToldToDialAgain(t *testing.T) {
	cases := map[string]func(*sessions.Session){
		"a flow that is gone":   func(s *sessions.Session) { s.Flow = "gone" },
		"a screen that is gone": func(s *sessions.Session) { s.Flow, s.Screen = "ask", "gone" },
		"a result":              func(s *sessions.Session) { s.Flow, s.Screen = "ask", "end" },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			b := newSmall(t, nil)
			b.begin()
			spoil(b.s)
			require.Equal(t, "END Dial again.", b.key("1"))
		})
	}
}

func TestMenuThatIsGoneIsToldToDialAgain(t *testing.T) {
	b := newSmall(t, nil)
	b.begin()
	b.s.Flow, b.s.Screen = "", "gone"
	require.Equal(t, "END Dial again.", b.key("1"))
}

func TestLongScreenIsPagedAndNoLineSplit(t *testing.T) {
	var lines []string
	for i := range 12 {
		lines = append(lines, fmt.Sprintf("%02d a line of thirty characters", i))
	}
	b := newSmall(t, map[string]string{"ask.first": strings.Join(lines, "\n") + "{first}"})
	b.begin()
	pages := []string{b.key("1"), b.key("98"), b.key("98")}
	require.Equal(t, pages[0], b.key("98"), "after the last comes the first")
	shown := ""
	for _, page := range pages {
		require.True(t, gsm7.Default.Fits(page[len("CON "):]), page)
		body, found := strings.CutSuffix(page, "\n98 More"+footer)
		require.True(t, found, page)
		shown += strings.TrimPrefix(body, "CON ") + "\n"
	}
	require.Equal(t, strings.Join(lines, "\n")+"x\n", shown, "every line stands on one page")
}

func TestMoreIsAnAnswerWhereItIsNotPrinted(t *testing.T) {
	b := newSmall(t, nil)
	b.read = keeping("typed")
	b.begin()
	b.key("1")
	require.Equal(t, "CON Second 98"+footer, b.key("98"))
}

func TestDialledAheadStopsBeforeASecret(t *testing.T) {
	b := newSmall(t, nil)
	b.read = keeping("typed")
	require.Equal(t, "CON Second hello"+footer, b.begin("1", "hello"))
	b = newSmall(t, nil)
	b.read = keeping("typed")
	require.Equal(t, "END Dial again.", b.begin("1", "hello", "1357"), "past a secret nothing is read")
	require.NotEqual(t, "1357", b.s.Values["typed"])
}

func TestDialledAheadStopsAtARefusal(t *testing.T) {
	b := newSmall(t, nil)
	require.Equal(t, "CON Choose\nNova\n1 Ask\n2 Sub", b.begin("7", "1", "hello"))
}

func TestTextThatLacksAValueIsAFailureNotAHole(t *testing.T) {
	b := newSmall(t, map[string]string{"ask.second": "Second {nobody}"})
	b.begin()
	b.key("1")
	require.Equal(t, "END Problem. Ref 7K3M9Q", b.key("a"))
}

func TestSorryWordsAFaultInALanguageThatIsUnknown(t *testing.T) {
	b := newSmall(t, nil)
	reply := b.engine.Sorry("xx", fault.New(fault.ServiceUnavailable, ""), "ABCDEF")
	require.Equal(t, sessions.Reply{Text: "Busy. Ref ABCDEF", End: true}, reply)
	reply = b.engine.Sorry("en", fault.New(fault.CodeForbidden, ""), "ABCDEF")
	require.Equal(t, sessions.Reply{Text: "Not you\nRef ABCDEF", End: true}, reply, "every failure shows its reference")
	reply = b.engine.Sorry("en", fault.New(fault.NotFound, ""), "ABCDEF")
	require.Equal(t, sessions.Reply{Text: "Not in use\nRef ABCDEF", End: true}, reply)
}

// TestHopWhoseTimeIsOverHarmsNobodyElse: a machine that was lent to a dead hop must not be lent on with its transition
// pending.
func TestHopWhoseTimeIsOverHarmsNobodyElse(t *testing.T) {
	b := newSmall(t, nil)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 {
		b.begin()
		b.key("1")
		b.s.Hop++
		b.engine.Input(over, b.s, b.dial(), "late")
	}
	for range 20 {
		b.begin()
		require.Equal(t, "CON First x"+footer, b.key("1"))
		require.Equal(t, "CON Second hello"+footer, func() string { b.read = keeping("typed"); return b.key("hello") }())
	}
}

// caller calls hops off, or fails to.
type caller struct {
	menus.Payments
	done bool
	err  error
}

func (c caller) CallOff(context.Context, ledger.Key) (bool, error) { return c.done, c.err }

// TestNoFailureAfterMoneyMovedSaysThatNothingWasSent: whatever breaks once core has done it, the caller waits for the
// SMS; before, nothing was sent, if it is sure that no copy of the hop can send it; and an enquiry promises no SMS.
func TestNoFailureAfterMoneyMovedSaysThatNothingWasSent(t *testing.T) {
	cases := []struct {
		name   string
		debits bool
		event  string
		err    error
		caller caller
		want   string
		moved  bool
	}{
		{"it broke afterwards", true, "fly", nil, caller{}, "Wait for our SMS.", true},
		{"the outcome is open", true, "", fault.New(fault.IdempotencyInProgress, ""), caller{done: true}, "Wait for our SMS.", false},
		{"it broke before", true, "", errors.New("disk on fire"), caller{done: true}, "Nothing sent.", false},
		{"the ledger is away", true, "", fault.New(fault.ServiceUnavailable, ""), caller{done: true}, "Nothing sent.", false},
		{"a copy of the hop was first", true, "", errors.New("disk on fire"), caller{}, "Not known.", false},
		{"nobody can be asked", true, "", errors.New("disk on fire"), caller{done: true, err: errors.New("on fire, too")}, "Not known.", false},
		{"an enquiry's outcome is open", false, "", fault.New(fault.IdempotencyInProgress, ""), caller{}, "Busy. Ref 7K3M9Q", false},
		{"an enquiry broke", false, "fly", nil, caller{}, "Problem. Ref 7K3M9Q", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newSmall(t, map[string]string{
				"fault.IDEMPOTENCY_IN_PROGRESS": "Wait for our SMS.", "fault.NOTHING_SENT": "Nothing sent.", "fault.NOT_KNOWN": "Not known.",
				"waiting.pay": "x", "pay.confirm": "Pay", "pay.done": "Paid", "option.pay": "Pay",
			})
			b.options.Services.Payments = c.caller
			b.pays(c.debits, func(context.Context, *menus.Turn, string) (string, error) { return c.event, c.err })
			b.begin()
			b.key("1")
			b.s.Hop++
			out := b.engine.Input(t.Context(), b.s, b.dial(), "1357")
			require.Equal(t, sessions.Reply{Text: c.want, End: true}, out.Reply)
			require.Equal(t, c.moved, out.Moved)
		})
	}
}
