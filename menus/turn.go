package menus

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/sessions"
)

// Values whose name begins so belong to the caller and outlive an errand; all others are an errand's own.
const mine = "my."

// The values that the engine itself keeps.
const (
	myID       = mine + "id"    // customer or operator
	myScope    = mine + "scope" // their part of idempotency keys; "" for a stranger
	myWallet   = mine + "wallet"
	myAgent    = mine + "agent"
	myOutlet   = mine + "outlet"
	myBusiness = mine + "business"
	myHome     = mine + "home"    // the menu or flow that Home leads to
	myWaiting  = mine + "waiting" // what the caller left, as the resume pointer had it
	myLine     = mine + "line"    // the line above the menu that tells of it
	myPointer  = mine + "pointer" // the resume pointer stands at a screen of this dialogue
	intent     = "intent"         // the confirmation's id, unique among transactions for ever
)

// Turn is one hop as a reader sees it: the session's values, the caller, and the services.
type Turn struct {
	e         *Engine
	s         *sessions.Session
	dial      Dial
	shown     map[string]string // values for this hop's screen alone, never kept
	note      string            // a key of the language packs: one line above the screen
	resume    *sessions.Resume
	err       error
	preview   func(name string) (string, bool)
	moving    bool // the reader that ran may move money
	moved     bool // and it did
	undecided bool // the ledger has the command and has not answered
	calledOff bool // nothing has moved under this hop's key, and nothing will
	ahead     bool // the input was dialled ahead
	tried     bool // the input was refused
	continued bool // an unfinished errand is taken up again, under its old intent
}

// Services are the use cases.
func (t *Turn) Services() Services { return t.e.o.Services }

// Now is the present moment, UTC.
func (t *Turn) Now() time.Time { return t.e.o.Clock.Now() }

// Language is the caller's.
func (t *Turn) Language() string { return t.s.Language }

// Keep stores a value of this errand in the session: never a secret.
func (t *Turn) Keep(name, value string) { t.s.Values[name] = value }

// KeepAmount stores an amount: name holds what screens show, name.minor what is counted.
func (t *Turn) KeepAmount(name string, a money.Amount) {
	t.Keep(name, a.Format())
	t.Keep(name+".minor", strconv.FormatInt(a.Minor, 10))
}

// KeepID stores an id.
func (t *Turn) KeepID(name string, id uuid.UUID) { t.Keep(name, id.String()) }

// Value reads what Keep stored, "" where nothing was.
func (t *Turn) Value(name string) string { return t.s.Values[name] }

// Amount reads what KeepAmount stored.
func (t *Turn) Amount(name string) (money.Amount, error) {
	minor, err := strconv.ParseInt(t.Value(name+".minor"), 10, 64)
	if err != nil {
		return money.Amount{}, fmt.Errorf("session value %s: %w", name, err)
	}
	return money.Of(minor, t.e.o.Currency), nil
}

// ID reads what KeepID stored.
func (t *Turn) ID(name string) (uuid.UUID, error) {
	id, err := uuid.Parse(t.Value(name))
	if err != nil {
		return uuid.Nil, fmt.Errorf("session value %s: %w", name, err)
	}
	return id, nil
}

// Show sets a value for the next screen alone: it is in no session, so it may be a code or a balance.
func (t *Turn) Show(name, value string) { t.shown[name] = value }

// ShowAmount shows an amount in the handset's form.
func (t *Turn) ShowAmount(name string, a money.Amount) { t.Show(name, a.Format()) }

// ShowTime shows an hour in market time, as 10:31.
func (t *Turn) ShowTime(name string, at time.Time) { t.Show(name, t.hour(at)) }

// Note puts one line above the next screen: a key of the language packs.
func (t *Turn) Note(key string) { t.note = key }

// Me is the caller's own id, a customer's or an operator's; zero for a stranger, whom every use case refuses.
func (t *Turn) Me() uuid.UUID {
	id, err := t.ID(myID)
	if err != nil {
		return uuid.Nil
	}
	return id
}

// Key claims this hop: an effect under it happens once, however often the hop is delivered.
func (t *Turn) Key() ledger.Key {
	return ledger.Key{Scope: t.scope(), Operation: "ussd." + t.s.Flow, Value: t.hop(t.s.Hop)}
}

// KeepKey remembers this hop's claim, so that a later screen can prove that the effect happened.
func (t *Turn) KeepKey(name string) { t.Keep(name, t.hop(t.s.Hop)) }

// EarlierKey is the claim that KeepKey remembered.
func (t *Turn) EarlierKey(name string) ledger.Key {
	return ledger.Key{Scope: t.scope(), Operation: "ussd." + t.s.Flow, Value: t.Value(name)}
}

func (t *Turn) hop(n int) string { return fmt.Sprintf("%s:%d", t.s.Dialogue, n) }

// scope is the person where there is one, so that a key can't be used by another.
func (t *Turn) scope() string {
	if scope := t.Value(myScope); scope != "" {
		return scope
	}
	return "dlg:" + t.s.Dialogue.String()
}

func (t *Turn) hour(at time.Time) string { return at.In(t.e.o.Location).Format("15:04") }

// value resolves a placeholder: this hop's own, then the session's, then the engine's.
func (t *Turn) value(name string) (string, bool) {
	if t.preview != nil {
		return t.preview(name)
	}
	if v, ok := t.shown[name]; ok {
		return v, true
	}
	if v, ok := t.s.Values[name]; ok {
		return v, true
	}
	switch name {
	case "currency":
		return string(t.e.o.Currency), true
	case "help":
		return t.e.o.Help, true
	case "languages":
		return t.e.languageLines(), true
	case "ref":
		return t.dial.Reference, true
	}
	v, ok := t.s.Values[mine+name]
	return v, ok
}

// languageLines offers each language in its own name.
func (e *Engine) languageLines() string {
	var lines []string
	for i, language := range e.o.Packs.Languages() {
		name, err := e.o.Packs.Text(language, "language.name", nil)
		if err != nil {
			name = language
		}
		lines = append(lines, fmt.Sprintf("%d %s", i+1, name))
	}
	return strings.Join(lines, "\n")
}

// none is no money, in the market's currency.
func (t *Turn) none() money.Amount { return money.Of(0, t.e.o.Currency) }

// mintIntent gives the confirmation about to be shown an id of its own.
func (t *Turn) mintIntent() { t.KeepID(intent, ids.New(t.Now())) }
