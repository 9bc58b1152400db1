package lint

import (
	"regexp"
	"slices"
	"strings"

	"nova/core/fault"
	"nova/menus"
	"nova/menus/gsm7"
)

const (
	proofWords   = "words"
	proofParity  = "parity"
	proofCharset = "charset"
)

// optionLine is a line that offers a digit.
var optionLine = regexp.MustCompile(`(?m)^(\d{1,2}) `)

// words proves that every text the tables name exists, that every fault has words, and that all languages have the
// same keys, placeholders and options.
func (l *linter) words() {
	needed := l.neededKeys()
	first := l.Packs.Default()
	for _, language := range l.Packs.Languages() {
		keys := l.Packs.Keys(language)
		for _, key := range needed {
			if !slices.Contains(keys, key) {
				l.report(proofWords, key, language, "the text is missing")
			}
		}
		for _, key := range keys {
			l.sameAs(first, language, key)
			l.encodable(language, key)
		}
	}
}

// neededKeys are the texts that screens, menus, faults and the engine itself show.
func (l *linter) neededKeys() []string {
	needed := []string{
		"language.name", "key.back", "key.home", "key.more", "key.continue", "line.ref", "lines.none", "reason.choose",
		"stop.tries", "stop.dial_again", "stop.not_operator", "stop.no_operator_pin", "stop.unknown_code", "stop.busy",
		"fault.NOTHING_SENT", "fault.NOT_KNOWN", "undecided",
	}
	for _, code := range fault.Codes() {
		needed = append(needed, "fault."+string(code))
	}
	for _, menu := range l.menus {
		needed = append(needed, menu.Text)
		for _, option := range menu.Options {
			needed = append(needed, "option."+option.To)
		}
	}
	for _, flow := range l.flows {
		for _, screen := range flow.Screens {
			needed = append(needed, screen.Text)
		}
		if flow.Money {
			needed = append(needed, "waiting."+flow.Name)
		}
	}
	slices.Sort(needed)
	return slices.Compact(needed)
}

// sameAs proves that a text says in one language what it says in the first.
func (l *linter) sameAs(first, language, key string) {
	want, ok := l.Packs.Placeholders(first, key)
	if !ok {
		l.report(proofParity, key, first, "the text stands in %s alone", language)
		return
	}
	got, _ := l.Packs.Placeholders(language, key)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(slices.Compact(want), slices.Compact(got)) {
		l.report(proofParity, key, language, "it has the placeholders %v, and %s has %v", got, first, want)
	}
	if a, b := l.offered(first, key), l.offered(language, key); !slices.Equal(a, b) {
		l.report(proofParity, key, language, "it offers %v, and %s offers %v", b, first, a)
	}
	for _, missing := range l.missingIn(key) {
		l.report(proofParity, key, missing, "the text is missing")
	}
}

func (l *linter) missingIn(key string) []string {
	return slices.DeleteFunc(slices.Clone(l.Packs.Languages()), func(language string) bool {
		_, ok := l.Packs.Placeholders(language, key)
		return ok
	})
}

// offered are the digits that a text prints at the start of its lines.
func (l *linter) offered(language, key string) []string {
	text, _ := l.Packs.Text(language, key, nil) // values are missing; the digits are not
	var digits []string
	for _, match := range optionLine.FindAllStringSubmatch(text, -1) {
		digits = append(digits, match[1])
	}
	return digits
}

func (l *linter) encodable(language, key string) {
	text, _ := l.Packs.Text(language, key, nil) // values are folded apart
	if !gsm7.CanEncode(text) {
		l.report(proofCharset, key, language, "the handsets' alphabet lacks a sign of %q", text)
	}
}

// options proves that a menu is short, that no digit is given twice or belongs to the engine, and that a choice
// prints the digits it takes.
func (l *linter) options() {
	for name, menu := range l.menus {
		if len(menu.Options) > menus.MaxOptions {
			l.report("options", "/"+name, "", "%d options, and people choose well among %d", len(menu.Options), menus.MaxOptions)
		}
		seen := map[string]bool{}
		for _, option := range menu.Options {
			if seen[option.Digit] {
				l.report("options", "/"+name, "", "digit %s is given twice", option.Digit)
			}
			if len(option.Digit) != 1 || strings.Contains("09", option.Digit) {
				l.report("options", "/"+name, "", "digit %s is the engine's own", option.Digit)
			}
			seen[option.Digit] = true
		}
	}
	for _, place := range l.places() {
		if screen, ok := l.screen(place); ok && screen.Kind == menus.Choice {
			l.choices(place, screen)
		}
	}
}

func (l *linter) choices(place string, screen menus.Screen) {
	for _, language := range l.Packs.Languages() {
		printed := l.offered(language, screen.Text)
		names, _ := l.Packs.Placeholders(language, screen.Text)
		if slices.Contains(names, "languages") {
			printed = append(printed, "languages")
		}
		if !slices.Equal(printed, screen.Choices) {
			l.report("options", place, language, "it prints %v and takes %v", printed, screen.Choices)
		}
	}
}
