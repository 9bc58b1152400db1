// Package menus is what a person sees on a handset: the engine that walks menus and flows, the flows themselves, the
// words of every language, and (in package lint) the proofs that hold over them all.
//
// A flow is a table: screens, the legal moves between them (a looplab/fsm machine, built once and pooled), and a
// reader for each screen. A reader parses what was typed, calls a use case in core, and names the event that
// follows. Back, Home, More, retries, paging and language are the engine's and stand in no flow. Here is no SQL, no
// arithmetic on money and no gateway; the session is given and handed back, never loaded or saved.
//
// Its one rule: nothing takes money from anybody before a screen has shown who gets it, how much and the fee, and
// the PIN came after that. The lint proves it, with every other promise to the people who dial.
//
// To add a flow: one file with its table, its words in text/*.json (option.<flow> and its screens), and one line in
// the menus of home.go. Then `nova menu lint`.
package menus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"nova/core/clock"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/policy"
	"nova/core/secret"
	"nova/menus/gsm7"
	"nova/sessions"
)

// Root is the home that a short code opens.
type Root string

// The homes.
const (
	CustomerRoot Root = "customer"
	AgentRoot    Root = "agent"
)

// Dial is what the engine must know of a hop besides the session and the input.
type Dial struct {
	Gateway, Network string
	Caller           msisdn.MSISDN
	Root             Root
	Budget           gsm7.Budget
	// IMSI is the SIM's, where the network tells it with a begin.
	IMSI secret.Text
	// Reference is the short reference that a failure shows and the log holds.
	Reference string
}

// Outcome is the engine's answer to a hop.
type Outcome struct {
	Reply sessions.Reply
	// Resume is what the caller's next dial shall find: nil leaves the pointer as it is, a zero value deletes it.
	Resume *sessions.Resume
	// Moved tells that the hop moved money, or set some aside: its reply must reach the handset, whatever other hop of
	// the session was first to be saved.
	Moved bool
	// Err is for the log line; the reply already words it.
	Err error
}

// Options are what an engine is made of.
type Options struct {
	// Tables are the menus and flows; the zero value stands for all that are built in.
	Tables   Tables
	Packs    *Packs
	Services Services
	// Policies say who may do which errand; nil, where menus are only proved and drawn: anybody.
	Policies Policies
	Clock    clock.Clock
	Currency money.Currency
	// Region reads local numbers, as a two-letter country code.
	Region string
	// Location is the market's time: hours shown on screens are its hours.
	Location *time.Location
	// Help is the number that a locked caller is told to ring.
	Help string
}

// Policies say who may do what. *policy.Decider is them.
type Policies interface {
	Decide(ctx context.Context, r policy.Request) policy.Decision
}

// check refuses an engine without its parts.
func (o Options) check() error {
	if o.Packs == nil || o.Clock == nil || o.Location == nil || !o.Currency.Valid() {
		return errors.New("the engine needs language packs, a clock, a location and a currency")
	}
	return nil
}

// Engine walks people through menus. It is safe for concurrent use; a session is not, and belongs to one hop.
type Engine struct {
	o       Options
	flows   map[string]*machine
	menus   map[string]Menu
	version string
}

// New builds the engine and refuses a table that cannot work: a duplicate move, a screen without a reader, an option
// that leads nowhere.
func New(o Options) (*Engine, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Tables.Menus == nil {
		o.Tables = BuiltIn()
	}
	e := &Engine{o: o, flows: map[string]*machine{}, menus: map[string]Menu{}}
	for _, menu := range o.Tables.Menus {
		e.menus[menu.Name] = menu
	}
	for _, flow := range o.Tables.Flows {
		m, err := build(flow)
		if err != nil {
			return nil, fmt.Errorf("flow %s: %w", flow.Name, err)
		}
		e.flows[flow.Name] = m
	}
	for _, menu := range e.menus {
		if err := e.checkOptions(menu); err != nil {
			return nil, err
		}
	}
	e.version = e.fingerprint()
	return e, nil
}

func (e *Engine) checkOptions(menu Menu) error {
	for _, option := range menu.Options {
		if e.menus[option.To].Name == "" && e.flows[option.To] == nil {
			return fmt.Errorf("menu %s: option %s leads to %q, which is neither flow nor menu", menu.Name, option.Digit, option.To)
		}
	}
	return nil
}

// Version names the present tables and words, for sessions and log lines.
func (e *Engine) Version() string { return e.version }

// fingerprint changes whenever a screen, a move or a word changes.
func (e *Engine) fingerprint() string {
	var lines []string
	for name, m := range e.flows {
		for _, event := range m.flow.Events {
			lines = append(lines, fmt.Sprintf("%s %s %v %s", name, event.Name, event.Src, event.Dst))
		}
	}
	for name, menu := range e.menus {
		lines = append(lines, fmt.Sprintf("%s %v", name, menu.Options))
	}
	for _, language := range e.o.Packs.Languages() {
		for _, key := range e.o.Packs.Keys(language) {
			lines = append(lines, fmt.Sprintf("%s %s %v", language, key, e.o.Packs.packs[language].words[key].parts))
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:4])
}
