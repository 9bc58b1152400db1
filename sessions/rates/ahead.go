package rates

import (
	"sync"
	"time"
)

const (
	// aheadTime is how much of a limit a node takes at once: what somebody may call in that time anyway. Who calls less
	// often than that is asked about each time.
	aheadTime = 50 * time.Millisecond
	// aheadKept is how long what was taken ahead may be used; then it is lost, and was counted all the same.
	aheadKept = 2 * aheadTime
	// aheadShare is what part of a limit's burst a node takes at most.
	aheadShare = 20
	// maxAhead bounds the callers of whom something is kept; whoever calls that often is one of few.
	maxAhead = 10_000
)

// ahead keeps calls that Redis has counted already and that were not made yet: a busy caller costs a round trip now and
// then instead of each time, and is never granted more than the limit.
type ahead struct {
	mu   sync.Mutex
	kept map[string]advance
}

type advance struct {
	calls int
	until time.Time
}

// use takes one of a caller's calls; false when there is none.
func (s *ahead) use(key string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, found := s.kept[key]
	if !found || a.calls == 0 || now.After(a.until) {
		return false
	}
	a.calls--
	s.kept[key] = a
	return true
}

// keep adds calls that were counted.
func (s *ahead) keep(key string, calls int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil || len(s.kept) >= maxAhead {
		s.kept = map[string]advance{}
	}
	a := s.kept[key]
	if now.After(a.until) {
		a.calls = 0
	}
	s.kept[key] = advance{calls: a.calls + calls, until: now.Add(aheadKept)}
}

// advance is how many calls a node takes of the limit at once. What stands against guessing is counted one by one.
func (l Limit) advance() int {
	if l.Guard {
		return 1
	}
	burst := l.Burst
	if burst <= 0 {
		burst = l.Rate
	}
	return max(1, min(int(aheadTime/l.interval()), burst/aheadShare))
}

// ahead is how many calls are taken for a caller at once: of several limits together, or where a call has a name, one.
func (g *group) ahead() int {
	if len(g.asks) > 1 || g.asks[0].Once != "" {
		return 1
	}
	return g.asks[0].Limit.advance()
}
