package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/msisdn"
	"nova/sql"
)

const (
	// MaxAttempts is how often a notice is tried before it is given up: with Backoff, over about a day.
	MaxAttempts = 12
	// MaxClaim bounds one claim: what one sender can send within a lease.
	MaxClaim = 500
	// firstBackoff and longestBackoff bound the wait between attempts.
	firstBackoff   = 15 * time.Second
	longestBackoff = 4 * time.Hour
	// maxFailure bounds the stored reason of a failure, which a provider words.
	maxFailure = 200
)

// Backoff is how long to wait after the given attempt (from 1) failed: doubling, bounded.
func Backoff(attempt int) time.Duration {
	wait := firstBackoff
	for range attempt - 1 {
		if wait *= 2; wait >= longestBackoff {
			return longestBackoff
		}
	}
	return wait
}

// Store is the outbox of a database.
type Store struct {
	db    *sql.DB
	clock clock.Clock
}

// NewStore is a store on a general pool.
func NewStore(db *sql.DB, c clock.Clock) *Store { return &Store{db: db, clock: c} }

type noticeRow struct {
	ID            uuid.UUID
	Template      string
	MSISDN        msisdn.MSISDN `db:"msisdn"`
	Language      string
	Args          string
	Sealed        []byte
	TransactionID uuid.NullUUID `db:"transaction_id"`
	Dedupe        string
	Attempts      int
	ClaimedUntil  time.Time `db:"claimed_until"`
	CreatedAt     time.Time `db:"created_at"`
}

// Claim gives the caller at most n due notices, the oldest first, for the length of the lease. Nobody else gets them
// meanwhile; a notice whose sender died is due again when the lease is over.
func (s *Store) Claim(ctx context.Context, n int, lease time.Duration) ([]Claimed, error) {
	var rows []noticeRow
	now := s.clock.Now()
	err := s.db.Select(ctx, &rows, queries.Get("claim"), now, min(n, MaxClaim), lease.Microseconds(), MaxAttempts)
	if err != nil {
		return nil, err
	}
	claimed := make([]Claimed, len(rows))
	for i, row := range rows {
		if claimed[i], err = row.claimed(); err != nil {
			return nil, err
		}
	}
	return claimed, nil
}

func (r noticeRow) claimed() (Claimed, error) {
	var args map[string]string
	if err := json.Unmarshal([]byte(r.Args), &args); err != nil {
		return Claimed{}, fmt.Errorf("read arguments of notice %s: %w", r.ID, err)
	}
	notice := Notice{
		ID: r.ID, Template: r.Template, To: r.MSISDN, Language: r.Language, Args: args, Sealed: r.Sealed,
		Transaction: r.TransactionID.UUID, Dedupe: r.Dedupe,
	}
	return Claimed{
		Notice: notice, Attempt: r.Attempts,
		ClaimedUntil: r.ClaimedUntil.UTC(), CreatedAt: r.CreatedAt.UTC(),
	}, nil
}

// Sent records that the provider took the notice. Its sealed argument is erased.
func (s *Store) Sent(ctx context.Context, id uuid.UUID, providerRef string) error {
	_, err := s.db.Exec(ctx, queries.Get("sent"), id, providerRef, s.clock.Now())
	return err
}

// Retry puts a claimed notice back, to be tried again after the wait; after MaxAttempts it is given up instead.
func (s *Store) Retry(ctx context.Context, id uuid.UUID, after time.Duration, reason string) error {
	_, err := s.db.Exec(ctx, queries.Get("retry"), id, s.clock.Now().Add(after), cut(reason), MaxAttempts)
	return err
}

// Fail gives a notice up: trying again cannot help.
func (s *Store) Fail(ctx context.Context, id uuid.UUID, reason string) error {
	_, err := s.db.Exec(ctx, queries.Get("fail"), id, cut(reason))
	return err
}

// GiveUp fails the notices whose last attempt was claimed and never reported, and tells how many there were.
func (s *Store) GiveUp(ctx context.Context) (int, error) {
	n, err := s.db.Exec(ctx, queries.Get("give_up"), s.clock.Now(), MaxAttempts)
	return int(n), err
}

// Counts are the figures for health and metrics.
func (s *Store) Counts(ctx context.Context) (Counts, error) {
	var row struct {
		Queued, Failed int64
		Oldest         *time.Time
	}
	if err := s.db.Get(ctx, &row, queries.Get("counts")); err != nil {
		return Counts{}, err
	}
	counts := Counts{Queued: row.Queued, Failed: row.Failed}
	if row.Oldest != nil {
		counts.Oldest = row.Oldest.UTC()
	}
	return counts, nil
}

func cut(reason string) string {
	runes := []rune(reason)
	return string(runes[:min(len(runes), maxFailure)])
}
