package payments_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/payments"
	"nova/core/transactions"
	"nova/sql"
)

// lend gives Marcia a line of 100.00, whose draws cost 5%, and returns what she owes on.
func (w *world) lend() uuid.UUID {
	w.t.Helper()
	owed := ids.New(w.clock.Now())
	require.NoError(w.t, w.db.InTx(w.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		err := w.ledger.OpenIn(ctx, tx, ledger.Account{
			ID: owed, OwnerKind: "customer", OwnerID: w.marcia.ID.String(), Product: ledger.OverdraftReceivable,
			Currency: money.BBD, Floor: ledger.ZeroFloor(),
		})
		if err != nil {
			return err
		}
		return w.ledger.SetOverdraftIn(ctx, tx, ledger.OverdraftLine{
			Account: w.marcia.Wallet, Receivable: owed, Limit: 100_00, FeeBPS: 500,
		})
	}))
	return owed
}

// told are the arguments of the one notice of a template that somebody got.
func (w *world) told(to msisdn.MSISDN, template string) string {
	w.t.Helper()
	for _, n := range w.notices(to) {
		if n.Template == template {
			return n.Args
		}
	}
	require.Failf(w.t, "no notice", "%s", template)
	return ""
}

// sendMuch is Marcia's 250.00 to Andre, 51.00 with the fee more than she has.
func (w *world) sendMuch() payments.SendOrder {
	o := w.send()
	o.Amount, o.FeeShown = bbd(250_00), bbd(1_00+2_55)
	return o
}

func TestAQuoteCountsWhatTheLineStillGives(t *testing.T) {
	w := newWorld(t)
	_, err := w.payments.QuoteSend(t.Context(), w.marcia.ID, w.andre.MSISDN, ask(250_00))
	refused(t, err, fault.InsufficientFunds)
	w.lend()
	quote := func(minor int64) (payments.Quote, error) {
		return w.payments.QuoteSend(t.Context(), w.marcia.ID, w.andre.MSISDN, ask(minor))
	}
	q, err := quote(199_00)
	require.NoError(t, err)
	require.Equal(t, money.Amount{}, q.Drawn, "her own money suffices")
	q, err = quote(250_00)
	require.NoError(t, err)
	require.Equal(t, []money.Amount{bbd(51_00), bbd(2_55)}, []money.Amount{q.Drawn, q.DrawFee})
	require.Equal(t, []money.Amount{bbd(3_55), bbd(253_55)}, []money.Amount{q.Fee, q.Total}, "what is shown before the PIN")
	q, err = quote(294_24) // lacks 95.24, which costs 4.76: 100.00 in all
	require.NoError(t, err)
	require.Equal(t, []money.Amount{bbd(95_24), bbd(4_76)}, []money.Amount{q.Drawn, q.DrawFee})
	_, err = quote(294_25)
	refused(t, err, fault.InsufficientFunds)
	_, err = w.payments.QuoteCode(t.Context(), w.marcia.ID, ask(250_00))
	refused(t, err, fault.InsufficientFunds) // what is reserved is one's own
}

func TestAReceiptTellsWhatTheLineLent(t *testing.T) {
	w := newWorld(t)
	owed := w.lend()
	o := w.sendMuch()
	o.FeeShown = bbd(1_00)
	_, err := w.payments.Send(t.Context(), o)
	refused(t, err, fault.QuoteExpired) // nobody draws at a fee that was not shown
	o = w.sendMuch()
	r, err := w.payments.Send(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, []money.Amount{bbd(51_00), bbd(2_55), bbd(0), bbd(0)},
		[]money.Amount{r.Drawn, r.DrawFee, r.Repaid, r.Balance})
	require.Equal(t, int64(53_55), w.posted(owed))
	require.Len(t, w.notices(w.marcia.MSISDN), 2, "the receipt, and what was lent")
	lent := w.told(w.marcia.MSISDN, payments.NoticeDrawn)
	for _, part := range []string{`"amount":"51.00"`, `"fee":"2.55"`, `"owed":"53.55"`, `"balance":"0.00"`} {
		require.Contains(t, lent, part)
	}
	require.Len(t, w.notices(w.andre.MSISDN), 1, "who has no line is told of none")
	again, err := w.payments.Send(t.Context(), o)
	require.NoError(t, err)
	again.Replayed = false
	require.Equal(t, r, again)
}

// A reversal takes the draw and its fee back as well; what was repaid since belongs to the wallet again.
func TestAReversalOfADraw(t *testing.T) {
	rows := []struct {
		name                  string
		repaid, wallet, owing int64
	}{
		{"before anything was repaid", 0, 200_00, 0},
		{"after a part was", 20_00, 220_00, 0},
		{"after all was", 60_00, 260_00, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			owed := w.lend()
			before := w.balances()
			r, err := w.payments.Send(t.Context(), w.sendMuch())
			require.NoError(t, err)
			if row.repaid > 0 {
				w.deposit(w.marcia.Wallet, row.repaid)
			}
			w.reverse(r.Transaction)
			require.Equal(t, row.wallet, w.posted(w.marcia.Wallet))
			require.Equal(t, row.owing, w.posted(owed))
			for _, account := range []string{"andre", "income", "tax"} {
				require.Equal(t, before[account], w.balances()[account], account)
			}
			require.Contains(t, w.told(w.marcia.MSISDN, payments.NoticeReversalPayer), money.Of(row.wallet, money.BBD).Format())
		})
	}
}

// Whose whole payment was lent touches no wallet when it is reversed, and is told what they have all the same.
func TestAReversalOfWhatWasLentWhole(t *testing.T) {
	w := newWorld(t)
	owed := w.lend()
	w.pay(w.marcia.Wallet, w.market.Account, 200_00)
	o := w.send()
	o.FeeShown = bbd(1_00 + 2_55) // 51.00 are lent at 5%
	r, err := w.payments.Send(t.Context(), o)
	require.NoError(t, err)
	w.reverse(r.Transaction)
	require.Zero(t, w.posted(w.marcia.Wallet))
	require.Zero(t, w.posted(owed))
	require.Contains(t, w.told(w.marcia.MSISDN, payments.NoticeReversalPayer), `"balance":"0.00"`)
}

// A recipient whose debt took what came in gives back only what reached them, and owes the rest again.
func TestAReversalOfWhatRepaidADebt(t *testing.T) {
	w := newWorld(t)
	owed := w.lend()
	_, err := w.payments.Send(t.Context(), w.sendMuch()) // owes 53.55
	require.NoError(t, err)
	r, err := w.payments.Send(t.Context(), payments.SendOrder{
		Order: w.order(w.shanice.Subject(), shanicePIN, 1_00), From: w.shanice.ID, To: w.marcia.ID, Amount: bbd(60_00),
	})
	require.NoError(t, err)
	require.Equal(t, int64(6_45), w.posted(w.marcia.Wallet))
	c := w.ask(r.Transaction)
	require.Equal(t, bbd(6_45), c.Held)
	require.Zero(t, c.Missing.Minor)
	require.NoError(t, w.approve(c.Approval))
	require.Equal(t, int64(53_55), w.posted(owed))
	require.Zero(t, w.posted(w.marcia.Wallet))
	require.Equal(t, transactions.Reversed, w.fact(r.Transaction).Status)
}

// Money that is claimed back is the recipient's own: their line of credit pays for no adjustment.
func TestAnAdjustmentDrawsOnNoLine(t *testing.T) {
	w := newWorld(t)
	owed := w.lend()
	r, err := w.payments.Send(t.Context(), payments.SendOrder{
		Order: w.order(w.shanice.Subject(), shanicePIN, 1_00), From: w.shanice.ID, To: w.marcia.ID, Amount: bbd(100_00),
	})
	require.NoError(t, err)
	c, err := w.adjust(r.Transaction, 60_00)
	require.NoError(t, err)
	w.reject(c.Approval)
	w.pay(w.marcia.Wallet, w.market.Account, 250_00)
	_, err = w.adjust(r.Transaction, 60_00)
	require.Equal(t, "10.00", refused(t, err, fault.InsufficientFunds).Extra["missing"])
	require.Zero(t, w.posted(owed))
}
