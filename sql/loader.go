package sql

import (
	"context"
	"fmt"
	"sync"
)

// loadBatch bounds the keys of one read; a larger one gains nothing any more.
const loadBatch = 100

// Loader reads rows by key for many callers at once: each read gets the keys that queued while the last one ran, so
// that a busy server asks the database once where its hops would ask many times. There is no timer: a lone caller
// reads at once. Nothing is remembered: a read begins after its callers asked, so they see whatever was committed
// before. It is safe for concurrent use, and must not be used inside a transaction, which has a connection already.
// A read is not cancelled with its callers, so it needs a pool with patience.
type Loader[K comparable, V any] struct {
	read func(ctx context.Context, keys []K) (map[K]V, error)

	mu      sync.Mutex
	queue   []*load[K, V]
	running bool
}

// load is one caller's key, and what came of it once done is closed.
type load[K comparable, V any] struct {
	key   K
	value V
	found bool
	err   error
	done  chan struct{}
}

// NewLoader makes a loader of a function that reads many keys in one statement. A key that it does not return is not
// there.
func NewLoader[K comparable, V any](read func(ctx context.Context, keys []K) (map[K]V, error)) *Loader[K, V] {
	return &Loader[K, V]{read: read}
}

// Load reads the row of a key; found is false where there is none.
func (l *Loader[K, V]) Load(ctx context.Context, key K) (value V, found bool, err error) {
	mine := &load[K, V]{key: key, done: make(chan struct{})}
	l.mu.Lock()
	l.queue = append(l.queue, mine)
	if !l.running {
		l.running = true
		go l.run()
	}
	l.mu.Unlock()
	select {
	case <-mine.done:
		return mine.value, mine.found, mine.err
	case <-ctx.Done():
		return value, false, fmt.Errorf("wait for a read: %w", ctx.Err())
	}
}

// run reads until nobody waits.
func (l *Loader[K, V]) run() {
	for {
		batch := l.take()
		if len(batch) == 0 {
			return
		}
		l.serve(batch)
	}
}

func (l *Loader[K, V]) take() []*load[K, V] {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.queue), loadBatch)
	batch := l.queue[:n:n]
	l.queue = l.queue[n:]
	l.running = n > 0
	return batch
}

// serve reads a batch and wakes its callers.
func (l *Loader[K, V]) serve(batch []*load[K, V]) {
	keys := make([]K, 0, len(batch))
	seen := make(map[K]bool, len(batch))
	for _, one := range batch {
		if !seen[one.key] {
			seen[one.key] = true
			keys = append(keys, one.key)
		}
	}
	// The pool's patience bounds the read: a context that can end would cost two goroutines.
	rows, err := l.read(context.Background(), keys)
	for _, one := range batch {
		one.value, one.found = rows[one.key]
		one.err = err
		close(one.done)
	}
}
