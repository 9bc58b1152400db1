package lint

import (
	"fmt"
	"slices"
	"strings"

	"nova/menus"
)

// shape proves that every menu and screen can be reached, that every screen leads on, and that from everywhere there
// is a way to an end.
func (l *linter) shape() {
	l.menuLevels()
	reached := l.reached()
	for _, place := range l.places() {
		if !reached[place] {
			l.report("unreachable", place, "", "no dial leads here")
		}
	}
	for name, flow := range l.flows {
		l.ends(name, flow)
	}
}

// reached walks from every home.
func (l *linter) reached() map[string]bool {
	reached := map[string]bool{}
	var queue []string
	for _, homes := range l.Tables.Homes {
		queue = append(queue, homes...)
	}
	for len(queue) > 0 {
		place := queue[0]
		queue = queue[1:]
		if reached[place] {
			continue
		}
		reached[place] = true
		queue = append(queue, l.next(place)...)
	}
	return reached
}

// next are the places that a place leads to by itself; Back and Home lead only to where one has been.
func (l *linter) next(place string) []string {
	flow, name, _ := strings.Cut(place, "/")
	if flow == "" {
		return l.optionPlaces(l.menus[name])
	}
	var places []string
	for _, event := range l.flows[flow].Events {
		if slices.Contains(event.Src, name) {
			places = append(places, flow+"/"+event.Dst)
		}
	}
	return places
}

func (l *linter) optionPlaces(menu menus.Menu) []string {
	var places []string
	for _, option := range menu.Options {
		if _, isMenu := l.menus[option.To]; isMenu {
			places = append(places, "/"+option.To)
			continue
		}
		for _, start := range l.flows[option.To].Starts {
			places = append(places, option.To+"/"+start)
		}
	}
	return places
}

// ends proves that no screen of a flow is a dead end or a trap.
func (l *linter) ends(name string, flow menus.Flow) {
	for screen, page := range flow.Screens {
		place := name + "/" + screen
		leads := l.next(place)
		switch {
		case page.Kind == menus.Result && len(leads) > 0:
			l.report("ends", place, "", "a result ends the dialogue, and moves lead on from it")
		case page.Kind != menus.Result && len(leads) == 0:
			l.report("dead end", place, "", "nothing that can be typed leads on")
		case page.Kind != menus.Result && !l.canEnd(place):
			l.report("trap", place, "", "no way from here comes to an end")
		}
	}
}

func (l *linter) canEnd(from string) bool {
	seen := map[string]bool{}
	queue := []string{from}
	for len(queue) > 0 {
		place := queue[0]
		queue = queue[1:]
		if seen[place] {
			continue
		}
		seen[place] = true
		if screen, ok := l.screen(place); ok && screen.Kind == menus.Result {
			return true
		}
		queue = append(queue, l.next(place)...)
	}
	return false
}

// menuLevels proves that errands begin after two menus at most.
func (l *linter) menuLevels() {
	for root, homes := range l.Tables.Homes {
		for _, home := range homes {
			if menu, isMenu := strings.CutPrefix(home, "/"); isMenu {
				l.levels(root, menu, nil)
			}
		}
	}
}

func (l *linter) levels(root menus.Root, menu string, keys []string) {
	if len(keys) >= menus.MaxMenuLevels {
		l.report("levels", "/"+menu, "", "%d menus deep: %s", len(keys)+1, l.keys(root, keys))
		return
	}
	for _, option := range l.menus[menu].Options {
		if _, isMenu := l.menus[option.To]; isMenu {
			l.levels(root, option.To, append(slices.Clone(keys), option.Digit))
		}
	}
}

// keys prints what to press, from the dial on.
func (l *linter) keys(root menus.Root, keys []string) string {
	code := l.ShortCodes[root]
	if code == "" {
		code = fmt.Sprintf("(%s)", root)
	}
	return strings.Join(append([]string{"dial " + code}, keys...), ", ")
}
