package bank_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/bank"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/money"
)

// hold reserves 40.00 of Ann's.
func (w *world) hold() bank.Hold {
	w.t.Helper()
	h, err := w.bank.PlaceHold(w.t.Context(), w.order(), bank.NewHold{Account: w.ann.ID, Amount: bbd(40_00), Reason: "room 7"})
	require.NoError(w.t, err)
	return h
}

// capture takes some of a hold and gives it to Ben.
func (w *world) capture(h bank.Hold, minor int64) bank.NewCapture {
	return bank.NewCapture{Hold: h.ID, Amount: bbd(minor), Entries: []bank.Entry{debit(w.ann, minor), credit(w.ben, minor)}}
}

func TestAHoldIsPlacedAndCapturedInPart(t *testing.T) {
	w := newWorld(t)
	place := w.order()
	n := bank.NewHold{Account: w.ann.ID, Amount: bbd(40_00), Reason: "room 7"}
	h, err := w.bank.PlaceHold(t.Context(), place, n)
	require.NoError(t, err)
	require.Equal(t, noon.Add(bank.HoldLife), h.ExpiresAt)
	require.Equal(t, int64(60_00), w.balance(w.ann).Available)
	read, err := w.bank.Hold(t.Context(), w.acme, h.ID)
	require.NoError(t, err)
	require.Equal(t, h, read)

	w.clock.Advance(time.Hour)
	o := w.order()
	captured, err := w.bank.Capture(t.Context(), o, w.capture(h, 25_00))
	require.NoError(t, err)
	require.Equal(t, ledger.HoldCaptured, captured.Status)
	require.Equal(t, bbd(25_00), captured.Captured)
	require.NotZero(t, captured.Posting)
	require.Equal(t, int64(75_00), w.balance(w.ann).Available)
	require.Equal(t, int64(25_00), w.balance(w.ben).Posted)
	p, err := w.bank.Posting(t.Context(), w.acme, captured.Posting)
	require.NoError(t, err)
	require.Len(t, p.Entries, 2)

	again, err := w.bank.Capture(t.Context(), o, w.capture(h, 25_00))
	require.NoError(t, err)
	require.True(t, again.Replayed)
	again.Replayed = false
	require.Equal(t, captured, again)
	first, err := w.bank.PlaceHold(t.Context(), place, n)
	require.NoError(t, err)
	require.Equal(t, ledger.HoldActive, first.Status, "the first answer, although the hold is captured now")
	_, err = w.bank.Capture(t.Context(), w.order(), w.capture(h, 1_00))
	refused(t, err, fault.InvalidState, "")
	_, err = w.bank.Release(t.Context(), w.order(), h.ID)
	refused(t, err, fault.InvalidState, "")
	w.sound()
}

func TestAHoldIsReleasedOnce(t *testing.T) {
	w := newWorld(t)
	h, o := w.hold(), w.order()
	released, err := w.bank.Release(t.Context(), o, h.ID)
	require.NoError(t, err)
	require.Equal(t, ledger.HoldReleased, released.Status)
	require.Equal(t, int64(100_00), w.balance(w.ann).Available)
	again, err := w.bank.Release(t.Context(), o, h.ID)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	_, err = w.bank.Release(t.Context(), w.order(), h.ID)
	refused(t, err, fault.InvalidState, "")
	w.sound()
}

func TestAHoldPastItsTimeIsNotCaptured(t *testing.T) {
	w := newWorld(t)
	h := w.hold()
	w.clock.Set(h.ExpiresAt)
	before := w.rows()
	_, err := w.bank.Capture(t.Context(), w.order(), w.capture(h, 1_00))
	refused(t, err, fault.InvalidState, "hold_id")
	require.Equal(t, before, w.rows())
	done, err := ledger.NewWorkers(w.db, w.writer, w.clock).ExpireHolds(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, done)
	read, err := w.bank.Hold(t.Context(), w.acme, h.ID)
	require.NoError(t, err)
	require.Equal(t, ledger.HoldExpired, read.Status)
	_, err = w.bank.Capture(t.Context(), w.order(), w.capture(h, 1_00))
	refused(t, err, fault.InvalidState, "hold_id")
	require.Equal(t, int64(100_00), w.balance(w.ann).Available)
}

func TestABadHoldIsNotPlaced(t *testing.T) {
	w := newWorld(t)
	foreign := w.open(w.rival, ledger.Wallet, "customer", "r")
	rows := []struct {
		name   string
		change func(n *bank.NewHold)
		code   fault.Code
		field  string
	}{
		{"nothing", func(n *bank.NewHold) { n.Amount = bbd(0) }, fault.ValidationError, "amount"},
		{"more than there is", func(n *bank.NewHold) { n.Amount = bbd(100_01) }, fault.InsufficientFunds, ""},
		{"another currency", func(n *bank.NewHold) { n.Amount = money.Of(1, money.USD) }, fault.CurrencyMismatch, ""},
		{"past", func(n *bank.NewHold) { n.ExpiresAt = noon }, fault.ValidationError, "expires_at"},
		{"too long", func(n *bank.NewHold) { n.ExpiresAt = noon.Add(bank.MaxHoldLife + 1) }, fault.ValidationError, "expires_at"},
		{"no reason", func(n *bank.NewHold) { n.Reason = "" }, fault.ValidationError, "reason"},
		{"a NUL", func(n *bank.NewHold) { n.Reason = "\x00" }, fault.ValidationError, "reason"},
		{"another's account", func(n *bank.NewHold) { n.Account = foreign.ID }, fault.NotFound, "account_id"},
		{"an account that there is not", func(n *bank.NewHold) { n.Account = someID() }, fault.NotFound, "account_id"},
		{"books without a floor", func(n *bank.NewHold) { n.Account = w.trust.ID }, fault.ValidationError, "account_id"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			before := w.rows()
			n := bank.NewHold{Account: w.ann.ID, Amount: bbd(1_00), Reason: "room"}
			row.change(&n)
			_, err := w.bank.PlaceHold(t.Context(), w.order(), n)
			refused(t, err, row.code, row.field)
			require.Equal(t, before, w.rows())
		})
	}
}

func TestABadCaptureChangesNothing(t *testing.T) {
	w := newWorld(t)
	h := w.hold()
	rows := []struct {
		name   string
		change func(n *bank.NewCapture)
		code   fault.Code
		field  string
	}{
		{"above the hold", func(n *bank.NewCapture) { *n = w.capture(h, 40_01) }, fault.ValidationError, "amount"},
		{"nothing", func(n *bank.NewCapture) { n.Amount = bbd(0) }, fault.ValidationError, "entries"},
		{"less than the entries take", func(n *bank.NewCapture) { n.Amount = bbd(1) }, fault.ValidationError, "entries"},
		{"off another account", func(n *bank.NewCapture) { n.Entries[0].Account = w.trust.ID }, fault.ValidationError, "entries"},
		{"another currency", func(n *bank.NewCapture) { n.Amount = money.Of(25_00, money.USD) }, fault.CurrencyMismatch, "amount"},
		{"unbalanced", func(n *bank.NewCapture) { n.Entries[1].Amount = bbd(1) }, fault.UnbalancedPosting, "entries"},
		{"to nobody", func(n *bank.NewCapture) { n.Entries[1].Account = someID() }, fault.NotFound, "entries[1].account_id"},
		{"no hold", func(n *bank.NewCapture) { n.Hold = someID() }, fault.NotFound, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			before, n := w.rows(), w.capture(h, 25_00)
			row.change(&n)
			_, err := w.bank.Capture(t.Context(), w.order(), n)
			refused(t, err, row.code, row.field)
			require.Equal(t, before, w.rows())
		})
	}
}

func TestAHoldIsItsClientsOwn(t *testing.T) {
	w := newWorld(t)
	h := w.hold()
	require.NoError(t, w.bank.Grant(t.Context(), bank.Opener(w.acme), w.ann.ID, w.rival))
	_, err := w.bank.Hold(t.Context(), w.rival, h.ID)
	refused(t, err, fault.NotFound, "")
	_, err = w.bank.Release(t.Context(), w.orderOf(w.rival), h.ID)
	refused(t, err, fault.NotFound, "")
	_, err = w.bank.Capture(t.Context(), w.orderOf(w.rival), w.capture(h, 1_00))
	refused(t, err, fault.NotFound, "")
	code := ledger.Hold{
		ID: someID(), Account: w.ann.ID, Kind: ledger.WithdrawalCode, Minor: 1_00, ExpiresAt: noon.Add(time.Hour),
		Metadata: map[string]string{"client": w.acme.String()},
	}
	o := w.order()
	_, err = w.writer.Submit(t.Context(), &ledger.Command{Key: o.Key, Body: o.Body, Holds: []ledger.HoldMove{ledger.PlaceHold(code)}})
	require.NoError(t, err)
	_, err = w.bank.Release(t.Context(), w.order(), code.ID)
	refused(t, err, fault.NotFound, "")
}

// Who was granted an account and is no more must not keep its money from whoever opened it.
func TestTheOpenerReleasesWhatAGranteeHolds(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.bank.Grant(t.Context(), bank.Opener(w.acme), w.ann.ID, w.rival))
	h, err := w.bank.PlaceHold(t.Context(), w.orderOf(w.rival), bank.NewHold{Account: w.ann.ID, Amount: bbd(40_00), Reason: "room"})
	require.NoError(t, err)
	require.NoError(t, w.bank.Revoke(t.Context(), bank.Opener(w.acme), w.ann.ID, w.rival))
	_, err = w.bank.Release(t.Context(), w.orderOf(w.rival), h.ID)
	refused(t, err, fault.NotFound, "account_id")
	_, err = w.bank.Hold(t.Context(), w.acme, h.ID)
	require.True(t, fault.Is(err, fault.NotFound), "whose hold it is stays the grantee's own: %v", err)
	released, err := w.bank.Release(t.Context(), w.order(), h.ID)
	require.NoError(t, err)
	require.Equal(t, ledger.HoldReleased, released.Status)
	require.Equal(t, int64(100_00), w.balance(w.ann).Available)
}
