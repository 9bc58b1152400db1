package payments_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/payments"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
)

// promise stores the promise of an order, as the ledger does before it runs the command.
func (w *world) promise(o payments.SendOrder, payee string) {
	w.t.Helper()
	require.NoError(w.t, transactions.PromiseIn(w.t.Context(), w.db, []*transactions.Promise{{
		Intent: o.Intent, Key: o.Key.Digest(), To: w.marcia.MSISDN, Language: "en", Type: transactions.P2P,
		Amount: o.Amount, PayeeName: payee, CreatedAt: w.clock.Now(),
	}}))
}

func (w *world) open() int {
	w.t.Helper()
	var n int
	err := w.db.Get(w.t.Context(), &n, sql.Query{Name: "test.promises", Text: "select count(*) from promises"})
	require.NoError(w.t, err)
	return n
}

func (w *world) settle() {
	w.t.Helper()
	_, err := w.payments.SettlePromises(w.t.Context(), payments.PromiseAge)
	require.NoError(w.t, err)
}

func TestAPromiseOfWhatHappenedNeedsNoFurtherWord(t *testing.T) {
	w := newWorld(t)
	o := w.send()
	o.Promise = true
	_, err := w.payments.Send(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, 1, w.open(), "the answer may still get lost on its way")
	w.settle()
	require.Equal(t, 1, w.open(), "not overdue yet")
	w.clock.Advance(21 * time.Second)
	w.settle()
	require.Equal(t, 0, w.open())
	require.Equal(t, []string{"sms.send.payer"}, w.templates(w.marcia.MSISDN))
}

func TestAPromiseOfWhatNeverRanIsToldAndCannotRunLater(t *testing.T) {
	w := newWorld(t)
	o := w.send()
	w.promise(o, "Andre C.") // and here the node died
	w.clock.Advance(21 * time.Second)
	w.settle()
	w.settle()
	require.Equal(t, 0, w.open())
	told := w.notices(w.marcia.MSISDN)
	require.Len(t, told, 1)
	require.Equal(t, "sms.not_sent", told[0].Template)
	require.JSONEq(t, `{"type":"p2p","amount":"50.00","currency":"BBD","payee":"Andre C.","time":"12:00"}`, told[0].Args)

	before := w.balances()
	_, err := w.payments.Send(t.Context(), o)
	require.Error(t, err, "the command turns up after the customer was told")
	w.moved(before, map[string]int64{})
}

func TestAPromiseOfWhatWasRefusedUnseenIsTold(t *testing.T) {
	w := newWorld(t)
	o := w.send()
	o.Proof = w.identity.PIN(w.marcia.Subject(), secret.New("864209"))
	_, err := w.payments.Send(t.Context(), o)
	refused(t, err, fault.PINInvalid)
	w.promise(o, "Andre C.") // the answer did not reach the handset, so nobody dropped the promise
	w.clock.Advance(21 * time.Second)
	w.settle()
	require.Equal(t, []string{"sms.not_sent"}, w.templates(w.marcia.MSISDN))
	require.Equal(t, 0, w.open())
}

func TestAPromiseOfACode(t *testing.T) {
	rows := []struct {
		name string
		run  bool
		want []string
	}{
		{"that was issued", true, []string{"sms.code.issued"}},
		{"that never was", false, []string{"sms.code.not_issued"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			o := payments.CodeOrder{Order: w.order(w.marcia.Subject(), marciaPIN, 1_00), From: w.marcia.ID, Amount: bbd(100_00)}
			o.Promise = true
			if row.run {
				_, err := w.payments.IssueCode(t.Context(), o)
				require.NoError(t, err)
			} else {
				w.promise(payments.SendOrder{Order: o.Order, Amount: o.Amount}, "")
			}
			require.Equal(t, 1, w.open())
			w.clock.Advance(21 * time.Second)
			w.settle()
			require.Equal(t, 0, w.open())
			require.Equal(t, row.want, w.templates(w.marcia.MSISDN))
			_, err := w.payments.IssueCode(t.Context(), o)
			require.Equal(t, row.run, err == nil, "%v", err)
		})
	}
}

func TestARefusalOnTheScreenLeavesNoPromise(t *testing.T) {
	w := newWorld(t)
	o := w.send()
	o.Promise, o.FeeShown = true, bbd(0)
	_, err := w.payments.Send(t.Context(), o)
	refused(t, err, fault.QuoteExpired)
	require.Equal(t, 0, w.open())
}

func TestAPromiseOfAnIntentThatSucceededUnderAnotherKeyIsKept(t *testing.T) {
	w := newWorld(t)
	o := w.send()
	w.promise(o, "Andre C.")
	o.Key.Value = "second try"
	_, err := w.payments.Send(t.Context(), o)
	require.NoError(t, err)
	w.clock.Advance(21 * time.Second)
	w.settle()
	require.Equal(t, []string{"sms.send.payer"}, w.templates(w.marcia.MSISDN))
}

func TestManyNodesSettleAPromiseOnce(t *testing.T) {
	w := newWorld(t)
	for range 20 {
		w.promise(w.send(), "Andre C.")
	}
	w.clock.Advance(21 * time.Second)
	var group sync.WaitGroup
	failures := make([]error, 4)
	for i := range failures {
		group.Go(func() { _, failures[i] = w.payments.SettlePromises(context.Background(), payments.PromiseAge) })
	}
	group.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}
	w.settle()
	require.Equal(t, 0, w.open())
	require.Len(t, w.templates(w.marcia.MSISDN), 20)
}

func TestSettlingWhileTheCommandsRunNeverLies(t *testing.T) {
	w := newWorld(t)
	w.deposit(w.marcia.Wallet, 700_00)
	orders := make([]payments.SendOrder, 30)
	for i := range orders {
		orders[i] = w.send()
		orders[i].Amount = bbd(10_00)
		w.promise(orders[i], "Andre C.")
	}
	w.clock.Advance(21 * time.Second)
	done := make([]error, len(orders))
	var group sync.WaitGroup
	group.Go(func() { _, _ = w.payments.SettlePromises(context.Background(), payments.PromiseAge) })
	for i, o := range orders {
		group.Go(func() { _, done[i] = w.payments.Send(context.Background(), o) })
	}
	group.Wait()
	w.settle()
	sent, told := 0, map[string]int{}
	for _, o := range orders {
		_, found, err := w.payments.Outcome(t.Context(), o.Intent)
		require.NoError(t, err)
		if found {
			sent++
		}
	}
	for _, name := range w.templates(w.marcia.MSISDN) {
		told[name]++
	}
	require.Equal(t, map[string]int{"sms.send.payer": sent, "sms.not_sent": len(orders) - sent}, everyTemplate(told))
	require.EqualValues(t, 900_00-int64(sent)*11_00, w.posted(w.marcia.Wallet))
}

// everyTemplate counts the templates that nobody got as well.
func everyTemplate(told map[string]int) map[string]int {
	for _, name := range []string{"sms.send.payer", "sms.not_sent"} {
		told[name] += 0
	}
	return told
}
