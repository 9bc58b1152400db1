package reports

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/payments"
	"nova/sql"
)

const (
	// CloseAfter is how long after a market's midnight its day is closed without anybody asking: whoever dates postings
	// back to the day does it soon.
	CloseAfter = 15 * time.Minute
	// closesAtOnce bounds the days that one round closes, where the workers had stood still for long.
	closesAtOnce = 31
)

// DayReport is a day of the books that is closed, with what trust had to cover when it ended.
type DayReport struct {
	ledger.DayClosed
	// Trusts are in the order of their currencies.
	Trusts []TrustReport
}

// TrustReport is the trust equation of one currency in minor units: trust must not be less than what is owed to
// people, which is their wallets, floats, savings and commissions, and suspense that is not settled.
type TrustReport struct {
	Currency    money.Currency
	Trust, Owed int64
	// Underway is what earlier closes swept after this day had ended, so that Trust does not have it yet.
	Underway int64
	// Swept is what was moved to settle the difference: above zero from trust to the operator's bank, below zero into
	// trust. Posting is the posting that did; zero where nothing was to be moved.
	Swept   int64
	Posting uuid.UUID
	// Hash is SHA-256 over the report's text and the hash of the ledger's day.
	Hash ledger.Hash
}

// Covered reports whether trust had all that was owed when the day ended.
func (r TrustReport) Covered() bool { return r.Trust >= r.Owed }

// sum is the hash that the report must have: over one text, of which each part has its place.
func (r TrustReport) sum(d *ledger.DayClosed) ledger.Hash {
	return sha256.Sum256(fmt.Appendf(nil, "nova day report 1\nday %s\nclosed %s\nledger %s\n%s trust %d owed %d underway %d swept %d posting %s\n",
		d.Day, d.ClosedAt.UTC().Format(time.RFC3339Nano), d.Hash, r.Currency, r.Trust, r.Owed, r.Underway, r.Swept, r.Posting))
}

// TreasuryOptions are what a Treasury is made of.
type TreasuryOptions struct {
	DB     *sql.DB
	Ledger *ledger.Store
	Poster *ledger.Poster
	// Books are the house's own accounts, of the market's one currency.
	Books    payments.Books
	Currency money.Currency
	Clock    clock.Clock
	Location *time.Location
}

// Treasury sees to it that trust covers what is owed to people: it closes business days, sweeps the difference to or
// from the operator's bank, and keeps money of which nobody knows whose it is. It is safe for concurrent use, on any
// number of nodes.
type Treasury struct {
	o     TreasuryOptions
	store store
}

// NewTreasury joins the parts of a Treasury.
func NewTreasury(o TreasuryOptions) *Treasury { return &Treasury{o: o, store: newStore()} }

// Close closes a day and sweeps, both or neither. The sweep is booked on the day on which it happens, as the bank's own
// transfer is. A day that is not over, closed already or not the next one is INVALID_STATE.
func (t *Treasury) Close(ctx context.Context, day clock.Day, by string) (DayReport, error) {
	var report DayReport
	err := t.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		if report, err = t.settleIn(ctx, tx, day, by); err != nil {
			return err
		}
		for i := range report.Trusts {
			if err := t.store.insertReport(ctx, tx, &report.DayClosed, &report.Trusts[i]); err != nil {
				return err
			}
		}
		// Last: all of a node's single postings wait for each other.
		for i := range report.Trusts {
			if err := t.sweepIn(ctx, tx, day, &report.Trusts[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return report, err
}

// errPreview takes a preview back.
var errPreview = errors.New("only a preview")

// Preview is what Close would do now. It changes nothing.
func (t *Treasury) Preview(ctx context.Context, day clock.Day, by string) (DayReport, error) {
	var report DayReport
	err := t.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		if report, err = t.settleIn(ctx, tx, day, by); err != nil {
			return err
		}
		return errPreview
	})
	if errors.Is(err, errPreview) {
		err = nil
	}
	return report, err
}

// settleIn closes the day in the ledger and finds what is to be swept.
func (t *Treasury) settleIn(ctx context.Context, tx *sql.Tx, day clock.Day, by string) (DayReport, error) {
	closed, err := t.o.Ledger.CloseDayIn(ctx, tx, day, t.o.Location, by)
	if err != nil {
		return DayReport{}, err
	}
	report := DayReport{DayClosed: closed}
	for _, currency := range slices.Sorted(maps.Keys(closed.Figures)) {
		figures := closed.Figures[currency]
		r := TrustReport{Currency: currency, Trust: figures.Trust(), Owed: figures.Owed()}
		r.Underway, err = t.store.underway(ctx, tx, currency, day.AddDays(1).Start(t.o.Location))
		if err != nil {
			return DayReport{}, err
		}
		if err := t.plan(&r); err != nil {
			return DayReport{}, err
		}
		r.Hash = r.sum(&closed)
		report.Trusts = append(report.Trusts, r)
	}
	return report, nil
}

// plan says what is to be swept. In a currency of which the house has no accounts, nothing can be.
func (t *Treasury) plan(r *TrustReport) error {
	over, err := money.Of(r.Trust, r.Currency).Sub(money.Of(r.Owed, r.Currency))
	if err == nil {
		over, err = over.Sub(money.Of(r.Underway, r.Currency))
	}
	if err != nil || r.Currency != t.o.Currency || over.IsZero() {
		return err
	}
	r.Swept, r.Posting = over.Minor, ids.New(t.o.Clock.Now())
	return nil
}

// sweepIn posts what was planned.
func (t *Treasury) sweepIn(ctx context.Context, tx *sql.Tx, day clock.Day, r *TrustReport) error {
	if r.Swept == 0 {
		return nil
	}
	from, to, minor := t.o.Books.Trust, t.o.Books.OperatorBank, r.Swept
	if minor < 0 {
		from, to, minor = to, from, -minor
	}
	key := ledger.Key{Scope: houseScope, Operation: "day.sweep", Value: string(day) + " " + string(r.Currency)}
	_, err := t.o.Poster.PostIn(ctx, tx, &ledger.Command{
		Key: key, Body: key.Digest(), Currency: r.Currency, Posting: r.Posting, Narration: "sweep", Reference: string(day),
		// Both are assets: what is debited grows.
		Lines: []ledger.Line{
			{Account: to, Side: ledger.Debit, Minor: minor}, {Account: from, Side: ledger.Credit, Minor: minor},
		},
	})
	return err
}

// Next is the day to be closed next: the one after the last that is closed, or yesterday where none ever was.
func (t *Treasury) Next(ctx context.Context) (clock.Day, error) {
	last, err := t.o.Ledger.ClosedDays(ctx, 1)
	if err != nil {
		return "", err
	}
	if len(last) == 0 {
		return clock.DayOf(t.o.Clock.Now(), t.o.Location).AddDays(-1), nil
	}
	return last[0].Day.AddDays(1), nil
}

// CloseDue closes, one after another, the days that have been over for CloseAfter, and returns how many it closed. What
// another node closes meanwhile is closed.
func (t *Treasury) CloseDue(ctx context.Context, by string) (int, error) {
	closed := 0
	for range closesAtOnce {
		day, err := t.Next(ctx)
		if err != nil || t.o.Clock.Now().Before(day.AddDays(1).Start(t.o.Location).Add(CloseAfter)) {
			return closed, err
		}
		switch _, err := t.Close(ctx, day, by); {
		case err == nil:
			closed++
		case !fault.Is(err, fault.InvalidState):
			return closed, err
		}
	}
	return closed, nil
}

// Days are the last n days that were closed, the newest first. A report that is no longer what was stored at the close
// is an error that names it.
func (t *Treasury) Days(ctx context.Context, n int) ([]DayReport, error) {
	closed, err := t.o.Ledger.ClosedDays(ctx, n)
	if err != nil || len(closed) == 0 {
		return nil, err
	}
	trusts, err := t.store.reports(ctx, t.o.DB, closed[len(closed)-1].Day, closed[0].Day)
	if err != nil {
		return nil, err
	}
	days := make([]DayReport, len(closed))
	for i := range closed {
		days[i] = DayReport{DayClosed: closed[i], Trusts: trusts[closed[i].Day]}
		for _, r := range days[i].Trusts {
			if r.sum(&closed[i]) != r.Hash {
				return nil, fmt.Errorf("the report of %s in %s is not the one that was stored when the day was closed",
					closed[i].Day, r.Currency)
			}
		}
	}
	return days, nil
}
