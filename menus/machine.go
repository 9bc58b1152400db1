package menus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/looplab/fsm"
)

// machine is a flow with its pool of state machines. A new machine costs some 30 microseconds and a reused one a
// single one, and one machine must not be shared by two hops, so each hop borrows.
type machine struct {
	flow   Flow
	states []string
	pool   sync.Pool
}

// build checks a flow's table and readies its pool. looplab/fsm lets the last of two equal moves win in silence and
// takes any word for a state, so both are checked here.
func build(flow Flow) (*machine, error) {
	m := &machine{flow: flow}
	if err := m.check(); err != nil {
		return nil, err
	}
	m.pool.New = func() any { return fsm.NewFSM(flow.Starts[0], flow.Events, nil) }
	return m, nil
}

func (m *machine) check() error {
	type move struct{ event, from string }
	seen := map[move]bool{}
	for _, event := range m.flow.Events {
		for _, from := range event.Src {
			if seen[move{event.Name, from}] {
				return fmt.Errorf("two moves are called %s from %s", event.Name, from)
			}
			seen[move{event.Name, from}] = true
			m.states = append(m.states, from, event.Dst)
		}
	}
	m.states = append(m.states, m.flow.Starts...)
	slices.Sort(m.states)
	m.states = slices.Compact(m.states)
	switch {
	case len(m.flow.Starts) == 0:
		return errors.New("it has no first screen")
	case !m.flow.Purpose.Known():
		return fmt.Errorf("it declares no purpose of the catalogue, but %q", m.flow.Purpose)
	}
	return m.checkScreens()
}

func (m *machine) checkScreens() error {
	for _, state := range m.states {
		if _, ok := m.flow.Screens[state]; !ok {
			return fmt.Errorf("state %s has no screen", state)
		}
	}
	for name, screen := range m.flow.Screens {
		switch {
		case !slices.Contains(m.states, name):
			return fmt.Errorf("screen %s is in no move", name)
		case (screen.Read == nil) != (screen.Kind == Result):
			return fmt.Errorf("screen %s must have a reader unless it is a result", name)
		case screen.moves() && screen.Kind != Authorise:
			return fmt.Errorf("screen %s moves money without taking a PIN", name)
		}
	}
	return nil
}

// fire moves from a screen by an event and returns the next screen. Staying where one is, is a move too.
//
// A move is never given the hop's context: a machine whose context has ended keeps its transition pending, and would
// refuse every hop that borrows it afterwards. A machine that failed is not lent again.
func (m *machine) fire(from, event string) (string, error) {
	if !slices.Contains(m.states, from) {
		return "", fmt.Errorf("flow %s has no screen %q", m.flow.Name, from)
	}
	f, ok := m.pool.Get().(*fsm.FSM)
	if !ok {
		return "", fmt.Errorf("flow %s: the pool holds something else", m.flow.Name)
	}
	f.SetState(from)
	err := f.Event(context.Background(), event)
	var stayed fsm.NoTransitionError
	if err != nil && !errors.As(err, &stayed) {
		return "", fmt.Errorf("flow %s: %w", m.flow.Name, err)
	}
	to := f.Current()
	m.pool.Put(f)
	return to, nil
}
