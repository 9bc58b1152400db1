package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nova/core/clock"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
)

var (
	// errLaneLost tells that the lane was leased to another writer. The transaction must be rolled back.
	errLaneLost = errors.New("lane is leased to another writer")
	// errKeyBusy marks a failure to store keys: another transaction is at work under one of them.
	errKeyBusy = errors.New("store keys")
)

// claim is a command in a group, and how it went.
type claim struct {
	command *Command
	digest  [32]byte
	// replays tells that the key was there: result and err are the stored outcome, and nothing is written for it.
	replays bool
	result  Result
	err     error
	// stored tells that the outcome is kept under the key.
	stored bool
}

// text is the stored form of the outcome.
func (k *claim) text() (Stored, error) {
	if k.err != nil {
		return EncodeRefusal(k.err)
	}
	text, err := encodeResult(&k.result)
	return Stored{Result: text}, err
}

// books runs commands inside a transaction. The writer and the poster share it.
type books struct {
	clock       clock.Clock
	credentials Credentials
	location    *time.Location
	codes       *secret.MAC
	// lockUsual and lockWhole lock what a group needs, credentials first.
	lockUsual, lockWhole sql.Query
}

func newBooks(c clock.Clock, credentials Credentials, location *time.Location, codes *secret.MAC) books {
	if location == nil {
		location = time.UTC
	}
	if credentials == nil {
		credentials = noCredentials{}
	}
	return books{
		clock: c, credentials: credentials, location: location, codes: codes,
		lockUsual: sql.Beside("ledger.lock_usual_group", credentials.LockQuery(), queries.Get("lock_usual_state")),
		lockWhole: sql.Beside("ledger.lock_group", credentials.LockQuery(), queries.Get("lock_state")),
	}
}

// laneSource gives the lane to be written in, when everything else is locked.
type laneSource func(ctx context.Context, tx *sql.Tx) (*lane, error)

// run locks, decides and writes the commands, whose keys differ, and leaves the commit to its caller. It returns the
// lane as it stands once the transaction is committed, nil if there is nothing to commit. An error means that the
// transaction must be rolled back; refusals stand in the claims. The promises are those of commands that may run once
// this is committed.
//
// Keys are read with the rows that the commands lock, and stored with the outcomes. Somebody else may store one of
// them in between: then the write fails (keyTaken), and whoever runs the commands again finds it.
func (b *books) run(
	ctx context.Context, tx *sql.Tx, claims []*claim, promises []*transactions.Promise, laneID int, source laneSource,
) (*lane, error) {
	st := NewState(StateOptions{Now: b.clock.Now(), Location: b.location, Codes: b.codes})
	locked, stored, err := b.lock(ctx, tx, st, claims, laneID)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	fresh := answerStored(claims, stored)
	if len(fresh) == 0 && len(promises) == 0 {
		return nil, nil //nolint:nilnil // everything was answered before, and nothing is written
	}
	before, err := source(ctx, tx)
	if err != nil {
		return nil, err
	}
	st.receiptNext = uint64(before.receiptNext) //nolint:gosec // receipt numbers are never negative
	for _, k := range fresh {
		b.decide(st, k, locked)
	}
	if locked != nil {
		if err := locked.Save(ctx, tx); err != nil {
			return nil, fmt.Errorf("save credentials: %w", err)
		}
	}
	after := before.after(st)
	if err := writeAll(ctx, tx, st, after, fresh, promises); err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	return after, nil
}

// answerStored answers the commands whose keys were there, by their places, and returns the others.
func answerStored(claims []*claim, stored map[int]keyRow) (fresh []*claim) {
	if len(stored) == 0 {
		return claims
	}
	fresh = make([]*claim, 0, len(claims))
	for place, k := range claims {
		if row, there := stored[place]; there {
			k.replay(row)
			continue
		}
		fresh = append(fresh, k)
	}
	return fresh
}

// keyTaken tells that another transaction stored one of the keys after they were read.
func keyTaken(err error) bool { return sql.Unique(err, "idempotency_keys_pkey") }

// decide runs one command against the state. The secret comes first: who does not know it learns nothing else.
func (b *books) decide(st *State, k *claim, locked LockedCredentials) {
	c := k.command
	k.replays, k.stored = false, false
	k.result, k.err = Result{}, nil
	if c.Check != nil {
		k.err = verify(locked, *c.Check, st.now)
	}
	if k.err == nil {
		k.result, k.err = Apply(st, c)
	}
	if k.err == nil {
		k.stored = true
		return
	}
	k.stored = kept(k.err, c.Keep)
	if k.stored {
		st.notify(c.RefusalNotices, &Result{BookedAt: st.now})
	}
}

func verify(locked LockedCredentials, check Check, now time.Time) error {
	if locked == nil {
		return errors.New("a command has a secret, and nobody was given to check it")
	}
	return locked.Verify(check, now)
}
