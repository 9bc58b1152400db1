package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"nova/core/clock"
	"nova/core/fault"
	"nova/sql"
)

const (
	// maxExpire bounds the holds of one round: one group of the writer's.
	maxExpire = maxGroup
	// monthsAhead is how many months beyond the present one have their partition: a worker may be away for a quarter.
	monthsAhead = 3
	// partitionWait bounds the wait for the entries' table: whoever wants it whole makes all others wait behind.
	partitionWait = 2 * time.Second
)

// Workers are the ledger's own chores. Several nodes may run them at once.
type Workers struct {
	store  *Store
	writer *Writer
	clock  clock.Clock
}

// NewWorkers takes a general pool for looking and the writer for doing.
func NewWorkers(db *sql.DB, w *Writer, c clock.Clock) *Workers {
	return &Workers{store: NewStore(db, c), writer: w, clock: c}
}

// ExpireHolds gives back the money of at most n holds whose time is over, the longest overdue first, and tells how
// many it ended. Each is a command of its own under a key of the hold, so two nodes end a hold once; one that was
// captured or released meanwhile is left alone.
func (k *Workers) ExpireHolds(ctx context.Context, n int) (int, error) {
	due, err := k.store.dueHolds(ctx, min(n, maxExpire))
	if err != nil {
		return 0, err
	}
	ended := make([]bool, len(due))
	var round errgroup.Group
	for i, id := range due {
		round.Go(func() (err error) {
			ended[i], err = k.expire(ctx, id)
			return err
		})
	}
	err = round.Wait()
	count := 0
	for _, e := range ended {
		if e {
			count++
		}
	}
	return count, err
}

// expire ends one hold. The key repeats only with the hold's end, so a stored refusal tells that somebody else ended
// it.
func (k *Workers) expire(ctx context.Context, id uuid.UUID) (bool, error) {
	r, err := k.writer.Submit(ctx, &Command{
		Key:   Key{Scope: "hold:" + id.String(), Operation: "expire", Value: id.String()},
		Holds: []HoldMove{{Action: Expire, ID: id}},
	})
	if fault.Is(err, fault.InvalidState) || fault.Is(err, fault.OTPExpired) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("expire hold %s: %w", id, err)
	}
	return !r.Replayed, nil
}

// sealRounds bounds the steps of one round of SealRest, sealsAtOnce groups each.
const sealRounds = 20

// SealRest seals groups that nodes of a version without seals left in lanes that nobody leases, and those from before
// there were any. It tells how many it sealed.
func (k *Workers) SealRest(ctx context.Context) (int, error) {
	sealed := int64(0)
	for range sealRounds {
		step := int64(0)
		err := k.store.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			ln, err := unsealedLane(ctx, tx)
			if err != nil || ln == nil {
				return err
			}
			step = -ln.sealed
			err = sealSome(ctx, tx, ln)
			step += ln.sealed
			return err
		})
		if err != nil || step == 0 {
			return int(sealed), err
		}
		sealed += step
	}
	return int(sealed), nil
}

// Summarize keeps searches of entries by time short while many are written: each looks through all that no summary says
// anything about. It tells how many summaries it made.
func (k *Workers) Summarize(ctx context.Context) (int, error) {
	var made int
	err := k.store.db.Get(ctx, &made, queries.Get("summarize"), k.clock.Now().UTC().Format(time.DateOnly))
	return made, err
}

// MakePartitions makes the entries' partitions of this month and the next three, moves into them what landed in the
// rest, and tells how many entries that were.
func (k *Workers) MakePartitions(ctx context.Context) (moved int64, err error) {
	now := k.clock.Now()
	for ahead := range monthsAhead + 1 {
		month := time.Date(now.Year(), now.Month()+time.Month(ahead), 1, 0, 0, 0, 0, time.UTC)
		n, err := k.store.makeMonth(ctx, month)
		if err != nil {
			return moved, fmt.Errorf("make partition of %s: %w", month.Format("2006-01"), err)
		}
		moved += max(0, n)
	}
	return moved, nil
}
