package lint

import (
	"slices"
	"strings"

	"nova/menus"
)

const proofMoney = "money"

// money proves that nothing is taken from anybody before a screen has shown payee, amount and fee and a PIN came
// after it, and that a PIN leads to a result and nowhere else.
func (l *linter) money() {
	for name, flow := range l.flows {
		moves := false
		for screen, page := range flow.Screens {
			place := name + "/" + screen
			if page.Kind == menus.Authorise {
				l.leadsToResults(place)
			}
			if page.Debits || page.Holds || page.Lends {
				moves = true
				l.shows(place, page)
			}
		}
		if moves != flow.Money {
			l.report(proofMoney, name, "", "it is said to move money: %t, and its screens do: %t", flow.Money, moves)
		}
	}
}

// leadsToResults proves that behind an authorising PIN stands the result.
func (l *linter) leadsToResults(place string) {
	for _, next := range l.next(place) {
		if screen, ok := l.screen(next); !ok || screen.Kind != menus.Result {
			l.report(proofMoney, place, "", "its PIN leads to %s, which is no result", next)
		}
	}
}

// shows proves what a screen that moves money tells before the PIN.
func (l *linter) shows(place string, page menus.Screen) {
	if page.Kind != menus.Authorise {
		l.report(proofMoney, place, "", "it moves money without a PIN: %s", strings.Join(l.keysTo(place), "; "))
	}
	must := []string{"amount", "fee"}
	if page.Debits {
		must = append(must, "payee")
	}
	if page.Lends {
		must = append(must, "total", "rate")
	}
	for _, language := range l.Packs.Languages() {
		shown, _ := l.Packs.Placeholders(language, page.Text)
		for _, name := range must {
			if !slices.Contains(shown, name) {
				l.report(proofMoney, place, language, "it takes the PIN without showing {%s}: %s", name, strings.Join(l.keysTo(place), "; "))
			}
		}
	}
}

// keysTo prints the shortest ways to a place, one for each home that leads there.
func (l *linter) keysTo(place string) []string {
	var ways []string
	for root, homes := range l.Tables.Homes {
		for _, home := range homes {
			if keys, ok := l.shortest(home, place); ok {
				ways = append(ways, l.keys(root, keys))
			}
		}
	}
	slices.Sort(ways)
	return ways
}

func (l *linter) shortest(from, to string) ([]string, bool) {
	type way struct {
		place string
		keys  []string
	}
	seen := map[string]bool{}
	queue := []way{{place: from}}
	for len(queue) > 0 {
		w := queue[0]
		queue = queue[1:]
		if w.place == to {
			return w.keys, true
		}
		if seen[w.place] {
			continue
		}
		seen[w.place] = true
		for _, next := range l.next(w.place) {
			queue = append(queue, way{next, append(slices.Clone(w.keys), l.key(w.place, next))})
		}
	}
	return nil, false
}

// key names what is pressed on a place to come to the next: a digit, or the name of the screen in brackets.
func (l *linter) key(place, next string) string {
	if menu, isMenu := strings.CutPrefix(place, "/"); isMenu {
		flow, name, _ := strings.Cut(next, "/")
		for _, option := range l.menus[menu].Options {
			if option.To == flow || flow == "" && option.To == name {
				return option.Digit
			}
		}
	}
	_, name, _ := strings.Cut(place, "/")
	return "<" + name + ">"
}

// entries proves that errands are short: what people are asked for, from home to the result.
func (l *linter) entries() {
	for root, homes := range l.Tables.Homes {
		for _, home := range homes {
			l.longest(root, home)
		}
	}
}

// longest follows every way that visits no place twice, and reports those that ask too much.
func (l *linter) longest(root menus.Root, home string) {
	var walk func(place string, keys []string, visited []string)
	walk = func(place string, keys, visited []string) {
		if slices.Contains(visited, place) {
			return
		}
		if screen, ok := l.screen(place); ok && screen.Kind == menus.Result {
			l.tooLong(root, place, keys)
			return
		}
		for _, next := range l.next(place) {
			walk(next, append(slices.Clone(keys), l.key(place, next)), append(slices.Clone(visited), place))
		}
	}
	walk(home, nil, nil)
}

func (l *linter) tooLong(root menus.Root, place string, keys []string) {
	flow, _, _ := strings.Cut(place, "/")
	limit := menus.MaxEntries
	if l.flows[flow].Money {
		limit = menus.MaxMoneyEntries[root]
	}
	if len(keys) > limit {
		l.report("entries", place, "", "%d entries where %d are allowed: %s", len(keys), limit, l.keys(root, keys))
	}
}
