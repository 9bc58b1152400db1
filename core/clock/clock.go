// Package clock gives the time to everything that needs it, and the business day,
// week and month that limits and reports count by.
//
// Its one rule: nobody else calls time.Now. Times are UTC and whole microseconds,
// which is what PostgreSQL keeps, so a time read back equals the time written.
package clock

import (
	"sync"
	"time"
)

// resolution is PostgreSQL's for timestamptz. A finer time would come back from the
// database unequal to the one that was hashed or compared before.
const resolution = time.Microsecond

// Clock tells the time: UTC, in whole microseconds, without a monotonic reading.
type Clock interface {
	Now() time.Time
}

// System is the machine's clock.
type System struct{}

// Now is the present moment.
func (System) Now() time.Time { return whole(time.Now()) }

// Manual is a clock that stands still until it is told otherwise, for tests and
// replays. It is safe for use by several goroutines.
type Manual struct {
	mu  sync.Mutex
	now time.Time
}

// NewManual is a clock standing at t.
func NewManual(t time.Time) *Manual { return &Manual{now: whole(t)} }

// Now is the moment last set.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Advance moves the clock by d, backwards if d is negative.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = whole(m.now.Add(d))
}

// Set puts the clock at t.
func (m *Manual) Set(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = whole(t)
}

// whole cuts t to what the database keeps. It cuts rather than rounds: a rounded
// time could lie in the future, and "not after now" would fail on it.
func whole(t time.Time) time.Time { return t.UTC().Truncate(resolution) }
