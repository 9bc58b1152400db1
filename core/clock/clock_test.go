package clock_test

import (
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // zones must not depend on the machine

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/core/clock"
	"nova/core/fault"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339Nano, text)
	require.NoError(t, err)
	return instant
}

func TestTimesAreWhatTheDatabaseKeeps(t *testing.T) {
	manual := clock.NewManual(at(t, "2026-11-30T10:31:00.123456789+01:00"))
	want := time.Date(2026, 11, 30, 9, 31, 0, 123456000, time.UTC)
	require.Equal(t, want, manual.Now(), "UTC, cut to the microsecond")

	manual.Advance(1999 * time.Nanosecond)
	require.Equal(t, want.Add(time.Microsecond), manual.Now())

	manual.Set(at(t, "2026-12-01T00:00:00.000000999Z"))
	require.Equal(t, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), manual.Now())
}

func TestSystemClockIsUTCInMicroseconds(t *testing.T) {
	before := time.Now().Truncate(time.Microsecond)
	now := clock.System{}.Now()
	require.Equal(t, time.UTC, now.Location())
	require.Zero(t, now.Nanosecond()%1000)
	require.Equal(t, now, now.Round(0), "no monotonic reading, or times would not compare after a round trip")
	require.WithinRange(t, now, before, time.Now())
}

func TestManualClockIsSharedSafely(t *testing.T) {
	manual := clock.NewManual(time.Unix(0, 0))
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			manual.Advance(time.Second)
			_ = manual.Now() // read for the race detector
		})
	}
	group.Wait()
	require.Equal(t, time.Unix(50, 0).UTC(), manual.Now())
}

func TestDayFollowsTheMarketsWall(t *testing.T) {
	instant := at(t, "2026-12-01T03:30:00Z")
	require.Equal(t, clock.Day("2026-11-30"), clock.DayOf(instant, zone(t, "America/Barbados")))
	require.Equal(t, clock.Day("2026-12-01"), clock.DayOf(instant, zone(t, "Africa/Nairobi")))
}

func TestParseDay(t *testing.T) {
	for _, bad := range []string{
		"", "2026-02-29", "2026-13-01", "2026-1-01", "01-02-2026", "2026-01-01 ", "20260101", "2026-01-01T00:00:00Z",
	} {
		_, err := clock.ParseDay(bad)
		if !fault.Is(err, fault.ValidationError) {
			t.Errorf("ParseDay(%q) = %v, want a VALIDATION_ERROR", bad, err)
		}
	}
	day, err := clock.ParseDay("2028-02-29")
	require.NoError(t, err)
	require.Equal(t, clock.Day("2028-02-29"), day)
	require.Equal(t, 2028, day.Year())
	require.Equal(t, clock.Day("2028-03-01"), day.AddDays(1))
}

func FuzzParseDay(f *testing.F) {
	for _, seed := range []string{"2026-11-30", "2026-02-30", "0000-01-01", "9999-12-31", "2026-11-3O", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		day, err := clock.ParseDay(s)
		if err != nil {
			return
		}
		if got := clock.DayOf(day.Start(time.UTC), time.UTC); got != clock.Day(s) {
			t.Errorf("ParseDay(%q) starts on %s", s, got)
		}
	})
}

func TestNoDayStaysNoDay(t *testing.T) {
	var none clock.Day
	require.Equal(t, none, none.AddDays(3))
	require.True(t, none.Start(time.UTC).IsZero())
	require.Zero(t, none.Year())
}

func TestStartOfDay(t *testing.T) {
	cases := []struct {
		name, zone string
		day        clock.Day
		want       string
	}{
		{"midnight in a zone without summer time", "America/Barbados", "2026-11-30", "2026-11-30T04:00:00Z"},
		{"midnight east of Greenwich", "Africa/Nairobi", "2026-11-30", "2026-11-29T21:00:00Z"},
		{"clocks jump over midnight: the first instant is one o'clock", "America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"},
		{"clocks jump over midnight, further east", "Africa/Cairo", "2023-04-28", "2023-04-27T22:00:00Z"},
		{"midnight happens twice: the first counts", "America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"},
		{"eleven o'clock happens twice: the day before is longer", "America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z"},
		{"clocks change later in the day", "Africa/Casablanca", "2026-02-15", "2026-02-14T23:00:00Z"},
		{"a date that the zone left out starts where the next does", "Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},
		{"the date after it", "Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := c.day.Start(zone(t, c.zone))
			if want := at(t, c.want); !got.Equal(want) {
				t.Errorf("%s.Start(%s) = %s, want %s", c.day, c.zone, got.Format(time.RFC3339), c.want)
			}
			require.Equal(t, time.UTC, got.Location())
		})
	}
}

// zones have summer time at midnight, at other hours, by half hours, and none.
var zones = []string{
	"America/Barbados", "Africa/Nairobi", "Africa/Lagos", "Africa/Cairo", "Africa/Casablanca", "America/Havana",
	"America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/Paris", "UTC",
}

func TestDaysAndWindowsCoverTimeWithoutGaps(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		loc := zone(t, rapid.SampledFrom(zones).Draw(r, "zone"))
		window := rapid.SampledFrom([]clock.Window{clock.Daily, clock.Weekly, clock.Monthly}).Draw(r, "window")
		instant := time.UnixMicro(rapid.Int64Range(1e15, 2.5e15).Draw(r, "micros")).UTC()

		first := window.Start(instant, loc)
		start, end := first.Start(loc), window.End(instant, loc)

		require.False(r, start.After(instant), "starts at %s, after %s", start, instant)
		require.True(r, end.After(instant), "ends at %s, before %s", end, instant)
		require.Equal(r, first, clock.DayOf(start, loc))
		require.NotEqual(r, first, clock.DayOf(start.Add(-time.Microsecond), loc))
		require.Equal(r, first, window.Start(end.Add(-time.Microsecond), loc), "its last instant is its own")
		require.NotEqual(r, first, window.Start(end, loc), "its end is the next one's")
	})
}

func TestWindowStarts(t *testing.T) {
	sunday := at(t, "2026-11-29T12:00:00Z")
	monday := sunday.AddDate(0, 0, 1)
	require.Equal(t, clock.Day("2026-11-23"), clock.Weekly.Start(sunday, time.UTC))
	require.Equal(t, clock.Day("2026-11-30"), clock.Weekly.Start(monday, time.UTC))
	require.Equal(t, clock.Day("2026-11-01"), clock.Monthly.Start(monday, time.UTC))
	require.Equal(t, at(t, "2026-12-01T00:00:00Z"), clock.Monthly.End(monday, time.UTC))
	require.Equal(t, "daily weekly monthly window(3)",
		clock.Daily.String()+" "+clock.Weekly.String()+" "+clock.Monthly.String()+" "+clock.Window(3).String())
}

func TestDayInTheDatabase(t *testing.T) {
	var day clock.Day
	require.NoError(t, day.Scan(time.Date(1990, 5, 1, 0, 0, 0, 0, zone(t, "Africa/Nairobi"))))
	require.Equal(t, clock.Day("1990-05-01"), day, "the face of the date, whatever the driver's zone")
	require.NoError(t, day.Scan([]byte("1990-05-02")))
	require.NoError(t, day.Scan("1990-05-03"))
	value, err := day.Value()
	require.NoError(t, err)
	require.Equal(t, "1990-05-03", value)

	require.Error(t, day.Scan("1990-02-30"))
	require.Error(t, day.Scan(19900503))
	require.Equal(t, clock.Day("1990-05-03"), day, "a failed scan changes nothing")

	require.NoError(t, day.Scan(nil))
	value, err = day.Value()
	require.NoError(t, err)
	require.Nil(t, value)
}
