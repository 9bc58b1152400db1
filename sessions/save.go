package sessions

import (
	"context"
	"crypto/subtle"
	"fmt"
	"time"

	"nova/core/fault"
)

// maxAttempts bounds how often a Save replaces a record that is older than the one it
// began from, or unreadable: once after a fail-over, and once more should a copy of an
// even older hop come between.
const maxAttempts = 3

// Save writes the next session in place of what Load saw, and r as the caller's resume
// pointer: nil leaves it, a zero Resume deletes it. One round trip.
//
// If another hop was first, nothing of the session is written and winner is what that
// one saved: answer its reply. ttl is how long the gateway may be silent.
//
// SERVICE_UNAVAILABLE means that the outcome is unknown; saving again with the same
// Loaded is safe. PAYLOAD_TOO_LARGE: the session is over its limits. ErrOtherCaller:
// another number's session took the id meanwhile. A pointer that could not be written
// does not fail a Save, as it is a hint: see Options.Mishap.
func (s *Store) Save(
	ctx context.Context, key Key, l Loaded, next *Session, r *Resume, ttl time.Duration,
) (winner *Session, err error) {
	if l.name == "" || l.key != key || ttl < time.Millisecond {
		return nil, fmt.Errorf("save session: of another Load, or kept for %v", ttl)
	}
	w, err := s.prepare(l, next, r, ttl)
	if err != nil {
		return nil, err
	}
	for range maxAttempts {
		stored, aside, err := s.send(ctx, w)
		if aside != nil {
			s.mishap(ctx, s.unavailable(aside, "write resume pointer"))
		}
		if err != nil {
			return nil, s.unavailable(err, "save session")
		}
		if stored == nil {
			return nil, nil
		}
		first, err := s.openRecord(stored, l.name)
		if err == nil && first.saves > l.saves {
			return l.yield(first)
		}
		// Nobody's hop was first: the record is unreadable, or a fail-over brought
		// back one from before our Load. Take its place.
		w.expected, w.pointer = versionOf(stored), nil
	}
	return nil, fault.New(fault.ServiceUnavailable, "save session: the record keeps changing")
}

// prepare seals what is to be written.
func (s *Store) prepare(l Loaded, next *Session, r *Resume, ttl time.Duration) (write, error) {
	if len(next.Values) > MaxValues || len(next.Stack) > MaxStack {
		return write{}, tooLarge("session of %d values and %d screens", len(next.Values), len(next.Stack))
	}
	next.Caller = l.caller.mac
	sealed, err := s.sealRecord(record{session: next, callerKey: l.caller.version, saves: l.saves + 1}, l.name)
	if err != nil {
		return write{}, err
	}
	w := write{key: l.name, expected: l.Version, record: sealed, ttl: ttl}
	if r == nil {
		return w, nil
	}
	w.pointer = &pointer{key: s.resumeKey(l.caller), ttl: s.resumeTTL}
	if r.IsZero() {
		return w, nil
	}
	w.pointer.sealed, err = s.sealResume(r, w.pointer.key)
	return w, err
}

// yield hands over the session that was first, to its own caller only. Keys that
// were rotated between the two can't be compared and count as another caller.
func (l Loaded) yield(first record) (*Session, error) {
	same := subtle.ConstantTimeCompare(first.session.Caller[:], l.caller.mac[:])
	if same != 1 || first.callerKey != l.caller.version {
		return nil, ErrOtherCaller
	}
	return first.session, nil
}

func tooLarge(format string, args ...any) error {
	return fault.New(fault.PayloadTooLarge, format, args...)
}
