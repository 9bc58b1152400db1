package menus

import (
	"maps"
	"slices"
	"strings"

	"nova/sessions"
)

// The engine's own keys: the same on every screen, so that fingers learn them once. They are whole inputs.
const (
	backKey      = "0"
	homeKey      = "00"
	moreKey      = "98"
	waitingDigit = "9"
)

// engineMove finds what the engine itself does with an input.
func (t *Turn) engineMove(input string) (func() Outcome, bool) {
	switch {
	case input == backKey && !t.atHome():
		return t.back, true
	case input == homeKey && !t.atHome():
		return t.home, true
	case input == moreKey && t.morePages():
		return t.more, true
	}
	return nil, false
}

// atHome tells that the present screen is where Home leads: it prints neither Back nor Home.
func (t *Turn) atHome() bool { return t.place() == t.Value(myHome) }

// place names where the session stands, as the stack keeps it.
func (t *Turn) place() string { return t.s.Flow + "/" + t.s.Screen }

func (t *Turn) push() {
	place := t.place()
	if len(t.s.Stack) == sessions.MaxStack || slices.Contains(t.s.Stack, place) {
		return // going round in a circle leads back to the same place
	}
	t.s.Stack = append(t.s.Stack, place)
}

func (t *Turn) stand(place string) {
	t.s.Flow, t.s.Screen, _ = strings.Cut(place, "/")
	t.s.Tries, t.s.Page = 0, 0
}

// back returns to the screen before; past a menu it forgets the errand.
func (t *Turn) back() Outcome {
	if len(t.s.Stack) == 0 {
		return t.home()
	}
	t.dropPointer()
	last := len(t.s.Stack) - 1
	t.stand(t.s.Stack[last])
	t.s.Stack = t.s.Stack[:last]
	if t.s.Flow == "" {
		t.forget()
	}
	return t.show()
}

// home returns to the first screen and forgets the errand.
func (t *Turn) home() Outcome {
	t.dropPointer()
	t.forget()
	t.s.Stack = nil
	t.stand(t.Value(myHome))
	return t.show()
}

// more turns the page; after the last comes the first.
func (t *Turn) more() Outcome {
	t.s.Page++
	return t.show()
}

// forget drops an errand's values and keeps the caller's.
func (t *Turn) forget() {
	maps.DeleteFunc(t.s.Values, func(name, _ string) bool { return !strings.HasPrefix(name, mine) })
}
