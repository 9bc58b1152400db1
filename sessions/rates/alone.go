package rates

import (
	"sync"
	"time"
)

const (
	// maxBuckets bounds what a node remembers while Redis is gone: some 10 MB.
	maxBuckets = 50_000
	// sweepPause is the shortest time between two searches of a full memory: they take milliseconds.
	sweepPause = time.Second
	// guardShare is what part of a guarding limit a node grants alone: with that many nodes
	// or fewer, all of them together grant no more than Redis would.
	guardShare = 4
)

// buckets are a node's own, by key. A full memory first forgets those that are full again;
// if there are none, whoever has no bucket yet shares one with all the others of the limit:
// they wait sooner, and nobody goes uncounted.
type buckets struct {
	mu    sync.Mutex
	full  map[string]bucket
	swept time.Time
}

// bucket is as the script keeps it.
type bucket struct {
	fullAt  time.Time
	counted time.Time
	once    string
}

// alone counts the call on this node.
func (b *Batch) alone() Answer {
	answer := Answer{Alone: true, Remaining: -1}
	now := b.limiter.o.Clock.Now()
	own := &b.limiter.own
	own.mu.Lock()
	defer own.mu.Unlock()
	for _, g := range b.groups {
		answer.add(own.take(g.asks, b.limiter, now))
	}
	return answer
}

// take does what the script does. Called with the buckets locked.
func (s *buckets) take(asks []Ask, l *Limiter, now time.Time) Answer {
	name, once := l.name(asks[0]), l.once(asks[0])
	answer := Answer{Remaining: -1}
	next := make(map[string]bucket, len(asks))
	for _, a := range asks {
		limit := a.Limit.shared()
		key := s.key(name, limit.Name, now)
		b := s.full[key]
		due := latest(now, earliest(b.fullAt, now.Add(limit.capacity())))
		if once == "" || once != b.once || now.Sub(b.counted) > repeatWindow {
			due = due.Add(limit.interval())
			next[key] = bucket{fullAt: due, counted: now, once: once}
		}
		room := now.Add(limit.capacity()).Sub(due)
		answer.add(Answer{
			Refused: room < 0, Limit: limit.Name, RetryAfter: -room, Remaining: int(max(room, 0) / limit.interval()),
		})
	}
	if answer.Refused {
		return answer
	}
	for key, b := range next {
		s.full[key] = b
	}
	return answer
}

// shared is the limit as one node grants it without Redis.
func (l Limit) shared() Limit {
	if !l.Guard {
		return l
	}
	if l.Burst <= 0 {
		l.Burst = l.Rate
	}
	l.Per *= guardShare
	l.Burst = max(l.Burst/guardShare, 1)
	return l
}

// key is where a caller's bucket lies. Called with the buckets locked.
func (s *buckets) key(name, limit string, now time.Time) string {
	if s.full == nil {
		s.full = make(map[string]bucket)
	}
	key := name + limit
	if _, known := s.full[key]; known || len(s.full) < maxBuckets {
		return key
	}
	if s.sweep(now); len(s.full) < maxBuckets {
		return key
	}
	return limit
}

// sweep forgets the buckets that are full again.
func (s *buckets) sweep(now time.Time) {
	if now.Sub(s.swept) < sweepPause {
		return
	}
	s.swept = now
	for key, b := range s.full {
		if !b.fullAt.After(now) {
			delete(s.full, key)
		}
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
