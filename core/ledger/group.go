package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"nova/core/clock"
	"nova/core/secret"
	"nova/sql"
)

var (
	// errLaneLost tells that the lane was leased to another writer. What it wrote must not stand.
	errLaneLost = errors.New("lane is leased to another writer")
	// errKeyBusy marks a failure to store keys: another transaction is at work under one of them.
	errKeyBusy = errors.New("store keys")
	// errKeyThere tells that a command was decided although its key has an outcome already.
	errKeyThere = errors.New("key has its outcome")
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
	// unsure tells that the command was refused by what was remembered: it must be looked for, and is not written.
	unsure bool
}

// text is the stored form of the outcome.
func (k *claim) text() (Stored, error) {
	if k.err != nil {
		return EncodeRefusal(k.err)
	}
	text, err := encodeResult(&k.result)
	return Stored{Result: text}, err
}

// books looks for commands, decides and writes them. The writer and the poster share it.
type books struct {
	clock       clock.Clock
	credentials Credentials
	location    *time.Location
	codes       *secret.MAC
	drawFees    DrawFees
	statements  statements
}

func newBooks(o PosterOptions) books {
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Credentials == nil {
		o.Credentials = noCredentials{}
	}
	return books{
		clock: o.Clock, credentials: o.Credentials, location: o.Location, codes: o.Codes, drawFees: o.DrawFees,
		statements: newStatements(o.Credentials),
	}
}

// footing is what a group stands on while it runs: a transaction in which it locks what it reads, or the bare database,
// where its one write finds out whether what it read is still so.
type footing struct {
	db    sql.Querier
	looks looks
	lane  int
	// memory is nil where everything is looked for.
	memory *memory
	// whole writes in the form with all parts, because a transaction can prepare no other.
	whole bool
	// source gives the lane to be written in, when everything else is read.
	source func(ctx context.Context) (*lane, error)
}

// sight is what commands are decided by: rows, credentials, and what stands under their keys.
type sight struct {
	state       *State
	credentials LockedCredentials
	stored      map[*claim]keyRow
}

// act decides and writes commands that were looked for, whose keys differ. It returns the lane as it stands once that is
// committed, nil if there was nothing to write; with an error, the lane as it would stand if the write was sent all
// the same. Refusals stand in the claims.
//
// Keys are read with the rows that the commands decide by, and stored with the outcomes. Somebody else may store one of
// them in between: then the write fails (keyTaken), and whoever runs the commands again finds it.
func (b *books) act(ctx context.Context, f *footing, s *sight, claims []*claim) (*lane, error) {
	fresh := s.answerStored(claims)
	if len(fresh) == 0 {
		return nil, nil //nolint:nilnil // everything was answered before, and nothing is written
	}
	before, err := f.source(ctx)
	if err != nil {
		return nil, err
	}
	s.state.receiptNext = uint64(before.receiptNext) //nolint:gosec // receipt numbers are never negative
	for _, k := range fresh {
		b.decide(s, k, f.memory != nil)
	}
	if f.memory != nil {
		if err := b.unused(ctx, f, fresh); err != nil {
			return nil, err
		}
		if fresh = sure(fresh); len(fresh) == 0 {
			return nil, nil //nolint:nilnil // nothing is written
		}
	}
	after, seal := before.after(s.state)
	columns := columnsPool.Get().(*groupColumns) //nolint:forcetypeassert // the pool holds nothing else
	defer columns.release()
	if err := columns.fill(s, after, seal, fresh); err != nil {
		return nil, err
	}
	if err := b.write(ctx, f, columns); err != nil {
		return after, fmt.Errorf("write: %w", err)
	}
	return after, nil
}

// answerStored answers the commands whose keys were there, and returns the others.
func (s *sight) answerStored(claims []*claim) (fresh []*claim) {
	if len(s.stored) == 0 {
		return claims
	}
	fresh = make([]*claim, 0, len(claims))
	for _, k := range claims {
		if row, there := s.stored[k]; there {
			k.replay(row)
			continue
		}
		fresh = append(fresh, k)
	}
	return fresh
}

// unused sees that nothing stands under the keys of commands whose secret was refused: whoever repeats a key gets its
// first answer, whatever was typed now, and no wrong secret is counted. That the others' keys are new the write proves.
func (b *books) unused(ctx context.Context, f *footing, claims []*claim) error {
	var keys sql.Column
	for _, k := range claims {
		if k.err != nil && !k.unsure {
			keys.Bytes(k.digest[:])
		}
	}
	if keys.Empty() {
		return nil
	}
	var used bool
	if err := f.db.Get(ctx, &used, queries.Get("keys_used"), keys.Array()); err != nil {
		return err
	}
	if used {
		return errKeyThere
	}
	return nil
}

// keyTaken tells that another transaction stored one of the keys after they were read.
func keyTaken(err error) bool { return sql.Unique(err, "idempotency_keys_pkey") }

// counterMade tells that another transaction made one of the counters after they were looked for.
func counterMade(err error) bool { return sql.Unique(err, "counters_pkey") }

// sure are the commands whose outcomes stand. A refused one changed nothing, so that the others are none the wiser.
func sure(claims []*claim) []*claim {
	if !slices.ContainsFunc(claims, func(k *claim) bool { return k.unsure }) {
		return claims
	}
	kept := make([]*claim, 0, len(claims))
	for _, k := range claims {
		if !k.unsure {
			kept = append(kept, k)
		}
	}
	return kept
}

// decide runs one command against the state. The secret comes first: who does not know it learns nothing else.
// Credentials are never remembered, so what they say is sure, once nothing stands under the key (unused).
func (b *books) decide(s *sight, k *claim, remembered bool) {
	st, c := s.state, k.command
	k.replays, k.stored, k.unsure = false, false, false
	k.result, k.err = Result{}, nil
	if c.Check != nil {
		k.err = verify(s.credentials, *c.Check, st.now)
	}
	if k.err == nil {
		k.result, k.err = Apply(st, c)
		k.unsure = remembered && k.err != nil
	}
	if k.unsure {
		return
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
