package identity

import (
	"context"
	"maps"
	"time"

	"nova/core/audit"
	"nova/core/fault"
	"nova/core/ids"
	"nova/sql"
)

// Via is the door that a request came through, and who asked, for the record of what was done. Actor is the TypeID of a
// principal that acts on somebody else; empty means the subject itself.
type Via struct {
	Actor                         string
	Channel, Correlation, Address string
}

// The security acts that this package records.
const (
	actSignIn       = "auth.login"
	actReuse        = "auth.token_reuse"
	actLogout       = "auth.logout"
	actRevoke       = "auth.revoke"
	actOTPExhausted = "auth.otp_exhausted"
	actBind         = "auth.device_bind"
	actUnbind       = "auth.device_unbind"
	actStepUp       = "auth.step_up"
	actPINChange    = "pin.change"
	actPINReset     = "pin.reset"
	actPINOpen      = "pin.reset_open"
	actPINUnlock    = "pin.unlock"
	actPINLocked    = "pin.locked"
)

// done is an act upon a subject that happened; details may be nil.
func (v Via) done(action string, on Subject, detail map[string]string) audit.Event {
	e := audit.Event{
		Actor: v.Actor, Action: action, Object: on.String(), Outcome: audit.Done, Channel: v.Channel,
		Correlation: v.Correlation, Detail: map[string]string{},
	}
	if e.Actor == "" {
		e.Actor = e.Object
	}
	if e.Actor == "" {
		e.Actor = audit.Anonymous
	}
	maps.Copy(e.Detail, detail)
	if v.Address != "" {
		e.Detail[audit.DetailAddress] = v.Address
	}
	return e
}

// refused is an act of nobody who is proved: it says why not.
func (v Via) refused(action string, on Subject, why error, detail map[string]string) audit.Event {
	e := v.done(action, on, detail)
	if v.Actor == "" {
		e.Actor = audit.Anonymous
	}
	e.Outcome = audit.Refused
	e.Detail[audit.DetailCode] = string(fault.From(why).Code)
	return e
}

// String is the TypeID of a subject; "" for nobody.
func (s Subject) String() string {
	prefix, known := subjectPrefixes[s.Kind]
	if !known || s == (Subject{Kind: s.Kind}) {
		return ""
	}
	return ids.Format(prefix, s.ID)
}

// recordAlone records what has no transaction of its own: a refusal, for the most.
func recordAlone(ctx context.Context, db *sql.DB, now time.Time, events ...audit.Event) error {
	return db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return audit.RecordIn(ctx, tx, now, events...) })
}
