package bank_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/bank"
	"nova/core/fault"
	"nova/core/ledger"
)

func (w *world) reverse(p bank.Posted) bank.NewReversal {
	w.references++
	return bank.NewReversal{Posting: p.ID, Reason: "sent twice", Reference: "back of " + p.Reference}
}

func TestAReversalTakesAPostingBackOnce(t *testing.T) {
	w := newWorld(t)
	p, err := w.bank.Post(t.Context(), w.order(), w.posting(debit(w.ann, 30_00), credit(w.ben, 20_00), credit(w.trust, 10_00)))
	require.NoError(t, err)
	o := w.order()
	back, err := w.bank.Reverse(t.Context(), o, w.reverse(p))
	require.NoError(t, err)
	require.Equal(t, p.ID, back.Reverses)
	require.Equal(t, "sent twice", back.Narration)
	require.Equal(t, int64(100_00), w.balance(w.ann).Posted)
	require.Equal(t, int64(100_00), w.balance(w.trust).Posted)
	require.Zero(t, w.balance(w.ben).Posted)
	read, err := w.bank.Posting(t.Context(), w.acme, p.ID)
	require.NoError(t, err)
	require.Equal(t, back.ID, read.ReversedBy)

	before := w.rows()
	again, err := w.bank.Reverse(t.Context(), o, w.reverse(p))
	require.NoError(t, err, "the same key gets the first answer")
	require.True(t, again.Replayed)
	require.Equal(t, back.ID, again.ID)
	_, err = w.bank.Reverse(t.Context(), w.order(), w.reverse(p))
	refused(t, err, fault.AlreadyReversed, "")
	_, err = w.bank.Reverse(t.Context(), w.order(), w.reverse(back))
	refused(t, err, fault.InvalidState, "")
	_, err = w.bank.Reverse(t.Context(), w.orderOf(w.rival), w.reverse(p))
	refused(t, err, fault.NotFound, "")
	require.Equal(t, before, w.rows())
	w.sound()
}

func TestAReversalOfSpentMoneyIsRefusedWhole(t *testing.T) {
	w := newWorld(t)
	p, err := w.bank.Post(t.Context(), w.order(), w.posting(debit(w.ann, 30_00), credit(w.ben, 30_00)))
	require.NoError(t, err)
	_, err = w.bank.Post(t.Context(), w.order(), w.posting(debit(w.ben, 1_00), credit(w.trust, 1_00)))
	require.NoError(t, err)
	before := w.rows()
	_, err = w.bank.Reverse(t.Context(), w.order(), w.reverse(p))
	refused(t, err, fault.InsufficientFunds, "")
	bad := w.reverse(p)
	bad.Reason = "a\x00"
	_, err = w.bank.Reverse(t.Context(), w.order(), bad)
	refused(t, err, fault.ValidationError, "reason")
	require.Equal(t, before, w.rows())
}

func TestAReversalNeedsItsAccounts(t *testing.T) {
	w := newWorld(t)
	theirs := w.open(w.rival, ledger.Wallet, "customer", "r")
	require.NoError(t, w.bank.Grant(t.Context(), bank.Opener(w.rival), theirs.ID, w.acme))
	p, err := w.bank.Post(t.Context(), w.order(), w.posting(debit(w.ann, 1_00), credit(theirs, 1_00)))
	require.NoError(t, err)
	require.NoError(t, w.bank.Revoke(t.Context(), bank.Opener(w.rival), theirs.ID, w.acme))
	_, err = w.bank.Reverse(t.Context(), w.order(), w.reverse(p))
	refused(t, err, fault.NotFound, "posting_id")
}

// TestReversalsOnTwoNodesReverseOnce fires many reversals of one posting, each with a key and a reference of its own.
func TestReversalsOnTwoNodesReverseOnce(t *testing.T) {
	w := newWorld(t)
	nodes := []*bank.Service{w.bank, w.newBank(w.startWriter(nil))}
	p, err := w.bank.Post(t.Context(), w.order(), w.posting(debit(w.ann, 30_00), credit(w.ben, 30_00)))
	require.NoError(t, err)
	const tries = 40
	failures := make([]error, tries)
	var all sync.WaitGroup
	for i := range tries {
		o, n := w.order(), w.reverse(p)
		n.Reference = fmt.Sprint("back ", i)
		all.Go(func() { _, failures[i] = nodes[i%2].Reverse(t.Context(), o, n) })
	}
	all.Wait()
	done := 0
	for _, err := range failures {
		if err == nil {
			done++
			continue
		}
		refused(t, err, fault.AlreadyReversed, "")
	}
	require.Equal(t, 1, done)
	require.Equal(t, int64(100_00), w.balance(w.ann).Posted)
	w.sound()
}
