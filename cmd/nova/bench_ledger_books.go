package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"nova/core/clock"
	"nova/core/ledger"
	"nova/sql"
)

const (
	// leastEntries is how many entries must be there for the check's speed to mean something.
	leastEntries = 300_000
	// checkRounds is how often the books are checked for the median.
	checkRounds = 3
)

// bookSize is what the postings take on disk, with what belongs to them, and how many transactions there are. Rows
// includes what is stored beside a table for long values and free space.
type bookSize struct{ Rows, Indexes, Postings int }

var (
	bookSizes = sql.Query{Name: "bench.size", Text: `
		select sum(pg_table_size(oid))::bigint as rows, sum(pg_indexes_size(oid))::bigint as indexes,
		       (select count(*) from transactions) as postings
		from pg_class
		where relkind = 'r' and relnamespace = 'public'::regnamespace
		  and relname ~ '^(entries_.*|postings|transactions|notices|idempotency_keys|seals)$'`}
	entriesWritten = sql.Query{Name: "bench.entries", Text: `select count(*) from entries`}
	// bankSums are the client's books: what its accounts hold, and what came from trust.
	bankSums = sql.Query{Name: "bench.sums", Text: `
		select coalesce(sum(posted) filter (where credit_normal), 0)::bigint as wallets,
		       coalesce(sum(posted) filter (where not credit_normal), 0)::bigint as trust
		from balances b join accounts a on a.id = b.account_id where a.opened_by = $1`}
)

func (l *ledgerBench) bookSize(ctx context.Context) (s bookSize, err error) {
	err = l.parts.db.Get(ctx, &s, bookSizes)
	return s, err
}

// prove stops the servers and looks at the books: they must be whole, and hold what the answers said. What that takes
// is measured, and so is what they take on disk.
func (l *ledgerBench) prove(ctx context.Context) error {
	if err := errors.Join(l.nova.stop(), l.bare.stop()); err != nil {
		return err
	}
	if err := l.fill(ctx); err != nil {
		return err
	}
	if err := l.parts.db.ExecText(ctx, "vacuum analyze"); err != nil {
		return err
	}
	if err := l.weigh(ctx); err != nil {
		return err
	}
	var speeds []int
	for range checkRounds {
		began := clock.System{}.Now()
		report, points, err := proveLedger(ctx, l.parts)
		if err != nil {
			return err
		}
		if points == 0 {
			return errors.New("no checkpoint was written")
		}
		took := clock.System{}.Now().Sub(began)
		l.say("  %d postings, %d entries and %d checkpoints are right, seen in %v", report.Postings, report.Entries, points, took)
		speeds = append(speeds, measured{done: int(report.Entries), took: took}.perSecond())
	}
	slices.Sort(speeds)
	what := fmt.Sprintf("nova ledger verify: all checks of the books, then of their checkpoints; median of %d", checkRounds)
	l.judge(figure{Name: "verified_entries_per_second", Unit: "1/s", Conditions: l.conditions(what)},
		speeds[len(speeds)/2]*1000, goal{least: 200_000_000})
	return errors.Join(l.proveAnswers(ctx), l.group.check(ctx, l.made.calls, l.made.rows))
}

// fill posts more where the run was too short for the check.
func (l *ledgerBench) fill(ctx context.Context) error {
	for {
		var entries int
		if err := l.parts.db.Get(ctx, &entries, entriesWritten); err != nil || entries >= leastEntries {
			return err
		}
		m, err := repeat(ctx, l.connections, time.Second, l.submit)
		l.made.nova += m.done
		if err != nil {
			return err
		}
	}
}

// weigh tells what a posting takes on disk.
func (l *ledgerBench) weigh(ctx context.Context) error {
	now, err := l.bookSize(ctx)
	if err != nil {
		return err
	}
	n := max(now.Postings-l.before.Postings, 1)
	rows, indexes := (now.Rows-l.before.Rows)/n, (now.Indexes-l.before.Indexes)/n
	what := fmt.Sprintf("posting, 2 entries, transaction, key, seal (a client's posting has no notices); after vacuum, over %d postings", n)
	l.judge(figure{Name: "posting_bytes", Unit: "B", Conditions: "rows and indexes of " + what}, (rows+indexes)*1000, goal{most: 1500_000})
	l.add(figure{Name: "posting_row_bytes", Value: decimal(rows * 1000), Unit: "B", Conditions: "without indexes; " + what})
	return nil
}

// proveAnswers compares the books with what was answered.
func (l *ledgerBench) proveAnswers(ctx context.Context) error {
	s, err := l.bookSize(ctx)
	if err != nil {
		return err
	}
	var sums struct{ Wallets, Trust int64 }
	if err := l.parts.db.Get(ctx, &sums, bankSums, l.client.String()); err != nil {
		return err
	}
	if want := int64(bankAccounts) * bankStart; s.Postings != l.made.nova || sums.Wallets != want || sums.Trust != want {
		return fmt.Errorf("%d transactions and %+v after %d answers, and the accounts should hold %d",
			s.Postings, sums, l.made.nova, want)
	}
	return nil
}

// proveLedger checks the whole books and their checkpoints, as `nova ledger verify` does besides the limits' counters, and
// tells how many checkpoints there are.
func proveLedger(ctx context.Context, p *parts) (report ledger.Report, checkpoints int64, err error) {
	// A connection whose answers may take as long as they need.
	books := ledger.NewStore(p.proofDB, p.clock)
	if report, err = books.Check(ctx); err != nil {
		return report, 0, err
	}
	points, err := books.CheckCheckpoints(ctx, p.checkpoints, p.sealer, "")
	if err != nil {
		return report, 0, err
	}
	if breach := report.Breach + points.Breach; breach != "" {
		return report, 0, fmt.Errorf("the ledger is broken: %s", breach)
	}
	return report, points.Checkpoints, nil
}
