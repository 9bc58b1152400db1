package ledger

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/google/uuid"

	"nova/core/fault"
)

// How far a command is. Only a queued one can be withdrawn, and only one side wins.
const (
	queued int32 = iota
	taken
	withdrawn
)

// request is a command on its way through the writer, and where its caller waits.
type request struct {
	claim claim
	state atomic.Int32
	done  chan struct{}
	// parked tells that it must be put aside for a lock, parks how often that happened, busyKey that it waits for the
	// owner of its key.
	parked  bool
	parks   int
	busyKey atomic.Bool
	// doubts are the outcomes of commits that went unanswered, of which nothing has told yet whether they lasted.
	doubts []Result
	// promised tells that the command's promise is committed, or that it has none: until then it is not taken.
	promised bool
	// touches are what two hands must not be at work on at once: accounts, people, facts and the key.
	touches []uuid.UUID
}

func newRequest(c *Command) *request {
	r := &request{
		claim: claim{command: c, digest: c.Key.Digest()}, done: make(chan struct{}), promised: c.Promise == nil,
	}
	r.touches = c.touches(uuid.UUID(r.claim.digest[:16]))
	return r
}

// touches lists what the command is about; the key's id among them.
func (c *Command) touches(key uuid.UUID) []uuid.UUID {
	ids := make([]uuid.UUID, 0, 4+len(c.Lines)+len(c.Holds)+len(c.Counters))
	ids = append(ids, key)
	for _, l := range c.Lines {
		ids = append(ids, l.Account)
	}
	for _, g := range c.Tiers {
		ids = append(ids, g.Account)
	}
	for _, m := range c.Holds {
		ids = append(ids, m.ID, m.Hold.Account)
	}
	for _, count := range c.Counters {
		ids = append(ids, count.Subject)
	}
	if c.Check != nil {
		ids = append(ids, c.Check.Subject)
	}
	if c.Change != nil {
		ids = append(ids, c.Change.ID)
	}
	if c.Transaction != nil {
		ids = append(ids, c.Transaction.Intent)
	}
	ids = append(ids, c.Reverses)
	return slices.DeleteFunc(ids, func(id uuid.UUID) bool { return id == uuid.Nil })
}

func (r *request) take() bool     { return r.state.CompareAndSwap(queued, taken) }
func (r *request) gone() bool     { return r.state.Load() == withdrawn }
func (r *request) withdraw() bool { return r.state.CompareAndSwap(queued, withdrawn) }

// resume takes a command that was put aside. One whose write is in doubt stayed taken.
func (r *request) resume() bool { return len(r.doubts) > 0 || r.take() }

// undone words that nothing ran, unless a write is in doubt: then that is not known.
func (r *request) undone(err error) error {
	if len(r.doubts) > 0 {
		return unknown(err)
	}
	return fault.Wrap(err, fault.ServiceUnavailable, "put aside, and given up: nothing ran")
}

// answer gives the caller what the claim holds. It is called once.
func (r *request) answer() { close(r.done) }

func (r *request) fail(err error) {
	r.claim.result, r.claim.err = Result{}, err
	r.answer()
}

// wait is Submit's half: the answer, or what can be said when the caller's time is over.
func (r *request) wait(ctx context.Context) (Result, error) {
	select {
	case <-r.done:
		return r.claim.result, r.claim.err
	case <-ctx.Done():
	}
	if r.withdraw() {
		if r.busyKey.Load() {
			return Result{}, fault.Wrap(ctx.Err(), fault.IdempotencyInProgress, "the key's owner is still at work")
		}
		return Result{}, fault.Wrap(ctx.Err(), fault.ServiceUnavailable, "withdrawn before it was taken: nothing ran")
	}
	select {
	case <-r.done:
		return r.claim.result, r.claim.err
	default:
		return Result{}, unknown(ctx.Err())
	}
}

func unknown(err error) error {
	return fault.Wrap(err, fault.IdempotencyInProgress, "taken, outcome not known: ask by key")
}
