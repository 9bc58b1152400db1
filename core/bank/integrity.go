package bank

import (
	"context"
	"sync"
	"time"

	"nova/core/clock"
	"nova/core/ledger"
)

const (
	// proofFresh is how long a proof stands: whoever asks again meanwhile is told the same, so that nobody makes the
	// database read the whole books by asking often.
	proofFresh = time.Minute
	// proofTime bounds one proof.
	proofTime = 15 * time.Minute
	// proofWait is how long a caller waits for a proof under way before being told to ask again.
	proofWait = 3 * time.Second
)

// Books proves the whole books; it takes as long as there are entries. *ledger.Store is it, on connections of its own.
type Books interface {
	Check(ctx context.Context) (ledger.Report, error)
}

// Proof is what reading the whole books found. Without an end it is still being made, and has no figures.
type Proof struct {
	ledger.Report
	StartedAt, EndedAt time.Time
}

// audit makes one proof at a time, for everybody who asks.
type audit struct {
	books Books
	clock clock.Clock

	mu      sync.Mutex
	running chan struct{} // closed with the end of the proof under way; nil for none
	last    Proof
	failure error
}

// Integrity proves the books: the proof that was made in the last minute, or a new one. If that takes long, the answer
// is a proof without an end; it goes on, and whoever asks again gets it.
func (s *Service) Integrity(ctx context.Context) (Proof, error) { return s.audit.proof(ctx) }

func (a *audit) proof(ctx context.Context) (Proof, error) {
	done := a.start()
	patience := time.NewTimer(proofWait)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
	case <-ctx.Done():
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last, a.failure
}

// start makes sure that a fresh proof is there or on its way, and gives what is closed once it is there.
func (a *audit) start() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	switch {
	case a.running != nil:
		return a.running
	case !a.last.StartedAt.IsZero() && now.Sub(a.last.EndedAt) < proofFresh:
		done := make(chan struct{})
		close(done)
		return done
	}
	a.running = make(chan struct{})
	a.last, a.failure = Proof{StartedAt: now}, nil
	go a.run(a.running)
	return a.running
}

// run makes a proof on a context of its own: it is everybody's, and whoever asked first may be gone.
func (a *audit) run(done chan struct{}) {
	defer close(done)
	ctx, cancel := context.WithTimeout(context.Background(), proofTime)
	defer cancel()
	report, err := a.books.Check(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last.Report, a.last.EndedAt, a.failure, a.running = report, a.clock.Now(), err, nil
}
