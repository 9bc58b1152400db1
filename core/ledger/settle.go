package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/transactions"
	"nova/sql"
)

// pauseTime is the wait between attempts while the database is away.
const pauseTime = 50 * time.Millisecond

// errNoLane tells that every lane is leased.
var errNoLane = errors.New("no lane is free")

// doubt is a commit without an answer: whether it lasted is not known yet.
type doubt struct {
	after *lane
	err   error
}

func (d *doubt) Error() string { return "commit without an answer: " + d.err.Error() }
func (d *doubt) Unwrap() error { return d.err }

// settle runs commands with different keys until each has an outcome in its claim, or is parked. It bounds all
// attempts together.
func (w *Writer) settle(group []*request, wait time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	w.attempts(ctx, group, wait)
}

// attempts decides what an attempt's failure means for the group. Where the same commands run again, it is with the
// same keys and ids.
func (w *Writer) attempts(ctx context.Context, group []*request, wait time.Duration) {
	races := 0
	for {
		err := w.once(group, wait)
		var unanswered *doubt
		switch {
		case err == nil:
			return
		case errors.As(err, &unanswered):
			if w.lasted(ctx, group, unanswered.after) {
				return
			}
		case errors.Is(err, errLaneLost):
			w.lane = nil
			continue
		case (sql.Retryable(err) || keyTaken(err) || factOf(err) != nil) && races < maxRaces:
			// A key or fact that another node committed between our look and our write is seen at the next look.
			races++
			continue
		case sql.Retryable(err):
			giveUp(group, err)
			return
		case !passing(err):
			w.bisect(ctx, group, err)
			return
		}
		if !pause(ctx) {
			giveUp(group, err)
			return
		}
	}
}

// passing tells that the failure is not the commands': the database is away or slow.
func passing(err error) bool {
	return sql.ConnectionLost(err) || sql.Cancelled(err) || errors.Is(err, errNoLane) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// once is one transaction. Whatever it returns but nil, the group's outcomes do not stand. Its statements are bounded by
// the server and by the pool's patience: a context that can end costs two goroutines a statement, and the group would
// wait for each of them to be scheduled.
func (w *Writer) once(group []*request, wait time.Duration) error {
	ctx := context.Background()
	claims, promises := parts(group)
	if len(claims) == 0 {
		return transactions.PromiseIn(ctx, w.db, promises)
	}
	if err := w.ensureLane(ctx); err != nil {
		return err
	}
	tx, err := w.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if wait != lockWait {
		if err := setLockTimeout(ctx, tx, wait); err != nil {
			return err
		}
	}
	after, err := w.run(ctx, tx, claims, promises, w.lane.id, w.ownLane)
	if err != nil {
		return err
	}
	w.replayOwn(group)
	if after == nil {
		return nil // every key was there before: nothing was written
	}
	return w.commit(tx, after)
}

// parts are the commands of a group, and the promises of those that may run in the next one, one an intent.
func parts(group []*request) (claims []*claim, promises []*transactions.Promise) {
	var promised map[uuid.UUID]int
	for _, r := range group {
		if !r.promising {
			claims = append(claims, &r.claim)
			continue
		}
		p := r.claim.command.Promise
		if place, twice := promised[p.Intent]; twice {
			promises[place] = p
			continue
		}
		if promised == nil {
			promised = make(map[uuid.UUID]int, len(group))
		}
		promised[p.Intent] = len(promises)
		promises = append(promises, p)
	}
	return claims, promises
}

func (w *Writer) commit(tx *sql.Tx, after *lane) error {
	err := tx.Commit()
	switch {
	case err == nil:
		w.lane = after
		return nil
	case sql.Answered(err):
		return err
	default:
		return &doubt{after: after, err: err}
	}
}

// ownLane is the lane as of the last commit: nobody else writes it, and the group's last statement proves that.
func (w *Writer) ownLane(context.Context, *sql.Tx) (*lane, error) { return w.lane, nil }

// lasted finds out what became of a commit that went unanswered. The lane's row is locked by that transaction until
// its end, and counts its groups, so reading it under a lock tells. Only where another writer has got the lane
// meanwhile it cannot tell: then the commands run again, and the stored keys do.
func (w *Writer) lasted(ctx context.Context, group []*request, after *lane) bool {
	for {
		now, err := w.laneNow(ctx, after.id)
		switch {
		case err == nil && now.epoch == after.epoch:
			now.lease = w.lease
			w.lane = now
			return now.groups == after.groups
		case err == nil, !pause(ctx):
			w.lane = nil
			for _, r := range group {
				r.doubt = true
			}
			return false
		}
	}
}

func (w *Writer) laneNow(ctx context.Context, id int) (*lane, error) {
	ctx, cancel := context.WithTimeout(ctx, groupTime)
	defer cancel()
	var now *lane
	err := w.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		now, err = readLane(ctx, tx, id)
		return err
	})
	return now, err
}

// replayOwn recognises the group's own outcomes of a commit in doubt: they are first answers, not replays.
func (w *Writer) replayOwn(group []*request) {
	for _, r := range group {
		if r.doubt && r.claim.replays && r.claim.err == nil && r.claim.result.Posting == r.claim.command.Posting {
			r.claim.result.Replayed = false
		}
	}
}

// bisect runs the halves of a group apart until only the command is left that cannot run: one that PostgreSQL
// refuses fails, one that waits for a stuck lock is parked.
func (w *Writer) bisect(ctx context.Context, group []*request, err error) {
	if len(group) > 1 {
		half := len(group) / 2
		w.attempts(ctx, group[:half], shortWait)
		w.attempts(ctx, group[half:], shortWait)
		return
	}
	r := group[0]
	if sql.LockTimeout(err) {
		r.busyKey.Store(errors.Is(err, errKeyBusy))
		r.parked = true
		return
	}
	if f := factOf(err); f != nil {
		r.claim.refuse(f)
		return
	}
	r.claim.refuse(fmt.Errorf("run command: %w", err))
}

// facts are the unique indexes that stand behind checks of Apply's: they catch what two nodes do at once.
var facts = []struct {
	constraint string
	code       fault.Code
}{
	{"transactions_intent", fault.DuplicateEntity},
	{"transactions_reference", fault.DuplicateEntity},
	{"postings_reversed_once", fault.AlreadyReversed},
	{"holds_one_live_code", fault.InvalidState},
}

// factOf is the refusal that Apply would have given, had it seen what the index saw; nil for every other error.
func factOf(err error) error {
	for _, f := range facts {
		if sql.Unique(err, f.constraint) {
			return fault.Wrap(err, f.code, "another node was first")
		}
	}
	return nil
}

// giveUp answers for a database that stayed away.
func giveUp(group []*request, err error) {
	for _, r := range group {
		if r.doubt && !r.promising {
			r.claim.refuse(unknown(err))
			continue
		}
		r.claim.refuse(fault.Wrap(err, fault.ServiceUnavailable, "database is away: nothing ran"))
	}
}

// refuse sets an outcome that is not stored.
func (k *claim) refuse(err error) {
	k.result, k.err = Result{}, err
	k.stored, k.replays = false, false
}

// ensureLane sees that the writer has a lane with receipt numbers enough for a full group.
func (w *Writer) ensureLane(ctx context.Context) error {
	if w.lane == nil {
		var leased *lane
		err := w.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			leased, err = leaseLane(ctx, tx, w.holder, w.lease)
			return err
		})
		if sql.NoRows(err) {
			return errNoLane
		}
		if err != nil {
			return fmt.Errorf("lease a lane: %w", err)
		}
		leased.lease = w.lease
		w.lane = leased
	}
	if !w.lane.short(maxGroup) {
		return nil
	}
	next := *w.lane
	err := w.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return takeReceipts(ctx, tx, &next) })
	if err != nil {
		return fmt.Errorf("take receipt numbers: %w", err)
	}
	w.lane = &next
	return nil
}

// pause waits a moment; false when the time is over.
func pause(ctx context.Context) bool {
	timer := time.NewTimer(pauseTime)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
