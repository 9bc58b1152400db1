package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/money"
	"nova/sql"
)

// MaxPage bounds the entries that one call reads.
const MaxPage = 1_000

// Store opens accounts and reads the books. It is safe for concurrent use.
type Store struct {
	db    *sql.DB
	clock clock.Clock
}

// NewStore is a store on a general pool.
func NewStore(db *sql.DB, c clock.Clock) *Store { return &Store{db: db, clock: c} }

// OpenIn opens an account in the caller's transaction. Of Nova's own accounts an owner has one a product and
// currency; a second is DUPLICATE_ENTITY, and the caller must roll back.
func (s *Store) OpenIn(ctx context.Context, tx *sql.Tx, a Account) error {
	if !a.Product.Valid() || !a.Currency.Valid() {
		return fault.New(fault.ValidationError, "account of product %q in %q", a.Product, a.Currency)
	}
	a.OpenedAt = orTime(a.OpenedAt, s.clock.Now())
	if a.OpenedBy == "" {
		a.OpenedBy = OpenedByNova
	}
	if a.Status == "" {
		a.Status = Active
	}
	metadata, err := metadataText(a.Metadata)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, queries.Get("open_account"), a.ID, a.OpenedAt, a.Currency, a.OwnerKind, a.OwnerID, a.Product,
		a.Name, a.OpenedBy, metadata)
	if sql.Unique(err, "") {
		return fault.Wrap(err, fault.DuplicateEntity, "open account %s", a.ID)
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, queries.Get("open_balance"), a.ID, a.Floor, a.OpenedAt, a.Tier, a.Product.Normal() == Credit,
		a.Currency, a.Status)
	return err
}

// SetStatusIn freezes, unfreezes or closes an account, in all its lanes. What is closed stays closed: INVALID_STATE.
func (s *Store) SetStatusIn(ctx context.Context, tx *sql.Tx, id uuid.UUID, status Status) error {
	n, err := tx.Exec(ctx, queries.Get("set_status"), id, status)
	if err == nil && n == 0 {
		return fault.New(fault.InvalidState, "account %s is closed or not there", id)
	}
	return err
}

// SetTierIn changes the tier that commands are computed for.
func (s *Store) SetTierIn(ctx context.Context, tx *sql.Tx, id uuid.UUID, tier int) error {
	n, err := tx.Exec(ctx, queries.Get("set_tier"), id, tier)
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "account %s", id)
	}
	return err
}

type accountRow struct {
	ID        uuid.UUID
	OwnerKind string `db:"owner_kind"`
	OwnerID   string `db:"owner_id"`
	Product   Product
	Currency  money.Currency
	Name      string
	OpenedBy  string `db:"opened_by"`
	Metadata  string
	OpenedAt  time.Time `db:"opened_at"`
	Status    Status
	Tier      int
	Floor     *int64
}

func (r *accountRow) account() (Account, error) {
	metadata, err := metadataOf(r.Metadata)
	return Account{
		ID: r.ID, OwnerKind: r.OwnerKind, OwnerID: r.OwnerID, Product: r.Product, Currency: r.Currency,
		Status: r.Status, Tier: r.Tier, Floor: r.Floor, Name: r.Name, OpenedBy: r.OpenedBy, Metadata: metadata,
		OpenedAt: r.OpenedAt.UTC(),
	}, err
}

func metadataOf(text string) (map[string]string, error) {
	if text == "" || text == "{}" {
		return nil, nil //nolint:nilnil // no metadata is an empty map
	}
	var metadata map[string]string
	if err := json.Unmarshal([]byte(text), &metadata); err != nil {
		return nil, fmt.Errorf("decode metadata: %w", err)
	}
	return metadata, nil
}

// Account answers NOT_FOUND for an id that there is not.
func (s *Store) Account(ctx context.Context, id uuid.UUID) (Account, error) {
	found, err := s.Accounts(ctx, []uuid.UUID{id})
	if err != nil {
		return Account{}, err
	}
	a, there := found[id]
	if !there {
		return Account{}, fault.New(fault.NotFound, "account %s", id)
	}
	return a, nil
}

// Accounts reads accounts by id; those that there are not are absent.
func (s *Store) Accounts(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Account, error) {
	var rows []accountRow
	if err := s.db.Select(ctx, &rows, queries.Get("accounts"), sql.UUIDs(ids)); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]Account, len(rows))
	for i := range rows {
		a, err := rows[i].account()
		if err != nil {
			return nil, err
		}
		found[a.ID] = a
	}
	return found, nil
}

// Owned names an account of Nova's own books or people.
type Owned struct {
	OwnerKind, OwnerID string
	Product            Product
	Currency           money.Currency
}

// AccountOf finds the one account that an owner has of a product and currency; NOT_FOUND where there is none.
func (s *Store) AccountOf(ctx context.Context, o Owned) (Account, error) {
	var row accountRow
	err := s.db.Get(ctx, &row, queries.Get("account_of"), o.OwnerKind, o.OwnerID, o.Product, o.Currency)
	if sql.NoRows(err) {
		return Account{}, fault.New(fault.NotFound, "%s account in %s of %s %s", o.Product, o.Currency, o.OwnerKind, o.OwnerID)
	}
	if err != nil {
		return Account{}, err
	}
	return row.account()
}

// Balance reads one account's money; a system account's is the sum over its lanes.
func (s *Store) Balance(ctx context.Context, id uuid.UUID) (Balance, error) {
	found, err := s.Balances(ctx, []uuid.UUID{id})
	if err != nil {
		return Balance{}, err
	}
	b, there := found[id]
	if !there {
		return Balance{}, fault.New(fault.NotFound, "account %s", id)
	}
	return b, nil
}

// Balances reads the money of several accounts, as of one moment.
func (s *Store) Balances(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Balance, error) {
	var rows []struct {
		AccountID              uuid.UUID `db:"account_id"`
		Currency               money.Currency
		Status                 Status
		Floor                  *int64
		Posted, Held, Sequence int64
		Overdraft              int64
		BookedAt               time.Time `db:"booked_at"`
	}
	if err := s.db.Select(ctx, &rows, queries.Get("balances"), sql.UUIDs(ids), s.clock.Now()); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]Balance, len(rows))
	for _, r := range rows {
		a := account{
			posted: r.Posted, held: r.Held, floor: r.Floor, currency: r.Currency, status: r.Status, sequence: r.Sequence,
			bookedAt: r.BookedAt.UTC(),
		}
		b := a.balance()
		b.Overdraft = r.Overdraft
		found[r.AccountID] = b
	}
	return found, nil
}

// Used tells how far each counter stands in the window that now falls into in a place, in the order asked for.
func (s *Store) Used(ctx context.Context, counts []Count, now time.Time, at *time.Location) ([]int64, error) {
	columns := make(sql.Columns, 4)
	for _, c := range counts {
		columns[0].UUID(c.Subject)
		columns[1].Text(c.Rule)
		columns[2].Int(int64(c.Window))
		columns[3].Text(string(c.Window.Start(now, at)))
	}
	var used []int64
	err := s.db.Select(ctx, &used, queries.Get("used"), columns.Args()...)
	return used, err
}

// Page is a stretch of an account's entries. Lane is 0 for everything that belongs to people; a system account's
// entries are read lane by lane. With After set the page goes forward from there, the oldest first; else it goes
// back from Before (0: from the end), the newest first.
type Page struct {
	Account       uuid.UUID
	Lane          int
	Before, After int64
	Limit         int
}

type entryRow struct {
	AccountID    uuid.UUID `db:"account_id"`
	PostingID    uuid.UUID `db:"posting_id"`
	Lane         int
	Sequence     int64
	Credit       bool
	Minor        int64
	BalanceAfter int64     `db:"balance_after"`
	BookedAt     time.Time `db:"booked_at"`
}

func (r *entryRow) entry() Entry {
	e := Entry{
		Account: r.AccountID, Posting: r.PostingID, Lane: r.Lane, Sequence: r.Sequence, Side: Debit,
		Minor: r.Minor, BalanceAfter: r.BalanceAfter, BookedAt: r.BookedAt.UTC(),
	}
	if r.Credit {
		e.Side = Credit
	}
	return e
}

// Entries reads a page, at most MaxPage entries.
func (s *Store) Entries(ctx context.Context, p Page) ([]Entry, error) {
	limit := min(p.Limit, MaxPage)
	if p.After > 0 {
		return s.entries(ctx, queries.Get("entries_after"), p.Account, p.Lane, p.After, limit)
	}
	if p.Before == 0 {
		p.Before = math.MaxInt64
	}
	return s.entries(ctx, queries.Get("entries_before"), p.Account, p.Lane, p.Before, limit)
}

// EntriesOf reads a posting's entries in their order.
func (s *Store) EntriesOf(ctx context.Context, posting uuid.UUID) ([]Entry, error) {
	return s.entries(ctx, queries.Get("entries_of"), posting)
}

func (s *Store) entries(ctx context.Context, q sql.Query, args ...any) ([]Entry, error) {
	var rows []entryRow
	if err := s.db.Select(ctx, &rows, q, args...); err != nil {
		return nil, err
	}
	entries := make([]Entry, len(rows))
	for i := range rows {
		entries[i] = rows[i].entry()
	}
	return entries, nil
}

type holdRow struct {
	ID              uuid.UUID
	AccountID       uuid.UUID `db:"account_id"`
	Kind            HoldKind
	Minor, Captured int64
	Status          HoldStatus
	Fee             int64
	CodeSealed      []byte `db:"code_sealed"`
	Tries           int
	Reason          string
	Metadata        string
	CreatedAt       time.Time `db:"created_at"`
	ExpiresAt       time.Time `db:"expires_at"`
}

// Hold answers NOT_FOUND for an id that there is not.
func (s *Store) Hold(ctx context.Context, id uuid.UUID) (Hold, error) {
	h, err := s.hold(ctx, queries.Get("hold"), id)
	if err == nil && h == nil {
		return Hold{}, fault.New(fault.NotFound, "hold %s", id)
	}
	if err != nil {
		return Hold{}, err
	}
	return *h, nil
}

// LiveHold is the newest active and unexpired hold of a kind on an account; nil where there is none.
func (s *Store) LiveHold(ctx context.Context, account uuid.UUID, kind HoldKind) (*Hold, error) {
	return s.hold(ctx, queries.Get("live_hold"), account, kind, s.clock.Now())
}

func (s *Store) hold(ctx context.Context, q sql.Query, args ...any) (*Hold, error) {
	var r holdRow
	err := s.db.Get(ctx, &r, q, args...)
	if sql.NoRows(err) {
		return nil, nil //nolint:nilnil // no hold is an answer, not a failure
	}
	if err != nil {
		return nil, err
	}
	metadata, err := metadataOf(r.Metadata)
	return &Hold{
		ID: r.ID, Account: r.AccountID, Kind: r.Kind, Minor: r.Minor, Captured: r.Captured, Status: r.Status,
		Fee: r.Fee, CodeSealed: r.CodeSealed, Tries: r.Tries, Reason: r.Reason, Metadata: metadata,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}, err
}
