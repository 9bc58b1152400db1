package lint_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/looplab/fsm"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/policy"
	"nova/menus"
	"nova/menus/gsm7"
	"nova/menus/lint"
)

// The smallest gateway that anybody configures.
var budgets = map[string]gsm7.Budget{"narrow": gsm7.Default}

func TestBuiltInMenusKeepEveryPromise(t *testing.T) {
	packs, err := menus.LoadPacks("en")
	require.NoError(t, err)
	findings := prove(t, menus.BuiltIn(), packs)
	for _, f := range findings {
		t.Error(f)
	}
}

func TestFoldedWordsAreListed(t *testing.T) {
	packs, err := menus.LoadPacks("en")
	require.NoError(t, err)
	found := lint.Folded(packs)
	require.NotEmpty(t, found)
	for _, f := range found {
		require.Equal(t, "fr", f.Language, "English needs no folding: %s", f)
	}
}

// fixture is a small bank that keeps every promise; each case breaks one.
type fixture struct {
	tables menus.Tables
	texts  map[string]map[string]string
}

func TestEveryProofFindsItsFixture(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(f *fixture)
		proof string
		text  string // part of the finding
	}{
		{"a screen longer than the handset", func(f *fixture) { f.set("send.confirm", f.texts["en"]["send.confirm"]+strings.Repeat(" more", 20)) }, "fit", "septets"},
		{"too long in one language alone", func(f *fixture) { f.texts["fr"]["send.done"] += strings.Repeat(" encore", 30) }, "fit", "(fr)"},
		{"a reason that does not fit above the screen", func(f *fixture) { f.set("fault.PIN_INVALID", strings.Repeat("no ", 45)) }, "fit", "send/confirm"},
		{"a waiting line that does not fit above home", func(f *fixture) { f.set("waiting.send", strings.Repeat("wait ", 30)) }, "fit", "/home"},
		{"a value whose length nobody said", func(f *fixture) { f.set("send.done", "Sent {surprise}") }, "fit", "{surprise}"},
		{"a message longer than one SMS", func(f *fixture) { f.set("sms.news", strings.Repeat("news ", 40)) }, "fit", "sms.news"},
		{"an ending longer than the handset", func(f *fixture) { f.set("stop.tries", strings.Repeat("sorry ", 40)) }, "fit", "stop.tries"},

		{"a text that no language has", func(f *fixture) { f.unset("send.amount") }, "words", "send.amount"},
		{"a fault without words", func(f *fixture) { f.unset("fault.LIMIT_EXCEEDED") }, "words", "fault.LIMIT_EXCEEDED"},
		{"a text that one language lacks", func(f *fixture) { delete(f.texts["fr"], "option.send") }, "words", "(fr)"},
		{"a text that one language alone has", func(f *fixture) { f.texts["fr"]["extra"] = "x" }, "parity", "extra"},
		{"a placeholder lost in translation", func(f *fixture) { f.texts["fr"]["send.done"] = "Envoye" }, "parity", "placeholders"},
		{"an option lost in translation", func(f *fixture) { f.texts["fr"]["pick.which"] = "Lequel\n1 Un" }, "parity", "offers"},
		{"a choice that prints other digits than it takes", func(f *fixture) { f.set("pick.which", "Which\n1 One\n3 Three") }, "options", "pick/which"},

		{"six options", func(f *fixture) { f.option("1", "2", "3", "4", "5", "6") }, "options", "6 options"},
		{"one digit given twice", func(f *fixture) { f.option("1", "1") }, "options", "given twice"},
		{"a digit of the engine's", func(f *fixture) { f.option("1", "9") }, "options", "engine's own"},
		{"menus three deep", func(f *fixture) { f.nest("deep", "deeper") }, "levels", "dial *123#, 7, 7"},
		{"a flow that no menu offers", func(f *fixture) { f.tables.Menus[0].Options = f.tables.Menus[0].Options[:1] }, "unreachable", "pick/which"},
		{"a screen that leads nowhere", func(f *fixture) { f.events("pick", fsm.Events{{Name: "x", Src: []string{"done"}, Dst: "done"}}) }, "dead end", "pick/which"},
		{"a circle without an end", func(f *fixture) {
			f.events("pick", fsm.Events{{Name: "x", Src: []string{"which"}, Dst: "which"}, {Name: "y", Src: []string{"done"}, Dst: "done"}})
		}, "trap", "pick/which"},

		{"a debit that does not show its fee", func(f *fixture) { f.set("send.confirm", "Send {amount} to {payee}") }, "money", "{fee}: dial *123#, 1, <amount>"},
		{"a debit that does not show the payee", func(f *fixture) { f.set("send.confirm", "Send {amount} fee {fee}") }, "money", "{payee}"},
		{"a loan that does not show its rate", func(f *fixture) {
			f.screen(0, "confirm", func(s *menus.Screen) { s.Debits, s.Lends = false, true })
		}, "money", "{rate}: dial *123#, 1, <amount>"},
		{"a PIN that leads on to another screen", func(f *fixture) { f.onward() }, "money", "no result"},
		{"a flow that hides that it moves money", func(f *fixture) { f.tables.Flows[0].Money = false }, "money", "its screens do: true"},
		{"an errand that asks six things", func(f *fixture) { f.stretch(4) }, "entries", "6 entries where 5 are allowed: dial *123#, 1, <more0>"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := good()
			packs := f.packs(t)
			require.Empty(t, prove(t, f.tables, packs), "the fixture is clean before it is spoilt")
			c.spoil(f)
			findings := prove(t, f.tables, f.packs(t))
			require.True(t, slices.ContainsFunc(findings, func(found lint.Finding) bool {
				return found.Proof == c.proof && strings.Contains(found.String(), c.text)
			}), "no %s finding with %q in %v", c.proof, c.text, findings)
		})
	}
}

func TestEngineRefusesTablesThatCannotWork(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(f *fixture)
		want  string
	}{
		{"two moves of one name from one screen", func(f *fixture) {
			f.tables.Flows[1].Events = append(f.tables.Flows[1].Events, fsm.EventDesc{Name: "picked", Src: []string{"which"}, Dst: "which"})
		}, "two moves"},
		{"a state without a screen", func(f *fixture) { delete(f.tables.Flows[1].Screens, "done") }, "no screen"},
		{"a screen without a reader", func(f *fixture) { f.screen(1, "which", func(s *menus.Screen) { s.Read = nil }) }, "reader"},
		{"a debit without a PIN", func(f *fixture) { f.screen(0, "amount", func(s *menus.Screen) { s.Debits = true }) }, "without taking a PIN"},
		{"a flow without a purpose", func(f *fixture) { f.tables.Flows[1].Purpose = "" }, "no purpose"},
		{"an option that leads nowhere", func(f *fixture) { f.tables.Menus[0].Options[0].To = "nowhere" }, "neither flow nor menu"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := good()
			c.spoil(f)
			_, err := engine(f.tables, f.packs(t))
			require.ErrorContains(t, err, c.want)
		})
	}
}

func engine(tables menus.Tables, packs *menus.Packs) (*menus.Engine, error) {
	return menus.New(menus.Options{
		Tables: tables, Packs: packs, Clock: clock.NewManual(time.Unix(0, 0)), Currency: "BBD", Region: "BB",
		Location: time.UTC, Help: "100",
	})
}

func prove(t *testing.T, tables menus.Tables, packs *menus.Packs) []lint.Finding {
	t.Helper()
	e, err := engine(tables, packs)
	require.NoError(t, err)
	return lint.Run(lint.Subject{
		Engine: e, Tables: tables, Packs: packs, Budgets: budgets,
		ShortCodes: map[menus.Root]string{menus.CustomerRoot: "*123#", menus.AgentRoot: "*124#"},
	})
}

func read(context.Context, *menus.Turn, string) (string, error) { return "", nil }

// good is one menu with a money errand (amount, PIN) and a choice.
func good() *fixture {
	texts := map[string]string{
		"language.name": "English", "key.back": "0 Back", "key.home": "00 Home", "key.more": "98 More",
		"key.continue": "Continue", "line.ref": "Ref {ref}", "lines.none": "None", "menu.home": "Home", "option.send": "Send", "option.pick": "Pick",
		"option.home": "Home", "option.deep": "Deep", "option.deeper": "Deeper", "menu.deep": "Deep", "menu.deeper": "Deeper",
		"send.amount": "Amount", "send.confirm": "Send {amount} to {payee} fee {fee}", "send.done": "Sent {amount}",
		"pick.which": "Which\n1 One\n2 Two", "pick.done": "Done",
		"waiting.send": "NOT SENT", "done.send": "SENT", "warn.already_sent": "Again",
		"stop.tries": "Sorry", "stop.dial_again": "Dial again", "stop.not_operator": "No", "stop.no_operator_pin": "No",
		"stop.unknown_code": "No", "stop.busy": "Busy", "fault.NOTHING_SENT": "Nothing sent", "fault.NOT_KNOWN": "Not known", "undecided": "Wait",
		"reason.choose": "Choose", "reason.pin": "PIN?", "reason.pin_weak": "Weak", "reason.pin_used": "Used", "reason.pin_before": "Before", "reason.pin_differs": "Differs",
	}
	for _, code := range fault.Codes() {
		texts["fault."+string(code)] = "No"
	}
	send := menus.Flow{
		Name: "send", Purpose: policy.CustomerTransact, Money: true, Starts: []string{"amount"},
		Events: fsm.Events{{Name: "a", Src: []string{"amount"}, Dst: "confirm"}, {Name: "b", Src: []string{"confirm"}, Dst: "done"}},
		Screens: map[string]menus.Screen{
			"amount":  {Kind: menus.Input, Text: "send.amount", Read: read},
			"confirm": {Kind: menus.Authorise, Text: "send.confirm", Read: read, Debits: true},
			"done":    {Kind: menus.Result, Text: "send.done"},
		},
	}
	pick := menus.Flow{
		Name: "pick", Purpose: policy.CustomerAccountView, Starts: []string{"which"},
		Events: fsm.Events{{Name: "picked", Src: []string{"which"}, Dst: "done"}},
		Screens: map[string]menus.Screen{
			"which": {Kind: menus.Choice, Text: "pick.which", Read: read, Choices: []string{"1", "2"}},
			"done":  {Kind: menus.Result, Text: "pick.done"},
		},
	}
	return &fixture{
		tables: menus.Tables{
			Menus: []menus.Menu{{Name: "home", Text: "menu.home", Options: []menus.Option{{Digit: "1", To: "send"}, {Digit: "2", To: "pick"}}}},
			Flows: []menus.Flow{send, pick},
			Homes: map[menus.Root][]string{menus.CustomerRoot: {"/home"}},
		},
		texts: map[string]map[string]string{"en": texts, "fr": maps.Clone(texts)},
	}
}

func (f *fixture) packs(t *testing.T) *menus.Packs {
	t.Helper()
	files := fstest.MapFS{}
	for language, texts := range f.texts {
		data, err := json.Marshal(texts)
		require.NoError(t, err)
		files[language+".json"] = &fstest.MapFile{Data: data}
	}
	packs, err := menus.ReadPacks(files, "en")
	require.NoError(t, err)
	return packs
}

func (f *fixture) set(key, text string) {
	for language := range f.texts {
		f.texts[language][key] = text
	}
}

func (f *fixture) unset(key string) {
	for language := range f.texts {
		delete(f.texts[language], key)
	}
}

func (f *fixture) option(digits ...string) {
	f.tables.Menus[0].Options = nil
	for _, digit := range digits {
		f.tables.Menus[0].Options = append(f.tables.Menus[0].Options, menus.Option{Digit: digit, To: "send"})
	}
}

func (f *fixture) nest(names ...string) {
	parent := 0
	for _, name := range names {
		f.tables.Menus[parent].Options = append(slices.Clone(f.tables.Menus[parent].Options), menus.Option{Digit: "7", To: name})
		f.tables.Menus = append(f.tables.Menus, menus.Menu{Name: name, Text: "menu." + name})
		parent = len(f.tables.Menus) - 1
	}
	f.tables.Menus[parent].Options = []menus.Option{{Digit: "1", To: "pick"}}
}

func (f *fixture) events(flow string, events fsm.Events) {
	for i := range f.tables.Flows {
		if f.tables.Flows[i].Name == flow {
			f.tables.Flows[i].Events = events
		}
	}
}

func (f *fixture) screen(flow int, name string, change func(*menus.Screen)) {
	s := f.tables.Flows[flow].Screens[name]
	change(&s)
	f.tables.Flows[flow].Screens[name] = s
}

// onward lets the PIN lead back to the amount.
func (f *fixture) onward() {
	f.events("send", fsm.Events{
		{Name: "a", Src: []string{"amount"}, Dst: "confirm"}, {Name: "b", Src: []string{"confirm"}, Dst: "done"},
		{Name: "c", Src: []string{"confirm"}, Dst: "amount"},
	})
}

// stretch puts n screens before the PIN.
func (f *fixture) stretch(n int) {
	flow := &f.tables.Flows[0]
	flow.Starts = []string{"more0"}
	delete(flow.Screens, "amount")
	flow.Events = fsm.Events{{Name: "b", Src: []string{"confirm"}, Dst: "done"}}
	for i := range n {
		name, next := "more"+string(rune('0'+i)), "more"+string(rune('0'+i+1))
		if i == n-1 {
			next = "confirm"
		}
		flow.Screens[name] = menus.Screen{Kind: menus.Input, Text: "send.amount", Read: read}
		flow.Events = append(flow.Events, fsm.EventDesc{Name: "more", Src: []string{name}, Dst: next})
	}
}
