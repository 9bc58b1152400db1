package transactions

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/sql"
)

// MaxPage bounds what one call reads.
const MaxPage = 200

// Store reads transactions.
type Store struct{ db sql.Querier }

// NewStore reads through a pool or a transaction.
func NewStore(db sql.Querier) *Store { return &Store{db: db} }

type row struct {
	ID                           uuid.UUID
	IntentID                     uuid.NullUUID `db:"intent_id"`
	FromAccount                  uuid.NullUUID `db:"from_account"`
	FromOwner                    uuid.NullUUID `db:"from_owner"`
	ToAccount                    uuid.NullUUID `db:"to_account"`
	ToOwner                      uuid.NullUUID `db:"to_owner"`
	AgentID                      uuid.NullUUID `db:"agent_id"`
	OutletID                     uuid.NullUUID `db:"outlet_id"`
	OperatorID                   uuid.NullUUID `db:"operator_id"`
	ClientID                     uuid.NullUUID `db:"client_id"`
	Reverses                     uuid.NullUUID
	ReversedBy                   uuid.NullUUID `db:"reversed_by"`
	Amount, Fee, Tax, Commission int64
	CreatedAt                    time.Time  `db:"created_at"`
	PostedAt                     *time.Time `db:"posted_at"`
	Currency                     money.Currency
	Receipt                      string
	Type                         Type
	Status                       Status
	Channel                      Channel
	FromName                     string `db:"from_name"`
	ToName                       string `db:"to_name"`
	Reference                    string
	Tariff                       string
	Tier                         int
}

func (r *row) transaction() Transaction {
	t := Transaction{
		ID: r.ID, Intent: r.IntentID.UUID, Receipt: r.Receipt, Type: r.Type, Status: r.Status,
		Amount: money.Of(r.Amount, r.Currency), Fee: money.Of(r.Fee, r.Currency),
		Tax: money.Of(r.Tax, r.Currency), Commission: money.Of(r.Commission, r.Currency),
		From:    Party{Account: r.FromAccount.UUID, Owner: r.FromOwner.UUID, Name: r.FromName},
		To:      Party{Account: r.ToAccount.UUID, Owner: r.ToOwner.UUID, Name: r.ToName},
		Channel: r.Channel, Agent: r.AgentID.UUID, Operator: r.OperatorID.UUID, Outlet: r.OutletID.UUID,
		Client: r.ClientID.UUID, Reference: r.Reference, Tariff: r.Tariff, Reverses: r.Reverses.UUID,
		ReversedBy: r.ReversedBy.UUID, Tier: r.Tier, CreatedAt: r.CreatedAt.UTC(),
	}
	if r.PostedAt != nil {
		t.PostedAt = r.PostedAt.UTC()
	}
	return t
}

// ByID answers NOT_FOUND for an id that there is not.
func (s *Store) ByID(ctx context.Context, id uuid.UUID) (Transaction, error) {
	return s.one(ctx, queries.Get("by_id"), id)
}

// ByIntent answers NOT_FOUND for an intent that became no transaction.
func (s *Store) ByIntent(ctx context.Context, intent uuid.UUID) (Transaction, error) {
	return s.one(ctx, queries.Get("by_intent"), intent)
}

// ByReceipt takes a receipt number as it was printed.
func (s *Store) ByReceipt(ctx context.Context, receipt string) (Transaction, error) {
	return s.one(ctx, queries.Get("by_receipt"), receipt)
}

// ByIDs finds the facts behind postings, which have their ids. Postings without one are absent.
func (s *Store) ByIDs(ctx context.Context, postings []uuid.UUID) (map[uuid.UUID]Transaction, error) {
	list, err := s.list(ctx, queries.Get("by_ids"), sql.UUIDs(postings))
	if err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]Transaction, len(list))
	for _, t := range list {
		found[t.ID] = t
	}
	return found, nil
}

// After reads at most n transactions, MaxPage at most, that come after an id, in the order of their ids, which is that of
// their making.
func (s *Store) After(ctx context.Context, id uuid.UUID, n int) ([]Transaction, error) {
	return s.list(ctx, queries.Get("after"), id, min(n, MaxPage))
}

func (s *Store) one(ctx context.Context, q sql.Query, args ...any) (Transaction, error) {
	var r row
	err := s.db.Get(ctx, &r, q, args...)
	if sql.NoRows(err) {
		return Transaction{}, fault.New(fault.NotFound, "%s found no transaction", q.Name)
	}
	if err != nil {
		return Transaction{}, err
	}
	return r.transaction(), nil
}

func (s *Store) list(ctx context.Context, q sql.Query, args ...any) ([]Transaction, error) {
	var rows []row
	if err := s.db.Select(ctx, &rows, q, args...); err != nil {
		return nil, err
	}
	all := make([]Transaction, len(rows))
	for i := range rows {
		all[i] = rows[i].transaction()
	}
	return all, nil
}

type promiseRow struct {
	IntentID  uuid.UUID `db:"intent_id"`
	CreatedAt time.Time `db:"created_at"`
	Amount    int64
	Currency  money.Currency
	KeyDigest []byte        `db:"key_digest"`
	MSISDN    msisdn.MSISDN `db:"msisdn"`
	Language  string
	Type      Type
	Payee     string
}

// Overdue lists at most n promises made before then, the oldest first.
func (p *Promises) Overdue(ctx context.Context, before time.Time, n int) ([]Promise, error) {
	var rows []promiseRow
	if err := p.db.Select(ctx, &rows, queries.Get("overdue"), before, min(n, MaxPage)); err != nil {
		return nil, err
	}
	due := make([]Promise, len(rows))
	for i, r := range rows {
		due[i] = Promise{
			Intent: r.IntentID, Key: [32]byte(r.KeyDigest), To: r.MSISDN, Language: r.Language, Type: r.Type,
			Amount: money.Of(r.Amount, r.Currency), PayeeName: r.Payee, CreatedAt: r.CreatedAt.UTC(),
		}
	}
	return due, nil
}

// Settle drops the promise of an intent as it was made for a key. One that a later try has taken over stays.
func (p *Promises) Settle(ctx context.Context, intent uuid.UUID, key [32]byte) error {
	_, err := p.db.Exec(ctx, queries.Get("settle"), intent, key[:])
	return err
}

// SettleKept drops the promises older than before whose intent has become a transaction: the receipt was written with
// it, so they are kept. It returns how many there were.
func (p *Promises) SettleKept(ctx context.Context, before time.Time) (int, error) {
	n, err := p.db.Exec(ctx, queries.Get("settle_kept"), before)
	return int(n), err
}

// SettleIn is Settle in the caller's transaction, for news that is written with it.
func SettleIn(ctx context.Context, tx *sql.Tx, intent uuid.UUID, key [32]byte) error {
	_, err := tx.Exec(ctx, queries.Get("settle"), intent, key[:])
	return err
}
