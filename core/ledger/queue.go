package ledger

import (
	"errors"
	"sync"

	"github.com/google/uuid"
)

const (
	// hands is how many groups a writer has under way at once: one is decided and sent while the other waits for the
	// disk. More would only wait for each other's processor.
	hands = 2
	// joinAt is how many commands must wait before one more hand takes some: less is better left to the hand that is at
	// work, because a group costs something whatever its size.
	joinAt = 16
)

var (
	errQueueFull   = errors.New("queue is full")
	errQueueClosed = errors.New("queue is closed")
)

// queue is what waits for a hand. What is under way in one hand is kept from the others: commands that touch the same
// account, person, key or fact run one after another, in the order in which they came, and so two hands never wait for
// each other in the database.
type queue struct {
	mu      sync.Mutex
	waiting []*request
	closed  bool
	hands   []*hand
	// working counts the hands at work, and busy is what their groups touch.
	working int
	busy    map[uuid.UUID]bool
	// apart are accounts that have a row for each lane: no two hands meet there.
	apart map[uuid.UUID]bool
}

func newQueue() *queue {
	return &queue{busy: map[uuid.UUID]bool{}, apart: map[uuid.UUID]bool{}}
}

// add queues a command; it returns at once.
func (q *queue) add(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return errQueueClosed
	case len(q.waiting) >= maxQueue:
		return errQueueFull
	}
	q.waiting = append(q.waiting, r)
	q.wake()
	return nil
}

// length counts the commands that no hand has taken yet.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// wake calls an idle hand if there is enough to do for it. Called with the queue locked.
func (q *queue) wake() {
	if !q.worth() {
		return
	}
	for _, h := range q.hands {
		if !h.working && !h.excused {
			h.call()
			return
		}
	}
}

// worth tells that one more hand should take what waits. Called with the queue locked.
func (q *queue) worth() bool {
	return len(q.waiting) > 0 && (q.working == 0 || len(q.waiting) >= joinAt || q.closed)
}

// wants tells a hand that there is something for it to do, or that there will be nothing more.
func (q *queue) wants(h *hand) (wanted, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed && (len(q.waiting) == 0 || h.excused) {
		return false, true
	}
	return q.worth() && !h.excused, false
}

// excuse leaves a hand out, or not any more.
func (q *queue) excuse(h *hand, out bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	h.excused = out
}

// take gives a hand its next group, after it has let go of the one before; empty when others have taken it.
func (q *queue) take(h *hand) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.worth() {
		return nil
	}
	group := q.pick()
	if len(group) > 0 {
		h.working = true
		q.working++
		q.wake()
	}
	return group
}

// pick takes the commands that touch nothing that is busy, or that an earlier one waits for.
func (q *queue) pick() []*request {
	group := make([]*request, 0, min(len(q.waiting), maxGroup))
	rest := q.waiting[:0]
	var wanted map[uuid.UUID]bool
	for i, r := range q.waiting {
		if len(group) == maxGroup {
			rest = append(rest, q.waiting[i:]...)
			break
		}
		if !q.meets(r, q.busy) && !q.meets(r, wanted) {
			group = append(group, r)
			continue
		}
		if wanted == nil {
			wanted = map[uuid.UUID]bool{}
		}
		mark(r, wanted)
		rest = append(rest, r)
	}
	clear(q.waiting[len(rest):])
	q.waiting = rest
	for _, r := range group {
		mark(r, q.busy)
	}
	return group
}

func (q *queue) meets(r *request, others map[uuid.UUID]bool) bool {
	if len(others) == 0 {
		return false
	}
	for _, id := range r.touches {
		if others[id] && !q.apart[id] {
			return true
		}
	}
	return false
}

func mark(r *request, set map[uuid.UUID]bool) {
	for _, id := range r.touches {
		set[id] = true
	}
}

// release ends a hand's group. apart are the accounts in it that have a row for each lane, as far as it saw them.
func (q *queue) release(h *hand, group []*request, apart []uuid.UUID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.apart)+len(apart) > lanedRemembered {
		clear(q.apart)
	}
	for _, id := range apart {
		q.apart[id] = true
	}
	h.working = false
	q.working--
	if q.working == 0 {
		clear(q.busy)
	} else {
		for _, r := range group {
			for _, id := range r.touches {
				delete(q.busy, id)
			}
		}
	}
	if q.closed {
		q.callAll() // one that found nothing but what this group touches has nothing else to wait for
		return
	}
	q.wake()
}

// callAll calls every hand. Called with the queue locked.
func (q *queue) callAll() {
	for _, h := range q.hands {
		h.call()
	}
}

// close takes nothing more; the hands end when nothing waits.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.callAll()
}
