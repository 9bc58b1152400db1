package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/transactions"
	"nova/sql"
)

const (
	// pauseTime is the wait between attempts while the database is away.
	pauseTime = 50 * time.Millisecond
	// waryGroups is how many groups run under locks after one could not do without, and shyGroups how many look at
	// everything after one was remembered wrongly.
	waryGroups = 20
	shyGroups  = 20
)

// errNoLane tells that every lane is leased.
var errNoLane = errors.New("no lane is free")

// doubt is a commit without an answer: whether it lasted is not known yet.
type doubt struct {
	after *lane
	err   error
	// open tells that the write itself may still be at work.
	open bool
}

func (d *doubt) Error() string { return "commit without an answer: " + d.err.Error() }
func (d *doubt) Unwrap() error { return d.err }

// manner is how a group is run.
type manner uint8

const (
	// remembering decides by what the writer remembers, and reads only what it does not.
	remembering manner = iota
	// looking reads everything that the group decides by, and locks nothing.
	looking
	// locking locks what it reads.
	locking
)

// settle runs commands with different keys until each has an outcome in its claim, or is parked. It bounds all
// attempts together.
func (h *hand) settle(group []*request, wait time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	h.attempts(ctx, group, wait, h.mannerOf(group, wait))
}

// mannerOf is how a group is tried first. Accounts that another node is at work on do not change by turns, but again and
// again: so after a group that could not do without looking or locks, the next ones begin with that.
func (h *hand) mannerOf(group []*request, wait time.Duration) manner {
	wary, shy := h.wary > 0, h.shy > 0
	h.wary, h.shy = max(0, h.wary-1), max(0, h.shy-1)
	switch {
	case wait != lockWait || wary || dated(group):
		return locking
	case shy || !h.memory.serves(group):
		return looking
	}
	return remembering
}

// attempts decides what an attempt's failure means for the group. Where the same commands run again, it is with the
// same keys and ids. A group that is run without locks holds nothing while it decides, and takes two round trips, or
// one where it is remembered, instead of four.
func (h *hand) attempts(ctx context.Context, group []*request, wait time.Duration, how manner) {
	races, raced := 0, false
	for {
		err := h.once(group, wait, how)
		var unanswered *doubt
		switch {
		case err == nil:
			h.finish(ctx, group, wait, how)
			return
		case errors.As(err, &unanswered):
			if h.lasted(ctx, group, unanswered, raced) {
				h.finish(ctx, group, wait, how)
				return
			}
			how = max(how, looking)
			raced = raced || unanswered.open
		case errors.Is(err, errLaneLost):
			h.lane = nil
			continue
		case how == remembering && !passing(err):
			how = looking
			if sql.Moved(err) {
				h.shy = shyGroups
			}
			continue
		case how == looking && !passing(err):
			how, h.wary = locking, waryGroups
			continue
		case races < maxRaces && again(err):
			races++
			if sql.Moved(err) || placeTaken(err) {
				// What the group read is locked: it is the lane that is another writer's now.
				h.lane = nil
			}
			continue
		case sql.Retryable(err):
			giveUp(group, err)
			return
		case !passing(err):
			h.bisect(ctx, group, err)
			return
		}
		if !pause(ctx) {
			giveUp(group, err)
			return
		}
	}
}

// finish looks for those that the memory refused, once the others are committed.
func (h *hand) finish(ctx context.Context, group []*request, wait time.Duration, how manner) {
	if how != remembering {
		return
	}
	if rest := unsure(group); len(rest) > 0 {
		h.attempts(ctx, rest, wait, looking)
	}
}

// unsure are the requests that must be looked for: what was remembered refused them.
func unsure(group []*request) []*request {
	var rest []*request
	for _, r := range group {
		if r.claim.unsure && !r.gone() {
			rest = append(rest, r)
		}
	}
	return rest
}

// dated tells that a command names the day of the books that it belongs to. That day must not be closed while the group
// is decided, so the group holds the row that says so.
func dated(group []*request) bool {
	return slices.ContainsFunc(group, func(r *request) bool { return r.claim.command.ValueDate != "" })
}

// again tells that another transaction was first with something, a key or a fact that it committed between our look
// and our write included: the next look sees it.
func again(err error) bool {
	return sql.Retryable(err) || sql.Moved(err) || keyTaken(err) || counterMade(err) || placeTaken(err) || factOf(err) != nil
}

// placeTaken tells that an earlier write of the lane's, which was believed lost, has committed after all.
func placeTaken(err error) bool { return sql.Unique(err, "postings_place") }

// passing tells that the failure is not the commands': the database is away or slow.
func passing(err error) bool {
	return sql.ConnectionLost(err) || sql.Cancelled(err) || errors.Is(err, errNoLane) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// once is one attempt. Whatever it returns but nil, the group's outcomes do not stand. Its statements are bounded by
// the server and by the pool's patience: a context that can end costs two goroutines a statement, and the group would
// wait for each of them to be scheduled.
func (h *hand) once(group []*request, wait time.Duration, how manner) error {
	ctx := context.Background()
	if err := h.ensureLane(ctx); err != nil {
		return err
	}
	var after *lane
	var err error
	switch how {
	case remembering:
		after, err = h.freely(ctx, group, h.memory)
	case looking:
		after, err = h.freely(ctx, group, nil)
	case locking:
		after, err = h.locked(ctx, group, wait)
	}
	if err != nil {
		h.memory.forget(h.lane.id, group)
		return err
	}
	h.replayOwn(group)
	if after != nil {
		h.lane = after
	}
	return nil
}

// freely runs commands without a transaction: a look, which stores their promises as well, and a write that fails if
// what was seen has changed since. What m remembers is not looked for.
//
// That is as good as locks. The look is one statement, so it sees one moment, and every row that is changed is still as
// it was then: nothing happened in between that the outcome would contradict. Rows that are only compared with, such
// as the PIN's, may change meanwhile; then the command came before that change.
func (h *hand) freely(ctx context.Context, group []*request, m *memory) (*lane, error) {
	claims := make([]*claim, 0, len(group))
	for _, r := range group {
		if !r.gone() {
			claims = append(claims, &r.claim)
		}
	}
	f := h.footing(h.db, h.statements.reading)
	f.memory = m
	s, err := h.look(ctx, f, claims, promisesOf(group))
	if err != nil {
		return nil, err
	}
	claims = takePromised(group)
	after, err := h.act(ctx, f, s, claims)
	switch {
	case err == nil:
		h.memory.keep(s, claims)
	case after != nil && !sql.Answered(err):
		return nil, &doubt{after: after, err: err, open: true}
	}
	return after, err
}

// locked runs commands in a transaction in which nobody else changes what they decide by.
func (h *hand) locked(ctx context.Context, group []*request, wait time.Duration) (*lane, error) {
	if promises := promisesOf(group); len(promises) > 0 {
		if err := transactions.PromiseIn(ctx, h.db, promises); err != nil {
			return nil, err
		}
	}
	claims := takePromised(group)
	tx, err := h.db.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	if wait != lockWait {
		if err := setLockTimeout(ctx, tx, wait); err != nil {
			return nil, err
		}
	}
	f := h.footing(tx, h.statements.locking)
	f.whole = true
	s, err := h.look(ctx, f, claims, nil)
	if err != nil {
		return nil, err
	}
	after, err := h.act(ctx, f, s, claims)
	if err != nil || after == nil {
		return nil, err
	}
	switch err := tx.Commit(); {
	case err == nil:
		return after, nil
	case sql.Answered(err):
		return nil, err
	default:
		return nil, &doubt{after: after, err: err}
	}
}

// promisesOf are the promises that are not stored yet, one an intent.
func promisesOf(group []*request) []*transactions.Promise {
	var promises []*transactions.Promise
	places := map[uuid.UUID]int{}
	for _, r := range group {
		if r.promised || r.gone() {
			continue
		}
		p := r.claim.command.Promise
		if place, twice := places[p.Intent]; twice {
			promises[place] = p
			continue
		}
		places[p.Intent] = len(promises)
		promises = append(promises, p)
	}
	return promises
}

// takePromised takes the commands whose promises are stored now, but for those that were withdrawn, and returns all
// that run.
func takePromised(group []*request) []*claim {
	claims := make([]*claim, 0, len(group))
	for _, r := range group {
		if !r.promised {
			r.promised = true
			r.take()
		}
		if !r.gone() {
			claims = append(claims, &r.claim)
		}
	}
	return claims
}

func (h *hand) footing(db sql.Querier, looks looks) *footing {
	// The lane is as of the last commit: nobody else writes it, and the group's last part proves that.
	own := func(context.Context) (*lane, error) { return h.lane, nil }
	return &footing{db: db, looks: looks, lane: h.lane.id, source: own}
}

// lasted finds out what became of a write whose commit went unanswered. The lane counts its groups, so reading it
// tells. Where the write itself may still be at work, the group that runs again races it for the lane's next number,
// and one of the two fails: from then on (raced) the number does not tell which. Nor does it where another writer has
// got the lane meanwhile. Then the stored keys tell, when the commands run again.
func (h *hand) lasted(ctx context.Context, group []*request, d *doubt, raced bool) bool {
	for {
		now, err := h.laneNow(ctx, d.after.id)
		switch {
		case err == nil && now.epoch == d.after.epoch:
			now.lease = h.lease
			h.lane = now
			if now.groups == d.after.groups && !raced {
				return true
			}
			if d.open || raced {
				doubtAll(group)
			}
			return false
		case err == nil, !pause(ctx):
			h.lane = nil
			doubtAll(group)
			return false
		}
	}
}

func doubtAll(group []*request) {
	for _, r := range group {
		if !r.claim.replays {
			r.doubts = append(r.doubts, r.claim.result)
		}
	}
}

func (h *hand) laneNow(ctx context.Context, id int) (*lane, error) {
	ctx, cancel := context.WithTimeout(ctx, groupTime)
	defer cancel()
	var now *lane
	err := h.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		now, err = readLane(ctx, tx, id)
		return err
	})
	return now, err
}

// replayOwn recognises the group's own outcomes of a commit in doubt: they are first answers, not replays.
func (h *hand) replayOwn(group []*request) {
	for _, r := range group {
		if k := &r.claim; k.replays && k.err == nil && slices.ContainsFunc(r.doubts, k.result.sameRun) {
			k.result.Replayed = false
		}
	}
}

// bisect runs the halves of a group apart until only the command is left that cannot run: one that PostgreSQL
// refuses fails, one that waits for a stuck lock is parked.
func (h *hand) bisect(ctx context.Context, group []*request, err error) {
	if len(group) > 1 {
		half := len(group) / 2
		h.attempts(ctx, group[:half], shortWait, locking)
		h.attempts(ctx, group[half:], shortWait, locking)
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
	{"holds_pkey", fault.DuplicateEntity},
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
		if len(r.doubts) > 0 || r.claim.replays {
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
func (h *hand) ensureLane(ctx context.Context) error {
	if h.lane == nil {
		var leased *lane
		err := h.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			leased, err = leaseLane(ctx, tx, h.holder, h.lease)
			return err
		})
		if sql.NoRows(err) {
			return errNoLane
		}
		if err != nil {
			return fmt.Errorf("lease a lane: %w", err)
		}
		leased.lease = h.lease
		if err := h.sealLane(ctx, leased); err != nil {
			return fmt.Errorf("seal lane %d: %w", leased.id, err)
		}
		h.lane = leased
	}
	if !h.lane.short(maxGroup) {
		return nil
	}
	next := *h.lane
	err := h.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return takeReceipts(ctx, tx, &next) })
	if err != nil {
		return fmt.Errorf("take receipt numbers: %w", err)
	}
	h.lane = &next
	return nil
}

// sealLane seals what nodes of a version without seals left in a lane that was just leased. Each step keeps the lease.
func (h *hand) sealLane(ctx context.Context, leased *lane) error {
	for leased.sealed < leased.seal {
		next := *leased
		err := h.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			now, err := readLane(ctx, tx, leased.id)
			if err != nil {
				return err
			}
			if now.epoch != leased.epoch {
				return errLaneLost
			}
			return sealSome(ctx, tx, &next)
		})
		if err != nil {
			return err
		}
		*leased = next
	}
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
