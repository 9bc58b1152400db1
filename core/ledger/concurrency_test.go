package ledger_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/sql"
)

// storm submits each command copies times at once, through the writers in turn, and gives the outcomes by command.
func storm(writers []*ledger.Writer, commands []*ledger.Command, copies int) [][]outcome {
	outcomes := make([][]outcome, len(commands))
	var wait sync.WaitGroup
	for i, c := range commands {
		outcomes[i] = make([]outcome, copies)
		for copied := range copies {
			wait.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				w := writers[(i+copied)%len(writers)]
				r, err := w.Submit(ctx, c)
				outcomes[i][copied] = outcome{r, err}
			})
		}
	}
	wait.Wait()
	return outcomes
}

type outcome struct {
	result ledger.Result
	err    error
}

// once sees that of all copies of each command exactly one ran, and all others got its answer.
func once(t *testing.T, outcomes [][]outcome) (ran int) {
	t.Helper()
	for _, copies := range outcomes {
		first := 0
		for _, o := range copies {
			if o.err != nil {
				require.Equal(t, copies[0].err == nil, false, "%v", o.err)
				require.Equal(t, codeOf(copies[0].err), codeOf(o.err), "%v", o.err)
				continue
			}
			require.Equal(t, copies[0].result.Posting, o.result.Posting)
			require.Equal(t, copies[0].result.Balances, o.result.Balances)
			require.Equal(t, copies[0].result.Receipt, o.result.Receipt)
			if !o.result.Replayed {
				first++
			}
		}
		if copies[0].err == nil {
			require.Equal(t, 1, first, "one copy ran")
			ran++
		}
	}
	return ran
}

func TestHotFloatTakesHundredsAtOnceEachOnce(t *testing.T) {
	m := newMarket(t)
	float, wallets := m.open(ledger.Float, ledger.ZeroFloor()), m.wallets(20, 10_000)
	var commands []*ledger.Command
	for i := range 300 {
		commands = append(commands, m.send(wallets[i%len(wallets)], float, 100))
	}
	require.Equal(t, 300, once(t, storm([]*ledger.Writer{m.Writer}, commands, 2)))
	require.Equal(t, int64(30_000), m.posted(float))
	require.Equal(t, int64(300*82), m.posted(m.fees))
	require.Equal(t, int64(300), m.count("select count(distinct receipt) from transactions"))
	require.Equal(t, int64(600), m.count("select count(*) from notices"))
}

func TestTwoNodesAndPostInInOppositeDirections(t *testing.T) {
	m := newMarket(t)
	nodes := []*ledger.Writer{m.Writer, m.writer("two", m.url)}
	poster, wallets := m.poster(), m.wallets(4, 100_000)
	before := int64(len(wallets)) * 100_000
	var commands []*ledger.Command
	for i := range 200 {
		from, to := wallets[i%4], wallets[(i+1+i/4%3)%4]
		commands = append(commands, m.send(from, to, int64(1+i)))
	}
	var posted atomic.Int64
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for k := range 10 {
				from, to := wallets[(i+1)%4], wallets[i%4]
				c := m.transfer(from, to, int64(1+k))
				err := m.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
					_, err := poster.PostIn(ctx, tx, c)
					return err
				})
				if err == nil {
					posted.Add(1)
				} else if !fault.Is(err, fault.ServiceUnavailable) {
					t.Errorf("PostIn: %v", err)
				}
			}
		})
	}
	ran := once(t, storm(nodes, commands, 2))
	wait.Wait()
	require.Equal(t, 200, ran)
	require.Equal(t, int64(80), posted.Load())
	var total int64
	for _, w := range wallets {
		total += m.posted(w)
	}
	require.Equal(t, before-200*100, total)
	require.Equal(t, int64(200*82), m.posted(m.fees), "summed over the lanes")
	for _, node := range nodes { // which of them won the commands above is up to the scheduler
		_, err := node.Submit(t.Context(), m.send(wallets[0], wallets[1], 1))
		require.NoError(t, err)
	}
	require.Equal(t, int64(2), m.count("select count(*) from balances where account_id = $1 and lane > 0", m.fees))
}

func TestTwinsAcrossNodesRunOnce(t *testing.T) {
	m := newMarket(t)
	nodes := []*ledger.Writer{m.Writer, m.writer("two", m.url), m.writer("three", m.url)}
	from, to := m.wallet(1_000), m.wallet(0)
	var commands []*ledger.Command
	for range 50 {
		c := m.transfer(from, to, 30) // two thirds find the wallet empty
		commands = append(commands, c)
	}
	ran := once(t, storm(nodes, commands, 6))
	require.Equal(t, 33, ran)
	require.Equal(t, int64(10), m.posted(from))
}

func TestSameKeyWithAnotherBodyIsAConflict(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	c := m.transfer(from, to, 30)
	other := *c
	other.Body[0]++
	m.must(c)
	m.refused(&other, fault.IdempotencyConflict)
	// In one group as well.
	first := m.transfer(from, to, 30)
	second := *first
	second.Body[0]++
	var conflicts int
	for _, copies := range storm([]*ledger.Writer{m.Writer}, []*ledger.Command{first, &second}, 1) {
		if fault.Is(copies[0].err, fault.IdempotencyConflict) {
			conflicts++
		}
	}
	require.Equal(t, 1, conflicts)
	require.Equal(t, int64(60), m.posted(to))
}

func TestPoisonedCommandFailsAloneInAFullGroup(t *testing.T) {
	m := newMarket(t)
	wallets := m.wallets(10, 100_000)
	taken := m.transfer(wallets[0], wallets[1], 1)
	m.must(taken)
	var commands []*ledger.Command
	for i := range 100 {
		commands = append(commands, m.send(wallets[i%10], wallets[(i+1)%10], 10))
	}
	// A posting's id that is there, and a text that is none: mistakes that only the database notices.
	commands[37].Posting, commands[37].Transaction.ID = taken.Posting, taken.Posting
	commands[62].Narration = "not \xff UTF-8"
	var outcomes [][]outcome
	m.together(len(commands), func() { outcomes = storm([]*ledger.Writer{m.Writer}, commands, 1) })
	for i, copies := range outcomes {
		if i == 37 || i == 62 {
			require.Equal(t, fault.InternalServerError, codeOf(copies[0].err))
			continue
		}
		require.NoError(t, copies[0].err)
	}
	_, found, err := m.store.Outcome(context.Background(), commands[37].Key)
	require.NoError(t, err)
	require.False(t, found, "what we broke can be tried again")
}

// together makes what submit submits, n commands, one group: it keeps a writer with one hand waiting for a lock
// meanwhile.
func (m *market) together(n int, submit func()) {
	m.t.Helper()
	m.Writer = m.writerWith(ledger.WriterOptions{Node: "single", Hands: 1}, m.url)
	blocker := m.wallet(10)
	unlock := m.lockRow("select 1 from balances where account_id = $1 for update", blocker)
	var wait sync.WaitGroup
	wait.Go(func() { m.must(m.transfer(blocker, m.fees, 1)) })
	m.waiting()
	wait.Go(submit)
	require.Eventually(m.t, func() bool { return m.Waiting() == n }, patience, time.Millisecond)
	unlock()
	wait.Wait()
}

// waiting returns when somebody waits for a lock in the test's database.
func (m *market) waiting() {
	m.t.Helper()
	require.Eventually(m.t, func() bool {
		return m.count(`select count(*) from pg_stat_activity
			where datname = current_database() and wait_event_type = 'Lock'`) > 0
	}, patience, time.Millisecond)
}

func TestCallersDeadlines(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	before := m.transfer(from, to, 10)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := m.Submit(ended, before)
	require.Equal(t, fault.ServiceUnavailable, codeOf(err))

	// Somebody holds the payer's row: the group that has the command waits.
	unlock := m.lockRow("select 1 from balances where account_id = $1 for update", from)
	taken := m.transfer(from, to, 20)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Millisecond)
	defer cancel()
	_, err = m.Submit(ctx, taken)
	require.Equal(t, fault.IdempotencyInProgress, codeOf(err), "taken: unknown")
	queued := m.transfer(from, to, 40)
	ctx, cancel = context.WithTimeout(context.Background(), 60*time.Millisecond)
	defer cancel()
	_, err = m.Submit(ctx, queued)
	require.Contains(t, []fault.Code{fault.ServiceUnavailable, fault.IdempotencyInProgress}, codeOf(err))
	unlock()

	require.Eventually(t, func() bool { return m.Waiting() == 0 }, patience, 10*time.Millisecond)
	m.must(m.transfer(from, to, 1)) // a group after everything that was taken
	for _, c := range []*ledger.Command{before, taken, queued} {
		withdrawn, err := m.store.Withdraw(context.Background(), c.Key)
		require.NoError(t, err)
		r, found, err := m.store.Outcome(context.Background(), c.Key)
		require.True(t, found)
		if withdrawn {
			require.Equal(t, fault.InvalidState, codeOf(err))
			m.refused(c, fault.InvalidState)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.Posting, r.Posting)
	}
}

// lockRow keeps a row locked until the answer is called.
func (m *market) lockRow(text string, args ...any) (unlock func()) {
	m.t.Helper()
	tx, err := m.db.Begin(context.Background())
	require.NoError(m.t, err)
	var one int
	require.NoError(m.t, tx.Get(context.Background(), &one, sql.Query{Name: "test", Text: text}, args...))
	return tx.Rollback
}

func TestStuckLockHoldsUpOnlyWhoNeedsIt(t *testing.T) {
	m := newMarket(t)
	stuck, wallets := m.wallet(1_000), m.wallets(10, 1_000)
	unlock := m.lockRow("select 1 from balances where account_id = $1 for update", stuck)
	var wait sync.WaitGroup
	var late error
	wait.Go(func() { _, late = m.submit(m.transfer(stuck, wallets[0], 10)) })
	var commands []*ledger.Command
	for i := range 60 {
		commands = append(commands, m.transfer(wallets[i%10], wallets[(i+1)%10], 1))
	}
	require.Equal(t, 60, once(t, storm([]*ledger.Writer{m.Writer}, commands, 1)))
	unlock()
	wait.Wait()
	require.NoError(t, late, "who waited gets his turn")
	require.Equal(t, int64(990), m.posted(stuck))
}

func TestTwinOfAClaimedKeyWaitsForItsOwner(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	c := m.transfer(from, to, 10)
	tx, err := m.db.Begin(context.Background())
	require.NoError(t, err)
	stored, err := m.store.ClaimIn(context.Background(), tx, c.Key, c.Body)
	require.NoError(t, err)
	require.Nil(t, stored)

	ctx, cancel := context.WithTimeout(context.Background(), 600*time.Millisecond)
	defer cancel()
	_, err = m.Submit(ctx, c)
	require.Equal(t, fault.IdempotencyInProgress, codeOf(err))

	var wait sync.WaitGroup
	var late ledger.Result
	var lateErr error
	wait.Go(func() { late, lateErr = m.submit(c) })
	m.must(m.transfer(from, to, 5)) // others go on meanwhile
	tx.Rollback()
	wait.Wait()
	require.NoError(t, lateErr)
	require.Equal(t, c.Posting, late.Posting)
	require.Equal(t, int64(15), m.posted(to))
}

func TestLaneLostToAnotherNode(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	m.must(m.send(from, to, 10))
	require.NoError(t, m.exec("update lanes set epoch = epoch + 1, holder = 'thief', leased_until = now() + interval '1 hour' where id = 1"))
	m.must(m.send(from, to, 10))
	require.Equal(t, int64(2), m.count("select id from lanes where holder like 'one/%' and leased_until > now()"))
	require.Equal(t, int64(164), m.posted(m.fees))
	lanes := m.count("select count(distinct lane) from postings where seal > 0 and lane > 0")
	require.Equal(t, int64(2), lanes)
}

func TestNodesDoNotShareALane(t *testing.T) {
	m := newMarket(t)
	for i := range 5 {
		m.writer(fmt.Sprint("node", i), m.url)
	}
	require.Equal(t, int64(6), m.count("select count(*) from lanes where leased_until > now() and epoch = 1"))
}

func TestFullQueueIsBusy(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000_000), m.wallet(0)
	unlock := m.lockRow("select 1 from balances where account_id = $1 for update", from)
	var busy, other atomic.Int64
	var wait sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for range 6_000 {
		c := m.transfer(from, to, 1)
		wait.Go(func() {
			_, err := m.Submit(ctx, c)
			if codeOf(err) == fault.ServiceUnavailable {
				if busy.Add(1) == 500 {
					cancel()
				}
				return
			}
			other.Add(1)
		})
	}
	require.Eventually(t, func() bool { return ctx.Err() != nil }, patience, 10*time.Millisecond)
	unlock()
	wait.Wait()
	require.GreaterOrEqual(t, busy.Load(), int64(500))
}

func TestRandomStormKeepsTheBooks(t *testing.T) {
	m := newMarket(t)
	nodes := []*ledger.Writer{m.Writer, m.writer("two", m.url)}
	wallets := m.wallets(6, 5_000)
	r := rand.New(rand.NewPCG(1, 2))
	var commands []*ledger.Command
	for range 400 {
		from, to := pair(r, wallets)
		c := m.send(from, to, r.Int64N(3_000)+1)
		c.Counters = []ledger.Count{{Subject: from, Rule: "day", Delta: 1, Cap: 40}}
		c.Caps = []ledger.Cap{{Account: to, Max: 9_000}}
		if r.IntN(4) == 0 {
			c = &ledger.Command{Key: key(), Holds: []ledger.HoldMove{
				ledger.PlaceHold(hold(ids.New(noon), from, r.Int64N(2_000)+1))}}
		}
		commands = append(commands, c)
	}
	once(t, storm(nodes, commands, 2))
	require.Zero(t, m.count("select count(*) from counters where used > 40"))
	for _, w := range wallets {
		require.LessOrEqual(t, m.posted(w), int64(9_000))
	}
}

func TestCounterNeverPassesItsCapUnderRaces(t *testing.T) {
	m := newMarket(t)
	nodes := []*ledger.Writer{m.Writer, m.writer("two", m.url)}
	from, to := m.wallet(100_000), m.wallet(0)
	var commands []*ledger.Command
	for range 120 {
		c := m.transfer(from, to, 10)
		c.Counters = []ledger.Count{{Subject: from, Rule: "day", Delta: 10, Cap: 505}}
		commands = append(commands, c)
	}
	require.Equal(t, 50, once(t, storm(nodes, commands, 1)))
	require.Equal(t, int64(500), m.count("select used from counters where subject = $1", from))
}

func TestIdleWriterKeepsItsLaneAndGivesItBack(t *testing.T) {
	m := newMarket(t)
	db, err := ledger.OpenDB(context.Background(), m.url)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	w, err := ledger.NewWriter(ledger.WriterOptions{DB: db, Clock: m.clock, Node: "idle", Lease: 300 * time.Millisecond})
	require.NoError(t, err)
	const held = "select count(*) from lanes where holder like 'idle/%' and leased_until > clock_timestamp() and epoch = 1"
	const renewed = `select count(*) from lanes
		where holder like 'idle/%' and leased_until > $1::timestamptz`
	var first time.Time
	require.NoError(t, m.db.Get(context.Background(), &first, sql.Query{Name: "test",
		Text: "select leased_until from lanes where holder like 'idle/%'"}))
	require.Eventually(t, func() bool { return m.count(renewed, first.Add(500*time.Millisecond)) == 1 }, patience, 10*time.Millisecond)
	require.Equal(t, int64(1), m.count(held), "the same lease, renewed")
	require.NoError(t, w.Close(context.Background()))
	require.Zero(t, m.count(held))
	_, err = w.Submit(context.Background(), m.fund(m.fees, 1))
	require.Equal(t, fault.ServiceUnavailable, codeOf(err))
}
