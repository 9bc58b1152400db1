package reports

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/transactions"
	"nova/sql"
)

// store alone runs this package's statements.
type store struct{ queries sql.Queries }

func newStore() store { return store{queries: sql.Named("reports")} }

type totalRow struct {
	Type   transactions.Type `db:"type"`
	Count  int               `db:"count"`
	Amount int64             `db:"amount"`
}

type lastRow struct {
	CreatedAt time.Time         `db:"created_at"`
	Type      transactions.Type `db:"type"`
	Name      string            `db:"name"`
	Amount    int64             `db:"amount"`
	Receipt   string            `db:"receipt"`
}

func (s store) totals(ctx context.Context, q sql.Querier, outlet uuid.UUID, since time.Time) ([]totalRow, error) {
	var rows []totalRow
	err := q.Select(ctx, &rows, s.queries.Get("totals"), outlet, since)
	return rows, err
}

func (s store) last(ctx context.Context, q sql.Querier, outlet uuid.UUID, since time.Time, n int) ([]lastRow, error) {
	var rows []lastRow
	err := q.Select(ctx, &rows, s.queries.Get("last"), outlet, since, n)
	return rows, err
}

func (s store) underway(ctx context.Context, q sql.Querier, c money.Currency, since time.Time) (int64, error) {
	var minor int64
	err := q.Get(ctx, &minor, s.queries.Get("underway"), c, since)
	return minor, err
}

func (s store) insertReport(ctx context.Context, q sql.Querier, d *ledger.DayClosed, r *TrustReport) error {
	posting := uuid.NullUUID{UUID: r.Posting, Valid: r.Posting != uuid.Nil}
	_, err := q.Exec(ctx, s.queries.Get("insert_day_report"), d.Day, r.Currency, r.Trust, r.Owed, r.Underway, r.Swept,
		posting, d.ClosedAt, r.Hash[:])
	return err
}

// reports are those of the days from first to last.
func (s store) reports(ctx context.Context, q sql.Querier, first, last clock.Day) (map[clock.Day][]TrustReport, error) {
	var rows []struct {
		Day                          clock.Day `db:"day"`
		Currency                     money.Currency
		Trust, Owed, Underway, Swept int64
		PostingID                    uuid.NullUUID `db:"posting_id"`
		Hash                         []byte
	}
	if err := q.Select(ctx, &rows, s.queries.Get("day_reports"), first, last); err != nil {
		return nil, err
	}
	found := map[clock.Day][]TrustReport{}
	for _, r := range rows {
		found[r.Day] = append(found[r.Day], TrustReport{
			Currency: r.Currency, Trust: r.Trust, Owed: r.Owed, Underway: r.Underway, Swept: r.Swept,
			Posting: r.PostingID.UUID, Hash: ledger.Hash(r.Hash),
		})
	}
	return found, nil
}

type suspenseRow struct {
	ID          uuid.UUID
	Minor       int64
	Currency    money.Currency
	Reference   string
	Note        string
	OpenedBy    string        `db:"opened_by"`
	OpenedAt    time.Time     `db:"opened_at"`
	SettledAt   *time.Time    `db:"settled_at"`
	SettledTo   uuid.NullUUID `db:"settled_to"`
	SettledBy   string        `db:"settled_by"`
	SettledNote string        `db:"settled_note"`
}

func (r *suspenseRow) item() SuspenseItem {
	item := SuspenseItem{
		ID: r.ID, Amount: money.Of(r.Minor, r.Currency), Reference: r.Reference, Note: r.Note, OpenedBy: r.OpenedBy,
		OpenedAt: r.OpenedAt.UTC(), SettledTo: r.SettledTo.UUID, SettledBy: r.SettledBy, SettledNote: r.SettledNote,
	}
	if r.SettledAt != nil {
		item.SettledAt = r.SettledAt.UTC()
	}
	return item
}

func (s store) insertSuspense(ctx context.Context, q sql.Querier, i *SuspenseItem) error {
	_, err := q.Exec(ctx, s.queries.Get("insert_suspense"), i.ID, i.Amount.Minor, i.OpenedAt, i.Amount.Currency,
		i.Reference, i.Note, i.OpenedBy)
	if sql.Unique(err, "suspense_items_reference") {
		return fault.Wrap(err, fault.DuplicateEntity, "suspense booked twice").Field("reference", "was booked before")
	}
	return err
}

// settleSuspense notes that an item is settled; INVALID_STATE where it was before.
func (s store) settleSuspense(ctx context.Context, q sql.Querier, i *SuspenseItem, posting uuid.UUID) error {
	n, err := q.Exec(ctx, s.queries.Get("settle_suspense"), i.ID, i.SettledAt, posting, i.SettledTo, i.SettledBy,
		i.SettledNote)
	if err == nil && n == 0 {
		return fault.New(fault.InvalidState, "suspense item %s is settled", i.ID)
	}
	return err
}

func (s store) suspenseItem(ctx context.Context, q sql.Querier, id uuid.UUID) (SuspenseItem, error) {
	var row suspenseRow
	err := q.Get(ctx, &row, s.queries.Get("suspense_item"), id)
	if sql.NoRows(err) {
		return SuspenseItem{}, fault.New(fault.NotFound, "suspense item %s", id).Field("item", "is not known")
	}
	return row.item(), err
}

func (s store) openSuspense(ctx context.Context, q sql.Querier, n int) ([]SuspenseItem, error) {
	var rows []suspenseRow
	if err := q.Select(ctx, &rows, s.queries.Get("open_suspense"), n); err != nil {
		return nil, err
	}
	items := make([]SuspenseItem, len(rows))
	for i := range rows {
		items[i] = rows[i].item()
	}
	return items, nil
}
