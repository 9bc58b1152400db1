// Package rules keeps the rule books of a market: its price lists and its limits, as documents that follow each other.
// Each is a version with the moment from which it holds, proposed by one person and approved by another; what was
// approved never changes, so that an old transaction's price can be looked up for ever.
//
// It knows nothing of what stands in a book: whoever reads one gives the parser. The first version of a kind is the
// file that the first node is started with. From then on the database decides: a changed file changes nothing, and a
// node that is started with one says so in its log.
//
// Its one rule: at any moment all nodes go by the same book. A version is approved at least Lead before it takes effect,
// and a node that has not looked for new ones within that time goes by none.
package rules

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"nova/core/approvals"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/rules/document"
	"nova/sql"
)

// Kind says what a book is about. It is the kind of its approvals as well.
type Kind string

// The kinds of books.
const (
	Tariffs Kind = "tariffs"
	Limits  Kind = "limits"
)

const (
	// Lead is how long before it takes effect a version is approved at the latest.
	Lead = time.Minute
	// Notice is how long before that it is proposed at the latest, so that somebody has time to read it.
	Notice = 2 * Lead
	// fresh is how long a node may go by what it has loaded: nothing that was approved after that takes effect earlier.
	// It is shorter than Lead by what nodes' clocks may differ and a decision's COMMIT may take.
	fresh = 40 * time.Second
	// Ahead bounds how far ahead a version may be dated: a slip in the year would bar all others until then.
	Ahead = 2 * 365 * 24 * time.Hour
	// MaxPage bounds one page of versions.
	MaxPage = 50
)

// Version is one document of a kind. Number counts from 1. The first has neither approval nor people.
type Version struct {
	Number         int
	From           time.Time
	CreatedAt      time.Time
	Approval       uuid.UUID
	Maker, Checker approvals.Actor
	Hash           [32]byte // SHA-256 of the document
}

// Options are what a Keeper is made of.
type Options[B any] struct {
	DB        *sql.DB
	Clock     clock.Clock
	Log       *slog.Logger
	Approvals *approvals.Service
	Kind      Kind
	// Purpose is what the checker of a new version must hold.
	Purpose string
	// First is the document that becomes version 1 where there is none.
	First []byte
	// Parse reads a document, and names its faults as document.Faults.
	Parse func([]byte) (B, error)
	// Fits names what keeps a book from following earlier ones, oldest first, at a moment.
	Fits func(next B, from time.Time, earlier []B) document.Faults
}

// Keeper knows the books of one kind. It is safe for concurrent use.
type Keeper[B any] struct {
	o       Options[B]
	store   store
	loading sync.Mutex // one load at a time
	shelf   atomic.Pointer[shelf[B]]
}

// volume is a version and its book.
type volume[B any] struct {
	Version
	book B
}

// shelf is what a node has loaded. It is never changed; a load makes a new one.
type shelf[B any] struct {
	volumes []volume[B] // oldest first, never empty
	// until is the first moment of which it is not known what holds then.
	until time.Time
}

// at is the volume that holds at a moment. The first one holds for all time before it as well.
func (s *shelf[B]) at(t time.Time) volume[B] {
	for i := len(s.volumes) - 1; i > 0; i-- {
		if !t.Before(s.volumes[i].From) {
			return s.volumes[i]
		}
	}
	return s.volumes[0]
}

// last is the number of the newest version; 0 for none.
func (s *shelf[B]) last() int {
	if s == nil || len(s.volumes) == 0 {
		return 0
	}
	return s.volumes[len(s.volumes)-1].Number
}

// Open makes a keeper and loads its books. It fails where no book is in force that can be read.
func Open[B any](ctx context.Context, o Options[B]) (*Keeper[B], error) {
	k := &Keeper[B]{o: o, store: newStore()}
	err := k.Load(ctx)
	if _, unknown := k.At(o.Clock.Now()); unknown != nil {
		if err == nil {
			err = unknown
		}
		return nil, fmt.Errorf("open %s: %w", o.Kind, err)
	}
	if err != nil {
		o.Log.ErrorContext(ctx, "a rule book cannot be read", slog.String("kind", string(o.Kind)), slog.Any("error", err))
	}
	k.compareFile(ctx)
	return k, nil
}

// compareFile tells operators that the file which they may have changed does not count.
func (k *Keeper[B]) compareFile(ctx context.Context) {
	file := sha256.Sum256(k.o.First)
	books := k.shelf.Load()
	for _, v := range books.volumes {
		if v.Hash == file {
			return
		}
	}
	k.o.Log.WarnContext(ctx, "the configured file differs from every version in the database and is ignored: propose it as a new version",
		slog.String("kind", string(k.o.Kind)), slog.Int("version", books.at(k.o.Clock.Now()).Number))
}

// At is the book that holds at a moment, for whatever moves money. SERVICE_UNAVAILABLE where that is not known: the
// moment is too far ahead, or this node has not reached the database for too long.
func (k *Keeper[B]) At(t time.Time) (B, error) {
	books := k.shelf.Load()
	if books == nil || !t.Before(books.until) {
		var none B
		return none, fault.New(fault.ServiceUnavailable, "it is not known which %s hold at %s", k.o.Kind, t.Format(time.RFC3339))
	}
	return books.at(t).book, nil
}

// Current is the book that holds now, as far as this node knows, for whatever only shows it.
func (k *Keeper[B]) Current() B { return k.shelf.Load().at(k.o.Clock.Now()).book }

// InForce is the version that holds now, as far as this node knows. Its number is 0 while the schema has no versions.
func (k *Keeper[B]) InForce() Version { return k.shelf.Load().at(k.o.Clock.Now()).Version }

// Versions lists at most n versions below a number, the newest first, those to come included; 0 starts at the newest.
func (k *Keeper[B]) Versions(ctx context.Context, below, n int) ([]Version, error) {
	if n <= 0 || n > MaxPage {
		n = MaxPage
	}
	return k.store.newest(ctx, k.o.DB, k.o.Kind, below, n)
}

// Text is a version's document, byte for byte. NOT_FOUND where there is none of that number.
func (k *Keeper[B]) Text(ctx context.Context, number int) (string, error) {
	return k.store.text(ctx, k.o.DB, k.o.Kind, number)
}
