package sql

import (
	"context"
	"errors"
	"sync"
)

// ErrBatcherFull tells that more items wait than the batcher may hold: the caller should answer that it is busy.
var ErrBatcherFull = errors.New("queue is full")

// ErrBatcherClosed tells that the batcher takes nothing more.
var ErrBatcherClosed = errors.New("queue is closed")

// Batcher groups the work of many callers: each Flush gets what queued while the last one ran. There is no timer,
// so a lone item goes at once, and groups grow with load.
type Batcher[T any] struct {
	flush    func([]T)
	maxBatch int
	maxQueue int

	mu     sync.Mutex
	queue  []T
	closed bool
	wake   chan struct{}
	done   chan struct{}
}

// NewBatcher starts one goroutine that hands batches of at most maxBatch to flush; at most maxQueue items wait.
func NewBatcher[T any](maxBatch, maxQueue int, flush func([]T)) *Batcher[T] {
	b := &Batcher[T]{
		flush: flush, maxBatch: maxBatch, maxQueue: maxQueue,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go b.run()
	return b
}

// Add queues an item. It returns at once; flush tells the item's owner how it went.
func (b *Batcher[T]) Add(item T) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrBatcherClosed
	}
	if len(b.queue) >= b.maxQueue {
		return ErrBatcherFull
	}
	b.queue = append(b.queue, item)
	b.signal()
	return nil
}

// Waiting counts the items that no flush has taken yet.
func (b *Batcher[T]) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue)
}

// Close refuses new items, flushes what waits, and returns when the last flush is over or ctx ends.
func (b *Batcher[T]) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.signal()
	b.mu.Unlock()
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// signal wakes the goroutine; one wake-up waiting is enough. Called with the batcher locked.
func (b *Batcher[T]) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *Batcher[T]) run() {
	defer close(b.done)
	for range b.wake {
		for {
			batch, closed := b.take()
			if len(batch) == 0 {
				if closed {
					return
				}
				break
			}
			b.flush(batch)
		}
	}
}

func (b *Batcher[T]) take() (batch []T, closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.queue), b.maxBatch)
	batch = append(batch, b.queue[:n]...)
	rest := copy(b.queue, b.queue[n:])
	clear(b.queue[rest:])
	b.queue = b.queue[:rest]
	return batch, b.closed
}
