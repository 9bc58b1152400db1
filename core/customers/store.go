package customers

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/msisdn"
	"nova/sql"
)

// store alone runs this package's statements.
type store struct{ queries sql.Queries }

func newStore() store { return store{queries: sql.Named("customers")} }

type row struct {
	ID        uuid.UUID     `db:"id"`
	MSISDN    msisdn.MSISDN `db:"msisdn"`
	FirstName string        `db:"first_name"`
	LastName  string        `db:"last_name"`
	BirthDate clock.Day     `db:"birth_date"`
	Tier      int           `db:"tier"`
	Status    Status        `db:"status"`
	KYCStatus string        `db:"kyc_status"`
	Language  string        `db:"language"`
	Wallet    uuid.UUID     `db:"wallet_id"`
}

// identityRow is what ConfirmIdentity compares and counts.
type identityRow struct {
	ID          uuid.UUID  `db:"id"`
	BirthDate   clock.Day  `db:"birth_date"`
	Sealed      []byte     `db:"id_sealed"`
	Tries       int        `db:"identity_tries"`
	LockedUntil *time.Time `db:"identity_locked_until"`
}

// newRow is what registration writes beside the customer.
type newRow struct {
	Customer
	sealed        []byte
	index         []byte
	via           string
	by            uuid.NullUUID
	termsAccepted *time.Time
	now           time.Time
}

func (s store) byMSISDN(ctx context.Context, q sql.Querier, m msisdn.MSISDN) (Customer, error) {
	var r row
	err := q.Get(ctx, &r, s.queries.Get("by_msisdn"), m)
	if sql.NoRows(err) {
		return Customer{}, fault.New(fault.CustomerNotFound, "no customer %s", m)
	}
	return Customer(r), err
}

func (s store) byIDs(ctx context.Context, q sql.Querier, wanted []uuid.UUID) (map[uuid.UUID]Customer, error) {
	var rows []row
	if err := q.Select(ctx, &rows, s.queries.Get("by_ids"), sql.UUIDs(wanted)); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]Customer, len(rows))
	for _, r := range rows {
		found[r.ID] = Customer(r)
	}
	return found, nil
}

// taken says which of a newcomer's names is another's already.
func (s store) taken(ctx context.Context, q sql.Querier, m msisdn.MSISDN, index []byte) (
	number, document bool, err error,
) {
	var r struct {
		Number   bool `db:"number"`
		Document bool `db:"document"`
	}
	err = q.Get(ctx, &r, s.queries.Get("taken"), m, index)
	return r.Number, r.Document, err
}

func (s store) insert(ctx context.Context, q sql.Querier, n newRow) error {
	_, err := q.Exec(ctx, s.queries.Get("insert"), n.ID, n.MSISDN, n.FirstName, n.LastName, n.BirthDate,
		n.sealed, n.index, n.Tier, n.KYCStatus, n.Language, n.Wallet, n.via, n.by, n.termsAccepted, n.now)
	return err
}

func (s store) lockIdentity(ctx context.Context, tx *sql.Tx, id uuid.UUID) (identityRow, error) {
	var r identityRow
	err := tx.Get(ctx, &r, s.queries.Get("lock_identity"), id)
	if sql.NoRows(err) {
		return r, unknown(id)
	}
	return r, err
}

func (s store) saveIdentity(ctx context.Context, tx *sql.Tx, r identityRow) error {
	_, err := tx.Exec(ctx, s.queries.Get("save_identity"), r.ID, r.Tries, r.LockedUntil)
	return err
}

func (s store) acceptTerms(ctx context.Context, tx *sql.Tx, id uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("accept_terms"), id, now)
	return err
}

func (s store) setLanguage(ctx context.Context, q sql.Querier, id uuid.UUID, language string, now time.Time) (
	bool, error,
) {
	n, err := q.Exec(ctx, s.queries.Get("set_language"), id, language, now)
	return n == 1, err
}

func (s store) setStatus(ctx context.Context, q sql.Querier, id uuid.UUID, to Status, now time.Time) (bool, error) {
	n, err := q.Exec(ctx, s.queries.Get("set_status"), id, string(to), now)
	return n == 1, err
}
