package main

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/ledger"
	"nova/core/msisdn"
	"nova/core/payments"
	"nova/core/transactions"
	"nova/sessions"
)

// TestRedialWhileTheOutcomeIsOpen: the ledger has the command and has not said what became of it. The next dial must
// neither say that it was not sent nor offer to send it again; once the promise is kept, it says what is true.
func TestRedialWhileTheOutcomeIsOpen(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	const marcia = "+12462501001"
	w.Dial(marcia, "*123*1*2462501002*50#")
	intent := w.intentOf(marcia)
	require.NoError(t, transactions.PromiseIn(ctx, w.server.db, []*transactions.Promise{{
		Intent: intent, Key: ledger.Key{Scope: "cus:x", Operation: "ussd.send_money", Value: "lost"}.Digest(),
		To: w.number(marcia), Language: "en", Type: transactions.P2P, Amount: amount(50_00), PayeeName: "Andre C.",
		CreatedAt: w.clock.Now(),
	}}))
	w.Wait(5 * time.Second)
	require.Equal(t, "CON WAIT FOR OUR SMS: 50.00 Andre C.\nNova\n1 Send money\n2 Withdraw cash\n3 Pay\n4 Savings and credit\n5 My account", w.Dial(marcia, "*123#"))
	require.Contains(t, w.Key("9"), "Press a number")

	w.Wait(time.Minute)
	settled, err := w.server.payments.SettlePromises(ctx, payments.PromiseAge)
	require.NoError(t, err)
	require.Equal(t, 1, settled)
	require.Contains(t, w.SMS(marcia), "NOT DONE: BBD 50.00 to Andre C.")
	require.Contains(t, w.Dial(marcia, "*123#"), "NOT SENT: 50.00 to Andre C.\n9 Continue")
	require.Contains(t, w.Key("9"), "Enter PIN to send")
	require.Contains(t, w.Key("1357"), "Sent BBD 50.00 to Andre C.")
	require.Equal(t, "149.00", w.Holds(marcia, "wallet"))
}

func (w *world) number(caller string) msisdn.MSISDN {
	number, err := msisdn.Parse(caller, "BB")
	require.NoError(w.t, err)
	return number
}

// intentOf is the intent of the confirmation that the caller was shown last.
func (w *world) intentOf(caller string) uuid.UUID {
	loaded, err := w.server.sessions.Load(context.Background(), sessions.Key{Gateway: "africastalking", ID: w.session}, w.number(caller), true)
	require.NoError(w.t, err)
	require.NotNil(w.t, loaded.Resume)
	return loaded.Resume.Intent
}
