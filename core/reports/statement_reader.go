package reports

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/core/ledger"
	"nova/core/money"
)

// fewest is how many entries of a lane are read at least where an account has several: its lanes rarely take turns.
const fewest = 20

// StatementReader walks through a statement from its oldest line to its newest. Lines of several lanes are merged by
// their time, so that a system account reads as one. It is not safe for concurrent use.
type StatementReader struct {
	Statement
	s     *Statements
	lanes []*laneReader

	// balance is the account's after the last line read, debits and credits what the lines came to.
	balance         int64
	debits, credits money.Amount
	place           Place
}

// laneReader is what is still to be read of one lane.
type laneReader struct {
	span   ledger.LaneSpan
	after  int64 // sequence of the last entry fetched
	buffer []ledger.StatementEntry
}

func (l *laneReader) done() bool { return len(l.buffer) == 0 && l.after >= l.span.Last }

// Next reads some lines more; none at the end. What was read is checked there against the statement's closing balance.
func (r *StatementReader) Next(ctx context.Context) ([]StatementLine, error) {
	return r.read(ctx, chunk)
}

// Totals are the sums of the lines read so far.
func (r *StatementReader) Totals() (debits, credits money.Amount) { return r.debits, r.credits }

func (r *StatementReader) amount(minor int64) money.Amount {
	return money.Of(minor, r.Account.Currency)
}

// done tells that every line has been read.
func (r *StatementReader) done() bool {
	for _, lane := range r.lanes {
		if !lane.done() {
			return false
		}
	}
	return true
}

// skip goes on after a place. Lines stand in the order of their time, then their lane, then their sequence: of the
// lanes before the place's, what was booked at its time has been read, and of those behind it, not yet.
func (r *StatementReader) skip(ctx context.Context, after Place) error {
	r.balance, r.place = after.Balance, after
	for _, lane := range r.lanes {
		if lane.span.Lane == after.Lane {
			lane.after = after.Sequence
		}
	}
	if len(r.lanes) == 1 {
		return nil
	}
	later, err := r.firstOf(ctx, after.BookedAt.Add(time.Microsecond))
	if err != nil {
		return err
	}
	same, err := r.firstOf(ctx, after.BookedAt)
	if err != nil {
		return err
	}
	for _, lane := range r.lanes {
		switch {
		case lane.span.Lane < after.Lane:
			lane.after = later[lane.span.Lane] - 1
		case lane.span.Lane > after.Lane:
			lane.after = same[lane.span.Lane] - 1
		}
	}
	return nil
}

// firstOf is the sequence of each lane's first entry from a time on.
func (r *StatementReader) firstOf(ctx context.Context, from time.Time) (map[int]int64, error) {
	first := map[int]int64{}
	for _, lane := range r.lanes {
		first[lane.span.Lane] = lane.span.Last + 1
	}
	if !from.Before(r.Period.To) {
		return first, nil
	}
	span, err := r.s.o.Books.Span(ctx, r.Account.ID, from, r.Period.To)
	if err != nil {
		return nil, err
	}
	for _, lane := range span.Lanes {
		first[lane.Lane] = lane.First
	}
	return first, nil
}

// read takes up to n lines with the facts behind them.
func (r *StatementReader) read(ctx context.Context, n int) ([]StatementLine, error) {
	lines := make([]StatementLine, 0, n)
	for len(lines) < n {
		lane, err := r.earliest(ctx, n-len(lines))
		if err != nil {
			return nil, err
		}
		if lane == nil {
			break
		}
		line, err := r.take(lane)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	if r.done() && r.balance != r.Closing.Minor {
		return nil, fmt.Errorf("statement of account %s from %s to %s does not tie: lines lead to %d, not %d",
			r.Account.ID, r.Period.From, r.Period.To, r.balance, r.Closing.Minor)
	}
	return lines, r.addFacts(ctx, lines)
}

// earliest is the lane whose next line comes first; nil where nothing is left. Where entries must be fetched for it,
// about n are wanted.
func (r *StatementReader) earliest(ctx context.Context, n int) (*laneReader, error) {
	var first *laneReader
	for _, lane := range r.lanes {
		if lane.done() {
			continue
		}
		if err := r.fetch(ctx, lane, n); err != nil {
			return nil, err
		}
		// Lanes stand in their order, so at the same time the lower one comes first.
		if first == nil || lane.buffer[0].BookedAt.Before(first.buffer[0].BookedAt) {
			first = lane
		}
	}
	return first, nil
}

// fetch makes sure that a lane which is not done has its next entry at hand.
func (r *StatementReader) fetch(ctx context.Context, lane *laneReader, n int) error {
	if len(lane.buffer) > 0 {
		return nil
	}
	if len(r.lanes) > 1 {
		n = max(n/len(r.lanes), fewest)
	}
	var err error
	lane.buffer, err = r.s.o.Books.EntriesOfSpan(ctx, r.Account.ID, lane.span, lane.after, n)
	if err != nil {
		return err
	}
	if len(lane.buffer) == 0 {
		return fmt.Errorf("account %s lane %d has no entries from %d to %d", r.Account.ID, lane.span.Lane,
			lane.after+1, lane.span.Last)
	}
	lane.after = lane.buffer[len(lane.buffer)-1].Sequence
	return nil
}

// take is the lane's next line.
func (r *StatementReader) take(lane *laneReader) (StatementLine, error) {
	e := lane.buffer[0]
	lane.buffer = lane.buffer[1:]
	if e.Side == r.Account.Product.Normal() {
		r.balance += e.Minor
	} else {
		r.balance -= e.Minor
	}
	total := &r.debits
	if e.Side == ledger.Credit {
		total = &r.credits
	}
	var err error
	*total, err = total.Add(r.amount(e.Minor))
	r.place = Place{To: r.Period.To, BookedAt: e.BookedAt, Lane: e.Lane, Sequence: e.Sequence, Balance: r.balance}
	return StatementLine{
		Posting: e.Posting, BookedAt: e.BookedAt, ValueDate: e.ValueDate, Side: e.Side, Amount: r.amount(e.Minor),
		Balance: r.amount(r.balance), Narration: e.Narration, Reference: e.Reference, Transaction: e.Transaction,
	}, err
}

// addFacts fills in what people know about the lines.
func (r *StatementReader) addFacts(ctx context.Context, lines []StatementLine) error {
	var wanted []uuid.UUID
	for i := range lines {
		if lines[i].Transaction != uuid.Nil {
			wanted = append(wanted, lines[i].Transaction)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	facts, err := r.s.o.Facts.ByIDs(ctx, wanted)
	if err != nil {
		return err
	}
	for i := range lines {
		if t, known := facts[lines[i].Transaction]; known {
			lines[i].Receipt, lines[i].Type = t.Receipt, t.Type
			lines[i].Counterparty = counterparty(&t, r.Account.ID)
		}
	}
	return nil
}
