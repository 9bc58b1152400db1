package payments_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/payments"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
)

// errands are what Marcia may do with her money: the quote, and the order that a person confirms who got the quote
// before something happened. What stays with her has its orders in package products.
var errands = map[string]struct {
	quote, order func(w *world) error
}{
	"send": {func(w *world) error {
		_, err := w.payments.QuoteSend(w.t.Context(), w.marcia.ID, w.andre.MSISDN, ask(50_00))
		return err
	}, func(w *world) error { _, err := w.payments.Send(w.t.Context(), w.send()); return err }},
	"pay": {func(w *world) error {
		_, err := w.payments.QuotePay(w.t.Context(), w.marcia.ID, "500001", ask(10_00))
		return err
	}, func(w *world) error {
		_, err := w.payments.Pay(w.t.Context(), payments.PayOrder{
			Order: w.order(w.marcia.Subject(), marciaPIN, 0), From: w.marcia.ID, Merchant: w.market.ID, Amount: bbd(10_00),
		})
		return err
	}},
	"cash out": {func(w *world) error {
		_, err := w.payments.QuoteCashOut(w.t.Context(), w.marcia.ID, "100011", ask(50_00))
		return err
	}, func(w *world) error {
		_, err := w.payments.CashOutAtAgent(w.t.Context(), payments.CashOutOrder{
			Order: w.order(w.marcia.Subject(), marciaPIN, 1_00), From: w.marcia.ID, Agent: w.clerk.Agent.ID, Amount: bbd(50_00),
		})
		return err
	}},
	"code": {func(w *world) error {
		_, err := w.payments.QuoteCode(w.t.Context(), w.marcia.ID, ask(50_00))
		return err
	}, func(w *world) error {
		_, err := w.payments.IssueCode(w.t.Context(), payments.CodeOrder{
			Order: w.order(w.marcia.Subject(), marciaPIN, 1_00), From: w.marcia.ID, Amount: bbd(50_00),
		})
		return err
	}},
	"redeem": {func(w *world) error {
		_, err := w.payments.QuoteRedeem(w.t.Context(), w.clerk.ID, w.marcia.MSISDN)
		return err
	}, func(w *world) error {
		_, err := w.payments.RedeemCode(w.t.Context(), payments.RedeemOrder{
			Order: w.order(w.clerk.Subject(), clerkPIN, 1_00), Operator: w.clerk.ID, Customer: w.marcia.ID, Amount: bbd(50_00),
			Code: secret.New("000000"),
		})
		return err
	}},
	"own": {func(w *world) error {
		_, err := w.payments.QuoteOwn(w.t.Context(), w.marcia.ID, payments.Own{Type: transactions.SavingsDeposit, Ask: ask(10_00)})
		return err
	}, nil},
}

// TestMoneyWaits: what happened to the SIM, the PIN or the account is asked in each quote and again where money is
// confirmed; nothing has moved then, and money in goes on.
func TestMoneyWaits(t *testing.T) {
	rows := []struct {
		name   string
		happen func(w *world)
		waits  []string
		reason string
		code   fault.Code
	}{
		{"the SIM was changed", func(w *world) { w.swapSIM() }, []string{"cash out", "code", "redeem"}, customers.ReasonSIMChanged, fault.CodeForbidden},
		{"the PIN was reset", func(w *world) { w.resetPIN() }, []string{"cash out", "code", "redeem", "send", "pay"}, customers.ReasonPINReset, fault.CodeForbidden},
		{"the owner blocked USSD", func(w *world) {
			require.NoError(w.t, w.customers.BlockUSSD(w.t.Context(), w.marcia.Subject(), w.marcia.ID))
		}, []string{"cash out", "code", "send", "pay", "own"}, customers.ReasonUSSDBlocked, fault.CodeForbidden},
		{"she is suspended", func(w *world) {
			require.NoError(w.t, w.customers.SetStatus(w.t.Context(), identity.Subject{}, w.marcia.ID, customers.Suspended, "seen"))
		}, []string{"cash out", "code", "redeem", "send", "pay", "own"}, "", fault.AccountFrozen},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			row.happen(w)
			before, tries := w.balances(), w.tries()
			for _, name := range row.waits {
				require.Equal(t, row.reason, fault.Reason(refused(t, errands[name].quote(w), row.code)), name)
				if order := errands[name].order; order != nil {
					require.Equal(t, row.reason, fault.Reason(refused(t, order(w), row.code)), name)
				}
			}
			w.moved(before, map[string]int64{})
			require.Equal(t, tries, w.tries(), "no PIN was compared")
			require.Zero(t, w.held(w.marcia.Wallet))
		})
	}
}

func (w *world) swapSIM() {
	w.t.Helper()
	by := identity.Subject{Kind: identity.Staff, ID: ids.New(w.clock.Now())}
	require.NoError(w.t, w.customers.ReportSIMSwap(w.t.Context(), by, customers.SIMSwap{
		MSISDN: w.marcia.MSISDN, SwappedAt: w.clock.Now(), Source: "test",
	}))
}

// resetPIN gives Marcia's PIN the past of one that a reset set.
func (w *world) resetPIN() {
	w.t.Helper()
	n, err := w.db.Exec(w.t.Context(), sql.Query{
		Name: "test.reset", Text: "update credentials set reset_at = $2 where subject_id = $1",
	}, w.marcia.ID, w.clock.Now())
	require.NoError(w.t, err)
	require.EqualValues(w.t, 1, n)
}

func (w *world) tries() int {
	w.t.Helper()
	st, err := w.identity.Status(w.t.Context(), w.marcia.Subject())
	require.NoError(w.t, err)
	return st.TriesLeft
}

func TestWhatWaitedGoesOn(t *testing.T) {
	w := newWorld(t)
	w.resetPIN()
	w.swapSIM()
	w.clock.Advance(4*time.Hour - time.Second)
	refused(t, errands["send"].order(w), fault.CodeForbidden)
	w.clock.Advance(time.Second)
	require.NoError(t, errands["send"].order(w))
	refused(t, errands["cash out"].order(w), fault.CodeForbidden)
	w.clock.Advance(20 * time.Hour)
	require.NoError(t, errands["cash out"].order(w))
}

func TestMoneyInGoesOnWhileMoneyOutWaits(t *testing.T) {
	w := newWorld(t)
	w.resetPIN()
	w.swapSIM()
	before := w.balances()
	order := w.cashIn(30_00)
	order.To = w.marcia.ID
	_, err := w.payments.CashIn(t.Context(), order)
	require.NoError(t, err)
	_, err = w.payments.Send(t.Context(), payments.SendOrder{
		Order: w.order(w.shanice.Subject(), shanicePIN, 1_00), From: w.shanice.ID, To: w.marcia.ID, Amount: bbd(50_00),
	})
	require.NoError(t, err)
	require.Equal(t, int64(80_00), w.posted(w.marcia.Wallet)-before["marcia"])
	_, err = w.payments.Balance(t.Context(), w.marcia.ID)
	require.NoError(t, err)
}

// A code that was issued before the SIM was changed is neither shown nor paid; its owner may still have it cancelled.
func TestACodeOfBeforeIsHeldAsWell(t *testing.T) {
	w := newWorld(t)
	code, err := w.payments.IssueCode(t.Context(), payments.CodeOrder{
		Order: w.order(w.marcia.Subject(), marciaPIN, 1_00), From: w.marcia.ID, Amount: bbd(50_00),
	})
	require.NoError(t, err)
	w.swapSIM()
	before := w.balances()
	_, err = w.payments.ShowCode(t.Context(), w.key(w.marcia.Scope()), w.identity.PIN(w.marcia.Subject(), secret.New(marciaPIN)))
	refused(t, err, fault.CodeForbidden)
	_, err = w.payments.RedeemCode(t.Context(), payments.RedeemOrder{
		Order: w.order(w.clerk.Subject(), clerkPIN, 1_00), Operator: w.clerk.ID, Customer: w.marcia.ID, Amount: bbd(50_00),
		Code: code.Secret,
	})
	require.Contains(t, refused(t, err, fault.CodeForbidden).Fields, "to", "it is the customer's cash that waits")
	w.moved(before, map[string]int64{})
	require.NoError(t, w.payments.CancelCode(t.Context(), w.key(w.marcia.Scope()), w.marcia.ID))
	require.Zero(t, w.held(w.marcia.Wallet))
}

// TestNobodyConfirmsForAnother: with Andre's proof, or under a key of his, nothing of Marcia's moves.
func TestNobodyConfirmsForAnother(t *testing.T) {
	w := newWorld(t)
	_, err := w.payments.IssueCode(t.Context(), payments.CodeOrder{
		Order: w.order(w.marcia.Subject(), marciaPIN, 1_00), From: w.marcia.ID, Amount: bbd(50_00),
	})
	require.NoError(t, err)
	before, held := w.balances(), w.held(w.marcia.Wallet)
	andre := func(fee int64) payments.Order { return w.order(w.andre.Subject(), andrePIN, fee) }
	ctx := t.Context()
	rows := map[string]func() error{
		"send": func() error {
			_, err := w.payments.Send(ctx, payments.SendOrder{Order: andre(1_00), From: w.marcia.ID, To: w.andre.ID, Amount: bbd(50_00)})
			return err
		},
		"pay": func() error {
			_, err := w.payments.Pay(ctx, payments.PayOrder{Order: andre(0), From: w.marcia.ID, Merchant: w.market.ID, Amount: bbd(10_00)})
			return err
		},
		"cash out": func() error {
			_, err := w.payments.CashOutAtAgent(ctx, payments.CashOutOrder{
				Order: andre(1_00), From: w.marcia.ID, Agent: w.clerk.Agent.ID, Amount: bbd(50_00),
			})
			return err
		},
		"code": func() error {
			_, err := w.payments.IssueCode(ctx, payments.CodeOrder{Order: andre(1_00), From: w.marcia.ID, Amount: bbd(50_00)})
			return err
		},
		"cash in": func() error {
			_, err := w.payments.CashIn(ctx, payments.CashInOrder{Order: andre(0), Operator: w.clerk.ID, To: w.andre.ID, Amount: bbd(50_00)})
			return err
		},
		"redeem": func() error {
			_, err := w.payments.RedeemCode(ctx, payments.RedeemOrder{
				Order: andre(1_00), Operator: w.clerk.ID, Customer: w.marcia.ID, Amount: bbd(50_00), Code: secret.New("000000"),
			})
			return err
		},
		"cancel": func() error { return w.payments.CancelCode(ctx, w.key(w.andre.Scope()), w.marcia.ID) },
		"an operator's id as a customer's": func() error {
			_, err := w.payments.Send(ctx, payments.SendOrder{Order: andre(1_00), From: w.clerk.ID, To: w.andre.ID, Amount: bbd(50_00)})
			return err
		},
		"nobody's id": func() error {
			_, err := w.payments.Send(ctx, payments.SendOrder{Order: andre(1_00), From: uuid.New(), To: w.andre.ID, Amount: bbd(50_00)})
			return err
		},
	}
	for name, try := range rows {
		t.Run(name, func(t *testing.T) {
			err := try()
			require.True(t, fault.Is(err, fault.CodeForbidden) || fault.Is(err, fault.CustomerNotFound), "%v", err)
			w.moved(before, map[string]int64{})
			require.Equal(t, held, w.held(w.marcia.Wallet))
		})
	}
}
