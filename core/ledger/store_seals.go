package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"nova/sql"
)

// sealsAtOnce is how many seals are read in one statement.
const sealsAtOnce = 1_000

// groupLeaves are the leaves of one group as its rows give them.
type groupLeaves struct {
	Seal    int64
	At      time.Time `db:"sealed_at"`
	Entries int64
	// Breach names a posting of the group that does not balance.
	Breach string
	// Postings are some of the group's ids, for people who look.
	Postings string
	Leaves   []byte
}

func (g *groupLeaves) hashes() []Hash {
	hashes := make([]Hash, len(g.Leaves)/sha256.Size)
	for i := range hashes {
		hashes[i] = Hash(g.Leaves[i*sha256.Size:])
	}
	return hashes
}

// leavesOf reads the groups of a lane whose seals are above after, at most sealsAtOnce of them, up to last.
func leavesOf(ctx context.Context, db sql.Querier, lane int, after, last int64) ([]groupLeaves, error) {
	var groups []groupLeaves
	err := db.Select(ctx, &groups, queries.Get("leaves"), lane, after, min(last, after+sealsAtOnce))
	return groups, err
}

// sealsOf reads a lane's seals as leavesOf reads its groups.
func sealsOf(ctx context.Context, db sql.Querier, lane int, after, last int64) ([]Seal, error) {
	var rows []struct {
		Seal       int64
		At         time.Time `db:"sealed_at"`
		Postings   int
		Root, Hash []byte
	}
	if err := db.Select(ctx, &rows, queries.Get("seals"), lane, after, min(last, after+sealsAtOnce)); err != nil {
		return nil, err
	}
	seals := make([]Seal, len(rows))
	for i, r := range rows {
		seals[i] = Seal{
			Lane: lane, Number: r.Seal, At: r.At.UTC(), Postings: r.Postings, Root: Hash(r.Root), Hash: Hash(r.Hash),
		}
	}
	return seals, nil
}

// sealSome seals at most sealsAtOnce of the groups that a node of a version without seals left in a lane, or that are from
// before there were any. The caller has the lane's row locked.
func sealSome(ctx context.Context, tx *sql.Tx, ln *lane) error {
	groups, err := leavesOf(ctx, tx, ln.id, ln.sealed, ln.seal)
	if err != nil {
		return err
	}
	columns := make(sql.Columns, 5)
	for i := range groups {
		g := &groups[i]
		if g.Seal != ln.sealed+1 {
			break
		}
		s := newSeal(ln.id, g.Seal, g.At, g.hashes(), ln.head)
		s.addTo(columns)
		ln.sealed, ln.head = s.Number, s.Hash[:]
	}
	if columns.Rows() == 0 {
		return fmt.Errorf("lane %d has no postings of group %d", ln.id, ln.sealed+1)
	}
	if _, err := tx.Exec(ctx, queries.Get("write_seals"), append([]any{ln.id}, columns.Args()...)...); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, queries.Get("head_lane"), ln.id, ln.sealed, ln.head, ln.lease.Microseconds())
	return err
}

// sealRest seals all that is left in a lane. The caller has the lane's row locked.
func sealRest(ctx context.Context, tx *sql.Tx, ln *lane) error {
	for ln.sealed < ln.seal {
		if err := sealSome(ctx, tx, ln); err != nil {
			return err
		}
	}
	return nil
}

// unsealedLane locks a lane that nobody leases and that has groups without seals; nil where there is none.
func unsealedLane(ctx context.Context, tx *sql.Tx) (*lane, error) {
	ln, err := laneOf(ctx, tx, queries.Get("unsealed_lane"))
	if sql.NoRows(err) {
		return nil, nil //nolint:nilnil // no such lane is an answer, not a failure
	}
	return ln, err
}
