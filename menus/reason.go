package menus

import (
	"context"
	"errors"
	"strconv"
	"time"

	"nova/core/customers"
	"nova/core/fault"
)

// reasonError is a reader's refusal: a key of the language packs, and whether typing can mend it.
type reasonError struct {
	key  string
	ends bool
	err  error
}

// Error is for the log.
func (r *reasonError) Error() string {
	if r.err != nil {
		return r.key + ": " + r.err.Error()
	}
	return r.key
}

// Unwrap gives the fault behind the words.
func (r *reasonError) Unwrap() error { return r.err }

// again shows the same screen with a reason of the language packs first.
func again(key string) error { return &reasonError{key: "reason." + key} }

// stop ends the dialogue with a text of the language packs.
func stop(key string) error { return &reasonError{key: "stop." + key, ends: true} }

// refusal is how a failed reader is told: which words, and whether the same screen follows them.
type refusal struct {
	key  string
	ends bool
}

// refused is the second of the two translators of the house: fault -> words. A fault ends the dialogue when nothing
// that can be typed on the screen would mend it.
func (t *Turn) refused(err error, kind Kind) refusal {
	f := fault.From(err)
	t.showExtra(f)
	t.undecided = outcomeUnknown(err)
	var r *reasonError
	if errors.As(err, &r) {
		return refusal{key: r.key, ends: r.ends}
	}
	told := refusal{key: "fault." + string(f.Code), ends: true}
	if key := waits(f); key != "" {
		told.key = key
	}
	switch {
	case fault.Ours(f), f.Code == fault.IdempotencyInProgress:
		told.key = t.troubled()
		if !t.moving {
			told.key = "fault." + string(busyRather(f.Code))
		}
	case f.Code == fault.PINInvalid, kind == Input && mendable[f.Code]:
		told.ends = false
	}
	return told
}

// troubled words a failure of ours, or an outcome that is not known yet, on a screen that moves money: where the ledger
// took the command, the SMS that was promised will tell; nothing was sent where that was called off; else the next dial
// tells.
func (t *Turn) troubled() string {
	switch {
	case t.moved || t.undecided:
		return "fault." + string(fault.IdempotencyInProgress)
	case t.calledOff:
		return "fault.NOTHING_SENT"
	case t.moving:
		return "fault.NOT_KNOWN"
	default:
		return "fault." + string(fault.InternalServerError)
	}
}

// callOffTime bounds the call that lets us say that nothing was sent: it comes after a failure, when time is short.
const callOffTime = 300 * time.Millisecond

// callOff takes this hop's key, so that no copy of the hop, here or on another node, can move money under it any more. It
// is false where one has, or may have: then nobody may be told that nothing was sent.
func (t *Turn) callOff(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callOffTime)
	defer cancel()
	done, err := t.Services().Payments.CallOff(ctx, t.Key())
	return done && err == nil
}

// busyRather words an enquiry whose outcome is not known yet: no SMS is promised for it.
func busyRather(code fault.Code) fault.Code {
	if code == fault.IdempotencyInProgress {
		return fault.ServiceUnavailable
	}
	return code
}

// unworded is what the log is told of a reader's refusal: the fault behind the words, nothing where there is none.
func unworded(err error) error {
	var r *reasonError
	if errors.As(err, &r) {
		return r.err
	}
	return err
}

// waits words a refusal that ends by itself, or whose reason alone says what to do; "" for all others.
func waits(f *fault.Error) string {
	key := map[string]string{
		customers.ReasonSIMChanged: "stop.sim_changed", customers.ReasonPINReset: "stop.pin_reset",
		customers.ReasonUSSDBlocked: "stop.ussd_blocked",
	}[fault.Reason(f)]
	if key != "" && f.Fields["to"] != "" {
		return "stop.cash_waits" // the customer's, and an agent reads it
	}
	return key
}

// pinWaits words that a changed SIM holds the PIN that somebody wants to set.
func pinWaits(err error) error {
	if fault.Reason(err) == customers.ReasonSIMChanged {
		return &reasonError{key: "stop.sim_changed_pin", ends: true, err: err}
	}
	return err
}

// showExtra shows what a fault tells beside its code.
func (t *Turn) showExtra(f *fault.Error) {
	if at, ok := fault.OpensAt(f); ok {
		// Rounded up: whoever comes at the minute must not find the door still shut.
		at = at.Add(time.Minute - 1).Truncate(time.Minute).In(t.e.o.Location)
		t.Show("until", at.Format("15:04"))
		t.Show("day", at.Format("02/01"))
	}
	if n, ok := f.Extra["attempts_left"].(int); ok {
		t.Show("attempts_left", strconv.Itoa(n))
	}
	if n, ok := f.Extra["retry_after_seconds"].(int); ok {
		t.Show("minutes", strconv.Itoa(max(1, (n+secondsPerMinute-1)/secondsPerMinute)))
	}
}

const secondsPerMinute = 60

// mendable are the faults that another answer on an Input screen may mend: a smaller amount, another number.
var mendable = map[fault.Code]bool{
	fault.ValidationError: true, fault.InsufficientFunds: true, fault.LimitExceeded: true, fault.MaxBalanceExceeded: true,
	fault.SameParties: true, fault.CustomerNotFound: true, fault.NotFound: true, fault.AccountClosed: true,
	fault.AccountFrozen: true, fault.DuplicateEntity: true, fault.OTPInvalid: true,
}

// MendableKeys are the texts of the faults that show the same screen again, for the lint.
func MendableKeys() []string {
	var keys []string
	for code := range mendable {
		keys = append(keys, "fault."+string(code))
	}
	return append(keys, "fault."+string(fault.PINInvalid))
}

// outcomeUnknown tells that the ledger has taken a command and has not said yet what became of it.
func outcomeUnknown(err error) bool { return fault.Is(err, fault.IdempotencyInProgress) }

// notFoundAs words a NOT_FOUND by what was looked for: an agent, a till.
func notFoundAs(err error, what string) error {
	if fault.Is(err, fault.NotFound) {
		return &reasonError{key: "reason.no_" + what, err: err}
	}
	return err
}

// noLiveCode words that there is nothing to redeem: no code, or one whose time is over.
func noLiveCode(err error) error {
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.OTPExpired) {
		return &reasonError{key: "reason.no_code", err: err}
	}
	return err
}

// limitAs words a LIMIT_EXCEEDED by what it is that limits: a line, a debt, a minimum.
func limitAs(err error, what string) error {
	if fault.Is(err, fault.LimitExceeded) {
		return &reasonError{key: "reason." + what, err: err}
	}
	return err
}

// floatReason words an agent's lack of e-money, which is no customer's poverty.
func floatReason(err error) error {
	if fault.Is(err, fault.InsufficientFunds) {
		return &reasonError{key: "reason.float_low", err: err}
	}
	return err
}

func isUnknownCustomer(err error) bool { return fault.Is(err, fault.CustomerNotFound) }

// wrongAnswers words a wrong answer to who-are-you: it is no PIN yet.
func wrongAnswers(err error) error {
	switch {
	case fault.Is(err, fault.PINInvalid):
		return &reasonError{key: "reason.not_right", err: err}
	case fault.Is(err, fault.AccountLocked):
		return &reasonError{key: "stop.answers_locked", ends: true, err: err}
	default:
		return pinWaits(err)
	}
}
