package ledger_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/sql"
)

// submits gives the node a command.
func (b *between) submits(c *ledger.Command) (ledger.Result, error) {
	return b.node.Submit(context.Background(), c)
}

// TestWhatHappensAfterRowsWereRememberedCounts: a node goes by what it remembers, and is right all the same.
func TestWhatHappensAfterRowsWereRememberedCounts(t *testing.T) {
	for name, test := range map[string]func(b *between){
		"the payee got money elsewhere and pays with it": func(b *between) {
			b.must(b.fund(b.to, 500))
			_, err := b.submits(b.transfer(b.to, b.from, 400))
			require.NoError(b.t, err)
			require.Equal(b.t, int64(100), b.posted(b.to))
		},
		"the money was spent elsewhere": func(b *between) {
			b.must(b.transfer(b.from, b.to, 1_000))
			_, err := b.submits(b.transfer(b.from, b.to, 1))
			require.Equal(b.t, fault.InsufficientFunds, codeOf(err))
			require.Equal(b.t, int64(1_000), b.posted(b.to))
		},
		"the payee was closed": func(b *between) {
			require.NoError(b.t, b.exec("update balances set status = 'closed' where account_id = $1", b.to))
			_, err := b.submits(b.transfer(b.from, b.to, 1))
			require.Equal(b.t, fault.AccountClosed, codeOf(err))
			require.Equal(b.t, int64(1_000), b.posted(b.from))
		},
		"the payee was opened again": func(b *between) {
			require.NoError(b.t, b.exec("update balances set status = 'frozen' where account_id = $1", b.to))
			_, err := b.submits(b.transfer(b.from, b.to, 1))
			require.Equal(b.t, fault.AccountFrozen, codeOf(err))
			require.NoError(b.t, b.exec("update balances set status = 'active' where account_id = $1", b.to))
			_, err = b.submits(b.transfer(b.from, b.to, 1))
			require.NoError(b.t, err)
		},
		"the house's account was frozen": func(b *between) {
			require.NoError(b.t, b.exec("update balances set status = 'frozen' where account_id = $1", b.fees))
			_, err := b.submits(b.send(b.from, b.to, 1))
			require.Equal(b.t, fault.AccountFrozen, codeOf(err))
			require.NoError(b.t, b.exec("update balances set status = 'active' where account_id = $1", b.fees))
		},
		"the payer's tier was raised": func(b *between) {
			require.NoError(b.t, b.exec("update balances set tier = 2 where account_id = $1", b.from))
			c := b.transfer(b.from, b.to, 1)
			c.Tiers = []ledger.TierGuard{{Account: b.from, Tier: 2}}
			_, err := b.submits(c)
			require.NoError(b.t, err)
		},
		"an account that is guarded only": func(b *between) {
			require.NoError(b.t, b.exec("update balances set tier = 2 where account_id = $1", b.from))
			c := b.fund(b.to, 1)
			c.Tiers = []ledger.TierGuard{{Account: b.from}}
			_, err := b.submits(c)
			require.ErrorIs(b.t, err, ledger.ErrStale)
		},
		"a part of the money was held": func(b *between) {
			b.place(b.from, 995)
			_, err := b.submits(b.transfer(b.from, b.to, 10))
			require.Equal(b.t, fault.InsufficientFunds, codeOf(err))
		},
		"a limit was used elsewhere": func(b *between) {
			limited := func() *ledger.Command {
				c := b.transfer(b.from, b.to, 10)
				c.Counters = []ledger.Count{{Subject: b.from, Rule: "p2p.day.value", Window: clock.Daily, Delta: 10, Cap: 30}}
				return c
			}
			_, err := b.submits(limited())
			require.NoError(b.t, err)
			b.must(limited())
			_, err = b.submits(limited())
			require.NoError(b.t, err)
			_, err = b.submits(limited())
			require.Equal(b.t, fault.LimitExceeded, codeOf(err))
			require.Equal(b.t, int64(30), b.count("select used from counters where subject = $1", b.from))
		},
		"a new day's limit": func(b *between) {
			limited := func() *ledger.Command {
				c := b.transfer(b.from, b.to, 10)
				c.Counters = []ledger.Count{{Subject: b.from, Rule: "p2p.day.value", Window: clock.Daily, Delta: 10, Cap: 10}}
				return c
			}
			_, err := b.submits(limited())
			require.NoError(b.t, err)
			b.clock.Advance(24 * time.Hour)
			_, err = b.submits(limited())
			require.NoError(b.t, err)
		},
		"what is given back was used elsewhere": func(b *between) {
			count := func(delta int64) *ledger.Command {
				c := b.transfer(b.from, b.to, 10)
				c.Counters = []ledger.Count{{Subject: b.from, Rule: "p2p.day.value", Window: clock.Daily, Delta: delta, Cap: 30}}
				return c
			}
			for _, delta := range []int64{10, -10} {
				_, err := b.submits(count(delta))
				require.NoError(b.t, err)
			}
			elsewhere := count(10)
			elsewhere.Lines = b.fund(b.wallet(0), 10).Lines
			b.must(elsewhere)
			_, err := b.submits(count(-10))
			require.NoError(b.t, err)
			require.Zero(b.t, b.count("select used from counters where subject = $1", b.from))
		},
		"the key was used by this node": func(b *between) {
			c := b.send(b.from, b.to, 10)
			first, err := b.submits(c)
			require.NoError(b.t, err)
			again, err := b.submits(c)
			require.NoError(b.t, err)
			require.True(b.t, again.Replayed)
			require.Equal(b.t, first.Receipt, again.Receipt)
		},
		"the key was used elsewhere": func(b *between) {
			c := b.send(b.from, b.to, 10)
			first := b.must(c)
			again, err := b.submits(c)
			require.NoError(b.t, err)
			require.True(b.t, again.Replayed)
			require.Equal(b.t, first.Receipt, again.Receipt)
		},
		"the key was used elsewhere, and now the PIN is wrong": func(b *between) {
			b.pin(b.from)
			c := b.send(b.from, b.to, 10)
			c.Check = check(b.from, "1357")
			first := b.must(c)
			again := *c
			again.Check = check(b.from, "0000")
			r, err := b.submits(&again)
			require.NoError(b.t, err)
			require.True(b.t, r.Replayed)
			require.Equal(b.t, first.Receipt, r.Receipt)
			require.Zero(b.t, b.wrong(b.from), "a retry guesses nothing")
		},
		"the key was used elsewhere, and now the PIN is locked": func(b *between) {
			b.pin(b.from)
			c := b.send(b.from, b.to, 10)
			c.Check = check(b.from, "1357")
			b.must(c)
			require.NoError(b.t, b.exec("update credentials set locked_until = $2 where subject_id = $1", b.from, noon.Add(time.Hour)))
			r, err := b.submits(c)
			require.NoError(b.t, err)
			require.True(b.t, r.Replayed)
		},
		"the key was withdrawn, and the PIN is wrong": func(b *between) {
			b.pin(b.from)
			c := b.send(b.from, b.to, 10)
			c.Check = check(b.from, "0000")
			withdrawn, err := b.store.Withdraw(context.Background(), c.Key)
			require.NoError(b.t, err)
			require.True(b.t, withdrawn)
			_, err = b.submits(c)
			require.Equal(b.t, fault.InvalidState, codeOf(err))
			require.Zero(b.t, b.wrong(b.from), "a retry guesses nothing")
		},
		"a wrong PIN beside what the memory refuses": func(b *between) {
			b.pin(b.from)
			b.must(b.fund(b.from, 500))
			wrong := b.transfer(b.from, b.to, 10)
			wrong.Check = check(b.from, "0000")
			poor := b.transfer(b.from, b.to, 1_200)
			poor.Check = check(b.from, "1357")
			_, err := b.submits(wrong)
			require.Equal(b.t, fault.PINInvalid, codeOf(err))
			require.EqualValues(b.t, 1, b.wrong(b.from))
			_, err = b.submits(poor)
			require.NoError(b.t, err)
			require.Zero(b.t, b.wrong(b.from))
		},
		"the key was used elsewhere with another body": func(b *between) {
			c := b.transfer(b.from, b.to, 10)
			b.must(c)
			other := b.transfer(b.from, b.to, 20)
			other.Key, other.Body = c.Key, [32]byte{1}
			_, err := b.submits(other)
			require.Equal(b.t, fault.IdempotencyConflict, codeOf(err))
			require.Equal(b.t, int64(10), b.posted(b.to))
		},
		"the intent was used elsewhere": func(b *between) {
			c, other := b.send(b.from, b.to, 10), b.send(b.from, b.to, 10)
			other.Transaction.Intent = c.Transaction.Intent
			b.must(c)
			_, err := b.submits(other)
			require.Equal(b.t, fault.DuplicateEntity, codeOf(err))
			require.Equal(b.t, int64(10), b.posted(b.to))
		},
		"a line was given": func(b *between) {
			owed := b.open(ledger.OverdraftReceivable, ledger.ZeroFloor())
			o := overdrawn{market: b.market, wallet: b.from, owed: owed}
			require.NoError(b.t, o.set(ledger.OverdraftLine{Limit: 500, Until: noon.Add(time.Hour)}))
			_, err := b.submits(b.transfer(b.from, b.to, 1_200))
			require.NoError(b.t, err)
			require.Equal(b.t, int64(200), b.posted(owed))
			_, err = b.submits(b.transfer(b.to, b.from, 300))
			require.NoError(b.t, err)
			require.Zero(b.t, b.posted(owed), "a credit repays what is owed")
		},
		"a line was given on which something was owed": func(b *between) {
			owed := b.open(ledger.OverdraftReceivable, ledger.ZeroFloor())
			b.must(b.command(debit(owed, 50), credit(b.wallet(0), 50)))
			o := overdrawn{market: b.market, wallet: b.to, owed: owed}
			require.NoError(b.t, o.set(ledger.OverdraftLine{Limit: 500}))
			r, err := b.submits(b.transfer(b.from, b.to, 30))
			require.NoError(b.t, err)
			require.Equal(b.t, ledger.Draw{Repaid: 30}, r.Draws[b.to], "a credit repays what is owed")
		},
		"the account is not there": func(b *between) {
			_, err := b.submits(b.transfer(b.from, ids.New(noon), 1))
			require.Equal(b.t, fault.NotFound, codeOf(err))
		},
	} {
		t.Run(name, func(t *testing.T) { test(newBetween(t).remember()) })
	}
}

// TestRememberedAccountsNeedNoLook: what a node wrote last it writes again in one statement; a stranger is looked for.
func TestRememberedAccountsNeedNoLook(t *testing.T) {
	m := newMarket(t)
	w, through := newWire(t, m.url, func() cut { return whole })
	node := m.writer("remembering", through)
	from, to, stranger := m.wallet(1_000), m.wallet(0), m.wallet(0)
	statements := func(c *ledger.Command) int64 {
		before := w.asked.Load()
		_, err := node.Submit(context.Background(), c)
		require.NoError(t, err)
		return w.asked.Load() - before
	}
	require.EqualValues(t, 2, statements(m.transfer(from, to, 1)), "a look and a write")
	require.EqualValues(t, 1, statements(m.transfer(from, to, 1)), "a write")
	require.EqualValues(t, 2, statements(m.transfer(from, stranger, 1)), "a look and a write")
	require.EqualValues(t, 1, statements(m.transfer(stranger, to, 1)), "a write")
}

// TestTwoNodesThatRememberTheSameAccountsLoseNothing: each finds out that the other was there.
func TestTwoNodesThatRememberTheSameAccountsLoseNothing(t *testing.T) {
	m := newMarket(t)
	other := m.writer("two", m.url)
	a, b := m.wallet(10_000), m.wallet(10_000)
	const rounds = 200
	var wait sync.WaitGroup
	for _, side := range []struct {
		node *ledger.Writer
		c    func() *ledger.Command
	}{
		{m.Writer, func() *ledger.Command { return m.transfer(a, b, 3) }},
		{other, func() *ledger.Command { return m.transfer(b, a, 2) }},
	} {
		wait.Go(func() {
			for range rounds {
				if _, err := side.node.Submit(context.Background(), side.c()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	require.Equal(t, int64(10_000-rounds), m.posted(a))
	require.Equal(t, int64(10_000+rounds), m.posted(b))
}

// TestNodesThatRememberPassNoLimitAndMissNoGuess: two nodes and transactions of others, all at the same wallets and
// limits, with copies of keys and wrong PINs: each use is counted once, and so is each guess.
func TestNodesThatRememberPassNoLimitAndMissNoGuess(t *testing.T) {
	m := newMarket(t)
	nodes := []*ledger.Writer{m.Writer, m.writer("two", m.url)}
	wallets := m.wallets(6, 10_000)
	const limit, sends = 200, 60
	for _, id := range wallets {
		m.pin(id)
	}
	var used, guesses [6]atomic.Int64
	var wait sync.WaitGroup
	for i := range 6 * sends {
		wait.Go(func() {
			from := i % 6
			c := m.send(wallets[from], wallets[(from+1+i/6%5)%6], 1)
			c.Check = check(wallets[from], "1357")
			c.Counters = []ledger.Count{{Subject: wallets[from], Rule: "p2p.day.value", Window: clock.Daily, Delta: 10, Cap: limit}}
			if i/6 == sends/2 { // one a wallet, so that nobody is locked
				c.Check = check(wallets[from], "0000")
			}
			first := true
			for _, node := range [...]*ledger.Writer{nodes[i%2], nodes[(i+1)%2]} {
				_, err := node.Submit(context.Background(), c)
				switch {
				case err == nil && first:
					used[from].Add(10)
				case codeOf(err) == fault.PINInvalid:
					guesses[from].Add(1)
					return // a second one would be a guess of its own
				case err != nil:
					assert.Equal(t, fault.LimitExceeded, codeOf(err), "%v", err)
				}
				first = false
			}
		})
	}
	for i := range 40 {
		wait.Go(func() {
			assert.NoError(t, m.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
				_, err := m.poster().PostIn(ctx, tx, m.fund(wallets[i%6], 1))
				return err
			}))
		})
	}
	wait.Wait()
	for i, id := range wallets {
		require.EqualValues(t, limit, used[i].Load())
		require.EqualValues(t, limit, m.count("select used from counters where subject = $1", id))
		require.EqualValues(t, 1, guesses[i].Load())
	}
}
