// Package fault is the vocabulary of failure: one catalogue of codes that callers
// may see, and an Error that carries a code, what the caller may be told about it,
// and what only operators may read.
//
// It knows neither HTTP statuses (channels/web has that table) nor words for people
// (the language packs have those). Its one rule: code that knows why something was
// refused returns a fault; every other error is Internal by definition.
package fault

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"
)

// Kind says who must act on a failure: it decides logging, counting and retry.
type Kind uint8

const (
	Internal    Kind = iota // we broke; the caller can do nothing
	Invalid                 // the input is malformed; the caller must change it
	Unknown                 // the thing named does not exist
	Conflict                // the same reference was already used for something else
	Declined                // understood and refused: funds, limits, PIN, status
	Forbidden               // the caller may not do this
	Unavailable             // a dependency is down; the same request may work later
)

// kindNames are the words of logs and metric labels, indexed by Kind.
var kindNames = [...]string{
	Internal:    "internal",
	Invalid:     "invalid",
	Unknown:     "unknown",
	Conflict:    "conflict",
	Declined:    "declined",
	Forbidden:   "forbidden",
	Unavailable: "unavailable",
}

// String is the kind in lower case, as logs and metric labels name it.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
	return kindNames[k]
}

// Error is a failure with a reason.
//
// Fields (field -> problem) and Extra (attempts_left, retry_after_seconds,
// challenge) reach callers. Detail and Err are for operators: they go to the log and
// never to a handset or a response body, so they may name accounts but no secrets.
type Error struct {
	Kind   Kind
	Code   Code
	Fields map[string]string
	Extra  map[string]any
	Detail string
	Err    error
}

// New makes a fault of the code's own kind. The format and its arguments become
// Detail, which operators read.
func New(code Code, format string, args ...any) *Error {
	return &Error{Kind: code.Kind(), Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Wrap is New with a cause, which errors.Is and errors.As still find.
func Wrap(err error, code Code, format string, args ...any) *Error {
	e := New(code, format, args...)
	e.Err = err
	return e
}

// Field returns a copy that also tells the caller what is wrong with one field. The
// problem is a phrase that follows the field's name: "is required". It must not
// repeat the value that was submitted.
func (e *Error) Field(name, problem string) *Error {
	c := e.copy()
	if c.Fields == nil {
		c.Fields = make(map[string]string, 1)
	}
	c.Fields[name] = problem
	return c
}

// With returns a copy that also tells the caller one fact: attempts_left (int),
// retry_after_seconds (int), challenge, reason or opens_at (strings).
func (e *Error) With(key string, value any) *Error {
	c := e.copy()
	if c.Extra == nil {
		c.Extra = make(map[string]any, 1)
	}
	c.Extra[key] = value
	return c
}

// copy is deep in what Field and With change, so that a fault shared between
// requests (a package's sentinel) is never altered by one of them.
func (e *Error) copy() *Error {
	c := *e
	c.Fields = maps.Clone(e.Fields)
	c.Extra = maps.Clone(e.Extra)
	return &c
}

// Error is the operators' text: code, detail and cause. Callers are never shown it.
func (e *Error) Error() string {
	s := string(e.Code)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause, nil where there is none.
func (e *Error) Unwrap() error { return e.Err }

// LogValue logs the parts under constant names, so that a search by code needs no
// text matching.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("code", string(e.Code)),
		slog.String("kind", e.Kind.String()),
		slog.String("detail", e.Detail),
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("cause", e.Err.Error()))
	}
	return slog.GroupValue(attrs...)
}

// Facts of a refusal that ends by itself, or that its reason alone explains.
const (
	FactReason  = "reason"   // a word of the package that refused: "sim_changed"
	FactOpensAt = "opens_at" // until when, RFC 3339 in UTC
)

// factTime is how Extra tells a time.
const factTime = "2006-01-02T15:04:05.000Z07:00"

// Held is a FORBIDDEN that ends at until. It is no outcome to be stored: the same request may pass then.
func Held(reason string, until time.Time) *Error {
	return New(CodeForbidden, "%s, held until %s", reason, until).
		With(FactReason, reason).With(FactOpensAt, until.UTC().Format(factTime))
}

// Reason is the fact reason of err, "" where it has none.
func Reason(err error) string {
	reason, _ := factOf(err, FactReason)
	return reason
}

// OpensAt is when a refusal ends by itself; false where it does not say.
func OpensAt(err error) (time.Time, bool) {
	text, ok := factOf(err, FactOpensAt)
	if !ok {
		return time.Time{}, false
	}
	at, err := time.Parse(factTime, text)
	return at, err == nil
}

func factOf(err error, name string) (string, bool) {
	e := From(err)
	if e == nil {
		return "", false
	}
	text, ok := e.Extra[name].(string)
	return text, ok
}

// Locked is an ACCOUNT_LOCKED that ends at until. retry_after_seconds is rounded up: a person told "1 minute" must not
// find the door still shut.
func Locked(now, until time.Time, format string, args ...any) *Error {
	seconds := int((until.Sub(now) + time.Second - 1) / time.Second)
	return New(AccountLocked, format, args...).With("retry_after_seconds", seconds)
}

// From is what the two translators call: the outermost fault in err's chain; for an
// error that holds none a SERVICE_UNAVAILABLE where it says itself that a dependency is
// down (an Unavailable method, as package sql's errors have), else an
// INTERNAL_SERVER_ERROR; nil for nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var dependency interface{ Unavailable() bool }
	if errors.As(err, &dependency) && dependency.Unavailable() {
		return &Error{Kind: Unavailable, Code: ServiceUnavailable, Err: err}
	}
	return &Error{Kind: Internal, Code: InternalServerError, Err: err}
}

// Ours reports whether err is a failure of ours or of a dependency (Internal, Unavailable), and not an answer to what
// was asked: it is logged as an error, never stored as an outcome, and may be tried again. False for nil.
func Ours(err error) bool {
	e := From(err)
	return e != nil && (e.Kind == Internal || e.Kind == Unavailable)
}

// Is reports whether the fault that a caller would be shown for err has this code.
// A fault hidden behind another one's Wrap does not count.
func Is(err error, code Code) bool {
	e := From(err)
	return e != nil && e.Code == code
}
