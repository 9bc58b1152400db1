package audit

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"nova/core/clock"
	"nova/core/ids"
	"nova/sql"
)

// RecordIn writes events in the caller's transaction: they last if the act does. Its errors are mistakes in the caller's code
// or the database's, and end the transaction: a privileged act that cannot be recorded does not happen.
func RecordIn(ctx context.Context, tx *sql.Tx, now time.Time, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	ready := make([]Event, len(events))
	for i, e := range events {
		if err := e.check(); err != nil {
			return err
		}
		ready[i] = e.ready(now)
	}
	return write(ctx, tx, ready)
}

// ready is the event as it is kept.
func (e *Event) ready(now time.Time) Event {
	r := Event{
		ID: ids.New(now), At: now.UTC().Truncate(time.Microsecond), Action: e.Action, Outcome: e.Outcome,
		Actor: clean(e.Actor, maxName), Object: clean(e.Object, maxName), Purpose: clean(e.Purpose, maxName),
		Policy: clean(e.Policy, maxName), Channel: clean(e.Channel, maxName), Correlation: clean(e.Correlation, maxName),
	}
	if len(e.Detail) > 0 {
		r.Detail = make(map[string]string, len(e.Detail))
		for name, value := range e.Detail {
			if vocabulary[name] { // what check refuses must not get into the log, either
				r.Detail[name] = clean(value, maxValue)
			}
		}
	}
	return r
}

const (
	// maxWaiting bounds the events in memory: some megabytes, and some seconds of a database that is away.
	maxWaiting = 10_000
	// maxBatch bounds the events of one statement.
	maxBatch = 500
	// attempts and writeTime bound how long a batch is tried for, with firstPause doubling between the attempts.
	attempts   = 4
	writeTime  = 3 * time.Second
	firstPause = 250 * time.Millisecond
)

// LogOptions are what a Log is made of.
type LogOptions struct {
	DB     *sql.DB
	Clock  clock.Clock
	Logger *slog.Logger
}

// Log records acts that have no transaction: what was refused, and what was only read. It is safe for concurrent use.
//
// An act does not wait for its record: events stand in memory until the next statement, some milliseconds later, and are lost
// with a process that is killed meanwhile. What the database does not take is counted, and written to the log whole, so
// that the record is there at least once.
type Log struct {
	o     LogOptions
	queue *sql.Batcher[Event]
	lost  atomic.Int64
	// ended is closed by end once nobody waits for what is left.
	ended chan struct{}
	end   func()
}

// NewLog starts a log; Close ends it.
func NewLog(o LogOptions) *Log {
	l := &Log{o: o, ended: make(chan struct{})}
	l.end = sync.OnceFunc(func() { close(l.ended) })
	l.queue = sql.NewBatcher(maxBatch, maxWaiting, l.flush)
	return l
}

// Record takes events and returns at once.
func (l *Log) Record(ctx context.Context, events ...Event) {
	now := l.o.Clock.Now()
	for _, e := range events {
		err := e.check()
		ready := e.ready(now)
		if err == nil {
			err = l.queue.Add(ready)
		}
		if err != nil {
			l.lose(ctx, err, ready)
		}
	}
}

// Lost counts the events that did not get into the database, since the start.
func (l *Log) Lost() int64 { return l.lost.Load() }

// Waiting counts the events that are still in memory.
func (l *Log) Waiting() int { return l.queue.Waiting() }

// Close takes no more events and writes what waits. After an error some may be lost.
func (l *Log) Close(ctx context.Context) error {
	stop := context.AfterFunc(ctx, l.end)
	defer stop()
	return l.queue.Close(ctx)
}

// flush writes a batch, and tries again for some seconds: a statement that was sent twice writes its events once.
func (l *Log) flush(batch []Event) {
	pause := firstPause
	var err error
	for attempt := 1; ; attempt++ {
		ctx, cancel := context.WithTimeout(context.Background(), writeTime)
		err = write(ctx, l.o.DB, batch)
		cancel()
		if err == nil {
			return
		}
		if attempt == attempts || !l.wait(pause) {
			l.lose(context.Background(), err, batch...)
			return
		}
		pause *= 2
	}
}

// wait is false where the log ends before it is over.
func (l *Log) wait(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.ended:
		return false
	}
}

// lose counts events that are not in the database, and leaves them in the log.
func (l *Log) lose(ctx context.Context, err error, events ...Event) {
	l.lost.Add(int64(len(events)))
	for i := range events {
		e := &events[i]
		l.o.Logger.ErrorContext(ctx, "an audit event is not in the database", slog.Any("error", err),
			slog.String("id", e.ID.String()), slog.Time("at", e.At), slog.String("actor", e.Actor),
			slog.String("action", e.Action), slog.String("object", e.Object), slog.String("outcome", e.Outcome),
			slog.String("purpose", e.Purpose), slog.String("policy", e.Policy), slog.String("channel", e.Channel),
			slog.String("correlation", e.Correlation), slog.Any("detail", e.Detail))
	}
}
