package ledger_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nova/core/ledger"
)

// TestHandsNeverMeet: two groups of a writer are under way at once, and neither finds a row changed by the other, on a hot
// account, with limits, PINs and copies of keys.
func TestHandsNeverMeet(t *testing.T) {
	m := newMarket(t)
	w, through := newWire(t, m.url, func() cut { return whole })
	node := m.writer("two hands", through)
	wallets := m.wallets(40, 1_000_000)
	hot := m.wallet(0)
	for _, id := range wallets {
		m.pin(id)
	}
	const people, sends = 64, 30
	var paid atomic.Int64
	var wait sync.WaitGroup
	for i := range people {
		r := rand.New(rand.NewPCG(7, uint64(i)))
		wait.Go(func() {
			for range sends {
				from, to := pair(r, wallets)
				if r.IntN(3) == 0 {
					to = hot
				}
				c := m.send(from, to, 100)
				c.Check = check(from, "1357")
				c.Counters = []ledger.Count{{Subject: from, Rule: "p2p.day.value", Delta: 100, Cap: richness}}
				for range 1 + r.IntN(2) {
					if _, err := node.Submit(context.Background(), c); err != nil {
						t.Error(err)
					}
				}
				if to == hot {
					paid.Add(100)
				}
			}
		})
	}
	wait.Wait()
	require.Zero(t, w.moved.Load(), "groups that met rows which the other hand had changed")
	require.Equal(t, paid.Load(), m.posted(hot))
	require.GreaterOrEqual(t, m.count("select count(*) from lanes where holder like 'two hands/%' and groups > 0"), int64(2))
}

// TestACommandIsNotOvertakenForEver: what waits for two accounts that others use all the time has its turn.
func TestACommandIsNotOvertakenForEver(t *testing.T) {
	m := newMarket(t)
	a, b := m.wallet(1_000_000), m.wallet(1_000_000)
	ctx, stop := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	for i := range 64 {
		busy := a
		if i%2 == 0 {
			busy = b
		}
		other := m.wallet(1_000_000)
		wait.Go(func() {
			for ctx.Err() == nil {
				m.must(m.transfer(other, busy, 1))
			}
		})
	}
	for range 20 {
		m.must(m.transfer(a, b, 1))
	}
	stop()
	wait.Wait()
}

// TestClosingWaitsForNoTick: a hand that finds that all the rest touches what the other is at work on ends with the other.
func TestClosingWaitsForNoTick(t *testing.T) {
	m := newMarket(t)
	at, on := make(chan struct{}), make(chan struct{})
	var armed atomic.Bool
	_, through := newWire(t, m.url, func() cut {
		if armed.CompareAndSwap(true, false) {
			at <- struct{}{}
			<-on
		}
		return whole
	})
	db, err := ledger.OpenDB(t.Context(), through)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	node, err := ledger.NewWriter(ledger.WriterOptions{DB: db, Clock: m.clock, Node: "closing", Lease: time.Hour})
	require.NoError(t, err)
	from, to := m.wallet(1_000), m.wallet(0)
	armed.Store(true)
	var wait sync.WaitGroup
	send := func() {
		wait.Go(func() {
			_, err := node.Submit(context.Background(), m.transfer(from, to, 1))
			assert.NoError(t, err)
		})
	}
	send()
	<-at
	for range 20 { // enough for the other hand
		send()
	}
	require.Eventually(t, func() bool { return node.Waiting() == 20 }, patience, time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), patience/3)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- node.Close(ctx) }()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_, err := node.Submit(ctx, m.transfer(from, to, 1))
		return strings.Contains(err.Error(), "queue is closed")
	}, patience, time.Millisecond)
	close(on)
	wait.Wait()
	require.NoError(t, <-closed)
	require.Equal(t, int64(21), m.posted(to))
}

// TestLanesLostUnderLoadLoseNothing: both hands lose their lanes again and again, and each command runs once.
func TestLanesLostUnderLoadLoseNothing(t *testing.T) {
	m := newMarket(t)
	node := m.writer("robbed", m.url)
	wallets := m.wallets(20, 10_000)
	var commands []*ledger.Command
	for i := range 400 {
		commands = append(commands, m.send(wallets[i%20], wallets[(i+1)%20], 10))
	}
	ctx, stop := context.WithCancel(t.Context())
	var thief sync.WaitGroup
	thief.Go(func() {
		tick := time.NewTicker(25 * time.Millisecond)
		defer tick.Stop()
		for range 40 { // a second
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				assert.NoError(t, m.exec(`update lanes set epoch = epoch + 1, holder = 'thief',
					leased_until = '-infinity' where holder like 'robbed/%'`))
			}
		}
	})
	ran := once(t, storm([]*ledger.Writer{node}, commands, 2))
	stop()
	thief.Wait()
	require.Equal(t, 400, ran)
	require.Equal(t, int64(400*82), m.posted(m.fees))
}
