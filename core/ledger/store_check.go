package ledger

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

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
	var seals, rules string
	var both errgroup.Group
	both.Go(func() error {
		return s.atOneMoment(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			report = Report{}
			if err := tx.Get(ctx, &report, queries.Get("check_figures")); err != nil {
				return err
			}
			seals, err = checkSeals(ctx, tx, report.Entries)
			return err
		})
	})
	both.Go(func() error {
		return s.atOneMoment(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			rules, err = checkRules(ctx, tx)
			return err
		})
	})
	err := both.Wait()
	report.Breach = cmp.Or(seals, rules)
	return report, err
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

// checkSeals hashes every posting again. entries is how many there are: those that no posting of any lane has are found
// by their number.
func checkSeals(ctx context.Context, tx *sql.Tx, entries int64) (string, error) {
	var lanes []laneHead
	if err := tx.Select(ctx, &lanes, queries.Get("lane_heads")); err != nil {
		return "", err
	}
	var found int64
	for i := range lanes {
		n, breach, err := checkLane(ctx, tx, &lanes[i])
		if err != nil || breach != "" {
			return breach, err
		}
		found += n
	}
	if found == entries {
		return "", nil
	}
	orphan, err := named(ctx, tx, queries.Get("check_orphans"))
	if err != nil {
		return "", err
	}
	if orphan == "" {
		orphan = fmt.Sprintf("%d entries, %d of them in postings", entries, found)
	}
	return "every entry has its posting and balance: " + orphan, nil
}

// checkLane walks a lane's groups and seals side by side, and counts the entries.
func checkLane(ctx context.Context, tx *sql.Tx, lane *laneHead) (entries int64, breach string, err error) {
	var head []byte
	for after := int64(0); after < lane.Seal; after += sealsAtOnce {
		groups, err := leavesOf(ctx, tx, lane.ID, after, lane.Seal)
		if err != nil {
			return 0, "", err
		}
		seals, err := sealsOf(ctx, tx, lane.ID, after, lane.Seal)
		if err != nil {
			return 0, "", err
		}
		last := min(lane.Seal, after+sealsAtOnce)
		for number := after + 1; number <= last; number++ {
			g, s := take(&groups, number), takeSeal(&seals, number)
			if breach := checkGroup(lane, number, g, s, head); breach != "" {
				return 0, breach, nil
			}
			entries += g.Entries
			if s != nil {
				head = s.Hash[:]
			}
		}
	}
	if !bytes.Equal(head, lane.Head) {
		return 0, fmt.Sprintf("every group is sealed into its lane's chain: lane %d ends with another seal than its %d",
			lane.ID, lane.Sealed), nil
	}
	return entries, "", nil
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
