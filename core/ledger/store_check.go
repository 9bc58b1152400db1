package ledger

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"nova/sql"
)

// Report is what Check found.
type Report struct {
	Accounts, Postings, Entries, Seals int64
	// Breach names the first thing that is wrong, and by which rule; empty when the books are right.
	Breach string
}

// checks are rules that the books must keep beside their seals, in the order in which they are looked at. Each statement
// names the first row that breaks its rule.
var checks = []struct {
	rule  string
	query sql.Query
}{
	{"every balance is the sum of its entries, numbered without gaps", queries.Get("check_entries")},
	{"no account is under its floor", queries.Get("check_floors")},
	{"what is held is held by active holds", queries.Get("check_holds")},
	{"every lane's groups are whole", queries.Get("check_places")},
	{"every transaction has its posting", queries.Get("check_facts")},
	{"every claimed key has its outcome", queries.Get("check_keys")},
	{"closed days follow one another", queries.Get("check_days")},
}

// Check reads the whole books and proves them: balances are derived again from their entries, and the postings are hashed
// again and compared with their seals. It takes as long as there are entries, and two of the pool's connections, each of
// which sees one moment.
func (s *Store) Check(ctx context.Context) (Report, error) {
	var report Report
	var lanes []laneHead
	err := s.atOneMoment(ctx, func(ctx context.Context, tx *sql.Tx) error {
		report = Report{}
		if err := tx.Get(ctx, &report, queries.Get("check_figures")); err != nil {
			return err
		}
		lanes = nil
		return tx.Select(ctx, &lanes, queries.Get("lane_heads"))
	})
	if err != nil {
		return Report{}, err
	}
	w := newWalk(lanes)
	if err := w.run(ctx, s); err != nil {
		return report, err
	}
	if w.breach == "" && w.entries != report.Entries {
		w.breach, err = s.orphan(ctx, report.Entries, w.entries)
	}
	report.Breach = cmp.Or(w.breach, w.rules)
	return report, err
}

// orphan names an entry that no posting of any lane has.
func (s *Store) orphan(ctx context.Context, all, found int64) (orphan string, err error) {
	err = s.atOneMoment(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		orphan, err = named(ctx, tx, queries.Get("check_orphans"))
		return err
	})
	if orphan == "" {
		orphan = fmt.Sprintf("%d entries, %d of them in postings", all, found)
	}
	return "every entry has its posting and balance: " + orphan, err
}

// atOneMoment runs checks in a transaction of their own, whose statements all see the same.
func (s *Store) atOneMoment(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.Exec(ctx, queries.Get("one_moment")); err != nil {
			return err
		}
		var set string
		if err := tx.Get(ctx, &set, queries.Get("check_plans")); err != nil {
			return err
		}
		return do(ctx, tx)
	})
}

// checkRules looks for the first breach of the rules beside the seals.
func checkRules(ctx context.Context, tx *sql.Tx) (string, error) {
	for _, c := range checks {
		breach, err := named(ctx, tx, c.query)
		if err != nil {
			return "", err
		}
		if breach != "" {
			return c.rule + ": " + breach, nil
		}
	}
	return checkDays(ctx, tx)
}

// named is the row that a check names; empty for none.
func named(ctx context.Context, tx *sql.Tx, q sql.Query, args ...any) (string, error) {
	var breach string
	err := tx.Get(ctx, &breach, q, args...)
	if sql.NoRows(err) {
		return "", nil
	}
	return breach, err
}

// laneHead is a lane's chain as its own row has it.
type laneHead struct {
	ID           int
	Seal, Sealed int64
	Head         []byte
}

// take is the next group if it has this number; nil otherwise.
func take(groups *[]groupLeaves, number int64) *groupLeaves {
	if len(*groups) == 0 || (*groups)[0].Seal != number {
		return nil
	}
	g := &(*groups)[0]
	*groups = (*groups)[1:]
	return g
}

func takeSeal(seals *[]Seal, number int64) *Seal {
	if len(*seals) == 0 || (*seals)[0].Number != number {
		return nil
	}
	s := &(*seals)[0]
	*seals = (*seals)[1:]
	return s
}

// checkGroup compares a group with its seal. The groups above lane.sealed were written by a node of a version without
// seals, and wait for the lane's next writer.
func checkGroup(lane *laneHead, number int64, g *groupLeaves, s *Seal, head []byte) string {
	at := fmt.Sprintf("lane %d seal %d", lane.ID, number)
	switch {
	case g == nil:
		return "every lane's groups are whole: " + at + " has no postings"
	case g.Breach != "":
		return "every posting balances: posting " + g.Breach + " in " + at
	case number > lane.Sealed:
		return ""
	case s == nil:
		return "every group is sealed into its lane's chain: " + at + " is missing"
	}
	again := newSeal(lane.ID, number, s.At, g.hashes(), head)
	switch {
	case again.Postings != s.Postings:
		return fmt.Sprintf("every group is as it was sealed: %s has %d postings, %d were sealed", at, again.Postings, s.Postings)
	case again.Root != s.Root:
		return "every group is as it was sealed: " + at + " was changed; it has the postings " +
			strings.ReplaceAll(g.Postings, " ", ", ")
	case again.Hash != s.Hash:
		return "every group is sealed into its lane's chain: " + at + " does not follow from the one before"
	}
	return ""
}
