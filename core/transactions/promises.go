package transactions

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/sql"
)

const (
	// promiseColumns are the arguments of the statement that stores promises.
	promiseColumns = 9
	// maxPromiseBatch bounds one statement, maxPromiseQueue what waits: a second's worth of hops.
	maxPromiseBatch = 100
	maxPromiseQueue = 5_000
	// promiseTime bounds one statement: a hop has four seconds in all.
	promiseTime = 2 * time.Second
)

// Promises stores promises in batches: each takes what queued while the last was committed. It is safe for
// concurrent use.
type Promises struct {
	db      *sql.DB
	batcher *sql.Batcher[*opening]
}

// opening is a promise on its way, and where its caller waits.
type opening struct {
	promise Promise
	done    chan error
}

// NewPromises starts the batcher on a general pool; Close ends it.
func NewPromises(db *sql.DB) *Promises {
	p := &Promises{db: db}
	p.batcher = sql.NewBatcher(maxPromiseBatch, maxPromiseQueue, p.flush)
	return p
}

// Open returns when the promise is committed. An error or a context that ends first means that it may or may not
// have been stored; the caller then promises nothing, and the worker finds no money behind it. The same intent may
// be opened again.
func (p *Promises) Open(ctx context.Context, promise Promise) error {
	o := &opening{promise: promise, done: make(chan error, 1)}
	if err := p.batcher.Add(o); err != nil {
		return fault.Wrap(err, fault.ServiceUnavailable, "store a promise")
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.ServiceUnavailable, "store a promise")
	}
}

// Waits tells whether the promise of an intent stands unsettled: its command may still run, or may have run.
func (p *Promises) Waits(ctx context.Context, intent uuid.UUID) (bool, error) {
	var waits bool
	err := p.db.Get(ctx, &waits, queries.Get("promised"), intent)
	return waits, err
}

// Close stores what waits and ends the batcher.
func (p *Promises) Close(ctx context.Context) error { return p.batcher.Close(ctx) }

// flush stores a batch; if that fails, each promise by itself, so that a malformed one fails alone.
func (p *Promises) flush(batch []*opening) {
	ctx, cancel := context.WithTimeout(context.Background(), promiseTime)
	defer cancel()
	err := p.write(ctx, batch)
	if err == nil || len(batch) == 1 || sql.ConnectionLost(err) || ctx.Err() != nil {
		answer(batch, err)
		return
	}
	for _, o := range batch {
		one := []*opening{o}
		answer(one, p.write(ctx, one))
	}
}

func answer(batch []*opening, err error) {
	if err != nil {
		err = fault.Wrap(err, fault.ServiceUnavailable, "store a promise")
	}
	for _, o := range batch {
		o.done <- err
	}
}
