package payments_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/money"
	"nova/core/payments"
	"nova/core/transactions"
)

func (w *world) adjust(txn uuid.UUID, minor int64) (payments.Claimed, error) {
	return w.payments.AskAdjustment(w.t.Context(), w.claim(txn), bbd(minor))
}

// adjusted takes a part of a transaction back.
func (w *world) adjusted(txn uuid.UUID, minor int64) {
	w.t.Helper()
	c, err := w.adjust(txn, minor)
	require.NoError(w.t, err)
	require.NoError(w.t, w.approve(c.Approval))
}

func TestAnAdjustmentTakesAPartBack(t *testing.T) {
	w := newWorld(t)
	txn := w.fact(w.sent())
	before := w.balances()
	claim := w.claim(txn.ID)
	c, err := w.payments.AskAdjustment(t.Context(), claim, bbd(20_00))
	require.NoError(t, err)
	require.Equal(t, payments.Claimed{
		Approval: c.Approval, Transaction: txn.ID, Amount: bbd(20_00), Held: bbd(20_00), Missing: bbd(0),
		ExpiresAt: noon.Add(payments.ClaimLife),
	}, c)
	require.Equal(t, int64(20_00), w.held(w.andre.Wallet))
	again, err := w.payments.AskAdjustment(t.Context(), claim, bbd(20_00))
	require.NoError(t, err)
	require.True(t, again.Replayed)
	_, err = w.payments.AskAdjustment(t.Context(), claim, bbd(21_00))
	refused(t, err, fault.IdempotencyConflict)

	require.NoError(t, w.approve(c.Approval))
	w.moved(before, map[string]int64{"marcia": 20_00, "andre": -20_00})
	require.Zero(t, w.held(w.andre.Wallet))
	require.Equal(t, transactions.Completed, w.fact(txn.ID).Status, "the payment stays")
	require.Equal(t, []string{"sms.adjustment.payer", "sms.send.payer"}, w.templates(w.marcia.MSISDN))
	require.Equal(t, []string{"sms.adjustment.payee", "sms.send.payee"}, w.templates(w.andre.MSISDN))
	require.Equal(t, int64(50_00), w.used(w.marcia.ID)["daily out:value"], "and stays counted")

	_, err = w.payments.AskReversal(t.Context(), w.claim(txn.ID))
	refused(t, err, fault.InvalidState)
}

func TestAdjustmentsTakeNoMoreThanTheAmount(t *testing.T) {
	w := newWorld(t)
	txn := w.sent()
	w.deposit(w.andre.Wallet, 100_00)
	for _, minor := range []int64{0, -1, 50_01} {
		_, err := w.adjust(txn, minor)
		require.Contains(t, refused(t, err, fault.ValidationError).Fields, "amount")
	}
	_, err := w.payments.AskAdjustment(t.Context(), w.claim(txn), money.Of(1_00, money.USD))
	refused(t, err, fault.CurrencyMismatch)
	w.adjusted(txn, 30_00)
	_, err = w.adjust(txn, 20_01)
	require.Contains(t, refused(t, err, fault.ValidationError).Fields, "amount")
	w.adjusted(txn, 20_00)
	_, err = w.adjust(txn, 1)
	refused(t, err, fault.ValidationError)
	require.Equal(t, int64(100_00), w.posted(w.andre.Wallet))

	reversed := w.sent()
	w.reverse(reversed)
	_, err = w.adjust(reversed, 1)
	refused(t, err, fault.AlreadyReversed)
}

func TestAnAdjustmentTakesOverWhatAReversalHolds(t *testing.T) {
	w := newWorld(t)
	txn := w.sent()
	w.spend(20_00)
	reversal := w.ask(txn)
	_, err := w.adjust(txn, 30_01)
	require.Equal(t, "0.01", refused(t, err, fault.InsufficientFunds).Extra["missing"])
	require.Equal(t, int64(30_00), w.held(w.andre.Wallet), "what is held for the reversal stays")
	c, err := w.adjust(txn, 25_00)
	require.NoError(t, err)
	require.Equal(t, int64(25_00), w.held(w.andre.Wallet))
	w.reject(reversal.Approval)
	require.Equal(t, int64(25_00), w.held(w.andre.Wallet), "it is the adjustment's now")
	require.NoError(t, w.approve(c.Approval))
	require.Equal(t, int64(5_00), w.posted(w.andre.Wallet))
	require.Zero(t, w.held(w.andre.Wallet))
}

func TestWhicheverClaimIsDecidedFirstWins(t *testing.T) {
	w := newWorld(t)
	txn := w.sent()
	part, err := w.adjust(txn, 10_00)
	require.NoError(t, err)
	whole := w.ask(txn)
	require.Equal(t, int64(50_00), w.held(w.andre.Wallet))
	require.NoError(t, w.approve(part.Approval))
	require.Zero(t, w.held(w.andre.Wallet))
	refused(t, w.approve(whole.Approval), fault.InvalidState)
	w.reject(whole.Approval)

	txn = w.sent()
	part, err = w.adjust(txn, 10_00)
	require.NoError(t, err)
	whole = w.ask(txn)
	require.NoError(t, w.approve(whole.Approval))
	refused(t, w.approve(part.Approval), fault.AlreadyReversed)
	w.reject(part.Approval)
	require.Zero(t, w.held(w.andre.Wallet))
}

func TestAReversalAndAnAdjustmentRace(t *testing.T) {
	const rounds = 6
	w := newWorld(t)
	for range rounds {
		before := w.balances()
		txn := w.sent()
		part, err := w.adjust(txn, 50_00)
		require.NoError(t, err)
		whole := w.ask(txn)
		var done atomic.Int64
		var running sync.WaitGroup
		for _, approval := range []uuid.UUID{part.Approval, whole.Approval} {
			running.Go(func() {
				if w.approve(approval) == nil {
					done.Add(1)
				}
			})
		}
		running.Wait()
		require.Equal(t, int64(1), done.Load())
		require.Zero(t, w.held(w.andre.Wallet))
		require.Equal(t, before["andre"], w.posted(w.andre.Wallet), "taken back once")
		w.deposit(w.marcia.Wallet, 1_00) // an adjustment keeps the fee
	}
}

func TestAdjustmentsUnderRacesTakeNoMoreThanTheAmount(t *testing.T) {
	const many = 10
	w := newWorld(t)
	w.deposit(w.andre.Wallet, 500_00)
	txn := w.sent()
	var done atomic.Int64
	var running sync.WaitGroup
	claims := make([]payments.Claim, many)
	for i := range claims {
		claims[i] = w.claim(txn)
	}
	for _, claim := range claims {
		running.Go(func() {
			c, err := w.payments.AskAdjustment(t.Context(), claim, bbd(20_00))
			if err == nil && w.approve(c.Approval) == nil {
				done.Add(1)
			}
		})
	}
	running.Wait()
	for { // those who met another's claim ask again
		c, err := w.adjust(txn, 20_00)
		if err != nil {
			refused(t, err, fault.ValidationError)
			break
		}
		require.NoError(t, w.approve(c.Approval))
		done.Add(1)
	}
	require.Equal(t, int64(2), done.Load())
	require.Equal(t, int64(510_00), w.posted(w.andre.Wallet))
	require.Zero(t, w.held(w.andre.Wallet))
}
