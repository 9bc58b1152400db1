package reports

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/transactions"
)

// chunk is how many lines of a statement are read at once: enough that the reading costs little, and few enough that
// a download needs no memory to speak of, however long it is.
const chunk = 500

// StatementBooks is what a statement reads of the ledger.
type StatementBooks interface {
	Span(ctx context.Context, account uuid.UUID, from, to time.Time) (ledger.Span, error)
	EntriesOfSpan(ctx context.Context, account uuid.UUID, lane ledger.LaneSpan, after int64, n int) (
		[]ledger.StatementEntry, error)
}

// StatementFacts finds the business facts behind postings; postings without one are absent.
type StatementFacts interface {
	ByIDs(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]transactions.Transaction, error)
}

// StatementOptions are what Statements are made of.
type StatementOptions struct {
	Books    StatementBooks
	Facts    StatementFacts
	Clock    clock.Clock
	Location *time.Location
}

// Statements reads what happened on an account in a period. It is safe for concurrent use. Who may read which account
// is decided by its callers.
type Statements struct{ o StatementOptions }

// NewStatements joins the parts.
func NewStatements(o StatementOptions) *Statements { return &Statements{o: o} }

// Statement is an account's period: what there was before, after, and how many entries lie between.
type Statement struct {
	Account          ledger.Account
	Period           Period
	Opening, Closing money.Amount
	Entries          int64
	// Market is where the account's days begin and end.
	Market *time.Location
}

// StatementLine is one entry as its owner recognises it. Balance is the whole account's, over all of its lanes.
type StatementLine struct {
	Posting              uuid.UUID
	BookedAt             time.Time
	ValueDate            clock.Day
	Side                 ledger.Side
	Amount, Balance      money.Amount
	Narration, Reference string
	// Transaction, Receipt and Type are of the business fact behind the posting; zero where there is none.
	Transaction uuid.UUID
	Receipt     string
	Type        transactions.Type
	// Counterparty is the other side of the fact, by the name that was shown when it was made.
	Counterparty string
}

// Place is where a page of a statement ends. The next page goes on from there, and to the same end of the period.
type Place struct {
	To       time.Time
	BookedAt time.Time
	Lane     int
	Sequence int64
	// Balance is the account's after the entry there.
	Balance int64
}

// StatementPage is a part of a statement: Opening and its lines make Closing, which is the next page's Opening. The
// first page opens with the statement's Opening, and the last one closes with its Closing.
type StatementPage struct {
	Statement
	PageOpening, PageClosing money.Amount
	// Debits and Credits are the sums of the page's lines.
	Debits, Credits money.Amount
	Lines           []StatementLine
	// Next is nil on the last page.
	Next *Place
}

// Page reads at most n lines after a place; nil means from the beginning. The time it takes does not grow with the
// account's history or the period.
func (s *Statements) Page(ctx context.Context, a ledger.Account, p Period, after *Place, n int) (StatementPage, error) {
	r, err := s.open(ctx, a, p)
	if err != nil {
		return StatementPage{}, err
	}
	if after != nil {
		if err := r.skip(ctx, *after); err != nil {
			return StatementPage{}, err
		}
	}
	page := StatementPage{Statement: r.Statement, PageOpening: r.amount(r.balance)}
	if page.Lines, err = r.read(ctx, n); err != nil {
		return StatementPage{}, err
	}
	page.PageClosing, page.Debits, page.Credits = r.amount(r.balance), r.debits, r.credits
	if !r.done() {
		next := r.place
		page.Next = &next
	}
	return page, nil
}

// Whole opens a statement that is read from one end to the other. More than most entries are a VALIDATION_ERROR on to,
// which says how many there are.
func (s *Statements) Whole(ctx context.Context, a ledger.Account, p Period, most int64) (*StatementReader, error) {
	r, err := s.open(ctx, a, p)
	if err == nil && r.Entries > most {
		return nil, fault.New(fault.ValidationError, "statement of %d entries", r.Entries).
			Field("to", fmt.Sprintf("makes a statement of %d entries, and this format has at most %d", r.Entries, most))
	}
	return r, err
}

func (s *Statements) open(ctx context.Context, a ledger.Account, p Period) (*StatementReader, error) {
	span, err := s.o.Books.Span(ctx, a.ID, p.From, p.To)
	if err != nil {
		return nil, err
	}
	r := &StatementReader{
		Statement: Statement{
			Account: a, Period: p, Opening: money.Of(span.Opening, a.Currency), Closing: money.Of(span.Closing, a.Currency),
			Entries: span.Entries, Market: s.o.Location,
		},
		s: s, balance: span.Opening, debits: money.Of(0, a.Currency), credits: money.Of(0, a.Currency),
	}
	for _, lane := range span.Lanes {
		r.lanes = append(r.lanes, &laneReader{span: lane, after: lane.First - 1})
	}
	return r, nil
}

// counterparty is the other side of a fact. An account that is neither side, as the house's own, sees who paid.
func counterparty(t *transactions.Transaction, account uuid.UUID) string {
	if t.From.Account == account {
		return t.To.Name
	}
	return t.From.Name
}
