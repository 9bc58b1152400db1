package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/money"
	"nova/sql"
)

// closingPause is how long a day must be over before it may be closed: a group that took its time just before midnight
// is long committed by then.
const closingPause = 2 * time.Minute

// maxDays bounds the closed days that one call reads.
const maxDays = 400

// DayClosed is a day of the books that takes no more postings. Its hash chains it to the day closed before it.
type DayClosed struct {
	Day               clock.Day
	ClosedAt          time.Time
	By                string
	Postings, Entries int64
	Figures           map[money.Currency]DayFigures
	Hash              Hash
	// figures are as they stand.
	figures string
}

// chained is the day's hash behind that of the day before; zero for the first.
func (d *DayClosed) chained(before Hash) Hash {
	return sha256.Sum256(fmt.Appendf(nil, "%s %d %d %s %s", d.Day, d.Postings, d.Entries, d.figures, before))
}

// DayFigures are a day's sums in minor units, all of Nova's own people and books: what the day's postings debited and
// credited them by, and what they held when the day ended.
type DayFigures struct {
	Debits   int64             `json:"debits"`
	Credits  int64             `json:"credits"`
	Products map[Product]int64 `json:"products"`
}

// owed are the products that trust stands for.
var owed = []Product{Wallet, Float, Savings, Commission, Suspense}

// Trust is what was in trust when the day ended.
func (f DayFigures) Trust() int64 { return f.Products[Trust] }

// Owed is what trust had to cover: wallets, floats, savings, commissions and unsettled suspense.
func (f DayFigures) Owed() int64 {
	var sum int64
	for _, p := range owed {
		sum += f.Products[p]
	}
	return sum
}

// CloseDayIn closes a day of the market's calendar for all postings, in the caller's transaction. Days are closed in
// their order, each once, and not before they are over for two minutes: else it is INVALID_STATE.
func (s *Store) CloseDayIn(ctx context.Context, tx *sql.Tx, day clock.Day, market *time.Location, by string) (
	DayClosed, error,
) {
	now := s.clock.Now()
	end := day.AddDays(1).Start(market)
	if now.Before(end.Add(closingPause)) {
		return DayClosed{}, fault.New(fault.InvalidState, "day %s is not over for %s", day, closingPause)
	}
	var through clock.Day
	if err := tx.Get(ctx, (*string)(&through), queries.Get("lock_periods")); err != nil {
		return DayClosed{}, err
	}
	if through != "" && through.AddDays(1) != day {
		return DayClosed{}, fault.New(fault.InvalidState, "the books are closed through %s: day %s is not next", through, day)
	}
	d := DayClosed{Day: day, ClosedAt: now, By: by, Figures: map[money.Currency]DayFigures{}}
	if err := d.count(ctx, tx, day.Start(market), end); err != nil {
		return DayClosed{}, err
	}
	return d, s.closeDay(ctx, tx, &d)
}

// count fills in the figures of a day that begins and ends at these times.
func (d *DayClosed) count(ctx context.Context, tx *sql.Tx, begin, end time.Time) error {
	var sums []struct {
		Currency                           money.Currency
		Postings, Entries, Debits, Credits int64
	}
	if err := tx.Select(ctx, &sums, queries.Get("day_figures"), d.Day, begin); err != nil {
		return err
	}
	for _, s := range sums {
		d.Postings += s.Postings
		d.Entries += s.Entries
		d.Figures[s.Currency] = DayFigures{Debits: s.Debits, Credits: s.Credits}
	}
	var totals []struct {
		Currency money.Currency
		Product  Product
		Total    int64
	}
	if err := tx.Select(ctx, &totals, queries.Get("product_totals"), end); err != nil {
		return err
	}
	for _, t := range totals {
		f := d.Figures[t.Currency]
		if f.Products == nil {
			f.Products = map[Product]int64{}
		}
		f.Products[t.Product] = t.Total
		d.Figures[t.Currency] = f
	}
	return nil
}

func (s *Store) closeDay(ctx context.Context, tx *sql.Tx, d *DayClosed) error {
	last, err := closedDays(ctx, tx, 1)
	if err != nil {
		return err
	}
	figures, err := json.Marshal(d.Figures) // keys in their order
	if err != nil {
		return fmt.Errorf("encode the day's figures: %w", err)
	}
	var before Hash
	if len(last) > 0 {
		before = last[0].Hash
	}
	d.figures = string(figures)
	d.Hash = d.chained(before)
	_, err = tx.Exec(ctx, queries.Get("close_day"), d.Day, d.ClosedAt, d.Postings, d.Entries, d.By, d.figures, d.Hash[:])
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, queries.Get("close_through"), d.Day)
	return err
}

// ClosedDays are the last n closed days, the newest first.
func (s *Store) ClosedDays(ctx context.Context, n int) ([]DayClosed, error) {
	return closedDays(ctx, s.db, n)
}

func closedDays(ctx context.Context, db sql.Querier, n int) ([]DayClosed, error) {
	var rows []struct {
		Day               clock.Day
		ClosedAt          time.Time `db:"closed_at"`
		Postings, Entries int64
		ClosedBy          string `db:"closed_by"`
		Figures           string
		Hash              []byte
	}
	if err := db.Select(ctx, &rows, queries.Get("closed_days"), min(n, maxDays)); err != nil {
		return nil, err
	}
	days := make([]DayClosed, len(rows))
	for i, r := range rows {
		days[i] = DayClosed{
			Day: r.Day, ClosedAt: r.ClosedAt.UTC(), By: r.ClosedBy, Postings: r.Postings, Entries: r.Entries,
			Hash: Hash(r.Hash), figures: r.Figures,
		}
		if err := json.Unmarshal([]byte(r.Figures), &days[i].Figures); err != nil {
			return nil, fmt.Errorf("decode the figures of %s: %w", r.Day, err)
		}
	}
	return days, nil
}

// checkDays computes the hashes of the last closed days again, and names the first that is not as it was closed.
func checkDays(ctx context.Context, tx *sql.Tx) (string, error) {
	days, err := closedDays(ctx, tx, maxDays)
	if err != nil {
		return "", err
	}
	for i := range days {
		var before Hash
		switch {
		case i+1 < len(days):
			before = days[i+1].Hash
		case len(days) == maxDays:
			return "", nil // the day before it was not read
		}
		if days[i].chained(before) != days[i].Hash {
			return "a closed day is as it was closed: " + string(days[i].Day) + " was changed", nil
		}
	}
	return "", nil
}
