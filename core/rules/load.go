package rules

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"nova/sql"
)

const (
	// every is how often a node looks for new versions: many times within fresh, so that one failure costs nothing.
	every = 5 * time.Second
	// loadTime bounds one look.
	loadTime = 4 * time.Second
	// loadAtOnce bounds what is read by one statement.
	loadAtOnce = 20
)

// Run looks for new versions until ctx ends. A failed look is logged, and the next one tries again.
func (k *Keeper[B]) Run(ctx context.Context) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		look, cancel := context.WithTimeout(ctx, loadTime)
		if err := k.Load(look); err != nil && ctx.Err() == nil {
			k.o.Log.ErrorContext(ctx, "rule books were not loaded", slog.String("kind", string(k.o.Kind)), slog.Any("error", err))
		}
		cancel()
	}
}

// Load reads the versions that are new. One that cannot be read is an error and ends what this node knows: it goes on by
// the older ones until that one takes effect.
func (k *Keeper[B]) Load(ctx context.Context) error {
	k.loading.Lock()
	defer k.loading.Unlock()
	// Before the first statement, which sees whatever was approved until now.
	since := k.o.Clock.Now()
	books := k.shelf.Load()
	if books.last() == 0 {
		kept, err := k.begin(ctx, since)
		if err != nil || !kept {
			return err
		}
		books = nil
	}
	next := &shelf[B]{until: since.Add(fresh)}
	if books != nil {
		next.volumes = slices.Clone(books.volumes)
	}
	unread := k.loadInto(ctx, k.o.DB, next)
	if unread != nil && (len(next.volumes) == 0 || !errors.As(unread, new(unreadable))) {
		return unread
	}
	k.shelf.Store(next)
	return unread
}

// begin makes the first version where there is none. False, and the file's book on the shelf, while the schema has no
// place for one.
func (k *Keeper[B]) begin(ctx context.Context, now time.Time) (kept bool, err error) {
	there, err := k.store.there(ctx, k.o.DB)
	if err != nil {
		return false, err
	}
	if there {
		rows, err := k.store.since(ctx, k.o.DB, k.o.Kind, 0, 1)
		if err != nil || len(rows) > 0 {
			return true, err
		}
	}
	book, err := k.o.Parse(k.o.First)
	if err != nil {
		return false, err
	}
	if faults := k.o.Fits(book, now, nil); len(faults) > 0 {
		return false, faults
	}
	hash := sha256.Sum256(k.o.First)
	if there {
		return true, k.store.first(ctx, k.o.DB, k.o.Kind, Version{From: now, Hash: hash}, string(k.o.First))
	}
	file := volume[B]{Version: Version{From: now, CreatedAt: now, Hash: hash}, book: book}
	k.shelf.Store(&shelf[B]{volumes: []volume[B]{file}, until: now.Add(fresh)})
	return false, nil
}

// unreadable marks a version that this node cannot read: written by newer code, or altered in the database.
type unreadable struct{ error }

func (u unreadable) Unwrap() error { return u.error }

// loadInto appends the versions that the shelf lacks.
func (k *Keeper[B]) loadInto(ctx context.Context, q sql.Querier, s *shelf[B]) error {
	for {
		rows, err := k.store.since(ctx, q, k.o.Kind, s.last(), loadAtOnce)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			v, err := k.read(r)
			if err != nil {
				if v.From.Before(s.until) {
					s.until = v.From
				}
				return unreadable{err}
			}
			s.volumes = append(s.volumes, v)
		}
	}
}

func (k *Keeper[B]) read(r row) (volume[B], error) {
	v := volume[B]{Version: r.version()}
	if sha256.Sum256([]byte(r.Document)) != v.Hash {
		return v, fmt.Errorf("version %d of %s is not the document that was approved", v.Number, k.o.Kind)
	}
	var err error
	if v.book, err = k.o.Parse([]byte(r.Document)); err != nil {
		return v, fmt.Errorf("version %d of %s: %w", v.Number, k.o.Kind, err)
	}
	return v, nil
}
