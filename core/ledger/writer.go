package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/secret"
	"nova/sql"
)

const (
	// maxGroup is where a larger group gains nothing any more and only holds its locks longer.
	maxGroup = 100
	// maxQueue is about a second's work. Who would wait longer is better told at once.
	maxQueue = 5_000
	// groupTime bounds each statement of a group, whatever its callers' own deadlines.
	groupTime = 3 * time.Second
	// answerTime bounds the wait for COMMIT's answer: a little more than what bounds the statements before it.
	answerTime = groupTime + time.Second
	// settleTime bounds all attempts at one group when the database is away.
	settleTime = 10 * time.Second
	// maxRaces bounds the attempts at a group that PostgreSQL breaks off for a conflict (40001, 40P01).
	maxRaces = 8
	// lockWait bounds each wait for a lock in a group. Locks are held for milliseconds: a longer wait is for somebody
	// who is stuck, and the rest of the group must not wait with him.
	lockWait = 250 * time.Millisecond
	// shortWait is lockWait while the command that waits for a stuck lock is being found, and when it tries again.
	shortWait = 10 * time.Millisecond
	// parkTime is the first pause of a command that could not get a lock; it doubles up to longestPark. maxParks is
	// how often it pauses: ten seconds in all, longer than any caller waits.
	parkTime    = 10 * time.Millisecond
	longestPark = 400 * time.Millisecond
	maxParks    = 30
	// ghostTime is when PostgreSQL breaks off a transaction whose client is gone without a word.
	ghostTime = 2 * time.Second
)

// OpenDB opens the pool that a writer needs: one connection of its own, statements prepared, and settings that end
// its waits and keep its plans from depending on statistics, which a young database does not have. The URL must not
// lead through a pooler.
func OpenDB(ctx context.Context, url string) (*sql.DB, error) {
	return sql.Open(ctx, url, sql.Options{MaxOpen: 1, Prepared: true, Patience: answerTime, Once: true, Settings: map[string]string{
		"lock_timeout":                        fmt.Sprint(lockWait.Milliseconds()),
		"statement_timeout":                   fmt.Sprint(groupTime.Milliseconds()),
		"idle_in_transaction_session_timeout": fmt.Sprint(ghostTime.Milliseconds()),
		"plan_cache_mode":                     "force_generic_plan",
		"enable_seqscan":                      "off",
		"enable_nestloop":                     "off",
		"enable_mergejoin":                    "off",
		"jit":                                 "off",
	}})
}

// WriterOptions are what a writer needs.
type WriterOptions struct {
	// DB is a pool made by OpenDB; nobody else uses it. The writer does not close it.
	DB    *sql.DB
	Clock clock.Clock
	// Credentials checks secrets; nil where no command has one.
	Credentials Credentials
	// Location is the market's; nil means UTC.
	Location *time.Location
	// Codes makes the keyed hashes of withdrawal codes; nil where no hold has one.
	Codes *secret.MAC
	// DrawFees takes the fees of overdraft draws; zero where no line has a fee.
	DrawFees DrawFees
	// Node names the process in the lanes' table, for people who look.
	Node string
	// Lease is how long a lane stays with a writer that is gone; 0 means leaseTime.
	Lease time.Duration
}

// Writer runs commands in groups. It is safe for concurrent use; Submit must not be called inside a transaction.
type Writer struct {
	books
	db      *sql.DB
	holder  string
	lease   time.Duration
	batcher *sql.Batcher[*request]
	stop    chan struct{}
	stopped sync.Once

	// lane is nil when none is leased; wary is how many of the next groups run under locks, and shy how many do not go
	// by memory. Only the batcher's goroutine touches them once the writer runs.
	lane      *lane
	memory    *memory
	wary, shy int
}

// NewWriter leases a lane and starts. Close ends it.
func NewWriter(o WriterOptions) (*Writer, error) {
	w := &Writer{
		books: newBooks(PosterOptions{
			Clock: o.Clock, Credentials: o.Credentials, Location: o.Location, Codes: o.Codes, DrawFees: o.DrawFees,
		}),
		db: o.DB, lease: o.Lease, stop: make(chan struct{}), memory: newMemory(),
	}
	if w.lease == 0 {
		w.lease = leaseTime
	}
	// A writer that starts anew is another holder: the old one may still be in a commit.
	w.holder = o.Node + "/" + uuid.NewString()
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	if err := w.db.Prepare(ctx, w.statements.hot()...); err != nil {
		return nil, err
	}
	if err := w.ensureLane(ctx); err != nil {
		return nil, err
	}
	w.batcher = sql.NewBatcher(maxGroup, maxQueue, w.flush)
	go w.keepLane()
	return w, nil
}

// Submit runs a command, or answers from what its key has stored: then Result.Replayed is set, beside a stored
// refusal as well. Refusals are faults. The command must not be changed afterwards.
//
// If ctx ends before the command was taken, it is withdrawn for certain: SERVICE_UNAVAILABLE, and nothing will run.
// If it ends later, the answer is IDEMPOTENCY_IN_PROGRESS: the outcome is unknown, and Store.Outcome tells it by the
// key.
func (w *Writer) Submit(ctx context.Context, c *Command) (Result, error) {
	if !c.Key.complete() {
		return Result{}, fault.New(fault.IdempotencyKeyRequired, "command without a key")
	}
	if err := ctx.Err(); err != nil {
		return Result{}, fault.Wrap(err, fault.ServiceUnavailable, "the caller's time is over: nothing ran")
	}
	r := newRequest(c)
	if err := w.batcher.Add(r); err != nil {
		return Result{}, fault.Wrap(err, fault.ServiceUnavailable, "ledger is busy: nothing ran")
	}
	return r.wait(ctx)
}

// Waiting counts the commands that no group has taken yet.
func (w *Writer) Waiting() int { return w.batcher.Waiting() }

// Close takes no more commands, runs those that wait, gives the lane back, and returns when that is done or ctx ends.
func (w *Writer) Close(ctx context.Context) error {
	w.stopped.Do(func() { close(w.stop) })
	if err := w.batcher.Close(ctx); err != nil {
		return fmt.Errorf("close ledger writer: %w", err)
	}
	if w.lane == nil {
		return nil
	}
	// A lane that cannot be given back comes free when its lease ends.
	_ = w.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return freeLane(ctx, tx, w.lane) })
	w.lane = nil
	return nil
}

// keepLane renews the lane of an idle writer; a busy one renews it with each group.
func (w *Writer) keepLane() {
	ticker := time.NewTicker(w.lease / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = w.batcher.Add(&request{renewal: true}) // a full queue renews the lane by itself
		case <-w.stop:
			return
		}
	}
}

// flush is the batcher's call: it runs a batch to its end, so that groups follow one another on one connection.
// What was put aside for a lock runs apart, so that it does not make others wait for that lock again.
func (w *Writer) flush(batch []*request) {
	group := make([]*request, 0, len(batch))
	var parked []*request
	renewal := false
	for _, r := range batch {
		switch {
		case r.renewal:
			renewal = true
		case r.promised && !r.take(), r.gone():
		case r.parks > 0:
			parked = append(parked, r)
		default:
			group = append(group, r)
		}
	}
	if len(group) == 0 && renewal {
		w.renew()
	}
	for len(group) > 0 {
		group = w.group(group, lockWait)
	}
	for len(parked) > 0 {
		parked = w.group(parked, shortWait)
	}
}

// group runs commands and answers their callers. It returns those that must be run once more: twins that their first
// one's outcome says nothing about.
func (w *Writer) group(group []*request, wait time.Duration) (again []*request) {
	first, later := twins(group)
	w.settle(first, wait)
	finished := make([]*request, 0, len(group))
	for _, r := range group {
		own := later[r]
		if own != nil && own.parked {
			r.parked = true
		}
		switch {
		case r.parked:
		case own != nil && !r.follow(own):
			again = append(again, r)
		case !r.promised && !r.take(): // withdrawn meanwhile
		default:
			finished = append(finished, r)
		}
	}
	for _, r := range group {
		if r.parked {
			w.park(r)
		}
	}
	for _, r := range finished {
		r.answer()
	}
	return again
}

// park puts a command back that could not get a lock, so that its caller may withdraw it, and tries again later, less
// and less often.
func (w *Writer) park(r *request) {
	r.parked = false
	r.parks++
	if r.parks > maxParks {
		if !r.promised && !r.take() {
			return
		}
		r.fail(fault.New(fault.ServiceUnavailable, "what the command needs stayed locked: nothing ran"))
		return
	}
	pause := min(parkTime<<min(r.parks, 8), longestPark)
	r.state.CompareAndSwap(taken, queued)
	time.AfterFunc(pause, func() {
		if err := w.batcher.Add(r); err != nil && r.take() {
			r.fail(fault.Wrap(err, fault.ServiceUnavailable, "ledger is busy: nothing ran"))
		}
	})
}

// renew keeps the lane. What fails here fails again, and louder, with the next group.
func (w *Writer) renew() {
	ctx, cancel := context.WithTimeout(context.Background(), groupTime)
	defer cancel()
	if w.lane == nil {
		_ = w.ensureLane(ctx) // see above
		return
	}
	err := w.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return renewLane(ctx, tx, w.lane, w.lease) })
	if errors.Is(err, errLaneLost) {
		w.lane = nil
	}
}
