package ussdtest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"nova/core/fault"
	"nova/menus"
	"nova/sessions"
)

// The scripted menu's people and secrets. The PINs have six digits, so that a log's
// timestamps and random ids don't hold one by chance.
const (
	menuPIN      = "135724"
	menuWrongPIN = "918273"
	menuCaller   = "12462501001"
	menuPayee    = "12462501002"
)

// Menu is a menu small enough to read: send money, with the digits and the promises of
// the real one. An effect, a wrong PIN included, happens once per dialogue and hop.
type Menu struct {
	mu            sync.Mutex
	done          map[string]menus.Outcome // by dialogue and hop
	moves         int
	before, after time.Duration
}

// NewMenu is a menu that nobody has dialled.
func NewMenu() *Menu { return &Menu{done: map[string]menus.Outcome{}} }

// Scripted is the backend of the built-in menu.
func Scripted(testing.TB) Backend {
	m := NewMenu()
	return Backend{
		Engine: m, Code: "*123#", Caller: menuCaller, Other: menuPayee,
		Keys: []string{"1", menuPayee, "50", menuPIN}, Numeric: 1, Canary: menuWrongPIN,
		Moves: m.Moves, Slow: m.Slow,
	}
}

// Moves is how often money was sent.
func (m *Menu) Moves(testing.TB) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.moves
}

// Slow makes the next commands wait before and after they are taken.
func (m *Menu) Slow(before, after time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before, m.after = before, after
}

// Version names the menu.
func (*Menu) Version() string { return "scripted" }

// DialAgain is the end for an unknown session.
func (*Menu) DialAgain(string) sessions.Reply {
	return sessions.Reply{Text: "Please dial again.", End: true}
}

// Sorry shows the reference.
func (*Menu) Sorry(_ string, _ error, ref string) sessions.Reply {
	return sessions.Reply{Text: "Sorry, try later. Ref " + ref, End: true}
}

// screens are the scripted words.
var screens = map[string]string{
	"home":    "Nova\n1 Send money",
	"number":  "Enter number",
	"amount":  "Enter amount",
	"confirm": "Send BBD 50.00\nto Andre C.\nEnter PIN to send",
}

// Begin opens home and feeds what was dialled ahead, never past a secret.
func (m *Menu) Begin(
	ctx context.Context, s *sessions.Session, d menus.Dial, _ *sessions.Resume, ahead []string,
) menus.Outcome {
	s.Flow, s.Values = "send", map[string]string{}
	out := m.show(s, "home", "")
	for _, input := range ahead {
		if s.Screen == "confirm" {
			return menus.Outcome{Reply: m.DialAgain(s.Language)}
		}
		if out = m.Input(ctx, s, d, input); s.Tries > 0 {
			return out
		}
	}
	return out
}

// Input reads one screen's answer.
func (m *Menu) Input(ctx context.Context, s *sessions.Session, _ menus.Dial, input string) menus.Outcome {
	switch s.Screen {
	case "home":
		if input != "1" {
			return m.again(s, "Wrong choice.")
		}
		return m.show(s, "number", "")
	case "number":
		if len(input) < 7 || strings.Trim(input, "0123456789") != "" {
			return m.again(s, "Wrong number.")
		}
		return m.show(s, "amount", "")
	case "amount":
		if n, err := strconv.Atoi(input); err != nil || n <= 0 {
			return m.again(s, "Wrong amount.")
		}
		return m.show(s, "confirm", "")
	case "confirm":
		return m.pay(ctx, s, input)
	}
	panic(fmt.Sprintf("ussdtest: no screen %q", s.Screen))
}

func (m *Menu) show(s *sessions.Session, screen, reason string) menus.Outcome {
	if reason == "" {
		s.Tries = 0
	}
	s.Screen = screen
	return menus.Outcome{Reply: sessions.Reply{Text: reason + screens[screen]}}
}

func (m *Menu) again(s *sessions.Session, reason string) menus.Outcome {
	s.Tries++
	return m.show(s, s.Screen, reason+"\n")
}

// pay is the command: taken unless the time is up before, done whatever comes after.
func (m *Menu) pay(ctx context.Context, s *sessions.Session, pin string) menus.Outcome {
	m.mu.Lock()
	before, after := m.before, m.after
	m.mu.Unlock()
	if !pause(ctx, before) {
		return menus.Outcome{
			Reply: sessions.Reply{Text: "Nothing was sent. Dial again.", End: true},
			Err:   fault.New(fault.ServiceUnavailable, "not taken"),
		}
	}
	out := m.once(s, pin)
	if !pause(ctx, after) {
		return menus.Outcome{
			Reply: sessions.Reply{Text: "Wait for our SMS. Do not send again.", End: true},
			Err:   fault.New(fault.IdempotencyInProgress, "taken"),
		}
	}
	return out
}

func (m *Menu) once(s *sessions.Session, pin string) menus.Outcome {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := fmt.Sprintf("%s/%d", s.Dialogue, s.Hop)
	if out, ok := m.done[key]; ok {
		return out
	}
	out := menus.Outcome{
		Reply: sessions.Reply{Text: "Sent BBD 50.00 to Andre C.\nRef 7K3M9Q", End: true}, Resume: &sessions.Resume{},
	}
	if pin == menuPIN {
		m.moves++
		s.Screen = "sent"
	} else {
		out = menus.Outcome{
			Reply: sessions.Reply{Text: "Wrong PIN.\n" + screens["confirm"]}, Err: fault.New(fault.PINInvalid, "scripted"),
		}
	}
	m.done[key] = out
	return out
}

// pause waits for d; false if the time is up first.
func pause(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
