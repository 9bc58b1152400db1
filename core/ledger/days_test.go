package ledger_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/sql"
)

func (m *market) closeDay(day clock.Day) (d ledger.DayClosed, err error) {
	err = m.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) (err error) {
		d, err = m.store.CloseDayIn(ctx, tx, day, barbados, "finance")
		return err
	})
	return d, err
}

const today, tomorrow = clock.Day("2026-11-21"), clock.Day("2026-11-22")

func TestAClosedDayTakesNoPostings(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(100_00), m.wallet(0)
	m.must(m.transfer(from, to, 10_00))
	m.clock.Set(tomorrow.Start(barbados).Add(time.Minute))
	late := m.transfer(from, to, 5_00)
	late.ValueDate = today
	m.must(late)
	_, err := m.closeDay(today)
	require.True(t, fault.Is(err, fault.InvalidState), "a day just over: %v", err)
	m.clock.Advance(time.Minute)
	m.must(m.transfer(from, to, 1_00))

	d, err := m.closeDay(today)
	require.NoError(t, err)
	require.EqualValues(t, 3, d.Postings, "funding, a transfer, and the one of the next morning that was dated back")
	f := d.Figures[money.BBD]
	require.EqualValues(t, 115_00, f.Debits)
	require.EqualValues(t, 115_00, f.Credits)
	require.EqualValues(t, 100_00, f.Trust())
	require.EqualValues(t, 100_00, f.Owed())

	closed := m.transfer(from, to, 1)
	closed.ValueDate = today
	require.Equal(t, "is in a closed day", m.refused(closed, fault.PeriodClosed).Fields["value_date"])
	ahead := m.transfer(from, to, 1)
	ahead.ValueDate = tomorrow.AddDays(1)
	require.Equal(t, "is in the future", m.refused(ahead, fault.ValidationError).Fields["value_date"])
	open := m.transfer(from, to, 1)
	open.ValueDate = tomorrow
	m.must(open)
	require.NoError(t, m.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		in := m.transfer(from, to, 1)
		in.ValueDate = today
		_, err := m.poster().PostIn(ctx, tx, in)
		require.True(t, fault.Is(err, fault.PeriodClosed), "%v", err)
		return nil
	}))
	require.Error(t, m.exec("update closed_days set postings = 0"), "what is closed stays as it was")
	m.check()
	require.NoError(t, m.exec("alter table closed_days disable trigger all"))
	require.NoError(t, m.exec("update closed_days set figures = replace(figures, '11500', '11600')"))
	report, err := m.store.Check(t.Context())
	require.NoError(t, err)
	require.Contains(t, report.Breach, string(today)+" was changed")
	m.broken = true
}

func TestDaysAreClosedInOrderAndOnce(t *testing.T) {
	m := newMarket(t)
	m.clock.Advance(10 * 24 * time.Hour)
	_, err := m.closeDay(today)
	require.NoError(t, err, "the first day may be any")
	for _, wrong := range []clock.Day{today, today.AddDays(-1), today.AddDays(2)} {
		_, err = m.closeDay(wrong)
		require.True(t, fault.Is(err, fault.InvalidState), "%s: %v", wrong, err)
	}
	var closers sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		closers.Go(func() { _, errs[i] = m.closeDay(tomorrow) })
	}
	closers.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
			continue
		}
		require.True(t, fault.Is(err, fault.InvalidState), "%v", err)
	}
	require.Equal(t, 1, done)
	days, err := m.store.ClosedDays(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, days, 2)
	require.Equal(t, tomorrow, days[0].Day)
	require.NotEqual(t, days[0].Hash, days[1].Hash)
}

func TestPostingsDatedBackRaceTheClose(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(100_00), m.wallet(0)
	m.clock.Set(tomorrow.Start(barbados).Add(time.Hour))
	var work sync.WaitGroup
	posted := make(chan bool, 200)
	for range cap(posted) {
		work.Go(func() {
			c := m.transfer(from, to, 1)
			c.ValueDate = today
			_, err := m.submit(c)
			posted <- err == nil
		})
	}
	d, err := m.closeDay(today)
	require.NoError(t, err)
	work.Wait()
	close(posted)
	count := int64(1) // the funding
	for ok := range posted {
		if ok {
			count++
		}
	}
	require.Equal(t, count, d.Postings, "whatever was posted into the day is in its figures")
}

// A client's accounts hold whatever it says: as much as it likes, every day.
func TestAClientsPostingsDoNotKeepADayOpen(t *testing.T) {
	m := newMarket(t)
	open := func(p ledger.Product, floor *int64) uuid.UUID {
		id := ids.New(noon)
		require.NoError(t, m.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			return m.store.OpenIn(ctx, tx, ledger.Account{
				ID: id, OwnerKind: "test", OwnerID: id.String(), Product: p, Currency: money.BBD, Floor: floor, OpenedBy: "client",
			})
		}))
		return id
	}
	for range 3 {
		m.must(m.command(debit(open(ledger.Trust, nil), math.MaxInt64), credit(open(ledger.Wallet, ledger.ZeroFloor()), math.MaxInt64)))
	}
	m.must(m.fund(m.wallet(0), 7_00))
	m.clock.Set(tomorrow.Start(barbados).Add(time.Hour))
	d, err := m.closeDay(today)
	require.NoError(t, err)
	require.EqualValues(t, 4, d.Postings)
	require.EqualValues(t, 7_00, d.Figures[money.BBD].Debits)
	require.EqualValues(t, 7_00, d.Figures[money.BBD].Owed())
}
