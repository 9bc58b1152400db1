package payments_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/payments"
	"nova/sql"
)

// used is how far a subject's counters stand, over all windows, by window and rule.
func (w *world) used(subject uuid.UUID) map[string]int64 {
	w.t.Helper()
	var rows []struct {
		Kind  int
		Start clock.Day
		Rule  string
		Used  int64
	}
	err := w.db.Select(w.t.Context(), &rows, sql.Query{Name: "test.used", Text: `
		select window_kind as kind, window_start as start, rule, used from counters where subject = $1`}, subject)
	require.NoError(w.t, err)
	used := map[string]int64{}
	for _, r := range rows {
		if window := clock.Window(r.Kind); window.Start(w.clock.Now(), w.location) == r.Start { //nolint:gosec // 0 to 2
			used[window.String()+" "+r.Rule] = r.Used
		}
	}
	return used
}

// bounds are limits of which one row is what a test is about; the rest leaves all the room there is.
func bounds(row string) string {
	return `
currency: BBD
tiers:
  - { tier: 1, max_balance: "1000.00" }
rules:
  - name: out
    operations: [p2p]
    tiers:
      - { tier: 1, ` + row + ` }
`
}

// nodes are services with limits of their own on one database, each with its writer.
func (w *world) nodes(n int, limited string) []*payments.Service {
	w.t.Helper()
	o := w.options(read(w.t, "../../configs/tariffs.yaml"), limited)
	all := []*payments.Service{payments.New(o)}
	for len(all) < n {
		o.Writer = startWriter(w, w.credentials)
		all = append(all, payments.New(o))
	}
	w.effects[payments.KindReversal] = all[0].ReversalEffect()
	return all
}

// fire sends so much, so often, from all nodes at once, and returns what passed.
func (w *world) fire(nodes []*payments.Service, times int, minor int64) []uuid.UUID {
	w.t.Helper()
	var mu sync.Mutex
	var passed []uuid.UUID
	var running sync.WaitGroup
	start := make(chan struct{})
	for i := range times {
		o := w.send()
		o.Amount = bbd(minor)
		running.Go(func() {
			<-start
			r, err := nodes[i%len(nodes)].Send(w.t.Context(), o)
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				passed = append(passed, r.Transaction)
			} else if !fault.Is(err, fault.LimitExceeded) {
				w.t.Errorf("refused by something else than a limit: %v", err)
			}
		})
	}
	close(start)
	running.Wait()
	return passed
}

func TestLimitsAreExactUnderRacesAndGivenBack(t *testing.T) {
	const (
		times = 40
		minor = 7_01
		back  = 3
	)
	rows := []struct {
		limit string
		fit   int
	}{
		{`daily: { value: "49.07" }`, 7},
		{`daily: { value: "49.06" }`, 6},
		{`daily: { count: 5 }`, 5},
		{`weekly: { value: "56.08" }`, 8},
		{`weekly: { count: 6 }`, 6},
		{`monthly: { value: "63.08" }`, 8},
		{`monthly: { count: 9 }`, 9},
		{`daily: { count: 8 }, weekly: { value: "42.06" }, monthly: { count: 7 }`, 6},
	}
	for _, row := range rows {
		t.Run(row.limit, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			nodes := w.nodes(2, bounds(row.limit))
			passed := w.fire(nodes, times, minor)
			require.Len(t, passed, row.fit)
			before := w.used(w.marcia.ID)
			for _, txn := range passed[:back] {
				w.reverse(txn)
			}
			require.Len(t, w.fire(nodes, times, minor), back, "what was given back is room again, and nothing else")
			require.Equal(t, before, w.used(w.marcia.ID))
		})
	}
}

// The last moments of windows in Barbados, four hours behind UTC: of a Wednesday; of a Sunday, and its week; of a
// Monday that ends a month within its week.
var (
	lastOfDay   = time.Date(2026, time.November, 19, 3, 59, 59, 999_000_000, time.UTC)
	lastOfWeek  = time.Date(2026, time.November, 23, 3, 59, 59, 999_000_000, time.UTC)
	lastOfMonth = time.Date(2026, time.December, 1, 3, 59, 59, 999_000_000, time.UTC)
)

const everyWindow = `daily: { value: "50.00" }, weekly: { count: 2 }, monthly: { value: "100.00" }`

func TestAReversalGivesBackOnlyToWindowsThatRun(t *testing.T) {
	rows := []struct {
		name       string
		last       time.Time
		before     map[string]int64
		afterwards map[string]int64
	}{
		{
			"over midnight", lastOfDay,
			map[string]int64{"weekly out:count": 1, "monthly out:value": 50_00},
			map[string]int64{"weekly out:count": 0, "monthly out:value": 0},
		},
		{"over the week's end", lastOfWeek, map[string]int64{"monthly out:value": 50_00}, map[string]int64{"monthly out:value": 0}},
		{"over the month's end", lastOfMonth, map[string]int64{"weekly out:count": 1}, map[string]int64{"weekly out:count": 0}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.clock.Set(row.last)
			nodes := w.nodes(1, bounds(everyWindow))
			passed := w.fire(nodes, 3, 50_00)
			require.Len(t, passed, 1, "the day's limit")
			w.clock.Advance(time.Millisecond)
			require.Equal(t, row.before, w.used(w.marcia.ID), "a new window starts at zero")
			w.reverse(passed[0])
			require.Equal(t, row.afterwards, w.used(w.marcia.ID))
			require.Len(t, w.fire(nodes, 3, 50_00), 1, "a day's room, and no more")
		})
	}
}

func TestWhatWasCountedByAnotherTierIsGivenBackAsItWasCounted(t *testing.T) {
	w := newWorld(t)
	nodes := w.nodes(1, `
currency: BBD
tiers:
  - { tier: 1, max_balance: "1000.00" }
  - { tier: 2, max_balance: "5000.00" }
rules:
  - name: out
    operations: [p2p]
    tiers:
      - { tier: 1, daily: { value: "100.00" } }
      - { tier: 2, daily: { value: "100.00" }, weekly: { value: "300.00" } }
`)
	passed := w.fire(nodes, 1, 50_00)
	w.upgrade(w.marcia)
	require.Len(t, w.fire(nodes, 1, 20_00), 1)
	require.Equal(t, map[string]int64{"daily out:value": 70_00, "weekly out:value": 20_00}, w.used(w.marcia.ID))
	w.reverse(passed[0])
	require.Equal(t, map[string]int64{"daily out:value": 20_00, "weekly out:value": 20_00}, w.used(w.marcia.ID),
		"the week had not counted it")
}

// A reversal that is computed before midnight and posted after it would give yesterday's room to today: it is computed
// again.
func TestAReversalThatMeetsMidnightIsComputedAgain(t *testing.T) {
	w := newWorld(t)
	w.clock.Set(lastOfDay)
	o := w.options(read(t, "../../configs/tariffs.yaml"), bounds(`daily: { value: "100.00" }`))
	service := payments.New(o)
	passed := w.fire([]*payments.Service{service}, 1, 50_00)
	ahead := &leaping{Manual: w.clock}
	o.Poster = ledger.NewPoster(ledger.PosterOptions{Clock: ahead, Location: w.location, Credentials: w.credentials})
	w.effects[payments.KindReversal] = payments.New(o).ReversalEffect()
	c := w.ask(passed[0])
	ahead.leap.Store(true)
	require.NoError(t, w.approve(c.Approval))
	require.Empty(t, w.used(w.marcia.ID), "nobody has sent anything today")
	require.Equal(t, int64(2), ahead.looks.Load())
	w.clock.Set(lastOfDay)
	require.Equal(t, int64(50_00), w.used(w.marcia.ID)["daily out:value"], "and yesterday is over")
}

// leaping is a clock that passes midnight at the first look.
type leaping struct {
	*clock.Manual
	leap  atomic.Bool
	looks atomic.Int64
}

func (l *leaping) Now() time.Time {
	if l.leap.Load() {
		l.looks.Add(1)
		l.Set(lastOfDay.Add(time.Millisecond))
	}
	return l.Manual.Now()
}

// upgrade moves a customer to tier 2.
func (w *world) upgrade(c customers.Customer) {
	w.t.Helper()
	require.NoError(w.t, w.db.InTx(w.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.Exec(ctx, sql.Query{Name: "test.upgrade", Text: "update customers set tier = 2 where id = $1"}, c.ID)
		if err != nil {
			return err
		}
		return w.ledger.SetTierIn(ctx, tx, c.Wallet, 2)
	}))
}
