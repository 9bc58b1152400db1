package bank

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/transactions"
	"nova/sql"
)

// firstDay is the earliest that a posting may be dated back to: no books here are older.
const firstDay clock.Day = "1970-01-01"

// Entry is one debit or credit that a client asks for.
type Entry struct {
	Account uuid.UUID
	Side    ledger.Side
	Amount  money.Amount
}

// NewPosting is what a client posts. Reference is its own, and unique to it for ever. An empty ValueDate is the day of
// booking.
type NewPosting struct {
	Entries              []Entry
	Narration, Reference string
	ValueDate            clock.Day
	Metadata             map[string]string
}

// Posted is a posting with the receipt of the transaction that it books. Mine tells of which of its accounts the client
// may know the balance: an overdraft line brings entries of Nova's own books with it. Replayed tells that this is the
// first answer again; it stands beside a refusal as well.
type Posted struct {
	ledger.Posting
	Receipt  string
	Mine     map[uuid.UUID]bool
	Replayed bool
}

// Post books a balanced posting, once for its key and once for its reference.
func (s *Service) Post(ctx context.Context, o Order, n NewPosting) (Posted, error) {
	if err := n.check(); err != nil {
		return Posted{}, err
	}
	mine, err := s.usable(ctx, o.Client, accountsOf(n.Entries), entryField)
	if err != nil {
		result, err := s.before(ctx, o, err)
		return s.posted(ctx, o, nil, result, err)
	}
	c := s.command(o, n.Entries)
	c.Narration, c.Reference, c.ValueDate, c.Metadata = n.Narration, n.Reference, n.ValueDate, n.Metadata
	c.Transaction = s.fact(o, c, n.Entries, mine)
	result, err := s.submit(ctx, c)
	return s.posted(ctx, o, mine, result, err)
}

// check refuses what no command can say.
func (n NewPosting) check() error {
	err := checkTexts(text{"narration", n.Narration, 1, MaxNarration}, text{"reference", n.Reference, 1, MaxReference})
	if err != nil {
		return err
	}
	if n.ValueDate != "" && n.ValueDate < firstDay {
		return fault.New(fault.ValidationError, "value date %s", n.ValueDate).Field("value_date", "is before "+string(firstDay))
	}
	if err := checkMetadata(n.Metadata); err != nil {
		return err
	}
	return checkEntries(n.Entries)
}

// checkEntries leaves to the ledger whether debits equal credits.
func checkEntries(entries []Entry) error {
	if len(entries) < 2 || len(entries) > ledger.MaxLines {
		return fault.New(fault.ValidationError, "%d entries", len(entries)).
			Field("entries", fmt.Sprintf("must be 2 to %d", ledger.MaxLines))
	}
	for i, e := range entries {
		if !e.Amount.IsPositive() {
			return fault.New(fault.ValidationError, "entry of %d", e.Amount.Minor).
				Field(fmt.Sprintf("entries[%d].amount", i), "must be above zero")
		}
		if e.Amount.Currency != entries[0].Amount.Currency {
			return fault.New(fault.CurrencyMismatch, "entries in %s and %s", entries[0].Amount.Currency, e.Amount.Currency).
				Field(fmt.Sprintf("entries[%d].amount", i), "is in another currency than the first")
		}
	}
	return nil
}

func accountsOf(entries []Entry) []uuid.UUID {
	named := make([]uuid.UUID, len(entries))
	for i, e := range entries {
		named[i] = e.Account
	}
	return named
}

// command is a posting of entries as the ledger takes it.
func (s *Service) command(o Order, entries []Entry) *ledger.Command {
	c := &ledger.Command{
		Key: o.Key, Body: o.Body, Currency: entries[0].Amount.Currency, Posting: ids.New(s.clock.Now()),
		Lines: make([]ledger.Line, len(entries)),
	}
	for i, e := range entries {
		c.Lines[i] = ledger.Line{Account: e.Account, Side: e.Side, Minor: e.Amount.Minor}
	}
	return c
}

// fact is the transaction that a client's posting books. Its amount is what moved, and it has parties where money goes
// from one account to one other.
func (s *Service) fact(o Order, c *ledger.Command, entries []Entry, mine accounts) *transactions.Transaction {
	none := money.Of(0, c.Currency)
	t := &transactions.Transaction{
		ID: c.Posting, Type: transactions.Posting, Status: transactions.Completed, Channel: transactions.API,
		Amount: money.Of(moved(entries), c.Currency), Fee: none, Tax: none, Commission: none,
		Client: o.Client, Reference: c.Reference, CreatedAt: s.clock.Now(),
	}
	if len(entries) == 2 && entries[0].Side != entries[1].Side {
		from, to := mine[entries[0].Account], mine[entries[1].Account]
		if entries[0].Side == ledger.Credit {
			from, to = to, from
		}
		t.From = transactions.Party{Account: from.ID, Name: from.Name}
		t.To = transactions.Party{Account: to.ID, Name: to.Name}
	}
	return t
}

// moved is the sum of the debits. A sum beyond int64 stops there: the ledger refuses such a posting.
func moved(entries []Entry) int64 {
	var sum int64
	for _, e := range entries {
		if e.Side != ledger.Debit {
			continue
		}
		if sum > math.MaxInt64-e.Amount.Minor {
			return math.MaxInt64
		}
		sum += e.Amount.Minor
	}
	return sum
}

// submit hands a command to the ledger, and adds to its refusal the field that the body's own entries are at fault in.
func (s *Service) submit(ctx context.Context, c *ledger.Command) (ledger.Result, error) {
	result, err := s.writer.Submit(ctx, c)
	if fault.Is(err, fault.UnbalancedPosting) {
		err = fault.From(err).Field("entries", "debits and credits differ")
	}
	return result, err
}

// before answers an order that is refused before the ledger sees it with its first answer, if it had one: an account
// that was taken from the client meanwhile, or a posting that this very order reversed.
func (s *Service) before(ctx context.Context, o Order, refusal error) (ledger.Result, error) {
	result, found, err := s.ledger.Outcome(ctx, o.Key)
	if !found {
		return ledger.Result{}, refusal // a failed look tells nothing that the refusal does not
	}
	if claimed := s.claimed(ctx, o); claimed != nil {
		return ledger.Result{}, claimed
	}
	return result, err
}

// errFree tells that an order's key has no outcome after all.
var errFree = errors.New("the key is free")

// claimed is nil where the order's key was used for its own body, and IDEMPOTENCY_CONFLICT where it was for another. It
// claims nothing: a key that turns out to be free is given up again.
func (s *Service) claimed(ctx context.Context, o Order) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		stored, err := s.ledger.ClaimIn(ctx, tx, o.Key, o.Body)
		if err == nil && stored == nil {
			return errFree
		}
		return err
	})
}

// Posting reads a posting that the client booked; NOT_FOUND for any other.
func (s *Service) Posting(ctx context.Context, client, id uuid.UUID) (Posted, error) {
	fact, err := s.booked(ctx, client, id)
	if err != nil {
		return Posted{}, err
	}
	p, err := s.ledger.Posting(ctx, id)
	if err != nil {
		return Posted{}, err
	}
	mine, err := s.mine(ctx, client, touched(p))
	return Posted{Posting: p, Receipt: fact.Receipt, Mine: known(mine)}, err
}

// booked is the transaction behind a posting of the client.
func (s *Service) booked(ctx context.Context, client, id uuid.UUID) (transactions.Transaction, error) {
	fact, err := s.transactions.ByID(ctx, id)
	if err == nil && fact.Client != client {
		return fact, fault.New(fault.NotFound, "posting %s is not of client %s", id, client)
	}
	return fact, err
}

// posted is what was booked, as it was first answered: a first answer has it, and for a repeated one it is read. The rows
// of a posting never change, and that it was reversed since is not part of its answer. mine are the client's accounts
// where they are known, else they are looked up.
func (s *Service) posted(ctx context.Context, o Order, mine accounts, result ledger.Result, refusal error) (
	Posted, error,
) {
	if refusal != nil {
		return Posted{Replayed: result.Replayed}, refusal
	}
	var p ledger.Posting
	var err error
	if result.Booked != nil {
		p = *result.Booked
	} else {
		p, err = s.ledger.Posting(ctx, result.Posting)
	}
	if err == nil && mine == nil {
		mine, err = s.mine(ctx, o.Client, touched(p))
	}
	if err != nil {
		// The money has moved: whatever broke since, nobody may be told that it did not.
		return Posted{}, fault.Wrap(err, fault.IdempotencyInProgress, "read posting %s", result.Posting)
	}
	p.ReversedBy = uuid.Nil
	return Posted{Posting: p, Receipt: result.Receipt, Mine: known(mine), Replayed: result.Replayed}, nil
}

// touched are the accounts of a posting's entries.
func touched(p ledger.Posting) []uuid.UUID {
	all := make([]uuid.UUID, len(p.Entries))
	for i, e := range p.Entries {
		all[i] = e.Account
	}
	return all
}

func known(mine accounts) map[uuid.UUID]bool {
	ids := make(map[uuid.UUID]bool, len(mine))
	for id := range mine {
		ids[id] = true
	}
	return ids
}
