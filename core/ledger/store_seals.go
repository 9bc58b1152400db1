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

// sealRest seals what a node of a version without seals left in the lane, and the postings from before there were any.
// The caller has the lane's row locked.
func sealRest(ctx context.Context, tx *sql.Tx, ln *lane) error {
	if ln.sealed == ln.seal {
		return nil
	}
	for ln.sealed < ln.seal {
		groups, err := leavesOf(ctx, tx, ln.id, ln.sealed, ln.seal)
		if err != nil {
			return err
		}
		for i := range groups {
			g := &groups[i]
			if g.Seal != ln.sealed+1 {
				return fmt.Errorf("lane %d has no postings of group %d", ln.id, ln.sealed+1)
			}
			s := newSeal(ln.id, g.Seal, g.At, g.hashes(), ln.head)
			if _, err := tx.Exec(ctx, queries.Get("write_seal"), s.AppendTo(nil)...); err != nil {
				return err
			}
			ln.sealed, ln.head = s.Number, s.Hash[:]
		}
		if len(groups) == 0 {
			return fmt.Errorf("lane %d has no postings of group %d", ln.id, ln.sealed+1)
		}
	}
	_, err := tx.Exec(ctx, queries.Get("head_lane"), ln.id, ln.sealed, ln.head)
	return err
}
