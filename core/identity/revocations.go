package identity

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/sql"
)

const (
	// revokedEvery is how old a node's view of what is revoked may be: an access token dies within it.
	revokedEvery = time.Second
	// revokedStale is how long a view is believed while PostgreSQL does not answer; after that no person's token is.
	revokedStale = 10 * time.Second
	// revokedPatience bounds the one request a second that reads the view for all others.
	revokedPatience = 2 * time.Second
	// maxRevoked bounds the view: some megabytes. Where more is revoked, each token is asked about by itself.
	maxRevoked = 50_000
	// clockSlack is how far two nodes' clocks may differ, and still see each other's revocations.
	clockSlack = time.Minute
)

// Revocations tells which sign-ins and clients were revoked within the life of an access token. Each node keeps them
// in memory and reads them again each second that it is asked; so a token costs no query, and dies everywhere within a
// second. It is safe for concurrent use.
type Revocations struct {
	db    *sql.DB
	clock clock.Clock
	life  time.Duration
	store store

	// reading holds one token, which whoever reads the view has taken.
	reading chan struct{}
	view    atomic.Pointer[revokedView]
	// failure is the last read that failed, for those who would only fail again.
	failure atomic.Pointer[revokedFailure]
}

type revokedFailure struct {
	at  time.Time
	err error
}

// revokedView is what was revoked when it was read. It is never changed.
type revokedView struct {
	readAt time.Time
	ids    map[uuid.UUID]struct{}
	// partial: there was more than the view holds.
	partial bool
}

// NewRevocations is for tokens that live so long; 0 means DefaultTokenLife.
func NewRevocations(db *sql.DB, now clock.Clock, life time.Duration) *Revocations {
	if life <= 0 {
		life = DefaultTokenLife
	}
	return &Revocations{db: db, clock: now, life: life, store: newStore(), reading: make(chan struct{}, 1)}
}

// Any tells whether one of the ids is revoked. PostgreSQL away for more than some seconds is a SERVICE_UNAVAILABLE.
func (r *Revocations) Any(ctx context.Context, ids ...uuid.UUID) (bool, error) {
	view, err := r.current(ctx)
	if err != nil {
		return false, err
	}
	if view.any(ids) || !view.partial {
		return view.any(ids), nil
	}
	return r.store.revokedOf(ctx, r.db, ids)
}

// Known is Any as far as can be told: while PostgreSQL does not answer the last view counts, however old it is, and where
// there is none nothing is revoked.
func (r *Revocations) Known(ctx context.Context, ids ...uuid.UUID) bool {
	revoked, err := r.Any(ctx, ids...)
	if err != nil {
		view := r.view.Load()
		return view != nil && view.any(ids)
	}
	return revoked
}

func (v *revokedView) any(ids []uuid.UUID) bool {
	return slices.ContainsFunc(ids, func(id uuid.UUID) bool {
		_, revoked := v.ids[id]
		return revoked
	})
}

// current is a view of at most a second ago. One caller reads it; the others go on with the last one meanwhile, and wait
// for it only where there is none to go on with.
func (r *Revocations) current(ctx context.Context) (*revokedView, error) {
	view := r.view.Load()
	age := r.age(view)
	if age < revokedEvery {
		return view, nil
	}
	select {
	case r.reading <- struct{}{}:
	default:
		if age < revokedStale {
			return view, nil
		}
		select {
		case r.reading <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for what is revoked: %w", ctx.Err())
		}
	}
	defer func() { <-r.reading }()
	return r.renewed(ctx)
}

// renewed reads the view unless somebody has just done so, well or in vain. Called by who holds the token.
func (r *Revocations) renewed(ctx context.Context) (*revokedView, error) {
	view := r.view.Load()
	if r.age(view) < revokedEvery {
		return view, nil
	}
	err := r.failedLately()
	if err == nil {
		var fresh *revokedView
		if fresh, err = r.read(ctx); err == nil {
			r.view.Store(fresh)
			return fresh, nil
		}
		r.failure.Store(&revokedFailure{at: r.clock.Now(), err: err})
	}
	if r.age(view) < revokedStale {
		return view, nil // good for some seconds more
	}
	return nil, fmt.Errorf("read what is revoked: %w", err)
}

// failedLately is how the read of less than a second ago failed: a database that is silent is asked by one request a
// second, and not by each in its turn.
func (r *Revocations) failedLately() error {
	if f := r.failure.Load(); f != nil && r.clock.Now().Sub(f.at) < revokedEvery {
		return f.err
	}
	return nil
}

func (r *Revocations) age(view *revokedView) time.Duration {
	if view == nil {
		return revokedStale
	}
	return r.clock.Now().Sub(view.readAt)
}

func (r *Revocations) read(ctx context.Context) (*revokedView, error) {
	ctx, cancel := context.WithTimeout(ctx, revokedPatience)
	defer cancel()
	now := r.clock.Now() // before the statement: what is revoked meanwhile belongs to the next view
	ids, err := r.store.revokedSince(ctx, r.db, now.Add(-r.life-clockSlack), maxRevoked+1)
	if err != nil {
		return nil, err
	}
	view := &revokedView{readAt: now, ids: make(map[uuid.UUID]struct{}, len(ids)), partial: len(ids) > maxRevoked}
	for _, id := range ids {
		view.ids[id] = struct{}{}
	}
	return view, nil
}

// note tells this node at once what it has revoked itself. nil takes no note.
func (r *Revocations) note(ids ...uuid.UUID) {
	if r == nil || len(ids) == 0 {
		return
	}
	r.reading <- struct{}{} // held for a statement at most
	defer func() { <-r.reading }()
	view := r.view.Load()
	if view == nil {
		return // the first view will have them
	}
	noted := &revokedView{readAt: view.readAt, ids: maps.Clone(view.ids), partial: view.partial}
	for _, id := range ids {
		noted.ids[id] = struct{}{}
	}
	r.view.Store(noted)
}
