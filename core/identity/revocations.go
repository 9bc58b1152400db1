package identity

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/sql"
)

const (
	// revokedEvery is how old a node's view of what is revoked may be: an access token dies within it.
	revokedEvery = time.Second
	// revokedStale is how long a view is believed while PostgreSQL does not answer; after that no token is.
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

	reading sync.Mutex
	view    atomic.Pointer[revokedView]
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
	return &Revocations{db: db, clock: now, life: life, store: newStore()}
}

// Any tells whether one of the ids is revoked. PostgreSQL away for more than some seconds is a SERVICE_UNAVAILABLE.
func (r *Revocations) Any(ctx context.Context, ids ...uuid.UUID) (bool, error) {
	view, err := r.current(ctx)
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		if _, revoked := view.ids[id]; revoked {
			return true, nil
		}
	}
	if !view.partial {
		return false, nil
	}
	return r.store.revokedOf(ctx, r.db, ids)
}

// current is a view of at most a second ago. One caller reads it; the others go on with the last one meanwhile.
func (r *Revocations) current(ctx context.Context) (*revokedView, error) {
	view := r.view.Load()
	age := r.age(view)
	switch {
	case age < revokedEvery:
		return view, nil
	case age >= revokedStale:
		r.reading.Lock()
	case !r.reading.TryLock():
		return view, nil
	}
	defer r.reading.Unlock()
	if view = r.view.Load(); r.age(view) < revokedEvery {
		return view, nil // who held the lock before has read it
	}
	fresh, err := r.read(ctx)
	if err != nil && r.age(view) < revokedStale {
		return view, nil //nolint:nilerr // the view is good for some seconds more, and the next request asks again
	}
	if err != nil {
		return nil, fmt.Errorf("read what is revoked: %w", err)
	}
	r.view.Store(fresh)
	return fresh, nil
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
	r.reading.Lock()
	defer r.reading.Unlock()
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
