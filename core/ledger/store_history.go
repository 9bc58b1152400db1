package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/money"
	"nova/sql"
)

// SettledAfter is how old a moment must be before the books may be asked how they stood then: a group that is on its way
// to the disk has its time already. Only one whose database is in trouble takes longer.
const SettledAfter = 5 * time.Second

// settled refuses a moment that postings may still be booked before.
func (s *Store) settled(at time.Time, field string) error {
	if at.After(s.clock.Now().Add(-SettledAfter)) {
		return fault.New(fault.ValidationError, "the books as of %s are not settled yet", at).
			Field(field, "must be more than 5 seconds ago")
	}
	return nil
}

// BalanceAt is an account's money as it stood at a time, with all that was booked at that very microsecond. Available
// is by today's floor, and no overdraft is told. Errors: NOT_FOUND; VALIDATION_ERROR on as_of for a time that is not 5
// seconds past.
func (s *Store) BalanceAt(ctx context.Context, id uuid.UUID, at time.Time) (Balance, error) {
	if err := s.settled(at, "as_of"); err != nil {
		return Balance{}, err
	}
	a, err := s.Account(ctx, id)
	if err != nil {
		return Balance{}, err
	}
	until := at.Truncate(time.Microsecond).Add(time.Microsecond)
	lanes, err := s.lanesBefore(ctx, id, until)
	if err != nil {
		return Balance{}, err
	}
	state := account{floor: a.Floor, currency: a.Currency, status: a.Status, bookedAt: at.UTC()}
	if err := s.db.Get(ctx, &state.held, queries.Get("held_before"), id, until); err != nil {
		return Balance{}, err
	}
	for _, l := range lanes {
		state.posted += l.Posted
		state.sequence += l.Sequence
	}
	return state.balance(), nil
}

// laneBefore is how an account's lane stood before a time.
type laneBefore struct {
	Lane             int
	Sequence, Posted int64
}

func (s *Store) lanesBefore(ctx context.Context, account uuid.UUID, until time.Time) ([]laneBefore, error) {
	var lanes []laneBefore
	err := s.db.Select(ctx, &lanes, queries.Get("balances_before"), account, until)
	return lanes, err
}

// SequenceBefore is the number of the last entry of a person's account that was booked before a time; 0 for none.
func (s *Store) SequenceBefore(ctx context.Context, account uuid.UUID, until time.Time) (int64, error) {
	lanes, err := s.lanesBefore(ctx, account, until)
	if err != nil || len(lanes) == 0 {
		return 0, err
	}
	return lanes[0].Sequence, nil
}

// Span is a stretch of an account's entries by time, found in as many look-ups as its number of entries has bits.
type Span struct {
	Account uuid.UUID
	// From is within it, To is not.
	From, To time.Time
	// Opening and Closing are the posted balances before From and before To, in minor units on the normal side.
	Opening, Closing int64
	// Entries is how many there are.
	Entries int64
	Lanes   []LaneSpan
}

// LaneSpan is a span's share of one lane: the sequences First to Last, none where First is above Last.
type LaneSpan struct {
	Lane             int
	Opening, Closing int64
	First, Last      int64
}

// Span finds an account's entries booked at from or later, and before to. Errors: NOT_FOUND; VALIDATION_ERROR on to for
// a time that is not 5 seconds past: what is not settled yet cannot be stated.
func (s *Store) Span(ctx context.Context, account uuid.UUID, from, to time.Time) (Span, error) {
	if !from.Before(to) {
		return Span{}, fault.New(fault.ValidationError, "span from %s to %s", from, to).Field("to", "must be after from")
	}
	if err := s.settled(to, "to"); err != nil {
		return Span{}, err
	}
	before, err := s.lanesBefore(ctx, account, from)
	if err != nil {
		return Span{}, err
	}
	until, err := s.lanesBefore(ctx, account, to)
	if err != nil {
		return Span{}, err
	}
	if len(until) == 0 {
		return Span{}, fault.New(fault.NotFound, "account %s", account)
	}
	earlier := make(map[int]laneBefore, len(before))
	for _, l := range before {
		earlier[l.Lane] = l
	}
	span := Span{Account: account, From: from.UTC(), To: to.UTC()}
	for _, l := range until {
		was := earlier[l.Lane]
		span.Opening += was.Posted
		span.Closing += l.Posted
		span.Entries += l.Sequence - was.Sequence
		span.Lanes = append(span.Lanes, LaneSpan{
			Lane: l.Lane, Opening: was.Posted, Closing: l.Posted, First: was.Sequence + 1, Last: l.Sequence,
		})
	}
	return span, nil
}

// StatementEntry is an entry with what a statement says about it. Transaction is zero where the posting books none.
type StatementEntry struct {
	Entry
	Narration, Reference string
	ValueDate            clock.Day
	Transaction          uuid.UUID
}

// EntriesOfSpan reads at most n entries of a lane's share that come after a sequence, the oldest first; MaxPage bounds n.
func (s *Store) EntriesOfSpan(ctx context.Context, account uuid.UUID, lane LaneSpan, after int64, n int) (
	[]StatementEntry, error,
) {
	var rows []struct {
		entryRow
		Narration     string
		Reference     string
		ValueDate     clock.Day     `db:"value_date"`
		TransactionID uuid.NullUUID `db:"transaction_id"`
	}
	err := s.db.Select(ctx, &rows, queries.Get("statement"), account, lane.Lane, max(after, lane.First-1), lane.Last,
		min(n, MaxPage))
	if err != nil {
		return nil, err
	}
	entries := make([]StatementEntry, len(rows))
	for i := range rows {
		r := &rows[i]
		entries[i] = StatementEntry{
			Entry: r.entry(), Narration: r.Narration, Reference: r.Reference, ValueDate: r.ValueDate,
			Transaction: r.TransactionID.UUID,
		}
	}
	return entries, nil
}

// Posting is a balanced set of entries as it stands in the books.
type Posting struct {
	ID uuid.UUID
	// Reverses and ReversedBy are zero for a posting that reverses none and one that was not reversed.
	Reverses, ReversedBy uuid.UUID
	// Lane, Seal and Place say where it was written: in which lane and group, and as which of that group.
	Lane  int
	Seal  int64
	Place int

	BookedAt             time.Time
	ValueDate            clock.Day
	Currency             money.Currency
	Narration, Reference string
	Metadata             map[string]string
	Entries              []Entry
	// Hash is its leaf in the seal's Merkle tree.
	Hash Hash
	// metadata is as it stands.
	metadata string
}

// Posting answers NOT_FOUND for an id that there is not.
func (s *Store) Posting(ctx context.Context, id uuid.UUID) (Posting, error) {
	var r struct {
		ID         uuid.UUID
		Reverses   uuid.NullUUID
		ReversedBy uuid.NullUUID `db:"reversed_by"`
		Lane       int
		Seal       int64
		Place      int
		BookedAt   time.Time `db:"booked_at"`
		ValueDate  clock.Day `db:"value_date"`
		Currency   money.Currency
		Narration  string
		Reference  string
		Metadata   string
		Receipt    string
	}
	err := s.db.Get(ctx, &r, queries.Get("posting"), id)
	if sql.NoRows(err) {
		return Posting{}, fault.New(fault.NotFound, "posting %s", id)
	}
	if err != nil {
		return Posting{}, err
	}
	p := Posting{
		ID: r.ID, Reverses: r.Reverses.UUID, ReversedBy: r.ReversedBy.UUID, Lane: r.Lane, Seal: r.Seal, Place: r.Place,
		BookedAt: r.BookedAt.UTC(), ValueDate: r.ValueDate, Currency: r.Currency, Narration: r.Narration,
		Reference: r.Reference,
	}
	if p.Metadata, err = metadataOf(r.Metadata); err != nil {
		return Posting{}, err
	}
	if p.Entries, err = s.EntriesOf(ctx, id); err != nil {
		return Posting{}, err
	}
	p.metadata = r.Metadata
	p.Hash = leafHash(p.row(r.Receipt), p.Entries)
	return p, nil
}

// row is the posting as it is hashed.
func (p *Posting) row(receipt string) *posting {
	return &posting{
		id: p.ID, reverses: p.Reverses, bookedAt: p.BookedAt, valueDate: p.ValueDate, currency: p.Currency,
		narration: p.Narration, reference: p.Reference, metadata: p.metadata, receipt: receipt,
	}
}

// Reversal is the command that takes a posting back to the cent: every line on the other side, linked to it. The caller
// gives it its key, body, posting id and reason. Errors: NOT_FOUND; ALREADY_REVERSED; INVALID_STATE for a posting that
// is a reversal itself.
func (s *Store) Reversal(ctx context.Context, id uuid.UUID) (*Command, error) {
	p, err := s.Posting(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.Reverses != uuid.Nil {
		return nil, fault.New(fault.InvalidState, "posting %s is a reversal", id)
	}
	if p.ReversedBy != uuid.Nil {
		return nil, fault.New(fault.AlreadyReversed, "posting %s by %s", id, p.ReversedBy)
	}
	c := &Command{Currency: p.Currency, Reverses: id}
	for i := range p.Entries {
		e := &p.Entries[i]
		side := Debit
		if e.Side == Debit {
			side = Credit
		}
		c.Lines = append(c.Lines, Line{Account: e.Account, Side: side, Minor: e.Minor})
	}
	if len(c.Lines) == 0 {
		return nil, fmt.Errorf("posting %s has no entries", id)
	}
	return c, nil
}
