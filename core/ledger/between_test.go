package ledger_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
)

// between is a node whose first armed group meets something that happened after it looked and before it wrote.
type between struct {
	*market
	node     *ledger.Writer
	from, to uuid.UUID
	armed    atomic.Bool
	happens  func()
}

func newBetween(t *testing.T) *between {
	b := &between{market: newMarket(t)}
	_, through := newWire(t, b.url, func() cut {
		if b.armed.CompareAndSwap(true, false) {
			b.happens()
		}
		return whole
	})
	b.node = b.writer("between", through)
	b.from, b.to = b.wallet(1_000), b.wallet(0)
	return b
}

// remember makes the node remember both wallets, with the money that they had.
func (b *between) remember() *between {
	for _, c := range []*ledger.Command{b.send(b.from, b.to, 10), b.transfer(b.to, b.from, 10), b.fund(b.from, 100)} {
		_, err := b.node.Submit(context.Background(), c)
		require.NoError(b.t, err)
	}
	return b
}

// meets runs c, and happens just before it is written.
func (b *between) meets(happens func(), c *ledger.Command) (ledger.Result, error) {
	b.happens = happens
	b.armed.Store(true)
	r, err := b.node.Submit(context.Background(), c)
	require.False(b.t, b.armed.Load(), "it happened")
	return r, err
}

func (b *between) change(statement string, args ...any) func() {
	return func() { require.NoError(b.t, b.exec(statement, args...)) }
}

// TestWhatHappensBetweenLookAndWriteCounts: a group decides without locks, and is right all the same.
func TestWhatHappensBetweenLookAndWriteCounts(t *testing.T) {
	limited := func(b *between, limit int64) *ledger.Command {
		c := b.transfer(b.from, b.to, 10)
		c.Counters = []ledger.Count{{Subject: b.from, Rule: "p2p.day.value", Delta: 10, Cap: limit}}
		return c
	}
	guess := func(b *between) *ledger.Command {
		c := b.transfer(b.from, b.to, 10)
		c.Check = check(b.from, "0000")
		return c
	}
	for name, test := range map[string]func(b *between){
		"the payer's account is frozen": func(b *between) {
			_, err := b.meets(b.change("update balances set status = 'frozen' where account_id = $1", b.from), b.send(b.from, b.to, 10))
			require.Equal(b.t, fault.AccountFrozen, codeOf(err))
			require.Zero(b.t, b.posted(b.to))
		},
		"the payer's money is spent": func(b *between) {
			_, err := b.meets(func() { b.must(b.transfer(b.from, b.to, 995)) }, b.transfer(b.from, b.to, 10))
			require.Equal(b.t, fault.InsufficientFunds, codeOf(err))
			require.Equal(b.t, int64(995), b.posted(b.to))
		},
		"the payee is paid by somebody else": func(b *between) {
			_, err := b.meets(func() { b.must(b.fund(b.to, 7)) }, b.transfer(b.from, b.to, 10))
			require.NoError(b.t, err)
			require.Equal(b.t, int64(17), b.posted(b.to))
		},
		"a part of the money is held": func(b *between) {
			_, err := b.meets(func() { b.place(b.from, 995) }, b.transfer(b.from, b.to, 10))
			require.Equal(b.t, fault.InsufficientFunds, codeOf(err))
		},
		"a tier that the command builds on is lowered": func(b *between) {
			c := b.transfer(b.from, b.to, 10)
			c.Tiers = []ledger.TierGuard{{Account: b.from, Tier: 1}}
			_, err := b.meets(b.change("update balances set tier = 0 where account_id = $1", b.from), c)
			require.ErrorIs(b.t, err, ledger.ErrStale)
		},
		"the first use of a limit": func(b *between) {
			_, err := b.meets(func() { b.must(limited(b, 15)) }, limited(b, 15))
			require.Equal(b.t, fault.LimitExceeded, codeOf(err))
		},
		"the next use of a limit": func(b *between) {
			b.must(limited(b, 100))
			_, err := b.meets(func() { b.must(limited(b, 100)) }, limited(b, 25))
			require.Equal(b.t, fault.LimitExceeded, codeOf(err))
		},
		"a wrong PIN": func(b *between) {
			b.pin(b.from)
			_, err := b.meets(func() { b.refused(guess(b), fault.PINInvalid) }, guess(b))
			require.Equal(b.t, maxWrong-2, fault.From(err).Extra["attempts_left"])
			require.Equal(b.t, int64(2), b.wrong(b.from))
		},
		"the code is redeemed": func(b *between) {
			id := b.place(b.from, 600)
			_, err := b.meets(func() { b.must(b.redeem(id, b.from, b.to, 500, rightCode)) }, b.redeem(id, b.from, b.to, 500, rightCode))
			require.Equal(b.t, fault.InvalidState, codeOf(err))
			require.Equal(b.t, int64(500), b.posted(b.to))
		},
		"a wrong code": func(b *between) {
			id := b.place(b.from, 600)
			wrong := func() *ledger.Command { return b.redeem(id, b.from, b.to, 500, "1") }
			_, err := b.meets(func() { b.refused(wrong(), fault.OTPInvalid) }, wrong())
			require.Equal(b.t, 1, fault.From(err).Extra["attempts_left"])
		},
		"another live code": func(b *between) {
			another := &ledger.Command{Key: key(), Holds: []ledger.HoldMove{ledger.PlaceHold(hold(ids.New(noon), b.from, 10))}}
			_, err := b.meets(func() { b.place(b.from, 600) }, another)
			require.Equal(b.t, fault.InvalidState, codeOf(err))
		},
		"the same command elsewhere": func(b *between) {
			c := b.send(b.from, b.to, 10)
			var first ledger.Result
			r, err := b.meets(func() { first = b.must(c) }, c)
			require.NoError(b.t, err)
			require.True(b.t, r.Replayed)
			require.Equal(b.t, first.Receipt, r.Receipt)
			require.Equal(b.t, int64(10), b.posted(b.to))
		},
		"the same intent under another key": func(b *between) {
			c, other := b.send(b.from, b.to, 10), b.send(b.from, b.to, 10)
			other.Transaction.Intent = c.Transaction.Intent
			_, err := b.meets(func() { b.must(other) }, c)
			require.Equal(b.t, fault.DuplicateEntity, codeOf(err))
			require.Equal(b.t, int64(10), b.posted(b.to))
		},
	} {
		t.Run(name, func(t *testing.T) { test(newBetween(t)) })
		t.Run(name+", where the accounts were remembered", func(t *testing.T) { test(newBetween(t).remember()) })
	}
}
