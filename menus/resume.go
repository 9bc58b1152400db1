package menus

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/sessions"
)

const (
	// continueWithin is how long an unfinished errand is offered again: its quote is still fresh in mind.
	continueWithin = 30 * time.Minute
	// tellDoneWithin is how long a dial is told what the last one did: the final screen may never have arrived.
	tellDoneWithin = 10 * time.Minute
)

// leavePointer marks the confirmation just shown, so that a dropped dialogue can be taken up by the next dial.
func (t *Turn) leavePointer() {
	id, err := t.ID(intent)
	if err != nil {
		t.err = err
		return
	}
	t.s.Values[myPointer] = "1"
	t.resume = &sessions.Resume{
		Dialogue: t.s.Dialogue, Flow: t.s.Flow, Intent: id, At: t.Now(), Language: t.s.Language, Values: t.told(),
	}
	if t.Value(withdrawalCodeTyped) != "" {
		return // a code that was typed is not kept for a later dial: what came of it is told, but not taken up again
	}
	t.resume.Screen, t.resume.Stack, t.resume.Values = t.s.Screen, t.s.Stack, maps.Clone(t.s.Values)
	maps.DeleteFunc(t.resume.Values, func(name, _ string) bool { return strings.HasPrefix(name, mine) })
}

// settlePointer leaves of a finished errand what the next dial tells: its id. What became of it stands in PostgreSQL.
func (t *Turn) settlePointer() {
	id, err := t.ID(intent)
	if err != nil || t.s.Values[myPointer] == "" {
		return // an enquiry leaves nothing
	}
	t.resume = &sessions.Resume{
		Dialogue: t.s.Dialogue, Flow: t.s.Flow, Intent: id, At: t.Now(), Language: t.s.Language, Values: t.told(),
	}
}

// told are the values that the line above the menu needs.
func (t *Turn) told() map[string]string {
	kept := map[string]string{}
	for _, name := range []string{"amount", "payee"} {
		kept[name] = t.Value(name)
	}
	return kept
}

// dropPointer forgets a confirmation that the caller walked away from.
func (t *Turn) dropPointer() {
	if t.s.Values[myPointer] != "" {
		delete(t.s.Values, myPointer)
		t.resume = &sessions.Resume{}
	}
}

// abandonPointer forgets a confirmation that was refused for good. One that failed, or whose outcome is not known yet,
// keeps its pointer: the next dial asks PostgreSQL.
func (t *Turn) abandonPointer(err error) {
	if !outcomeUnknown(err) && !fault.Ours(err) {
		t.dropPointer()
	}
}

// look reads what the caller's last dialogue left, asks PostgreSQL what became of it, and prepares the line above
// the menu. It fails silently into no line: a lost pointer costs a redial, never money.
func (t *Turn) look(ctx context.Context, resume *sessions.Resume) {
	if resume == nil || resume.IsZero() || resume.Intent == uuid.Nil || t.e.flows[resume.Flow] == nil {
		return
	}
	age := t.Now().Sub(resume.At)
	receipt, done, err := t.Services().Payments.Outcome(ctx, resume.Intent)
	switch {
	case err != nil:
		t.err = err
	case done && age < tellDoneWithin:
		t.Show("time", t.hour(receipt.At))
		t.Show("receipt", receipt.Number)
		t.line("done."+resume.Flow, resume)
	case !done && age < continueWithin:
		t.lookUndone(ctx, resume)
	}
}

// lookUndone tells of an errand without a transaction: it may still be in the ledger's hands, and then another try
// must wait for our SMS; else it can be taken up again.
func (t *Turn) lookUndone(ctx context.Context, resume *sessions.Resume) {
	undecided, err := t.Services().Payments.Undecided(ctx, resume.Intent)
	switch {
	case err != nil:
		t.err = err
	case undecided:
		t.line("undecided", resume)
	case resume.Screen != "":
		t.line("waiting."+resume.Flow, resume)
		t.keepWaiting(resume)
	}
}

func (t *Turn) line(key string, resume *sessions.Resume) {
	for name, value := range resume.Values {
		t.Show(name, value)
	}
	text, err := t.text(key)
	if err != nil {
		t.err = err
		return
	}
	t.s.Values[myLine] = text
}

// keepWaiting keeps the errand in the session, where key 9 finds it, and says so in the line.
func (t *Turn) keepWaiting(resume *sessions.Resume) {
	kept, err := json.Marshal(resume)
	label, labelErr := t.text("key.continue")
	if err := errors.Join(err, labelErr); err != nil {
		t.err = err
		return
	}
	t.s.Values[myWaiting] = string(kept)
	t.s.Values[myLine] = join(t.s.Values[myLine], waitingDigit+" "+label)
}

// canContinue tells that 9 leads to an unfinished errand. Dialled ahead (*123*9#) it opens approvals alone.
func (t *Turn) canContinue() bool {
	return !t.ahead && t.atHome() && t.Value(myWaiting) != ""
}

// resumeErrand stands the session on the confirmation that was dropped, under the same intent: should the first try
// have gone through after all, the second cannot pay again.
func (t *Turn) resumeErrand(ctx context.Context) Outcome {
	var resume sessions.Resume
	if err := json.Unmarshal([]byte(t.Value(myWaiting)), &resume); err != nil {
		return t.fail(err, Result)
	}
	flow := t.e.flows[resume.Flow].flow
	screen, ok := flow.Screens[resume.Screen]
	if !ok || screen.Kind != Authorise {
		return t.retry("reason.choose", nil) // the menu changed since
	}
	if err := t.admitted(ctx, flow); err != nil {
		return t.fail(err, Result)
	}
	delete(t.s.Values, myWaiting)
	delete(t.s.Values, myLine)
	maps.Copy(t.s.Values, resume.Values)
	t.s.Stack = append([]string{t.Value(myHome)}, resume.Stack...)
	t.s.Stack = compact(t.s.Stack)
	t.continued = true
	return t.moveTo(resume.Flow, resume.Screen)
}

// compact drops places that stand twice, keeping the first.
func compact(places []string) []string {
	seen := map[string]bool{}
	var once []string
	for _, place := range places {
		if !seen[place] {
			once = append(once, place)
		}
		seen[place] = true
	}
	return once
}
