package ledger

import (
	"context"
	"fmt"

	"nova/sql"
)

// Report is what Check found.
type Report struct {
	Accounts, Postings, Entries int64
	// Breach names the first thing that is wrong, and by which rule; empty when the books are right.
	Breach string
}

// checks are the rules that the books must keep, in the order in which they are looked at. Each statement names the
// first row that breaks its rule, and sees one moment.
var checks = []struct {
	rule  string
	query sql.Query
}{
	{"debits equal credits", queries.Get("check_totals")},
	{"every posting balances", queries.Get("check_postings")},
	{"every entry has its posting and balance", queries.Get("check_orphans")},
	{"every balance is the sum of its entries, numbered without gaps", queries.Get("check_balances")},
	{"every entry follows from the one before", queries.Get("check_running")},
	{"no account is under its floor", queries.Get("check_floors")},
	{"what is held is held by active holds", queries.Get("check_holds")},
	{"every lane's groups are whole", queries.Get("check_places")},
	{"every transaction has its posting", queries.Get("check_facts")},
	{"every claimed key has its outcome", queries.Get("check_keys")},
}

// Check reads the whole books and proves them. It is for tests, benches and operators: it takes as long as there are
// entries.
func (s *Store) Check(ctx context.Context) (report Report, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		report = Report{}
		var set string
		if err := tx.Get(ctx, &set, queries.Get("check_plans")); err != nil {
			return err
		}
		if err := tx.Get(ctx, &report, queries.Get("check_figures")); err != nil {
			return err
		}
		report.Breach, err = firstBreach(ctx, tx)
		return err
	})
	return report, err
}

func firstBreach(ctx context.Context, tx *sql.Tx) (string, error) {
	for _, c := range checks {
		var breach string
		err := tx.Get(ctx, &breach, c.query)
		if sql.NoRows(err) {
			continue
		}
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s: %s", c.rule, breach), nil
	}
	return "", nil
}
