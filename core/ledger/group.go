package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nova/core/clock"
	"nova/core/secret"
	"nova/sql"
)

var (
	// errLaneLost tells that the lane was leased to another writer. The transaction must be rolled back.
	errLaneLost = errors.New("lane is leased to another writer")
	// errKeyBusy marks a failure to claim keys: another transaction holds one of them.
	errKeyBusy = errors.New("claim keys")
)

// claim is a command in a group, and how it went.
type claim struct {
	command *Command
	digest  [32]byte
	// replays tells that the key was there: result and err are the stored outcome, and nothing is written for it.
	replays bool
	// again tells that the key was there when it was claimed and gone when it was read: nothing is known yet.
	again  bool
	result Result
	err    error
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
}

// laneSource gives the lane to be written in, when everything else is locked.
type laneSource func(ctx context.Context, tx *sql.Tx) (*lane, error)

// run claims, locks, decides and writes the commands, whose keys differ, and leaves the commit to its caller. It
// returns the lane as it stands once the transaction is committed. An error means that the transaction must be
// rolled back; refusals stand in the claims.
func (b *books) run(ctx context.Context, tx *sql.Tx, claims []*claim, laneID int, source laneSource) (*lane, error) {
	now := b.clock.Now()
	won, err := b.claim(ctx, tx, claims, now)
	if err != nil || len(won) == 0 {
		return nil, err
	}
	commands := make([]*Command, len(won))
	for i, k := range won {
		commands[i] = k.command
	}
	locked, err := b.lockCredentials(ctx, tx, commands)
	if err != nil {
		return nil, err
	}
	st := NewState(StateOptions{Now: now, Location: b.location, Codes: b.codes})
	if err := lockState(ctx, tx, st, commands, laneID); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	before, err := source(ctx, tx)
	if err != nil {
		return nil, err
	}
	st.receiptNext = uint64(before.receiptNext) //nolint:gosec // receipt numbers are never negative
	for _, k := range won {
		b.decide(st, k, locked)
	}
	if locked != nil {
		if err := locked.Save(ctx, tx); err != nil {
			return nil, fmt.Errorf("save credentials: %w", err)
		}
	}
	after := before.after(st)
	if err := writeAll(ctx, tx, st, after, won); err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	return after, nil
}

// claim claims the keys, answers the losers from what is stored, and returns the winners.
func (b *books) claim(ctx context.Context, tx *sql.Tx, claims []*claim, now time.Time) ([]*claim, error) {
	lost, err := claimKeys(ctx, tx, claims, now)
	if err != nil {
		return nil, errors.Join(errKeyBusy, err)
	}
	if len(lost) == 0 {
		return claims, nil
	}
	var digests sql.Column
	losers := make(map[int]bool, len(lost))
	for _, place := range lost {
		losers[place] = true
		digests.Bytes(claims[place].digest[:])
	}
	found, err := storedKeys(ctx, tx, digests)
	if err != nil {
		return nil, fmt.Errorf("read stored results: %w", err)
	}
	won := make([]*claim, 0, len(claims)-len(lost))
	for i, k := range claims {
		if !losers[i] {
			won = append(won, k)
			continue
		}
		row, there := found[k.digest]
		k.replay(row, there)
	}
	return won, nil
}

// lockCredentials returns nil where no command has a secret.
func (b *books) lockCredentials(ctx context.Context, tx *sql.Tx, commands []*Command) (LockedCredentials, error) {
	subjects := subjectsOf(commands)
	if len(subjects) == 0 {
		return nil, nil //nolint:nilnil // nothing to lock is no failure, and Verify is then never asked
	}
	if b.credentials == nil {
		return nil, errors.New("a command has a secret, and nobody was given to check it")
	}
	locked, err := b.credentials.Lock(ctx, tx, subjects)
	if err != nil {
		return nil, fmt.Errorf("lock credentials: %w", err)
	}
	return locked, nil
}

// decide runs one command against the state. The secret comes first: who does not know it learns nothing else.
func (b *books) decide(st *State, k *claim, locked LockedCredentials) {
	c := k.command
	k.replays, k.again, k.stored = false, false, false
	k.result, k.err = Result{}, nil
	if c.Check != nil {
		k.err = locked.Verify(*c.Check, st.now)
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
