package clock

import (
	"database/sql/driver"
	"fmt"
	"time"

	"nova/core/fault"
)

// Day is a calendar date without a time zone, "2026-11-30". Days compare and sort as
// strings. The empty Day is no day. Whoever makes one from text calls ParseDay.
type Day string

// dayLayout is ISO 8601's calendar date.
const dayLayout = time.DateOnly

// ParseDay reads "2026-11-30" exactly; a date that the calendar does not have is a
// VALIDATION_ERROR.
func ParseDay(s string) (Day, error) {
	if _, err := time.Parse(dayLayout, s); err != nil {
		return "", fault.New(fault.ValidationError, "not a date as YYYY-MM-DD")
	}
	return Day(s), nil
}

// DayOf is the date on the wall in loc at the instant t.
func DayOf(t time.Time, loc *time.Location) Day {
	return Day(t.In(loc).Format(dayLayout))
}

// date is midnight UTC of the day: a carrier of year, month and day only.
func (d Day) date() time.Time {
	t, err := time.Parse(dayLayout, string(d))
	if err != nil {
		return time.Time{}
	}
	return t
}

// Year is the calendar year, 0 for no day.
func (d Day) Year() int {
	if d == "" {
		return 0
	}
	return d.date().Year()
}

// AddDays is the date n days later, or earlier if n is negative. No day stays no day.
func (d Day) AddDays(n int) Day {
	if d == "" {
		return d
	}
	return Day(d.date().AddDate(0, 0, n).Format(dayLayout))
}

// zoneReach is further than any zone's midnight lies from midnight UTC (14 hours), by
// as much again as a change of clocks may lie from midnight and still matter to it. No
// zone changes its clocks twice within the two days that this spans.
const zoneReach = 26 * time.Hour

// Start is the first instant of the day in loc, in UTC; the zero time for no day. That
// is midnight, but for the days on which the zone's clocks jump over midnight or turn
// back across it, and then it is the first instant that carries this date. A date that
// the zone left out whole (Samoa, 2011-12-30) starts where the next one does.
func (d Day) Start(loc *time.Location) time.Time {
	if d == "" {
		return time.Time{}
	}
	utc := d.date()
	eve := utc.Add(-zoneReach).In(loc)
	_, before := eve.Zone()
	_, after := utc.Add(zoneReach).In(loc).Zone()
	if before == after {
		return utc.Add(-time.Duration(before) * time.Second)
	}
	_, jump := eve.ZoneBounds()
	first := jump
	for _, offset := range []int{before, after} {
		t := utc.Add(-time.Duration(offset) * time.Second)
		if DayOf(t, loc) == d && (DayOf(first, loc) != d || t.Before(first)) {
			first = t
		}
	}
	return first.UTC()
}

// Value gives the driver the date, NULL for no day.
func (d Day) Value() (driver.Value, error) {
	if d == "" {
		return nil, nil
	}
	return string(d), nil
}

// Scan reads a column of type date, which the driver hands over as a time, or text.
func (d *Day) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d = ""
		return nil
	case time.Time:
		// The driver's zone is not ours: the date is the one written on its face.
		*d = Day(v.Format(dayLayout))
		return nil
	case string:
		return d.scanText(v)
	case []byte:
		return d.scanText(string(v))
	default:
		return fmt.Errorf("scan a day from %T", src)
	}
}

func (d *Day) scanText(s string) error {
	day, err := ParseDay(s)
	if err != nil {
		return fmt.Errorf("scan a day: %w", err)
	}
	*d = day
	return nil
}

// Window is a stretch of days that limits count over, in the market's own time.
type Window uint8

const (
	Daily   Window = iota // from midnight to midnight
	Weekly                // from Monday, as ISO 8601 counts weeks
	Monthly               // from the first of the month
)

// windowNames are the words of limits' data and logs, indexed by Window.
var windowNames = [...]string{Daily: "daily", Weekly: "weekly", Monthly: "monthly"}

// String is the window's word: daily, weekly, monthly.
func (w Window) String() string {
	if int(w) >= len(windowNames) {
		return fmt.Sprintf("window(%d)", uint8(w))
	}
	return windowNames[w]
}

// Start is the first day of the window that t falls into in loc.
func (w Window) Start(t time.Time, loc *time.Location) Day {
	local := t.In(loc)
	switch w {
	case Weekly:
		// Go's week begins on Sunday = 0, ISO's on Monday.
		sinceMonday := (int(local.Weekday()) + 6) % 7
		return DayOf(t, loc).AddDays(-sinceMonday)
	case Monthly:
		return DayOf(t, loc).AddDays(1 - local.Day())
	case Daily:
		return DayOf(t, loc)
	default:
		panic(fmt.Sprintf("clock: no such window: %d", uint8(w)))
	}
}

// End is the first instant after the window that t falls into in loc, in UTC: where
// the next window starts and its counters begin at zero.
func (w Window) End(t time.Time, loc *time.Location) time.Time {
	first := w.Start(t, loc)
	switch w {
	case Weekly:
		return first.AddDays(7).Start(loc)
	case Monthly:
		return Day(first.date().AddDate(0, 1, 0).Format(dayLayout)).Start(loc)
	case Daily:
		return first.AddDays(1).Start(loc)
	default:
		panic(fmt.Sprintf("clock: no such window: %d", uint8(w)))
	}
}
