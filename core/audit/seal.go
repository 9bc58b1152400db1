package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/sql"
)

// Hash is a SHA-256 sum.
type Hash [sha256.Size]byte

// String is the hash in hexadecimal digits, as documents show it.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText is the hash's form in documents.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText refuses what is no SHA-256 sum in hexadecimal digits.
func (h *Hash) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(h) {
		return errors.New("not a hash of 64 hexadecimal digits")
	}
	*h = Hash(raw)
	return nil
}

// What is hashed begins with a mark of its kind, so that no text of one kind can pass for another's.
const (
	leafMark = 0
	sealMark = 2
)

// leaf is the hash of an event as it stands. Texts stand behind their lengths in bytes, so that none can pass for what
// follows it.
func (r *eventRow) leaf() Hash {
	b := make([]byte, 0, 512)
	b = append(append(b, leafMark), r.ID.String()...)
	b = strconv.AppendInt(append(b, ' '), r.At.UnixMicro(), 10)
	for _, text := range [...]string{
		r.Actor, r.Action, r.Object, r.Outcome, r.Purpose, r.Policy, r.Channel, r.Correlation, r.Detail,
	} {
		b = strconv.AppendInt(append(b, ' '), int64(len(text)), 10)
		b = append(append(b, ':'), text...)
	}
	return sha256.Sum256(b)
}

// seal closes some events: whoever knows the newest one's hash knows that no event before it was changed, removed, added or
// moved.
type seal struct {
	number int64
	at     time.Time
	events []uuid.UUID
	leaves []Hash
	hash   Hash
}

// chained is the seal's hash behind another one; the first stands behind nothing.
func (s *seal) chained(head []byte) Hash {
	b := fmt.Appendf([]byte{sealMark}, "%d %d %d %x", s.number, s.at.UnixMicro(), len(s.events), head)
	for i, id := range s.events {
		b = append(append(append(b, '\n'), id[:]...), s.leaves[i][:]...)
	}
	return sha256.Sum256(b)
}

const (
	// maxSeal bounds the events of one seal, and maxSeals the seals of one round.
	maxSeal  = 500
	maxSeals = 50
)

// Sealer chains events. Any number of nodes may run one: they take turns.
type Sealer struct {
	db    *sql.DB
	clock clock.Clock
}

// NewSealer is a sealer on a general pool.
func NewSealer(db *sql.DB, c clock.Clock) *Sealer { return &Sealer{db: db, clock: c} }

// Seal chains the events that have no seal yet, in the order of their times, and tells how many those were; none while
// another node is at it.
func (s *Sealer) Seal(ctx context.Context) (int, error) {
	sealed := 0
	for range maxSeals {
		n := 0
		err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			n, err = s.sealSome(ctx, tx)
			return err
		})
		if sealed += n; err != nil || n < maxSeal {
			return sealed, err
		}
	}
	return sealed, nil
}

func (s *Sealer) sealSome(ctx context.Context, tx *sql.Tx) (int, error) {
	head, mine, err := lockChain(ctx, tx)
	if err != nil || !mine {
		return 0, err
	}
	rows, err := unsealed(ctx, tx, maxSeal)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	next := seal{number: head.Number + 1, at: s.clock.Now().UTC().Truncate(time.Microsecond)}
	for i := range rows {
		next.events = append(next.events, rows[i].ID)
		next.leaves = append(next.leaves, rows[i].leaf())
	}
	next.hash = next.chained(head.Hash)
	return len(rows), next.keep(ctx, tx)
}
