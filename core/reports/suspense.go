package reports

import (
	"context"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/sql"
)

// The owner of Nova's own accounts, and the scope of what it does by itself.
const (
	houseKind  = "house"
	houseID    = "nova"
	houseScope = houseKind + ":" + houseID
)

const (
	// MaxReference and MaxNote are characters. A reference is what the bank's statement calls the money.
	MaxReference = 64
	MaxNote      = 200
	// MaxSuspense bounds a list of items. There are few, or something is very wrong.
	MaxSuspense = 500
)

// settledTo are the products that money in suspense may turn out to belong to; trust sends it back where it came from.
var settledTo = []ledger.Product{ledger.Wallet, ledger.Float, ledger.Savings, ledger.Trust}

// SuspenseItem is money in trust of which nobody knew whose it was.
type SuspenseItem struct {
	ID        uuid.UUID
	Amount    money.Amount
	Reference string
	Note      string
	OpenedBy  string
	OpenedAt  time.Time
	// Age is how many days of the market it has waited, or did until it was settled.
	Age int
	// SettledAt is zero while nobody knows.
	SettledAt   time.Time
	SettledTo   uuid.UUID
	SettledBy   string
	SettledNote string
}

// NewSuspense is money that came into trust.
type NewSuspense struct {
	Amount          money.Amount
	Reference, Note string
	By              string
}

// Settlement says whose the money of an item was: an account, or the trust account, from which it is sent back.
type Settlement struct {
	Item, To uuid.UUID
	Note     string
	By       string
}

// Currency is the market's: what suspense is kept in.
func (t *Treasury) Currency() money.Currency { return t.o.Currency }

// BookSuspense books money of an unknown owner that came into trust. A reference is booked once for ever:
// DUPLICATE_ENTITY on reference. What is no amount, too long or cannot be kept is VALIDATION_ERROR with its field.
func (t *Treasury) BookSuspense(ctx context.Context, n NewSuspense) (SuspenseItem, error) {
	if err := t.checkSuspense(n); err != nil {
		return SuspenseItem{}, err
	}
	suspense, err := t.suspense(ctx)
	if err != nil {
		return SuspenseItem{}, err
	}
	now := t.o.Clock.Now()
	item := SuspenseItem{
		ID: ids.New(now), Amount: n.Amount, Reference: n.Reference, Note: n.Note, OpenedBy: n.By, OpenedAt: now,
	}
	err = t.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := t.store.insertSuspense(ctx, tx, &item); err != nil {
			return err
		}
		return t.postSuspense(ctx, tx, "suspense.book", &item, item.ID, t.o.Books.Trust, suspense)
	})
	return item, err
}

func (t *Treasury) checkSuspense(n NewSuspense) error {
	refused := fault.New(fault.ValidationError, "money in suspense")
	switch {
	case n.Amount.Currency != t.o.Currency:
		return fault.New(fault.CurrencyMismatch, "suspense in %q", n.Amount.Currency).Field("amount", "is not of the market's currency")
	case !n.Amount.IsPositive():
		return refused.Field("amount", "must be above zero")
	case n.Reference == "":
		return refused.Field("reference", "is required")
	case !plain(n.Reference, MaxReference):
		return refused.Field("reference", fmt.Sprintf("is not up to %d plain characters", MaxReference))
	case !plain(n.Note, MaxNote):
		return refused.Field("note", fmt.Sprintf("is not up to %d plain characters", MaxNote))
	}
	return nil
}

// plain tells a text that can be kept and shown on one line.
func plain(s string, most int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= most && !slices.ContainsFunc([]rune(s), unicode.IsControl)
}

// SettleSuspense moves an item's money, whole and once, to whom it belongs. An item that is settled is INVALID_STATE,
// one that there is not NOT_FOUND; an account that is none of a person's or agent's, or trust, is VALIDATION_ERROR on to.
func (t *Treasury) SettleSuspense(ctx context.Context, s Settlement) (SuspenseItem, error) {
	if !plain(s.Note, MaxNote) {
		return SuspenseItem{}, fault.New(fault.ValidationError, "note of a settlement").
			Field("note", fmt.Sprintf("is not up to %d plain characters", MaxNote))
	}
	item, err := t.store.suspenseItem(ctx, t.o.DB, s.Item)
	if err != nil {
		return SuspenseItem{}, err
	}
	if err := t.mayReceive(ctx, s.To); err != nil {
		return SuspenseItem{}, err
	}
	suspense, err := t.suspense(ctx)
	if err != nil {
		return SuspenseItem{}, err
	}
	item.SettledAt, item.SettledTo, item.SettledBy, item.SettledNote = t.o.Clock.Now(), s.To, s.By, s.Note
	posting := ids.New(item.SettledAt)
	err = t.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := t.store.settleSuspense(ctx, tx, &item, posting); err != nil {
			return err
		}
		return t.postSuspense(ctx, tx, "suspense.settle", &item, posting, suspense, s.To)
	})
	t.age(&item)
	return item, err
}

// mayReceive refuses an account that money in suspense cannot belong to. A client's own books are no part of the trust
// equation, so what is owed to people must not leave for them.
func (t *Treasury) mayReceive(ctx context.Context, to uuid.UUID) error {
	a, err := t.o.Ledger.Account(ctx, to)
	switch {
	case fault.Is(err, fault.NotFound):
		return fault.From(err).Field("to", "is not known")
	case err != nil:
		return err
	case a.OpenedBy != ledger.OpenedByNova || !slices.Contains(settledTo, a.Product):
		return fault.New(fault.ValidationError, "suspense settled to %s %s", a.Product, to).
			Field("to", "is not an account of a customer or agent, or trust")
	}
	return nil
}

// postSuspense moves an item's money from a debited account to a credited one.
func (t *Treasury) postSuspense(
	ctx context.Context, tx *sql.Tx, operation string, item *SuspenseItem, posting, debit, credit uuid.UUID,
) error {
	key := ledger.Key{Scope: houseScope, Operation: operation, Value: item.ID.String()}
	_, err := t.o.Poster.PostIn(ctx, tx, &ledger.Command{
		Key: key, Body: key.Digest(), Currency: item.Amount.Currency, Posting: posting, Narration: "suspense",
		Reference: item.Reference,
		Lines: []ledger.Line{
			{Account: debit, Side: ledger.Debit, Minor: item.Amount.Minor},
			{Account: credit, Side: ledger.Credit, Minor: item.Amount.Minor},
		},
	})
	return err
}

// OpenSuspense lists at most n items that nobody has settled, the oldest first, with their age.
func (t *Treasury) OpenSuspense(ctx context.Context, n int) ([]SuspenseItem, error) {
	items, err := t.store.openSuspense(ctx, t.o.DB, min(n, MaxSuspense))
	for i := range items {
		t.age(&items[i])
	}
	return items, err
}

// age counts midnights of the market.
func (t *Treasury) age(item *SuspenseItem) {
	until := item.SettledAt
	if until.IsZero() {
		until = t.o.Clock.Now()
	}
	last := clock.DayOf(until, t.o.Location)
	for day := clock.DayOf(item.OpenedAt, t.o.Location); day < last; day = day.AddDays(1) {
		item.Age++
	}
}

// suspense is the house's account of that name. It is opened when it is first needed; its floor sees to it that no more
// is settled than was booked.
func (t *Treasury) suspense(ctx context.Context) (uuid.UUID, error) {
	owned := ledger.Owned{OwnerKind: houseKind, OwnerID: houseID, Product: ledger.Suspense, Currency: t.o.Currency}
	found, err := t.o.Ledger.AccountOf(ctx, owned)
	if !fault.Is(err, fault.NotFound) {
		return found.ID, err
	}
	a := ledger.Account{
		ID: ids.New(t.o.Clock.Now()), OwnerKind: houseKind, OwnerID: houseID, Product: ledger.Suspense,
		Currency: t.o.Currency, Name: string(ledger.Suspense), Floor: ledger.ZeroFloor(),
	}
	err = t.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return t.o.Ledger.OpenIn(ctx, tx, a) })
	if fault.Is(err, fault.DuplicateEntity) { // by somebody else, meanwhile
		found, err = t.o.Ledger.AccountOf(ctx, owned)
		return found.ID, err
	}
	return a.ID, err
}
