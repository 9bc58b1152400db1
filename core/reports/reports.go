// Package reports tells how money went: an outlet's day so far, the statement of an account, and the business day of the
// whole house, which it closes.
//
// It knows no formats and no prices, and it never moves money between people. The only postings that it makes are the
// house's own: the sweep between trust and the operator's bank, and money that waits in suspense. Its one rule: only
// what happened counts, and what was told once stays so. What failed or waits for somebody is in no sum, a statement
// ends where nothing can be booked any more, and a closed day keeps its figures.
package reports

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/money"
	"nova/core/transactions"
	"nova/sql"
)

// lastShown is how many transactions a handset shows before the sums.
const lastShown = 3

// Day is an outlet's business day so far.
type Day struct {
	Date clock.Day
	// Last are the newest transactions of the day, newest first.
	Last []Last
	// Types are the sums per type, in the order in which people know them.
	Types []Total
}

// Last is one transaction as its operator recognises it.
type Last struct {
	At     time.Time
	Type   transactions.Type
	Name   string // the customer
	Amount money.Amount
	Number string
}

// Total is the count and value of one type.
type Total struct {
	Type   transactions.Type
	Count  int
	Amount money.Amount
}

// Options are what a Service is made of.
type Options struct {
	DB       *sql.DB
	Clock    clock.Clock
	Location *time.Location
	Currency money.Currency
}

// Service reads reports. It is safe for concurrent use.
type Service struct {
	o     Options
	store store
}

// New joins the parts of a Service.
func New(o Options) *Service { return &Service{o: o, store: newStore()} }

// Today is the outlet's day so far, in market time. What failed or waits is not in it.
func (s *Service) Today(ctx context.Context, outlet uuid.UUID) (Day, error) {
	day := clock.DayOf(s.o.Clock.Now(), s.o.Location)
	since := day.Start(s.o.Location)
	totals, err := s.store.totals(ctx, s.o.DB, outlet, since)
	if err != nil {
		return Day{}, err
	}
	last, err := s.store.last(ctx, s.o.DB, outlet, since, lastShown)
	if err != nil {
		return Day{}, err
	}
	report := Day{Date: day}
	for _, row := range totals {
		report.Types = append(report.Types, Total{
			Type: row.Type, Count: row.Count, Amount: money.Of(row.Amount, s.o.Currency),
		})
	}
	for _, row := range last {
		report.Last = append(report.Last, Last{
			At: row.CreatedAt.UTC(), Type: row.Type, Name: row.Name, Number: row.Receipt,
			Amount: money.Of(row.Amount, s.o.Currency),
		})
	}
	return report, nil
}
