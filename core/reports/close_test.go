package reports_test

import (
	"context"
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
	"nova/core/payments"
	"nova/core/reports"
	"nova/sql"
)

// till is a world with the house's books and the people's accounts.
type till struct {
	*world
	books         payments.Books
	treasury      *reports.Treasury
	wallet, float ledger.Account
}

func newTill(t *testing.T, now time.Time, zone string) *till {
	t.Helper()
	w := &till{world: newWorld(t, now, zone)}
	var err error
	w.books, err = payments.OpenBooks(t.Context(), w.db, w.store, money.BBD, w.clock)
	require.NoError(t, err)
	w.treasury = w.another()
	w.wallet, w.float = w.account(ledger.Wallet), w.account(ledger.Float)
	return w
}

// another is the treasury of another node.
func (w *till) another() *reports.Treasury {
	return reports.NewTreasury(reports.TreasuryOptions{
		DB: w.db, Ledger: w.store, Poster: w.poster, Books: w.books, Currency: money.BBD, Clock: w.clock, Location: w.market,
	})
}

// pay moves money between two accounts by id.
func (w *till) pay(from, to uuid.UUID, minor int64) {
	w.t.Helper()
	require.NoError(w.t, w.post(0, w.move(ledger.Account{ID: from}, ledger.Account{ID: to}, minor)))
}

// posted is an account's balance now.
func (w *till) posted(account uuid.UUID) int64 {
	w.t.Helper()
	b, err := w.store.Balance(w.t.Context(), account)
	require.NoError(w.t, err)
	return b.Posted
}

// begin sets the clock to the beginning of a day in the market, and so much later.
func (w *till) begin(day clock.Day, later time.Duration) { w.clock.Set(day.Start(w.market).Add(later)) }

func (w *till) close(day clock.Day) reports.TrustReport {
	w.t.Helper()
	report, err := w.treasury.Close(w.t.Context(), day, "finance")
	require.NoError(w.t, err)
	require.Len(w.t, report.Trusts, 1)
	return report.Trusts[0]
}

const (
	friday   = clock.Day("2026-11-20")
	saturday = clock.Day("2026-11-21")
	sunday   = clock.Day("2026-11-22")
	monday   = clock.Day("2026-11-23")
)

func TestACloseSweepsTheDifferenceBothWays(t *testing.T) {
	w := newTill(t, noon, "America/Barbados")
	w.pay(w.books.Trust, w.wallet.ID, 100_00)
	w.pay(w.wallet.ID, w.books.FeeIncome, 3_00) // the operator has earned it, and it still lies in trust
	w.begin(saturday, time.Hour)

	before, err := w.treasury.Preview(t.Context(), friday, "finance")
	require.NoError(t, err)
	require.EqualValues(t, 3_00, before.Trusts[0].Swept)
	days, err := w.treasury.Days(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, days, "a preview closes nothing")
	require.EqualValues(t, 100_00, w.posted(w.books.Trust))

	r := w.close(friday)
	require.True(t, r.Covered())
	require.Equal(t, []int64{100_00, 97_00, 0, 3_00}, []int64{r.Trust, r.Owed, r.Underway, r.Swept})
	require.EqualValues(t, 97_00, w.posted(w.books.Trust))
	require.EqualValues(t, 3_00, w.posted(w.books.OperatorBank))
	p, err := w.store.Posting(t.Context(), r.Posting)
	require.NoError(t, err)
	require.Equal(t, saturday, p.ValueDate, "the bank's transfer is of the day on which it is made")
	require.Equal(t, "2026-11-20", p.Reference)

	w.pay(w.books.CommissionExpense, w.float.ID, 5_00) // now the operator owes it
	w.begin(sunday, time.Hour)
	r = w.close(saturday)
	require.False(t, r.Covered())
	require.Equal(t, []int64{97_00, 102_00, 0, -5_00}, []int64{r.Trust, r.Owed, r.Underway, r.Swept})
	require.EqualValues(t, 102_00, w.posted(w.books.Trust))

	w.begin(monday, time.Hour)
	r = w.close(sunday)
	require.Zero(t, r.Swept)
	require.Equal(t, uuid.Nil, r.Posting, "where nothing is to be moved, nothing is posted")
	require.EqualValues(t, 102_00, w.posted(w.books.Trust))
}

// TestDaysThatAreClosedLateAreSweptOnce closes three days in a row, long after them: the sweep of the first is in no
// figure of the others.
func TestDaysThatAreClosedLateAreSweptOnce(t *testing.T) {
	w := newTill(t, noon, "America/Barbados")
	w.pay(w.books.Trust, w.wallet.ID, 100_00)
	w.pay(w.wallet.ID, w.books.FeeIncome, 3_00)
	w.clock.Advance(24 * time.Hour)
	w.pay(w.wallet.ID, w.books.FeeIncome, 4_00)
	w.begin("2026-11-27", 14*time.Minute)
	closed, err := w.treasury.CloseDue(t.Context(), "nova")
	require.NoError(t, err)
	require.Zero(t, closed, "none was ever closed, and yesterday is not due")

	require.EqualValues(t, 3_00, w.close(friday).Swept)
	w.clock.Advance(time.Minute)
	closed, err = w.treasury.CloseDue(t.Context(), "nova")
	require.NoError(t, err)
	require.Equal(t, 6, closed, "Saturday to Thursday")
	days, err := w.treasury.Days(t.Context(), 10)
	require.NoError(t, err)
	var swept, underway []int64
	for _, d := range days {
		swept, underway = append(swept, d.Trusts[0].Swept), append(underway, d.Trusts[0].Underway)
	}
	require.Equal(t, []int64{0, 0, 0, 0, 0, 4_00, 3_00}, swept)
	require.Equal(t, []int64{7_00, 7_00, 7_00, 7_00, 7_00, 3_00, 0}, underway)
	require.EqualValues(t, 93_00, w.posted(w.books.Trust))
	require.Equal(t, w.posted(w.books.Trust), w.posted(w.wallet.ID))
}

func TestADayIsClosedOnceHoweverManyClose(t *testing.T) {
	w := newTill(t, noon, "America/Barbados")
	w.pay(w.books.Trust, w.wallet.ID, 100_00)
	w.pay(w.wallet.ID, w.books.FeeIncome, 3_00)
	w.begin(saturday, time.Hour)
	var work sync.WaitGroup
	var due [2]int
	errs := make([]error, 4)
	for i := range errs {
		work.Go(func() {
			if i < len(due) {
				due[i], errs[i] = w.another().CloseDue(context.Background(), "nova")
				return
			}
			_, errs[i] = w.another().Close(context.Background(), friday, "finance")
		})
	}
	work.Wait()
	done := due[0] + due[1]
	for i, err := range errs {
		if i >= len(due) && err == nil {
			done++
			continue
		}
		require.True(t, err == nil || fault.Is(err, fault.InvalidState), "%v", err)
	}
	require.Equal(t, 1, done)
	require.EqualValues(t, 97_00, w.posted(w.books.Trust), "swept once")
	for _, day := range []clock.Day{friday, saturday, sunday, "2026-11-19"} {
		_, err := w.treasury.Close(t.Context(), day, "finance")
		require.True(t, fault.Is(err, fault.InvalidState), "%s: %v", day, err)
	}
}

func TestAClosedDayTakesNoPosting(t *testing.T) {
	w := newTill(t, noon, "America/Barbados")
	w.pay(w.books.Trust, w.wallet.ID, 100_00)
	w.begin(saturday, time.Hour)
	late := w.move(ledger.Account{ID: w.books.Trust}, w.wallet, 1)
	late.ValueDate = friday
	require.NoError(t, w.post(0, late))
	w.close(friday)
	for node := range 3 {
		c := w.move(ledger.Account{ID: w.books.Trust}, w.wallet, 1)
		c.ValueDate = friday
		err := w.post(node, c)
		require.True(t, fault.Is(err, fault.PeriodClosed), "%v", err)
		require.Contains(t, fault.From(err).Fields, "value_date")
	}
	require.EqualValues(t, 100_01, w.posted(w.wallet.ID))
}

// TestDaysEndWhereTheMarketsClocksSay closes the day on which the clocks go back: it has 25 hours, and what happens in
// the last of them belongs to it.
func TestDaysEndWhereTheMarketsClocksSay(t *testing.T) {
	const longDay = clock.Day("2026-10-25")
	w := newTill(t, longDay.AddDays(-1).Start(time.UTC), "Europe/Paris")
	w.begin(longDay, 24*time.Hour+30*time.Minute) // 23:30 of the same day
	w.pay(w.books.Trust, w.wallet.ID, 100_00)
	_, err := w.treasury.Close(t.Context(), longDay, "finance")
	require.True(t, fault.Is(err, fault.InvalidState), "%v", err)
	w.clock.Advance(29*time.Minute + 59*time.Second)
	w.pay(w.books.Trust, w.wallet.ID, 1_00)
	w.clock.Advance(time.Second)
	w.pay(w.books.Trust, w.wallet.ID, 7_00) // the next day has begun
	w.clock.Advance(reports.CloseAfter - time.Second)
	closed, err := w.treasury.CloseDue(t.Context(), "nova")
	require.NoError(t, err)
	require.Zero(t, closed, "not due yet")
	w.clock.Advance(time.Second)
	closed, err = w.treasury.CloseDue(t.Context(), "nova")
	require.NoError(t, err)
	require.Equal(t, 1, closed)
	days, err := w.treasury.Days(t.Context(), 2)
	require.NoError(t, err)
	require.Equal(t, longDay, days[0].Day)
	require.EqualValues(t, 101_00, days[0].Trusts[0].Owed)
}

func TestAReportThatSomebodyChangedIsNamed(t *testing.T) {
	w := newTill(t, noon, "America/Barbados")
	w.pay(w.books.Trust, w.wallet.ID, 100_00)
	w.begin(saturday, time.Hour)
	w.close(friday)
	const change = "update day_reports set owed = owed - 1"
	require.Error(t, w.db.ExecText(t.Context(), change), "what is closed stays as it was")
	require.NoError(t, w.db.ExecText(t.Context(), "alter table day_reports disable trigger user"))
	require.NoError(t, w.db.ExecText(t.Context(), change))
	_, err := w.treasury.Days(t.Context(), 1)
	require.ErrorContains(t, err, "2026-11-20")
}

// TestACloseIsWholeOrNot closes while lane 0, in which the sweep is posted, is held by somebody else.
func TestACloseIsWholeOrNot(t *testing.T) {
	w := newTill(t, noon, "America/Barbados")
	w.pay(w.books.Trust, w.wallet.ID, 100_00)
	w.pay(w.wallet.ID, w.books.FeeIncome, 3_00)
	w.begin(saturday, time.Hour)
	require.NoError(t, w.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := w.poster.PostIn(ctx, tx, w.move(ledger.Account{ID: w.books.Trust}, w.wallet, 1))
		require.NoError(t, err)
		_, err = w.treasury.Close(context.WithoutCancel(ctx), friday, "finance")
		require.True(t, fault.Is(err, fault.ServiceUnavailable), "%v", err)
		return nil
	}))
	days, err := w.treasury.Days(t.Context(), 1)
	require.NoError(t, err)
	require.Empty(t, days)
	require.EqualValues(t, 3_00, w.close(friday).Swept)
}

func TestMoneyOfNobodyKnownWaitsInSuspense(t *testing.T) {
	w := newTill(t, noon, "America/Barbados")
	book := func(reference string, minor int64) reports.SuspenseItem {
		item, err := w.treasury.BookSuspense(t.Context(), reports.NewSuspense{
			Amount: bbd(minor), Reference: reference, Note: "no name", By: "finance",
		})
		require.NoError(t, err)
		return item
	}
	first := book("BANK-1", 40_00)
	w.begin(saturday, time.Hour)
	second := book("BANK-2", 2_00)
	require.EqualValues(t, 42_00, w.posted(w.books.Trust))
	require.EqualValues(t, 42_00, w.close(friday).Owed+2_00, "what waits is owed to somebody")

	w.begin(sunday, 0)
	open, err := w.treasury.OpenSuspense(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, []int{2, 1}, []int{open[0].Age, open[1].Age}, "days are the market's")
	require.Equal(t, []uuid.UUID{first.ID, second.ID}, []uuid.UUID{open[0].ID, open[1].ID})

	settled, err := w.treasury.SettleSuspense(t.Context(), reports.Settlement{
		Item: first.ID, To: w.wallet.ID, Note: "she called", By: "finance",
	})
	require.NoError(t, err)
	require.Equal(t, []any{w.wallet.ID, "she called", 2}, []any{settled.SettledTo, settled.SettledNote, settled.Age})
	require.EqualValues(t, 40_00, w.posted(w.wallet.ID))
	_, err = w.treasury.SettleSuspense(t.Context(), reports.Settlement{Item: first.ID, To: w.wallet.ID, By: "finance"})
	require.True(t, fault.Is(err, fault.InvalidState), "%v", err)
	_, err = w.treasury.SettleSuspense(t.Context(), reports.Settlement{Item: second.ID, To: w.books.Trust, By: "finance"})
	require.NoError(t, err, "sent back to where it came from")
	require.EqualValues(t, 40_00, w.posted(w.books.Trust))
	open, err = w.treasury.OpenSuspense(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, open)
}

func TestSuspenseRefuses(t *testing.T) {
	w := newTill(t, noon, "America/Barbados")
	good := reports.NewSuspense{Amount: bbd(1_00), Reference: "BANK-1", By: "finance"}
	item, err := w.treasury.BookSuspense(t.Context(), good)
	require.NoError(t, err)

	for name, c := range map[string]struct {
		change func(*reports.NewSuspense)
		code   fault.Code
		field  string
	}{
		"the same reference": {func(*reports.NewSuspense) {}, fault.DuplicateEntity, "reference"},
		"nothing":            {func(n *reports.NewSuspense) { n.Amount = bbd(0) }, fault.ValidationError, "amount"},
		"less than nothing":  {func(n *reports.NewSuspense) { n.Amount = bbd(-1) }, fault.ValidationError, "amount"},
		"another currency":   {func(n *reports.NewSuspense) { n.Amount = money.Of(1, money.KES) }, fault.CurrencyMismatch, "amount"},
		"no reference":       {func(n *reports.NewSuspense) { n.Reference = "" }, fault.ValidationError, "reference"},
		"a NUL":              {func(n *reports.NewSuspense) { n.Reference = "a\x00" }, fault.ValidationError, "reference"},
		"not UTF-8":          {func(n *reports.NewSuspense) { n.Note = "\xff" }, fault.ValidationError, "note"},
	} {
		n := good
		c.change(&n)
		_, err := w.treasury.BookSuspense(t.Context(), n)
		require.True(t, fault.Is(err, c.code), "%s: %v", name, err)
		require.Contains(t, fault.From(err).Fields, c.field, name)
	}
	for name, c := range map[string]struct {
		s     reports.Settlement
		code  fault.Code
		field string
	}{
		"no such item":    {reports.Settlement{Item: ids.New(noon), To: w.wallet.ID}, fault.NotFound, "item"},
		"no such account": {reports.Settlement{Item: item.ID, To: ids.New(noon)}, fault.NotFound, "to"},
		"the operator's":  {reports.Settlement{Item: item.ID, To: w.books.FeeIncome}, fault.ValidationError, "to"},
		"a line's end":    {reports.Settlement{Item: item.ID, To: w.wallet.ID, Note: "a\nb"}, fault.ValidationError, "note"},
	} {
		_, err := w.treasury.SettleSuspense(t.Context(), c.s)
		require.True(t, fault.Is(err, c.code), "%s: %v", name, err)
		require.Contains(t, fault.From(err).Fields, c.field, name)
	}
	require.EqualValues(t, 1_00, w.posted(w.books.Trust), "nothing else was booked")
}

func TestSuspenseIsSettledOnceHoweverManySettle(t *testing.T) {
	w := newTill(t, noon, "America/Barbados")
	item, err := w.treasury.BookSuspense(t.Context(), reports.NewSuspense{Amount: bbd(5_00), Reference: "B", By: "finance"})
	require.NoError(t, err)
	var work sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		work.Go(func() {
			_, errs[i] = w.another().SettleSuspense(context.Background(), reports.Settlement{Item: item.ID, To: w.wallet.ID})
		})
	}
	work.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
			continue
		}
		require.True(t, fault.Is(err, fault.InvalidState), "%v", err)
	}
	require.Equal(t, 1, done)
	require.EqualValues(t, 5_00, w.posted(w.wallet.ID))
}
