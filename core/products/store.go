package products

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/money"
	"nova/sql"
)

// store alone runs this package's statements.
type store struct{ queries sql.Queries }

func newStore() store { return store{queries: sql.Named("products")} }

// maxPage bounds what one call reads.
const maxPage = 200

type termsRow struct {
	From    clock.Day `db:"from_day"`
	RateBPS int       `db:"annual_rate_bps"`
	Minimum int64     `db:"minimum"`
	Tiers   string    `db:"tiers"`
}

// noTiers is what the column says of terms with one rate for all.
const noTiers = "[]"

func (r termsRow) terms(c money.Currency) (Terms, error) {
	t := Terms{From: r.From, RateBPS: r.RateBPS, Minimum: money.Of(r.Minimum, c)}
	if r.Tiers == noTiers {
		return t, nil
	}
	if err := json.Unmarshal([]byte(r.Tiers), &t.Tiers); err != nil {
		return t, fmt.Errorf("decode tiers: %w", err)
	}
	return t, nil
}

type productRow struct {
	termsRow
	ID        uuid.UUID      `db:"id"`
	Code      string         `db:"code"`
	Name      string         `db:"name"`
	Currency  money.Currency `db:"currency"`
	CreatedAt time.Time      `db:"created_at"`
}

func (r productRow) product() (Product, error) {
	terms, err := r.terms(r.Currency)
	return Product{
		ID: r.ID, Code: r.Code, Name: r.Name, Currency: r.Currency, Terms: terms, CreatedAt: r.CreatedAt.UTC(),
	}, err
}

// makeProduct inserts a product, or fills p with the one that has its code already: known tells. The row is locked, so
// that terms of one product are made one after another.
func (s store) makeProduct(ctx context.Context, tx *sql.Tx, p *Product) (known bool, err error) {
	n, err := tx.Exec(ctx, s.queries.Get("make_product"), p.ID, p.CreatedAt, p.Currency, p.Code, p.Name)
	if err != nil || n == 1 {
		return false, err
	}
	var row struct {
		ID        uuid.UUID      `db:"id"`
		Name      string         `db:"name"`
		Currency  money.Currency `db:"currency"`
		CreatedAt time.Time      `db:"created_at"`
	}
	if err := tx.Get(ctx, &row, s.queries.Get("lock_product"), p.Code); err != nil {
		return false, err
	}
	if row.Currency != p.Currency {
		return false, fault.New(fault.CurrencyMismatch, "product %s is in %s", p.Code, row.Currency).
			Field("currency", "is not the product's")
	}
	p.ID, p.Name, p.CreatedAt = row.ID, row.Name, row.CreatedAt.UTC()
	return true, nil
}

// insertTerms adds terms that begin after all others.
func (s store) insertTerms(ctx context.Context, tx *sql.Tx, p Product, by string, now time.Time) error {
	tiers := noTiers
	if len(p.Tiers) > 0 {
		encoded, err := json.Marshal(p.Tiers)
		if err != nil {
			return fmt.Errorf("encode tiers: %w", err)
		}
		tiers = string(encoded)
	}
	n, err := tx.Exec(ctx, s.queries.Get("insert_terms"), p.ID, p.Minimum.Minor, now, p.From, p.RateBPS, tiers, by)
	if err == nil && n == 0 {
		return fault.New(fault.DuplicateEntity, "product %s has terms of %s or later", p.Code, p.From).
			Field("effective_from", "is not after the product's newest terms")
	}
	return err
}

func (s store) products(ctx context.Context, q sql.Querier, today clock.Day, afterCode string, afterDay clock.Day, n int) (
	[]Product, error,
) {
	var rows []productRow
	if afterDay == "" {
		afterDay = "0001-01-01"
	}
	if err := q.Select(ctx, &rows, s.queries.Get("products"), today, afterCode, afterDay, min(n, maxPage)); err != nil {
		return nil, err
	}
	all := make([]Product, len(rows))
	for i, row := range rows {
		var err error
		if all[i], err = row.product(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (s store) offered(ctx context.Context, q sql.Querier, today clock.Day, c money.Currency) (Product, bool, error) {
	var row productRow
	err := q.Get(ctx, &row, s.queries.Get("offered"), today, c)
	if sql.NoRows(err) {
		return Product{}, false, nil
	}
	if err != nil {
		return Product{}, false, err
	}
	p, err := row.product()
	return p, true, err
}

// terms are all of a product, the oldest first.
func (s store) terms(ctx context.Context, q sql.Querier, product uuid.UUID) ([]Terms, error) {
	return s.versions(ctx, q, s.queries.Get("terms"), product)
}

// rates are a line's, the oldest first, as terms without tiers.
func (s store) rates(ctx context.Context, q sql.Querier, account uuid.UUID) ([]Terms, error) {
	return s.versions(ctx, q, s.queries.Get("rates"), account)
}

func (s store) versions(ctx context.Context, q sql.Querier, query sql.Query, of uuid.UUID) ([]Terms, error) {
	var rows []termsRow
	if err := q.Select(ctx, &rows, query, of); err != nil {
		return nil, err
	}
	all := make([]Terms, len(rows))
	for i, row := range rows {
		var err error
		if all[i], err = row.terms(""); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (s store) insertSavings(ctx context.Context, tx *sql.Tx, saved Savings, customer uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("insert_savings"), saved.Account, customer, saved.Product.ID, saved.hold,
		saved.Minimum.Minor, now)
	if sql.Unique(err, "") {
		return fault.Wrap(err, fault.DuplicateEntity, "savings of %s", customer)
	}
	return err
}

// savingsOf reads a customer's account with its product's terms of today; without its balance.
func (s store) savingsOf(ctx context.Context, q sql.Querier, customer uuid.UUID, today clock.Day) (Savings, bool, error) {
	var row struct {
		productRow
		Account uuid.UUID `db:"account_id"`
		Hold    uuid.UUID `db:"hold_id"`
		Agreed  int64     `db:"agreed"`
	}
	err := q.Get(ctx, &row, s.queries.Get("savings_of"), customer, today)
	if sql.NoRows(err) {
		return Savings{}, false, nil
	}
	if err != nil {
		return Savings{}, false, err
	}
	p, err := row.product()
	return Savings{Account: row.Account, Minimum: money.Of(row.Agreed, row.Currency), Product: p, hold: row.Hold}, true, err
}

type lineRow struct {
	Account    uuid.UUID      `db:"account_id"`
	Receivable uuid.UUID      `db:"receivable_id"`
	Customer   uuid.NullUUID  `db:"customer_id"`
	Limit      int64          `db:"credit_limit"`
	FeeBPS     int            `db:"fee_bps"`
	RateBPS    int            `db:"annual_rate_bps"`
	Currency   money.Currency `db:"currency"`
	Status     LineStatus     `db:"status"`
	ExpiresAt  time.Time      `db:"expires_at"`
	CreatedAt  time.Time      `db:"created_at"`
	UpdatedAt  time.Time      `db:"updated_at"`
	By         string         `db:"made_by"`
}

func (r lineRow) line() Overdraft {
	return Overdraft{
		Account: r.Account, Receivable: r.Receivable, Customer: r.Customer.UUID, Limit: money.Of(r.Limit, r.Currency),
		FeeBPS: r.FeeBPS, RateBPS: r.RateBPS, Status: r.Status, ExpiresAt: r.ExpiresAt.UTC(),
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), By: r.By,
	}
}

func (s store) insertLine(ctx context.Context, tx *sql.Tx, l Overdraft) error {
	customer := uuid.NullUUID{UUID: l.Customer, Valid: l.Customer != uuid.Nil}
	_, err := tx.Exec(ctx, s.queries.Get("insert_line"), l.Account, l.Receivable, customer, l.Limit.Minor, l.CreatedAt,
		l.UpdatedAt, l.ExpiresAt, l.FeeBPS, l.RateBPS, l.Limit.Currency, l.Status, l.By)
	if sql.Unique(err, "") {
		return fault.Wrap(err, fault.DuplicateEntity, "line of %s", l.Account)
	}
	return err
}

func (s store) updateLine(ctx context.Context, tx *sql.Tx, l Overdraft) error {
	_, err := tx.Exec(ctx, s.queries.Get("update_line"), l.Account, l.Limit.Minor, l.UpdatedAt, l.ExpiresAt, l.FeeBPS,
		l.RateBPS, l.Status, l.By)
	return err
}

// setRate is a line's rate from a day on; a day keeps the last one that it was given.
func (s store) setRate(ctx context.Context, tx *sql.Tx, account uuid.UUID, from clock.Day, bps int) error {
	_, err := tx.Exec(ctx, s.queries.Get("set_rate"), account, from, bps)
	return err
}

func (s store) line(ctx context.Context, q sql.Querier, account uuid.UUID) (Overdraft, bool, error) {
	return oneLine(ctx, q, s.queries.Get("line"), account)
}

func (s store) lockLine(ctx context.Context, tx *sql.Tx, account uuid.UUID) (Overdraft, bool, error) {
	return oneLine(ctx, tx, s.queries.Get("lock_line"), account)
}

func oneLine(ctx context.Context, q sql.Querier, query sql.Query, account uuid.UUID) (Overdraft, bool, error) {
	var row lineRow
	err := q.Get(ctx, &row, query, account)
	if sql.NoRows(err) {
		return Overdraft{}, false, nil
	}
	return row.line(), err == nil, err
}

func (s store) lines(ctx context.Context, q sql.Querier, f LineFilter) ([]Overdraft, error) {
	var rows []lineRow
	only := uuid.NullUUID{UUID: f.Account, Valid: f.Account != uuid.Nil}
	err := q.Select(ctx, &rows, s.queries.Get("lines"), f.After, f.Client, only, min(f.Most, maxPage))
	if err != nil {
		return nil, err
	}
	all := make([]Overdraft, len(rows))
	for i, row := range rows {
		all[i] = row.line()
	}
	return all, nil
}

func (s store) dueLines(ctx context.Context, q sql.Querier, now time.Time, n int) ([]uuid.UUID, error) {
	var due []uuid.UUID
	err := q.Select(ctx, &due, s.queries.Get("due_lines"), now, min(n, maxPage))
	return due, err
}

// bearIn lets an account bear interest from a day on.
func (s store) bearIn(ctx context.Context, tx *sql.Tx, account uuid.UUID, k kind, from clock.Day) error {
	_, err := tx.Exec(ctx, s.queries.Get("bear"), account, from.AddDays(-1), monthBefore(from), string(k))
	return err
}

func (s store) dueBearers(ctx context.Context, q sql.Querier, last clock.Day, n int) ([]bearer, error) {
	var rows []struct {
		Account   uuid.UUID `db:"account_id"`
		Kind      kind      `db:"kind"`
		Terms     uuid.UUID `db:"terms_of"`
		AccruedTo clock.Day `db:"accrued_to"`
	}
	if err := q.Select(ctx, &rows, s.queries.Get("due_bearers"), last, n); err != nil {
		return nil, err
	}
	due := make([]bearer, len(rows))
	for i, row := range rows {
		due[i] = bearer(row)
	}
	return due, nil
}

// advance moves an account on from the day that it had accrued to; false where somebody else has.
func (s store) advance(ctx context.Context, tx *sql.Tx, account uuid.UUID, from, to clock.Day) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("advance"), account, from, to)
	return n == 1, err
}

func (s store) insertDays(ctx context.Context, tx *sql.Tx, account uuid.UUID, days []dayUnits) error {
	if len(days) == 0 {
		return nil
	}
	columns := make(sql.Columns, 3)
	for _, d := range days {
		columns[0].Int(d.balance)
		columns[1].Date(string(d.day))
		columns[2].Text(d.units.String())
	}
	_, err := tx.Exec(ctx, s.queries.Get("insert_days"), columns.AppendTo([]any{account})...)
	return err
}

// unposted are accounts of which a month is accrued whole and not computed; newest is the newest that can be.
func (s store) unposted(ctx context.Context, q sql.Querier, newest clock.Day, n int) ([]uuid.UUID, error) {
	var due []uuid.UUID
	err := q.Select(ctx, &due, s.queries.Get("unposted"), newest, n)
	return due, err
}

// progress is how far an account's interest has come.
type progress struct {
	AccruedTo clock.Day `db:"accrued_to"`
	PostedTo  clock.Day `db:"posted_to"`
}

func (s store) lockBearer(ctx context.Context, tx *sql.Tx, account uuid.UUID) (progress, error) {
	var p progress
	err := tx.Get(ctx, &p, s.queries.Get("lock_bearer"), account)
	return p, err
}

// leftover is what a month left over for the next one.
func (s store) leftover(ctx context.Context, tx *sql.Tx, account uuid.UUID, first clock.Day) (*big.Int, error) {
	return number(ctx, tx, s.queries.Get("leftover"), account, first)
}

// unitsOf sums days.
func (s store) unitsOf(ctx context.Context, tx *sql.Tx, account uuid.UUID, first, last clock.Day) (*big.Int, error) {
	return number(ctx, tx, s.queries.Get("units_of"), account, first, last)
}

func number(ctx context.Context, q sql.Querier, query sql.Query, args ...any) (*big.Int, error) {
	var text string
	err := q.Get(ctx, &text, query, args...)
	if sql.NoRows(err) {
		return new(big.Int), nil
	}
	if err != nil {
		return nil, err
	}
	return units(text)
}

// insertMonth writes a month down. One without a minor unit is done with that.
func (s store) insertMonth(ctx context.Context, tx *sql.Tx, m month, units, left *big.Int, now time.Time) error {
	var posted *time.Time
	if m.Minor == 0 {
		posted = &now
	}
	_, err := tx.Exec(ctx, s.queries.Get("insert_month"), m.Account, m.Posting, m.Minor, now, posted, m.Month,
		units.String(), left.String())
	return err
}

func (s store) computed(ctx context.Context, tx *sql.Tx, account uuid.UUID, to clock.Day) error {
	_, err := tx.Exec(ctx, s.queries.Get("computed"), account, to)
	return err
}

func (s store) dueMonths(ctx context.Context, q sql.Querier, now time.Time, n int) ([]month, error) {
	var rows []struct {
		Account  uuid.UUID     `db:"account_id"`
		Kind     kind          `db:"kind"`
		Customer uuid.NullUUID `db:"customer_id"`
		Month    clock.Day     `db:"month"`
		Posting  uuid.UUID     `db:"posting_id"`
		Minor    int64         `db:"minor"`
		Tries    int           `db:"tries"`
		Product  string        `db:"product"`
	}
	if err := q.Select(ctx, &rows, s.queries.Get("due_months"), now, n); err != nil {
		return nil, err
	}
	due := make([]month, len(rows))
	for i, r := range rows {
		due[i] = month{
			Account: r.Account, Kind: r.Kind, Customer: r.Customer.UUID, Month: r.Month, Posting: r.Posting,
			Minor: r.Minor, Tries: r.Tries, Product: r.Product,
		}
	}
	return due, nil
}

func (s store) booked(ctx context.Context, q sql.Querier, m month, at time.Time) error {
	_, err := q.Exec(ctx, s.queries.Get("booked"), m.Account, m.Month, at)
	return err
}

// refused counts a try that the ledger has answered; another node may have counted it before.
func (s store) refused(ctx context.Context, q sql.Querier, m month, again time.Time) error {
	_, err := q.Exec(ctx, s.queries.Get("refused"), m.Account, m.Month, m.Tries, again)
	return err
}
