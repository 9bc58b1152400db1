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

	SIMSwappedAt  *time.Time `db:"sim_swapped_at"`
	PINResetAt    *time.Time `db:"pin_reset_at"`
	USSDBlockedAt *time.Time `db:"ussd_blocked_at"`
}

// numbersRow is what stands sealed in a customer's row.
type numbersRow struct {
	ID uuid.UUID `db:"id"`
	sealedNumbers
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
	sealedNumbers
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

// taken names the first field of a customer that is another's already, "" for none: the number, or what stands under one
// of the indexes.
func (s store) taken(ctx context.Context, q sql.Querier, c Customer, indexes [][][]byte) (string, error) {
	var field string
	args := []any{c.ID, c.MSISDN}
	for _, versions := range indexes {
		var column sql.Column
		for _, index := range versions {
			column.Bytes(index)
		}
		args = append(args, column.Array())
	}
	err := q.Get(ctx, &field, s.queries.Get("taken"), args...)
	return field, err
}

func (s store) insert(ctx context.Context, q sql.Querier, n newRow) error {
	args := []any{
		n.ID, n.MSISDN, n.FirstName, n.LastName, n.BirthDate, n.Tier, n.KYCStatus, n.Language, n.Wallet, n.via, n.by,
		n.termsAccepted, n.now,
	}
	_, err := q.Exec(ctx, s.queries.Get("insert"), append(args, n.columns()...)...)
	return err
}

// columns are the sealed numbers as arguments, in the order of their table.
func (n *sealedNumbers) columns() []any {
	var args []any
	for _, number := range numbers {
		sealed := number.sealed(n)
		args = append(args, sealed.Box, sealed.Index, sealed.Version)
	}
	return args
}

func (s store) lockNumbers(ctx context.Context, tx *sql.Tx, id uuid.UUID) (numbersRow, error) {
	var r numbersRow
	err := tx.Get(ctx, &r, s.queries.Get("lock_numbers"), id)
	if sql.NoRows(err) {
		return r, unknown(id)
	}
	return r, err
}

// saveNumbers is false where one of the numbers is another customer's.
func (s store) saveNumbers(ctx context.Context, tx *sql.Tx, r numbersRow) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("save_numbers"), append([]any{r.ID}, r.columns()...)...)
	return n == 1, err
}

// staleNumbers locks the next rows in which anything stands under an older key.
func (s store) staleNumbers(ctx context.Context, tx *sql.Tx, r rewrapping) ([]numbersRow, error) {
	var rows []numbersRow
	err := tx.Select(ctx, &rows, s.queries.Get("stale_numbers"), r.last, r.prefix, r.version, rewrapAtOnce)
	return rows, err
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

// simCard is the SIM with which a customer dialled last, as a keyed hash.
type simCard struct {
	Customer uuid.UUID `db:"customer_id"`
	Hash     []byte    `db:"hash"`
	Version  int       `db:"hash_key"`
}

func (s store) simCard(ctx context.Context, q sql.Querier, customer uuid.UUID) (simCard, bool, error) {
	return cardOf(ctx, q, s.queries.Get("sim_card"), customer)
}

func (s store) lockSIMCard(ctx context.Context, tx *sql.Tx, customer uuid.UUID) (simCard, bool, error) {
	return cardOf(ctx, tx, s.queries.Get("lock_sim_card"), customer)
}

func cardOf(ctx context.Context, q sql.Querier, query sql.Query, customer uuid.UUID) (simCard, bool, error) {
	var card simCard
	err := q.Get(ctx, &card, query, customer)
	if sql.NoRows(err) {
		return simCard{}, false, nil
	}
	return card, err == nil, err
}

func (s store) setSIMCard(ctx context.Context, tx *sql.Tx, card simCard, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("set_sim_card"), card.Customer, card.Hash, card.Version, now)
	return err
}

// addSwap is false where a newer one is known.
func (s store) addSwap(ctx context.Context, tx *sql.Tx, swap SIMSwap, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("add_swap"), swap.MSISDN, swap.SwappedAt, swap.Source, now)
	return n == 1, err
}

// setUSSD is false where nothing changed.
func (s store) setUSSD(ctx context.Context, tx *sql.Tx, id uuid.UUID, blocked *time.Time, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("set_ussd"), id, blocked, now)
	return n == 1, err
}

func (s store) setTier(ctx context.Context, tx *sql.Tx, id uuid.UUID, tier int, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("set_tier"), id, tier, now)
	return n == 1, err
}
