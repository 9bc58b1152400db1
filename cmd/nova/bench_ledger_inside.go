package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"nova/core/clock"
	"nova/core/ledger"
	"nova/sql"
)

// Postings inside this process, which is the load generator as well, as it is for bare grouped transfers and plain
// SQL; and what sealing costs of them.

// inside measures the writer without HTTP: with many callers, and with one.
func (l *ledgerBench) inside(ctx context.Context) error {
	const nova, grouped = "postings inside the process", "bare grouped transfers"
	before, err := l.groupCount(ctx)
	if err != nil {
		return err
	}
	m, err := l.turns(ctx, []system{
		{nova, func(ctx context.Context, slice time.Duration) (measured, error) {
			m, err := l.measure(func() (measured, error) { return repeat(ctx, l.connections, slice, l.submit) })
			l.made.nova += m.done
			l.insideDone, l.insideSpent = l.insideDone+m.done, l.insideSpent.plus(m.spent)
			return m, err
		}},
		{grouped, func(ctx context.Context, slice time.Duration) (measured, error) {
			m, err := l.measure(func() (measured, error) { return l.group.slice(ctx, slice) })
			l.made.calls += m.done
			return m, err
		}},
	})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("ledger.Writer.Submit of the same postings from %d goroutines in the load generator's process", l.connections)
	l.rate("posting_inside", m[nova], what)
	l.rate("grouped_transfer", m[grouped], fmt.Sprintf("bare transfers, %d to a transaction of one unnest call; %d writers",
		transfersAGroup, groupWriters))
	l.ratio("posting_inside_to_grouped", m[nova], m[grouped], goal{least: 350, says: "inside the process / bare grouped transfers"})
	after, err := l.groupCount(ctx)
	if err != nil {
		return err
	}
	if err := l.sealShare(ctx, groupCount{after.Groups - before.Groups, after.Postings - before.Postings}); err != nil {
		return err
	}
	return l.alone(ctx)
}

// alone measures how long one caller waits who is alone: nobody waits for a group.
func (l *ledgerBench) alone(ctx context.Context) error {
	const nova, plain = "one posting alone", "one plain transfer alone"
	p50 := func(m measured) int { return int(m.percentile(50).Microseconds()) }
	m, err := l.turnsBy(ctx, "µs at the median", p50, []system{
		{nova, func(ctx context.Context, slice time.Duration) (measured, error) {
			m, err := l.measure(func() (measured, error) { return repeat(ctx, 1, slice, l.submit) })
			l.made.nova += m.done
			return m, err
		}},
		{plain, func(ctx context.Context, slice time.Duration) (measured, error) {
			return l.measure(func() (measured, error) { return plainBank{db: l.plain}.run(ctx, 1, slice) })
		}},
	})
	if err != nil {
		return err
	}
	where := l.conditions("one caller, in the load generator's process")
	l.add(figure{Name: "posting_alone_p50", Value: decimal(m[nova]), Unit: "ms", Conditions: where})
	l.add(figure{Name: "plain_transfer_alone_p50", Value: decimal(m[plain]), Unit: "ms", Conditions: where})
	l.ratio("posting_alone_to_plain", m[nova], m[plain], goal{
		most: 1300, says: "p50 of one posting / of one plain transfer of 7 round trips; one caller",
	})
	return nil
}

// submit makes one posting.
func (l *ledgerBench) submit(ctx context.Context) error {
	_, err := l.parts.writer.Submit(ctx, l.command())
	return err
}

// measure adds what a run in this process spent.
func (l *ledgerBench) measure(run func() (measured, error)) (measured, error) {
	before := l.stage.spent()
	m, err := run()
	m.spent = l.stage.spent().minus(before)
	return m, err
}

// groupCount is how many groups were sealed, and the postings in them.
type groupCount struct{ Groups, Postings int }

var groupsSealed = sql.Query{Name: "bench.seals", Text: `select count(*) as groups, coalesce(sum(postings), 0)::bigint as postings from seals`}

func (l *ledgerBench) groupCount(ctx context.Context) (n groupCount, err error) {
	err = l.parts.db.Get(ctx, &n, groupsSealed)
	return n, err
}

// sealTries is how often each part of sealing is done to be timed.
const sealTries = 1001

// medianTime does something often enough. A median, because a part that is so short is disturbed by whoever else has the
// processor.
func medianTime(do func() (time.Duration, error)) (time.Duration, error) {
	times := make([]time.Duration, sealTries)
	for i := range times {
		var err error
		if times[i], err = do(); err != nil {
			return 0, err
		}
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// sealShare sets what sealing takes against the processor time of a posting inside the process. Sealing cannot be left
// out, so its parts are done once more on their own: the text and hashes of a posting, its share of the group's seal and
// tree, and PostgreSQL's own time for the seal's row.
func (l *ledgerBench) sealShare(ctx context.Context, sealed groupCount) error {
	if sealed.Groups == 0 || l.insideDone == 0 {
		return fmt.Errorf("%d groups with %d postings were sealed", sealed.Groups, l.insideDone)
	}
	result, err := l.parts.writer.Submit(ctx, l.command())
	if err != nil {
		return err
	}
	l.made.nova++
	row, err := l.sealRowTime(ctx)
	if err != nil {
		return err
	}
	hashing, err := medianTime(func() (time.Duration, error) {
		began := clock.System{}.Now()
		sealPosting(result.Booked, result.Receipt)
		return clock.System{}.Now().Sub(began), nil
	})
	if err != nil {
		return err
	}
	size := time.Duration(max(sealed.Postings/sealed.Groups, 1))
	each := hashing + (row+hashing)/size // a seal is a shorter text than a posting
	whole := (l.insideSpent.generator + l.insideSpent.postgres) / time.Duration(l.insideDone)
	l.say("  sealing: %v a posting and %v a group of %d, of %v a posting", hashing, row+hashing, size, whole)
	l.ratio("seal_share", int(each), int(whole), goal{most: 30, says: fmt.Sprintf(
		"text, hashes and row of seals, timed on their own / processor time of a posting inside the process; groups of %d", size)})
	return nil
}

// sealPosting does what a seal costs for each posting, in the slower way of fmt: the text, its hash and a tree's node.
func sealPosting(p *ledger.Posting, receipt string) {
	text := fmt.Appendf(make([]byte, 0, 1024), "\x00%s  %d %s %s %s %d:%s %d:%s 0:", p.ID, p.BookedAt.UnixMicro(), p.ValueDate,
		p.Currency, receipt, len(p.Narration), p.Narration, len(p.Reference), p.Reference)
	for _, e := range p.Entries {
		text = fmt.Appendf(text, "\n%s %d %d %s %d %d", e.Account, e.Lane, e.Sequence, e.Side, e.Minor, e.BalanceAfter)
	}
	leaf := sha256.Sum256(text)
	node := append(append(make([]byte, 0, 65), 1), leaf[:]...)
	_ = sha256.Sum256(append(node, leaf[:]...))
}

// explainSeal runs the statement that writes a seal and tells how long PostgreSQL took. Nobody leases the last lane
// here, and the row is not kept.
var explainSeal = sql.Query{
	Name: "bench.seal", Text: "explain (analyze, timing off, costs off) " + sql.Named("ledger").Get("write_seal").Text,
}

const lastLane = 63

func (l *ledgerBench) sealRowTime(ctx context.Context) (time.Duration, error) {
	tx, err := l.parts.db.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	number, hash := 0, sha256.Sum256(nil)
	return medianTime(func() (time.Duration, error) {
		number++
		var plan []string
		err := tx.Select(ctx, &plan, explainSeal, lastLane, number, clock.System{}.Now(), 1, hash[:], hash[:])
		if err != nil {
			return 0, err
		}
		_, took, _ := strings.Cut(plan[len(plan)-1], "Execution Time: ")
		return time.ParseDuration(strings.ReplaceAll(took, " ", ""))
	})
}
