package menus

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"nova/core/fault"
	"nova/sessions"
)

// errPastSecret explains a refused dial in the log.
var errPastSecret = errors.New("dialled ahead past a secret")

// Begin opens a dialogue: home for a known caller, registration for a stranger, and then feeds what was dialled
// ahead (*123*1*...#), one by one, up to the first refusal or the first secret. A dial that reaches past a secret is
// refused whole: it would replay a dialogue whose end nobody knows.
func (e *Engine) Begin(ctx context.Context, s *sessions.Session, d Dial, resume *sessions.Resume, ahead []string) Outcome {
	t := e.turn(s, d)
	if err := t.open(ctx, resume); err != nil {
		return t.fail(err, Result)
	}
	out := t.show()
	for _, input := range ahead {
		if out.Reply.End || t.tried || t.stranger() {
			return out
		}
		if t.secretAwaited() {
			t.resume = nil // the pointer stays what the lost dialogue left
			return t.finish("stop.dial_again", errPastSecret)
		}
		t = e.turn(s, d)
		t.ahead = true
		out = t.take(ctx, strings.TrimSpace(input))
	}
	return out
}

// Input takes what was typed on the present screen.
func (e *Engine) Input(ctx context.Context, s *sessions.Session, d Dial, input string) Outcome {
	return e.turn(s, d).take(ctx, strings.TrimSpace(input))
}

// Sorry ends a dialogue for a failure outside the menus. Its reference is shown, so that whoever is rung can find it
// in the log.
func (e *Engine) Sorry(language string, err error, reference string) sessions.Reply {
	t := e.turn(&sessions.Session{Language: language}, Dial{Reference: reference, Budget: defaultBudget})
	key := t.refused(err, Result).key
	if fault.Is(err, fault.NotFound) {
		key = "stop.unknown_code" // all that is looked for outside the menus is a short code
	}
	reply := t.finish(key, err).Reply
	if !strings.Contains(reply.Text, reference) {
		line, lineErr := t.text("line.ref")
		if lineErr == nil {
			reply.Text = join(reply.Text, line)
		}
	}
	return reply
}

// DialAgain ends a dialogue whose session is gone.
func (e *Engine) DialAgain(language string) sessions.Reply {
	return e.turn(&sessions.Session{Language: language}, Dial{Budget: defaultBudget}).finish("stop.dial_again", nil).Reply
}

func (e *Engine) turn(s *sessions.Session, d Dial) *Turn {
	if s.Values == nil {
		s.Values = map[string]string{}
	}
	if s.Language == "" {
		s.Language = e.o.Packs.Default()
	}
	return &Turn{e: e, s: s, dial: d, shown: map[string]string{}}
}

// take moves on by one input: the engine's own keys first, then the menu's digits or the screen's reader.
func (t *Turn) take(ctx context.Context, input string) Outcome {
	if !t.stands() {
		return t.finish("stop.dial_again", fmt.Errorf("session of menu %s stands on unknown %q", t.s.Menu, t.place()))
	}
	if move, ok := t.engineMove(input); ok {
		return move()
	}
	if t.s.Flow == "" {
		return t.choose(ctx, input)
	}
	return t.read(ctx, input)
}

// stands tells that the session is on a menu or screen that awaits an answer: it may have begun before an upgrade
// that took the screen away.
func (t *Turn) stands() bool {
	if t.s.Flow == "" {
		_, ok := t.e.menus[t.s.Screen]
		return ok
	}
	m := t.e.flows[t.s.Flow]
	return m != nil && m.flow.Screens[t.s.Screen].Read != nil
}

// choose takes a digit on a menu.
func (t *Turn) choose(ctx context.Context, input string) Outcome {
	menu := t.e.menus[t.s.Screen]
	if input == waitingDigit && t.canContinue() {
		return t.resumeErrand(ctx)
	}
	for _, option := range menu.Options {
		if option.Digit != input {
			continue
		}
		if _, isMenu := t.e.menus[option.To]; isMenu {
			t.push()
			t.s.Screen = option.To
			return t.show()
		}
		return t.enter(ctx, option.To)
	}
	return t.retry("reason.choose", nil)
}

// enter starts a flow, at whose door the caller is looked at anew: a dialogue may last for minutes.
func (t *Turn) enter(ctx context.Context, name string) Outcome {
	m := t.e.flows[name]
	if err := t.admitted(ctx, m.flow); err != nil {
		return t.fail(err, Result)
	}
	start := m.flow.Starts[0]
	if m.flow.Enter != nil {
		var err error
		if start, err = m.flow.Enter(ctx, t); err != nil {
			return t.fail(err, Result)
		}
	}
	if t.s.Screen != "" {
		t.push()
	}
	return t.moveTo(name, start)
}

// read hands the input to the screen's reader and makes the move it names.
func (t *Turn) read(ctx context.Context, input string) Outcome {
	m := t.e.flows[t.s.Flow]
	screen := m.flow.Screens[t.s.Screen]
	t.moving = screen.moves()
	event, err := screen.Read(ctx, t, input)
	if err != nil {
		t.calledOff = t.moving && fault.Ours(err) && t.callOff(ctx)
		return t.fail(err, screen.Kind)
	}
	t.moved = t.moving
	next, err := m.fire(t.s.Screen, event)
	if err != nil {
		return t.fail(err, Result)
	}
	if next != t.s.Screen && m.flow.Screens[next].Kind != Result {
		t.push()
	}
	return t.moveTo(t.s.Flow, next)
}

// moveTo stands the session on a flow's screen and shows it.
func (t *Turn) moveTo(flow, screen string) Outcome {
	t.s.Flow, t.s.Screen, t.s.Tries, t.s.Page = flow, screen, 0, 0
	page := t.e.flows[flow].flow.Screens[screen]
	switch {
	case page.moves():
		if !t.continued {
			t.mintIntent()
		}
		t.leavePointer()
	case page.Kind == Result:
		t.settlePointer()
	default:
		t.dropPointer()
	}
	return t.show()
}

// fail words a refusal: the same screen again while tries are left, else a polite end.
func (t *Turn) fail(err error, kind Kind) Outcome {
	r := t.refused(err, kind)
	if r.ends {
		t.abandonPointer(err)
		return t.finish(r.key, unworded(err))
	}
	return t.retry(r.key, unworded(err))
}

// retry shows the same screen with one short reason first; the third bad answer ends the dialogue safely.
func (t *Turn) retry(key string, err error) Outcome {
	t.tried = true
	t.s.Tries++
	if t.s.Tries >= MaxTries {
		t.dropPointer()
		return t.finish("stop.tries", err)
	}
	t.note = key
	t.err = err
	return t.show()
}

// secretAwaited tells that the present screen takes a secret.
func (t *Turn) secretAwaited() bool {
	m := t.e.flows[t.s.Flow]
	return m != nil && m.flow.Screens[t.s.Screen].Kind.Secret()
}

// stranger tells that nobody is registered under the caller's number, or that they have no PIN of their own yet: what is
// dialled ahead never enters registration, nor the choice of a PIN.
func (t *Turn) stranger() bool {
	switch t.Value(myHome) {
	case newcomersHome, unprovenHome, forgottenHome, issuedHome, issuedAgent:
		return true
	}
	return false
}
