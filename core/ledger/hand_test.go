package ledger_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

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
