package reports

import (
	"time"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ledger"
)

// longestPeriod is a leap year, and the hour by which a change of clocks lengthens it.
const longestPeriod = 366*24*time.Hour + time.Hour

// Period is a stretch of time in which nothing can be booked any more. From belongs to it, To does not.
type Period struct{ From, To time.Time }

// Period reads the bounds of a statement. Each is a moment in RFC 3339, or a date, which stands for the whole day in
// market time: as to it is the last day of the period. A period that is not over ends a few seconds ago. What is no
// time, not in order, longer than a year or still to come is a VALIDATION_ERROR on from or to.
func (s *Statements) Period(from, to string) (Period, error) {
	var p Period
	var err error
	if p.From, err = s.bound("from", from, 0); err != nil {
		return Period{}, err
	}
	if p.To, err = s.bound("to", to, 1); err != nil {
		return Period{}, err
	}
	last := s.o.Clock.Now().Add(-ledger.SettledAfter)
	refused := fault.New(fault.ValidationError, "period from %s to %s", p.From, p.To)
	switch {
	case !p.From.Before(p.To):
		return Period{}, refused.Field("from", "is not before to")
	case p.To.Sub(p.From) > longestPeriod:
		return Period{}, refused.Field("to", "is more than 366 days after from")
	case !p.From.Before(last):
		return Period{}, refused.Field("from", "is not at least 5 seconds ago")
	case p.To.After(last):
		p.To = last
	}
	return p, nil
}

// bound reads one end; of a date, the beginning of the day so many days later. Microseconds are what the books keep.
func (s *Statements) bound(field, text string, daysLater int) (time.Time, error) {
	if day, err := clock.ParseDay(text); err == nil {
		return day.AddDays(daysLater).Start(s.o.Location), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fault.Wrap(err, fault.ValidationError, "bound of a period").
			Field(field, "is neither a date nor a time in RFC 3339")
	}
	return t.UTC().Truncate(time.Microsecond), nil
}
