package products_test

import (
	"flag"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/money"
	"nova/core/products"
	"nova/sql"
)

func TestInterestIsExactAndItsRestIsCarried(t *testing.T) {
	w := newWorld(t)
	w.product(0) // 2.50%
	account := w.save(100_00)
	w.noonOf("2026-12-01")
	w.work()
	// 13 days of November: 13 x 10000 x 250 = 32,500,000 = 8 x 3,650,000 + 3,300,000.
	require.EqualValues(t, 13, w.number(`select count(*) from interest_days`))
	require.EqualValues(t, 100_08, w.posted(account))
	require.EqualValues(t, 8, w.posted(w.books.InterestExpense))
	require.EqualValues(t, 3_300_000, w.number(`select leftover from interest_months`))
	require.EqualValues(t, 1, w.number(`select count(*) from notices
		where template = 'sms.savings.interest' and args::jsonb @> '{"amount": "0.08", "savings": "100.08", "period": "11/2026"}'`))
	w.noonOf("2027-01-01")
	w.work()
	units := int64(31*10008*250 + 3_300_000)
	require.EqualValues(t, 100_08+units/products.UnitsPerMinor, w.posted(account))
	require.EqualValues(t, units%products.UnitsPerMinor, w.number(`select leftover from interest_months where month = '2026-12-01'`))
	require.EqualValues(t, 2, w.number(`select count(*) from transactions where type = 'interest' and status = 'completed'`))
}

func TestADayAccruesWhenItIsOverAndSettled(t *testing.T) {
	w := newWorld(t)
	w.product(0)
	w.save(100_00)
	midnight := clock.Day("2026-11-19").Start(w.location)
	for _, row := range []struct {
		at   time.Time
		want int
	}{
		{midnight.Add(-time.Second), 0}, {midnight.Add(time.Minute), 0}, {midnight.Add(2 * time.Minute), 1},
		{midnight.Add(3 * time.Minute), 0}, {midnight.Add(24*time.Hour + 5*time.Minute), 1},
	} {
		w.clock.Set(row.at)
		n, err := w.products.Accrue(t.Context())
		require.NoError(t, err)
		require.Equal(t, row.want, n, "at %s", row.at)
	}
}

func TestADaysUnitsStay(t *testing.T) {
	w := newWorld(t)
	w.product(0)
	w.save(100_00)
	w.noonOf("2026-11-20")
	w.work()
	for _, text := range []string{`update interest_days set units = units + 1`, `delete from interest_days`, `truncate interest_days`} {
		_, err := w.db.Exec(t.Context(), sql.Query{Name: "test.tamper", Text: text})
		require.ErrorContains(t, err, "append-only")
	}
	_, err := w.db.Exec(t.Context(), sql.Query{Name: "test.twice", Text: `insert into interest_days
		select account_id, balance, day, units from interest_days`})
	require.True(t, sql.Unique(err, ""), "%v", err)
}

// TestTwoWorkersAtOnce: however many nodes accrue and post, a day and a month are done once.
func TestTwoWorkersAtOnce(t *testing.T) {
	w := newWorld(t)
	w.product(0)
	account := w.save(100_00)
	w.noonOf("2027-02-02")
	other := products.New(w.options)
	var group sync.WaitGroup
	var mu sync.Mutex
	days, months := 0, 0
	for i := range 8 {
		node := []*products.Service{w.products, other}[i%2]
		group.Go(func() {
			n, err := node.Accrue(t.Context())
			require.NoError(t, err)
			m, err := node.PostInterest(t.Context())
			require.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			days, months = days+n, months+m
		})
	}
	group.Wait()
	require.Equal(t, 13+31+31+1, days)
	require.Equal(t, 3, months)
	require.EqualValues(t, 3, w.number(`select count(*) from transactions where type = 'interest'`))
	require.EqualValues(t, w.posted(account)-100_00, w.posted(w.books.InterestExpense))
	// Nothing was posted in between, so all days closed on 100.00.
	require.EqualValues(t, 75*10000*250/products.UnitsPerMinor, w.posted(account)-100_00)
}

// TestAWorkerThatStopsBetweenItsSteps goes on where it was: after the accrual, after the month was computed, and after
// the ledger has booked what nobody marked.
func TestAWorkerThatStopsBetweenItsSteps(t *testing.T) {
	w := newWorld(t)
	w.product(0)
	account := w.save(100_00)
	w.noonOf("2026-12-01")
	n, err := w.products.Accrue(t.Context())
	require.NoError(t, err)
	require.Equal(t, 13, n)
	require.EqualValues(t, 100_00, w.posted(account))

	w.products = products.New(w.options)
	n, err = w.products.PostInterest(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.EqualValues(t, 100_08, w.posted(account))

	_, err = w.db.Exec(t.Context(), sql.Query{Name: "test.unmark", Text: `update interest_months set posted_at = null`})
	require.NoError(t, err)
	n, err = products.New(w.options).PostInterest(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "it had been booked")
	require.EqualValues(t, 100_08, w.posted(account))
	require.Zero(t, w.number(`select count(*) from interest_months where posted_at is null`))
}

func TestAFrozenAccountIsPaidLater(t *testing.T) {
	w := newWorld(t)
	w.product(0)
	account := w.save(100_00)
	w.status(account, "frozen")
	w.noonOf("2026-12-01")
	w.work()
	require.EqualValues(t, 100_00, w.posted(account))
	w.status(account, "active")
	w.work()
	require.EqualValues(t, 100_00, w.posted(account), "not before a day has passed")
	w.noonOf("2026-12-02")
	w.work()
	require.EqualValues(t, 100_08, w.posted(account))
}

func TestANewRateHoldsFromItsDayOn(t *testing.T) {
	w := newWorld(t)
	w.product(0)
	account := w.save(100_00)
	_, err := w.products.SetTerms(t.Context(), products.NewTerms{
		Code: "basic", Currency: money.BBD, Terms: products.Terms{RateBPS: 500, Minimum: bbd(0), From: "2026-11-25"},
	})
	require.NoError(t, err)
	w.noonOf("2026-12-01") // the worker was away, and finds both
	w.work()
	require.EqualValues(t, 7*10000*250, w.number(`select sum(units) from interest_days where day < '2026-11-25'`))
	require.EqualValues(t, 6*10000*500, w.number(`select sum(units) from interest_days where day >= '2026-11-25'`))
	require.EqualValues(t, 100_00+(7*10000*250+6*10000*500)/products.UnitsPerMinor, w.posted(account))
}

func TestWhatIsOwedBearsInterest(t *testing.T) {
	w := newWorld(t)
	line := w.grant() // 36.50% a year: a thousandth a day
	_, err := w.draw(50_00, 1_00)
	require.NoError(t, err)
	w.noonOf("2026-11-25")
	w.work()
	w.change(func(ch *products.LineChange) { ch.RateBPS = ptr(7300) })
	w.noonOf("2026-12-01")
	w.work()
	// Seven days at a thousandth of 51.00, six at two thousandths.
	interest := int64(7*5100*3650+6*5100*7300) / products.UnitsPerMinor
	require.EqualValues(t, 51_00+interest, w.posted(line.Receivable))
	require.EqualValues(t, interest, w.posted(w.books.InterestIncome))
	require.EqualValues(t, 250_00, w.posted(w.marcia.Wallet), "interest is owed, not taken")
	require.Contains(t, w.messages(), products.NoticeOverdraftInterest)

	w.noonOf("2026-12-20") // the line's time is over
	_, err = w.products.ExpireLines(t.Context(), 10)
	require.NoError(t, err)
	w.noonOf("2027-01-01")
	w.work()
	require.Greater(t, w.posted(line.Receivable), 51_00+interest, "what is owed bears interest on")
}

// TestAccrualAgainstAModel moves money on random days of random months, over leap years, changes of clocks and of rates,
// with a worker that comes when it comes, and compares every day and every month with a model that is plain addition.
func TestAccrualAgainstAModel(t *testing.T) {
	starts := []struct{ zone, day string }{
		{"America/Barbados", "2026-11-18"}, {"Europe/Paris", "2028-01-30"}, {"America/Santiago", "2026-08-10"},
		{"America/Havana", "2026-10-15"}, {"Africa/Cairo", "2024-02-10"},
	}
	checks(t, "12")
	rapid.Check(t, func(r *rapid.T) {
		start := rapid.SampledFrom(starts).Draw(r, "start")
		at, err := time.LoadLocation(start.zone)
		require.NoError(r, err)
		first := clock.Day(start.day)
		w := newWorldIn(t, start.zone, first.Start(at).Add(12*time.Hour))
		m := newModel(w, r, first)
		for day := first; day < first.AddDays(100); day = day.AddDays(1) {
			m.live(day)
		}
		w.noonOf(first.AddDays(100))
		w.work()
		m.compare(first.AddDays(99))
	})
}

// checks are how many lives the model lives unless somebody asks for another number: each is a hundred days on a
// database of its own.
func checks(t *testing.T, n string) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	if f.Value.String() != f.DefValue {
		return
	}
	require.NoError(t, f.Value.Set(n))
	t.Cleanup(func() { require.NoError(t, f.Value.Set(f.DefValue)) })
}

// model keeps what a savings account should have earned, day by day.
type model struct {
	w       *world
	r       *rapid.T
	account uuid.UUID
	terms   []products.Terms
	balance int64
	units   map[clock.Day]*big.Int
	// computed is the first day whose month is not in the balance yet; left is what it begins with.
	computed clock.Day
	left     *big.Int
	paid     int64
}

func newModel(w *world, r *rapid.T, first clock.Day) *model {
	w.bring(w.marcia.Wallet, 700_00)
	terms := drawTerms(r, 1_000_00)
	_, err := w.products.SetTerms(w.t.Context(), products.NewTerms{Code: "basic", Currency: money.BBD, Terms: terms})
	require.NoError(r, err)
	terms.From = first
	m := &model{w: w, r: r, terms: []products.Terms{terms}, units: map[clock.Day]*big.Int{}, computed: first, left: new(big.Int)}
	m.balance = rapid.Int64Range(1, 300_00).Draw(r, "opening")
	m.account = w.save(m.balance)
	return m
}

// live is one day: perhaps the worker comes, perhaps money moves, late or early, perhaps new terms are made.
func (m *model) live(day clock.Day) {
	midnight := day.Start(m.w.location)
	m.w.clock.Set(midnight.Add(3 * time.Minute))
	if day > m.computed && rapid.IntRange(0, 4).Draw(m.r, "worker") == 0 {
		m.w.work()
		m.post(day.AddDays(-1))
	}
	if rapid.IntRange(0, 6).Draw(m.r, "move") == 0 {
		end := day.AddDays(1).Start(m.w.location)
		m.w.clock.Set(rapid.SampledFrom([]time.Time{midnight.Add(10 * time.Hour), end.Add(-time.Microsecond)}).Draw(m.r, "at"))
		m.move(rapid.Int64Range(-200_00, 200_00).Draw(m.r, "minor"))
	}
	if rapid.IntRange(0, 30).Draw(m.r, "new terms") == 0 {
		terms := drawTerms(m.r, 1_000_00)
		terms.From = day.AddDays(rapid.IntRange(1, 5).Draw(m.r, "ahead"))
		m.newTerms(terms)
	}
	m.units[day] = m.inForce(day).Units(m.balance)
}

func (m *model) newTerms(terms products.Terms) {
	_, err := m.w.products.SetTerms(m.w.t.Context(), products.NewTerms{Code: "basic", Currency: money.BBD, Terms: terms})
	if terms.From <= m.terms[len(m.terms)-1].From {
		require.True(m.r, fault.Is(err, fault.DuplicateEntity), "%v", err)
		return
	}
	require.NoError(m.r, err)
	m.terms = append(m.terms, terms)
}

// move saves, or takes back what there is.
func (m *model) move(minor int64) {
	minor = max(minor, -m.balance)
	if minor == 0 {
		return
	}
	m.w.bring(m.account, minor)
	m.balance += minor
}

func (m *model) inForce(day clock.Day) products.Terms {
	found := m.terms[0]
	for _, t := range m.terms {
		if t.From <= day {
			found = t
		}
	}
	return found
}

// post pays the months that are whole when days up to last have accrued.
func (m *model) post(last clock.Day) {
	month := new(big.Int).Set(m.left)
	for day := m.computed; day <= last; day = day.AddDays(1) {
		month.Add(month, m.units[day])
		if day.AddDays(1)[8:] == "01" {
			minor, left := new(big.Int).QuoRem(month, big.NewInt(365*10_000), new(big.Int))
			m.balance += minor.Int64()
			m.paid += minor.Int64()
			month, m.left, m.computed = new(big.Int).Set(left), left, day.AddDays(1)
		}
	}
}

func (m *model) compare(last clock.Day) {
	m.post(last)
	require.Equal(m.r, m.balance, m.w.posted(m.account))
	require.Equal(m.r, m.paid, m.w.posted(m.w.books.InterestExpense))
	var rows []struct {
		Day   clock.Day `db:"day"`
		Units string    `db:"units"`
	}
	require.NoError(m.r, m.w.db.Select(m.w.t.Context(), &rows, sql.Query{Name: "test.days", Text: `
		select day, units::text as units from interest_days where account_id = $1`}, m.account))
	got := map[clock.Day]string{}
	for _, row := range rows {
		got[row.Day] = row.Units
	}
	for day, units := range m.units {
		if units.Sign() == 0 {
			require.NotContains(m.r, got, day)
			continue
		}
		require.Equal(m.r, units.String(), got[day], "units of %s", day)
	}
}
