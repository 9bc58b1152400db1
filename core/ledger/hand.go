package ledger

import (
	"context"
	"errors"
	"time"

	"nova/sql"
)

// errStayedLocked ends the wait for a lock.
var errStayedLocked = errors.New("what the command needs stayed locked")

// hand runs a writer's groups, one after another, in a lane of its own. Its fields belong to its goroutine, but for
// working and excused, which are the queue's.
type hand struct {
	*Writer
	// calls holds a call from the queue that was not heard yet.
	calls            chan struct{}
	working, excused bool
	// lane is nil when none is leased; wary is how many of the next groups run under locks, and shy how many do not go
	// by memory.
	lane      *lane
	wary, shy int
}

// call tells the hand to look at the queue; one call waiting is enough.
func (h *hand) call() {
	select {
	case h.calls <- struct{}{}:
	default:
	}
}

// run takes groups until the writer is closed. A busy hand renews its lane with each group, an idle one now and then.
func (h *hand) run() {
	defer h.done.Done()
	ticker := time.NewTicker(h.lease / 3)
	defer ticker.Stop()
	for {
		wanted, over := h.queue.wants(h)
		if over {
			return
		}
		if wanted && h.ready() {
			if group := h.queue.take(h); len(group) > 0 {
				h.flush(group)
				h.queue.release(h, group, h.memory.laned())
				continue
			}
		}
		select {
		case <-h.calls:
		case <-ticker.C:
			h.queue.excuse(h, false)
			h.renew()
		}
	}
}

// ready sees that a hand has a lane before it takes anything. Where none is free, the writer's first hand works alone, and
// the other asks again at its next tick.
func (h *hand) ready() bool {
	if h.lane != nil || h.queue.hands[0] == h {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), groupTime)
	defer cancel()
	err := h.ensureLane(ctx)
	if err != nil {
		h.queue.excuse(h, true)
	}
	return err == nil
}

// flush runs a batch to its end, so that its groups follow one another. What was put aside for a lock runs apart, so that
// it does not make others wait for that lock again.
func (h *hand) flush(batch []*request) {
	group := make([]*request, 0, len(batch))
	var parked []*request
	for _, r := range batch {
		switch {
		case r.promised && !r.resume(), r.gone():
		case r.parks > 0:
			parked = append(parked, r)
		default:
			group = append(group, r)
		}
	}
	for len(group) > 0 {
		group = h.group(group, lockWait)
	}
	for len(parked) > 0 {
		parked = h.group(parked, shortWait)
	}
}

// group runs commands and answers their callers. It returns those that must be run once more: twins that their first
// one's outcome says nothing about.
func (h *hand) group(group []*request, wait time.Duration) (again []*request) {
	first, later := twins(group)
	h.settle(first, wait)
	finished := make([]*request, 0, len(group))
	for _, r := range group {
		own := later[r]
		if own != nil && own.parked {
			r.parked = true
		}
		switch {
		case r.parked:
		case own != nil && !r.follow(own):
			again = append(again, r)
		case !r.promised && !r.take(): // withdrawn meanwhile
		default:
			finished = append(finished, r)
		}
	}
	for _, r := range group {
		if r.parked {
			h.park(r)
		}
	}
	for _, r := range finished {
		r.answer()
	}
	return again
}

// park puts a command back that could not get a lock, so that its caller may withdraw it, and tries again later, less
// and less often. One whose write is in doubt is not to be withdrawn: what holds the lock may be that write.
func (h *hand) park(r *request) {
	r.parked = false
	r.parks++
	if r.parks > maxParks {
		if !r.promised && !r.take() {
			return
		}
		r.fail(r.undone(errStayedLocked))
		return
	}
	pause := min(parkTime<<min(r.parks, 8), longestPark)
	if len(r.doubts) == 0 {
		r.state.CompareAndSwap(taken, queued)
	}
	time.AfterFunc(pause, func() {
		if err := h.queue.add(r); err != nil && r.resume() {
			r.fail(r.undone(err))
		}
	})
}

// renew keeps the lane. What fails here fails again, and louder, with the next group.
func (h *hand) renew() {
	ctx, cancel := context.WithTimeout(context.Background(), groupTime)
	defer cancel()
	if h.lane == nil {
		return // the next group leases one
	}
	err := h.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return renewLane(ctx, tx, h.lane, h.lease) })
	if errors.Is(err, errLaneLost) {
		h.lane = nil
	}
}

// freeLane gives the lane back, once nothing runs any more. One that cannot be given back comes free when its lease ends.
func (h *hand) freeLane(ctx context.Context) {
	if h.lane == nil {
		return
	}
	_ = h.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return freeLane(ctx, tx, h.lane) })
	h.lane = nil
}
