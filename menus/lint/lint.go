// Package lint proves, before a menu runs, what Nova promises to the people who dial: every screen fits every
// handset in every language with the longest values, every path ends, every language says the same, and nothing
// takes money before payee, amount and fee were shown and a PIN was typed.
//
// It renders through the engine's own code, so what it proves is what handsets get. It knows nothing of the running
// server. A finding prints the screen or the keys to press, so that it can be seen with one's own eyes.
package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"nova/menus"
	"nova/menus/gsm7"
)

// Finding is one broken promise.
type Finding struct {
	// Proof names the promise, in one word.
	Proof string
	// Place is the screen as flow/screen, a menu as /menu, or a text's key.
	Place string
	// Language is empty where all languages are meant.
	Language string
	Text     string
}

// String is the finding on one line, with what it shows under it.
func (f Finding) String() string {
	where := f.Place
	if f.Language != "" {
		where += " (" + f.Language + ")"
	}
	return fmt.Sprintf("%s: %s: %s", f.Proof, where, f.Text)
}

// Subject is what is proved.
type Subject struct {
	Engine *menus.Engine
	Tables menus.Tables
	Packs  *menus.Packs
	// Budgets are the configured gateways' by name; all screens must fit all of them.
	Budgets map[string]gsm7.Budget
	// ShortCodes are what to dial for each home, for the keys that a finding prints.
	ShortCodes map[menus.Root]string
}

// Run proves everything and returns what is broken, in a stable order.
func Run(s Subject) []Finding {
	l := &linter{Subject: s, flows: map[string]menus.Flow{}, menus: map[string]menus.Menu{}}
	for _, flow := range s.Tables.Flows {
		l.flows[flow.Name] = flow
	}
	for _, menu := range s.Tables.Menus {
		l.menus[menu.Name] = menu
	}
	l.words()
	l.options()
	l.shape()
	l.money()
	l.entries()
	if !slices.ContainsFunc(l.findings, func(f Finding) bool { return f.Proof == proofWords }) {
		l.fit() // a screen without its words cannot be rendered
	}
	slices.SortFunc(l.findings, func(a, b Finding) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(l.findings)
}

// Folded lists, per language, the words that lost an accent or a sign that the handsets' alphabet lacks. It is no
// fault: the folded words are what handsets show.
func Folded(p *menus.Packs) []Finding {
	var found []Finding
	for _, language := range p.Languages() {
		texts := p.Folded(language)
		for _, key := range slices.Sorted(maps.Keys(texts)) {
			found = append(found, Finding{Proof: "folded", Place: key, Language: language, Text: fmt.Sprintf("%q", texts[key])})
		}
	}
	return found
}

type linter struct {
	Subject
	flows    map[string]menus.Flow
	menus    map[string]menus.Menu
	findings []Finding
}

func (l *linter) report(proof, place, language, format string, args ...any) {
	l.findings = append(l.findings, Finding{Proof: proof, Place: place, Language: language, Text: fmt.Sprintf(format, args...)})
}

// screen finds the screen of a place; a menu's place has none.
func (l *linter) screen(place string) (menus.Screen, bool) {
	flow, name, _ := strings.Cut(place, "/")
	screen, ok := l.flows[flow].Screens[name]
	return screen, ok
}

// places lists every menu and screen.
func (l *linter) places() []string {
	var all []string
	for name := range l.menus {
		all = append(all, "/"+name)
	}
	for name, flow := range l.flows {
		for screen := range flow.Screens {
			all = append(all, name+"/"+screen)
		}
	}
	slices.Sort(all)
	return all
}
