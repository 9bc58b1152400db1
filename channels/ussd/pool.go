package ussd

import (
	"context"
	"sync"
)

const (
	// defaultWorkers is how many asynchronous hops run at once: as many as Redis
	// connections, which is what a hop waits for.
	defaultWorkers = 64
	// queued is how many wait for each worker. With 50 ms a hop the last one waits
	// some 0.2 s, well inside any deadline.
	queued = 4
)

// pool runs acknowledged hops, a bounded number at once and waiting.
type pool struct {
	mu      sync.RWMutex // held for writing to close jobs, for reading to send on it
	closed  bool
	jobs    chan func()
	workers int
	start   sync.Once
	running sync.WaitGroup
}

func newPool(workers int) *pool {
	if workers <= 0 {
		workers = defaultWorkers
	}
	return &pool{jobs: make(chan func(), workers*queued), workers: workers}
}

// take queues a job; false if there is no room, or no more are taken. The first one
// starts the workers.
func (p *pool) take(job func()) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return false
	}
	p.start.Do(func() {
		for range p.workers {
			p.running.Go(p.work)
		}
	})
	select {
	case p.jobs <- job:
		return true
	default:
		return false
	}
}

func (p *pool) work() {
	for job := range p.jobs {
		job()
	}
}

// close lets what is queued finish, as long as ctx lasts.
func (p *pool) close(ctx context.Context) error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.jobs)
	}
	p.mu.Unlock()
	done := make(chan struct{})
	go func() {
		p.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
