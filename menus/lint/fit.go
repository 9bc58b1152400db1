package lint

import (
	"maps"
	"slices"
	"strings"

	"nova/menus"
	"nova/menus/gsm7"
)

const proofFit = "fit"

// fit proves that every screen, in every language, with the longest values and the longest line that may stand above
// it, is whole on the smallest handset of every gateway.
func (l *linter) fit() {
	for _, place := range l.places() {
		for _, language := range l.Packs.Languages() {
			for _, p := range l.previews(place, language) {
				l.fits(p)
			}
		}
	}
	for _, language := range l.Packs.Languages() {
		l.endings(language)
		l.messages(language)
	}
}

// previews are a place's worst cases: once for each line that may stand above it.
func (l *linter) previews(place, language string) []menus.Preview {
	base := menus.Preview{
		Language: language, Place: place, Root: menus.CustomerRoot, Home: "/nowhere",
		Lines: linesShown(place), Wide: l.business(place),
	}
	var all []menus.Preview
	for _, note := range append(l.notes(place), "") {
		p := base
		p.Note = note
		all = append(all, p)
	}
	for _, homes := range l.Tables.Homes {
		if !slices.Contains(homes, place) {
			continue
		}
		for i := range all {
			all[i].Home = place
		}
		all = append(all, l.waiting(place, all)...)
	}
	return all
}

// waiting adds to a home's worst cases every line that tells of an unfinished or finished errand. Menus alone have it.
func (l *linter) waiting(place string, cases []menus.Preview) []menus.Preview {
	if !strings.HasPrefix(place, "/") {
		return nil
	}
	var all []menus.Preview
	for _, p := range cases {
		for _, flow := range l.reachedFrom(place) {
			for _, key := range []string{"waiting." + flow, "done." + flow, "undecided"} {
				if _, ok := l.Packs.Placeholders(p.Language, key); ok {
					p.Waiting, p.Wide = key, l.wide(flow)
					all = append(all, p)
				}
			}
		}
	}
	return all
}

// notes are the keys of the lines that may stand above a place.
func (l *linter) notes(place string) []string {
	screen, isScreen := l.screen(place)
	switch {
	case !isScreen || screen.Kind == menus.Choice:
		return []string{"reason.choose"}
	case screen.Kind == menus.Authorise:
		return append(l.prefixed("warn."), "reason.pin", "fault.PIN_INVALID")
	case screen.Kind == menus.Choose:
		return []string{"reason.pin", "reason.pin_weak", "reason.pin_used", "reason.pin_before", "reason.pin_differs", "fault.PIN_INVALID"}
	case screen.Kind == menus.Input:
		return append(l.prefixed("reason."), menus.MendableKeys()...)
	default:
		return nil
	}
}

func (l *linter) prefixed(prefix string) []string {
	return slices.DeleteFunc(l.Packs.Keys(l.Packs.Default()), func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

func (l *linter) fits(p menus.Preview) {
	for _, gateway := range slices.Sorted(maps.Keys(l.Budgets)) {
		p.Budget = l.Budgets[gateway]
		pages, undeclared, err := l.Engine.Preview(p)
		if err != nil {
			l.report(proofWords, p.Place, p.Language, "%v", err)
			return
		}
		for _, name := range undeclared {
			l.report(proofFit, p.Place, p.Language, "nobody said how long {%s} can be", name)
		}
		if len(pages) > 1 {
			l.report(proofFit, p.Place, p.Language, "it takes %d screens on %s, the first being\n%s", len(pages), gateway, pages[0])
		}
		l.whole(p.Place, p.Language, pages[0], gateway)
	}
}

// whole proves one screen against one gateway.
func (l *linter) whole(place, language, screen, gateway string) {
	budget := l.Budgets[gateway]
	if size := budget.Size(screen); size > budget.Septets {
		l.report(proofFit, place, language, "%d septets, and %s takes %d:\n%s", size, gateway, budget.Septets, screen)
	}
}

// endings proves the texts that end a dialogue by themselves.
func (l *linter) endings(language string) {
	for _, key := range append(l.prefixed("stop."), l.prefixed("fault.")...) {
		text, undeclared := l.Engine.PreviewText(language, key)
		for _, name := range undeclared {
			l.report(proofFit, key, language, "nobody said how long {%s} can be", name)
		}
		reference, _ := l.Engine.PreviewText(language, "line.ref")
		text += "\n" + reference // a failure outside the menus adds it
		for gateway := range l.Budgets {
			l.whole(key, language, text, gateway)
		}
	}
}

// oneSMS is what a message may hold without being split and billed twice (3GPP TS 23.040).
const oneSMS = 160

// messages proves that every SMS is one SMS.
func (l *linter) messages(language string) {
	for _, key := range l.prefixed("sms.") {
		text, undeclared := l.Engine.PreviewText(language, key)
		for _, name := range undeclared {
			l.report(proofFit, key, language, "nobody said how long {%s} can be", name)
		}
		if n, _ := gsm7.Septets(text); n > oneSMS {
			l.report(proofFit, key, language, "%d septets, and one SMS holds %d:\n%s", n, oneSMS, text)
		}
	}
}

// linesShown is how many movements a result lists.
func linesShown(place string) int {
	if strings.HasPrefix(place, "today/") {
		return menus.LastShown
	}
	return menus.StatementLines
}

// business tells that the payee of a place is a business, whose name is longer than a person's.
func (l *linter) business(place string) bool {
	flow, _, _ := strings.Cut(place, "/")
	return l.wide(flow)
}

func (l *linter) wide(flow string) bool { return l.flows[flow].PaysBusiness }

// reachedFrom names the flows that a menu leads to, at any depth.
func (l *linter) reachedFrom(place string) []string {
	var found []string
	seen := map[string]bool{}
	var walk func(menu string)
	walk = func(menu string) {
		if seen[menu] {
			return
		}
		seen[menu] = true
		for _, option := range l.menus[menu].Options {
			if _, isMenu := l.menus[option.To]; isMenu {
				walk(option.To)
			} else {
				found = append(found, option.To)
			}
		}
	}
	walk(strings.TrimPrefix(place, "/"))
	slices.Sort(found)
	return slices.Compact(found)
}
