package sessions

import (
	"crypto/rand"
	"fmt"
	"sync"
)

// sealRecord gives what Redis holds: a fresh version, then the sealed session. The
// key's name is sealed with it, so that a record moved to another key is refused.
func (s *Store) sealRecord(c record, name string) ([]byte, error) {
	sealed, err := s.seal(c, name)
	if err != nil {
		return nil, fmt.Errorf("seal session: %w", err)
	}
	if versionSize+len(sealed) > MaxRecord {
		return nil, tooLarge("session of %d bytes", versionSize+len(sealed))
	}
	stored := make([]byte, versionSize, versionSize+len(sealed))
	_, _ = rand.Read(stored) // never fails: see crypto/rand
	return append(stored, sealed...), nil
}

// buffers hold plain text until it is sealed; each hop needs one for a moment.
var buffers = sync.Pool{New: func() any { return new(fields) }}

func (s *Store) seal(of interface{ encode(f *fields) }, name string) ([]byte, error) {
	f := buffers.Get().(*fields)
	defer buffers.Put(f)
	*f = append((*f)[:0], format)
	of.encode(f)
	return s.box.Seal(*f, name)
}

// openRecord is sealRecord's inverse; whatever fails is ErrUnreadable.
func (s *Store) openRecord(stored []byte, name string) (record, error) {
	if len(stored) <= versionSize || len(stored) > MaxRecord {
		return record{}, fmt.Errorf("%w: %d bytes", ErrUnreadable, len(stored))
	}
	plain, err := s.box.Open(stored[versionSize:], name)
	if err != nil {
		return record{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	c, err := decodeSession(plain)
	if err != nil {
		return record{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return c, nil
}

func (s *Store) sealResume(r *Resume, name string) ([]byte, error) {
	if len(r.Values) > MaxValues || len(r.Stack) > MaxStack {
		return nil, tooLarge("resume pointer of %d values and %d screens", len(r.Values), len(r.Stack))
	}
	sealed, err := s.seal(r, name)
	if err != nil {
		return nil, fmt.Errorf("seal resume pointer: %w", err)
	}
	if len(sealed) > MaxRecord {
		return nil, tooLarge("resume pointer of %d bytes", len(sealed))
	}
	return sealed, nil
}

func (s *Store) openResume(sealed []byte, name string) (*Resume, error) {
	if len(sealed) > MaxRecord {
		return nil, fmt.Errorf("resume pointer: %w: %d bytes", ErrUnreadable, len(sealed))
	}
	plain, err := s.box.Open(sealed, name)
	if err != nil {
		return nil, fmt.Errorf("resume pointer: %w: %w", ErrUnreadable, err)
	}
	r, err := decodeResume(plain)
	if err != nil {
		return nil, fmt.Errorf("resume pointer: %w: %w", ErrUnreadable, err)
	}
	return r, nil
}

// versionOf is the version of a record as Redis holds it, or all of one too short to
// have any: the script compares the same bytes.
func versionOf(stored []byte) string {
	return string(stored[:min(versionSize, len(stored))])
}
