package ledger

import (
	"context"
	"errors"
	"time"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/secret"
	"nova/sql"
)

const (
	// postWait bounds PostIn's waits for locks: its caller holds locks of its own, and others wait for those.
	postWait = 2 * time.Second
)

// PosterOptions are what a poster needs; they mean what they mean for the Writer.
type PosterOptions struct {
	Clock       clock.Clock
	Credentials Credentials
	Location    *time.Location
	Codes       *secret.MAC
	DrawFees    DrawFees
}

// Poster runs single commands inside callers' transactions. It is safe for concurrent use.
type Poster struct{ books books }

// NewPoster makes a poster.
func NewPoster(o PosterOptions) *Poster {
	return &Poster{books: newBooks(o)}
}

// PostIn runs a command in the caller's transaction: the same claims, locks and decisions as the Writer's, in lane 0,
// which all PostIns of all nodes share until they commit. So it is for rare flows that must be atomic with other
// rows, and it comes last in its transaction.
//
// When it returns an error, the caller rolls back, and nothing is stored. When Result.Replayed is set, the command
// ran before, and the caller must not write its other rows again. A lock that is not to be had in time is
// SERVICE_UNAVAILABLE; a conflict that PostgreSQL broke off, and a key that somebody stored meanwhile, come back for
// InTx to retry.
func (p *Poster) PostIn(ctx context.Context, tx *sql.Tx, c *Command) (Result, error) {
	if !c.Key.complete() {
		return Result{}, fault.New(fault.IdempotencyKeyRequired, "command without a key")
	}
	if c.Promise != nil {
		return Result{}, errors.New("a promise must be committed before its command runs: it cannot be part of a transaction")
	}
	if err := setLockTimeout(ctx, tx, postWait); err != nil {
		return Result{}, err
	}
	k := &claim{command: c, digest: c.Key.Digest()}
	err := p.run(ctx, tx, []*claim{k})
	switch {
	case sql.LockTimeout(err) && errors.Is(err, errKeyBusy):
		return Result{}, fault.Wrap(err, fault.IdempotencyInProgress, "the key's owner is still at work")
	case sql.LockTimeout(err):
		return Result{}, fault.Wrap(err, fault.ServiceUnavailable, "what the command needs is locked")
	case keyTaken(err), counterMade(err):
		return Result{}, sql.Again(err)
	case factOf(err) != nil:
		return Result{}, factOf(err)
	case err != nil:
		return Result{}, err
	}
	return k.result, k.err
}

func (p *Poster) run(ctx context.Context, tx *sql.Tx, claims []*claim) error {
	f := &footing{
		db: tx, looks: p.books.statements.locking, lane: postingLane,
		source: func(ctx context.Context) (*lane, error) { return sharedLane(ctx, tx) },
	}
	s, err := p.books.look(ctx, f, claims, nil)
	if err == nil {
		_, err = p.books.act(ctx, f, s, claims)
	}
	return err
}

// sharedLane locks lane 0, last of all locks.
func sharedLane(ctx context.Context, tx *sql.Tx) (*lane, error) {
	ln, err := readLane(ctx, tx, postingLane)
	if err != nil {
		return nil, err
	}
	if err := sealRest(ctx, tx, ln); err != nil {
		return nil, err
	}
	if ln.short(1) {
		err = takeReceipts(ctx, tx, ln)
	}
	return ln, err
}
