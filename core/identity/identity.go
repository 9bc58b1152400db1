// Package identity knows who somebody is: the PINs of customers and operators, the secrets and tokens of API
// clients. It gives out proofs, never secrets.
//
// It refuses to know names, accounts and money. A PIN is compared only under its row's lock, so that any number of
// parallel guesses counts one by one; for money that happens inside the ledger's group, which is why Credentials is
// handed to the ledger's writer and a Proof travels there unopened.
//
// Its one rule: no secret is kept in clear and none is compared in variable time.
package identity

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/secret"
	"nova/sql"
)

// Kind says what a subject is.
type Kind string

// The kinds of subjects.
const (
	Customer Kind = "customer"
	Operator Kind = "operator"
	Client   Kind = "client"
	Staff    Kind = "staff"
)

// Subject is somebody who can prove who they are. IDs are unique over all kinds.
type Subject struct {
	Kind Kind
	ID   uuid.UUID
}

// scopes say how an idempotency key names a kind of subject.
var scopes = map[Kind]string{Customer: "cus:", Operator: "opr:", Client: "cli:", Staff: "stf:"}

// Scope is the part of an idempotency key that says who confirmed.
func (s Subject) Scope() string { return scopes[s.Kind] + s.ID.String() }

// Proof is what a person brings to a use case that needs one: the PIN as typed, not yet compared, or the signature of
// their device, verified at the door. Only Service.PIN and Service.Signature make one; whether a PIN holds is decided
// by the lock on its row alone.
type Proof struct {
	subject Subject
	pin     secret.Text
	signed  bool
}

// Subject is who claims to be proved.
func (p Proof) Subject() Subject { return p.subject }

// IsZero reports that there is no proof at all.
func (p Proof) IsZero() bool { return p.subject.ID == uuid.Nil }

// Check is the proof as the ledger's group compares it; nil for a signature, which has been.
func (p Proof) Check() *ledger.Check {
	if p.signed {
		return nil
	}
	return &ledger.Check{Subject: p.subject.ID, Secret: p.pin}
}

// Writer is the part of the ledger's writer that Authenticate needs.
type Writer interface {
	Submit(ctx context.Context, c *ledger.Command) (ledger.Result, error)
}

// Options are what a Service is made of.
type Options struct {
	DB          *sql.DB
	Writer      Writer
	Keys        *ledger.Store
	Credentials *Credentials
	Keyring     *secret.Keyring
	Clock       clock.Clock
}

// Service proves people. It is safe for concurrent use.
type Service struct {
	db          *sql.DB
	writer      Writer
	keys        *ledger.Store
	credentials *Credentials
	keyring     *secret.Keyring
	clock       clock.Clock
	store       store
}

// New joins the parts of a Service.
func New(o Options) *Service {
	return &Service{
		db: o.DB, writer: o.Writer, keys: o.Keys, credentials: o.Credentials,
		keyring: o.Keyring, clock: o.Clock, store: newStore(),
	}
}

// PIN wraps what somebody typed into a proof that a use case can take. Nothing is compared yet.
func (s *Service) PIN(sub Subject, pin secret.Text) Proof {
	return Proof{subject: sub, pin: pin}
}

// Signature is the proof of somebody whose request was signed by the key of their bound device: whoever calls it has
// verified that. It stands in for a PIN where money moves, and nowhere else: it is no evidence that somebody knows their PIN.
func (s *Service) Signature(sub Subject) Proof {
	return Proof{subject: sub, signed: true}
}

// typed refuses a proof that is no PIN.
func (p Proof) typed() error {
	if p.signed {
		return fault.New(fault.CodeForbidden, "%s brings a signature where a PIN is asked for", p.subject)
	}
	return nil
}

// Authenticate compares a PIN and does nothing else: the check before a balance or a statement is shown. It goes
// through the ledger's writer, so a redelivered hop counts one wrong PIN once. Errors: PIN_INVALID with
// attempts_left, ACCOUNT_LOCKED with retry_after_seconds, INVALID_STATE where no PIN is set. The key's operation is
// always operationAuthenticate, so that its outcome is evidence of this and of nothing else.
func (s *Service) Authenticate(ctx context.Context, key ledger.Key, p Proof) error {
	if err := p.typed(); err != nil {
		return err
	}
	key.Operation = operationAuthenticate
	_, err := s.writer.Submit(ctx, &ledger.Command{
		Key: key, Body: s.Body("authenticate", p.subject.ID.String()), Keep: true, Check: p.Check(),
	})
	return err
}

// Status tells what a person's screens depend on before a PIN is typed.
type Status struct {
	HasPIN      bool      // there is one to be asked for
	LockedUntil time.Time // zero unless locked now
	TriesLeft   int       // wrong PINs left before the lock
	// MustChange: somebody else chose the PIN, and its owner is to choose another before anything else.
	MustChange bool
	// ResetOpen: support has opened a reset. HasPIN is then false: the next dial sets a PIN as a first one.
	ResetOpen bool
	// ResetAt is when a PIN was last set by such a reset, zero for never: for some hours after it money goes nowhere.
	ResetAt time.Time
}

// Status reads whether sub has a PIN and is locked.
func (s *Service) Status(ctx context.Context, sub Subject) (Status, error) {
	row, found, err := s.store.credential(ctx, s.db, sub.ID)
	if err != nil || !found {
		return Status{}, err
	}
	now := s.clock.Now()
	row.expire(now)
	st := Status{HasPIN: true, TriesLeft: s.credentials.maxWrong - row.Wrong, MustChange: row.MustChange}
	if row.ResetUntil != nil && now.Before(*row.ResetUntil) {
		st.HasPIN, st.ResetOpen = false, true
	}
	if row.ResetAt != nil {
		st.ResetAt = row.ResetAt.UTC()
	}
	if row.lockedAt(now) {
		st.LockedUntil, st.TriesLeft = row.LockedUntil.UTC(), 0
	}
	return st, nil
}

// HasPIN reports whether sub has a PIN to be asked for: one was chosen, and no reset is open.
func (s *Service) HasPIN(ctx context.Context, sub Subject) (bool, error) {
	st, err := s.Status(ctx, sub)
	return st.HasPIN, err
}
