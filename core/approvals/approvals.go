// Package approvals keeps what one person proposes and another one decides: a reversal, a new price list, a customer's
// cash-out that an agent asks for.
//
// It knows neither what a proposal is about nor what a decision does. Each kind brings an Effect, which runs in the
// transaction of the decision: either both last or neither does. What a proposal says never changes, and what was
// decided stays decided.
//
// Its one rule: nobody decides what they proposed themselves, and nothing is decided twice.
package approvals

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/sql"
)

const (
	// MaxPage bounds one page of what waits.
	MaxPage = 100
	// MaxLife bounds how long a proposal may wait: what nobody wanted for that long is proposed anew.
	MaxLife = 90 * 24 * time.Hour
	// MaxPayload bounds what an effect is given, in bytes: a rule book with its quotes escaped.
	MaxPayload = 512 << 10
	// maxText bounds a summary and a note, in characters: what fits a line of a list and a sentence or two.
	maxText = 500
)

// Actor is somebody who proposes or decides. Kind is a word for people ("staff", "operator", "customer"); an ID is
// unique over all kinds.
type Actor struct {
	Kind string
	ID   uuid.UUID
}

// Checker is who wants to decide: an actor, the purposes that they hold, and the audiences that they belong to, such as
// their outlet, or a customer's own ID.
type Checker struct {
	Actor
	Purposes  []string
	Audiences []uuid.UUID
}

// Proposal is what somebody wants done.
type Proposal struct {
	// Kind says whose Effect it is.
	Kind string
	// Subject is what it is about; while one proposal of a kind waits, there is no second about the same subject.
	Subject string
	// Payload is what the effect needs, as JSON. Nothing secret stands here.
	Payload string
	// Summary is the line by which people recognise it.
	Summary string
	// Purpose is what a checker must hold.
	Purpose string
	// Audience is whose people alone may decide: an outlet, a customer. Zero: whoever holds the purpose.
	Audience uuid.UUID
	Maker    Actor
	// ExpiresAt is the first moment at which it is too late to decide, at most MaxLife from now.
	ExpiresAt time.Time
}

// Status says where an approval stands.
type Status string

// The statuses. All but the first are for ever.
const (
	Pending   Status = "pending"
	Approved  Status = "approved"
	Rejected  Status = "rejected"
	Expired   Status = "expired"
	Cancelled Status = "cancelled"
)

// Approval is a proposal and what became of it.
type Approval struct {
	ID uuid.UUID
	Proposal
	MadeAt time.Time
	Status Status
	// Checker approved or rejected it; zero for every other status.
	Checker   Actor
	DecidedAt time.Time // zero while pending
	Note      string
}

// Effect is what deciding a kind of proposal does, in the transaction of the decision. An effect that moves money does
// it last, by the ledger's PostIn. Its error undoes the decision: the proposal waits as before, and may be rejected or
// tried again. PostgreSQL may have the transaction run again, so an effect does nothing outside it.
type Effect interface {
	// ApproveIn does what was proposed.
	ApproveIn(ctx context.Context, tx *sql.Tx, a Approval) error
	// RejectIn ends what waited for the decision. It runs for Rejected, Expired and Cancelled alike; a.Status tells
	// which.
	RejectIn(ctx context.Context, tx *sql.Tx, a Approval) error
}

// Registry holds the effects by kind. It is filled when a process is put together, and only read from then on.
type Registry map[string]Effect

// Add gives a kind its effect. A kind has one: a second is a broken build, and panics.
func (r Registry) Add(kind string, e Effect) {
	if _, twice := r[kind]; twice {
		panic(fmt.Sprintf("approvals: two effects for %q", kind))
	}
	r[kind] = e
}

// Service keeps approvals. It is safe for concurrent use.
type Service struct {
	db      *sql.DB
	clock   clock.Clock
	effects Registry
	store   store
}

// New is a service on a general pool.
func New(db *sql.DB, c clock.Clock, effects Registry) *Service {
	return &Service{db: db, clock: c, effects: effects, store: newStore()}
}

// Filter narrows what waits. The zero value asks for the first page of everything.
type Filter struct {
	Kinds []string  // none: all
	After uuid.UUID // the last one of the page before
	Most  int       // 0, or more than MaxPage: MaxPage
}

// Waiting is what the checker may decide now, the oldest first and without payloads: not what they made themselves,
// and nothing that is not meant for them.
func (s *Service) Waiting(ctx context.Context, by Checker, f Filter) ([]Approval, error) {
	if f.Most <= 0 || f.Most > MaxPage {
		f.Most = MaxPage
	}
	return s.store.waiting(ctx, s.db, by, f, s.clock.Now())
}

// ByID answers NOT_FOUND for an id that there is not. It asks nobody who they are: a door shows it to its maker, and to
// whom May lets decide.
func (s *Service) ByID(ctx context.Context, id uuid.UUID) (Approval, error) {
	return s.store.byID(ctx, s.db, id)
}
