package ledger

import (
	"cmp"
	"context"
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

// OpenDB opens the pool that a writer needs: a connection for each hand, statements prepared, and settings that end
// its waits and keep its plans from depending on statistics, which a young database does not have. The URL must not
// lead through a pooler.
func OpenDB(ctx context.Context, url string) (*sql.DB, error) {
	return sql.Open(ctx, url, sql.Options{MaxOpen: hands, Prepared: true, Patience: answerTime, Once: true, Settings: map[string]string{
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
	// Hands is how many groups may be under way at once; 0 means as many as OpenDB's pool has connections for.
	Hands int
}

// Writer runs commands in groups. It is safe for concurrent use; Submit must not be called inside a transaction.
type Writer struct {
	books
	db     *sql.DB
	holder string
	lease  time.Duration
	queue  *queue
	memory *memory
	done   sync.WaitGroup
}

// NewWriter leases a lane and starts. Close ends it.
func NewWriter(o WriterOptions) (*Writer, error) {
	w := &Writer{
		books: newBooks(PosterOptions{
			Clock: o.Clock, Credentials: o.Credentials, Location: o.Location, Codes: o.Codes, DrawFees: o.DrawFees,
		}),
		db: o.DB, lease: cmp.Or(o.Lease, leaseTime), queue: newQueue(), memory: newMemory(),
		// A writer that starts anew is another holder: the old one may still be in a commit.
		holder: o.Node + "/" + uuid.NewString(),
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	if err := w.db.Prepare(ctx, w.statements.hot()...); err != nil {
		return nil, err
	}
	for range cmp.Or(o.Hands, hands) {
		w.queue.hands = append(w.queue.hands, &hand{Writer: w, calls: make(chan struct{}, 1)})
	}
	// The other hands lease theirs when there is enough to do for them.
	if err := w.queue.hands[0].ensureLane(ctx); err != nil {
		return nil, err
	}
	for _, h := range w.queue.hands {
		w.done.Add(1)
		go h.run()
	}
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
	if err := w.queue.add(r); err != nil {
		return Result{}, fault.Wrap(err, fault.ServiceUnavailable, "ledger is busy: nothing ran")
	}
	return r.wait(ctx)
}

// Waiting counts the commands that no group has taken yet.
func (w *Writer) Waiting() int { return w.queue.length() }

// Close takes no more commands, runs those that wait, gives the lanes back, and returns when that is done or ctx ends.
func (w *Writer) Close(ctx context.Context) error {
	w.queue.close()
	ended := make(chan struct{})
	go func() {
		w.done.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		return fmt.Errorf("close ledger writer: %w", ctx.Err())
	}
	for _, h := range w.queue.hands {
		h.freeLane(ctx)
	}
	return nil
}
