package payments_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/agents"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/payments"
	"nova/core/secret"
	"nova/core/transactions"
)

func TestCashInMovesFloatAndEarnsCommission(t *testing.T) {
	w := newWorld(t)
	q, err := w.payments.QuoteCashIn(t.Context(), w.clerk.ID, w.andre.MSISDN, ask(100_00))
	require.NoError(t, err)
	require.Equal(t, bbd(0), q.Fee)
	require.Equal(t, bbd(50), q.Commission)
	before := w.balances()
	r, err := w.payments.CashIn(t.Context(), w.cashIn(100_00))
	require.NoError(t, err)
	w.moved(before, map[string]int64{"float": -100_00, "andre": 100_00, "commission": 50, "expense": 50})
	require.ElementsMatch(t, []line{
		{w.clerk.Agent.Float, false, 100_00}, {w.andre.Wallet, true, 100_00},
		{w.books.CommissionExpense, false, 50}, {w.clerk.Agent.Commission, true, 50},
	}, w.entries(r))
	require.Equal(t, bbd(4_900_00), r.Balance, "the float's")
	fact, err := w.transactions.ByID(t.Context(), r.Transaction)
	require.NoError(t, err)
	require.Equal(t, w.clerk.ID, fact.Operator)
	require.Equal(t, w.clerk.Outlet.ID, fact.Outlet)
	require.Equal(t, w.clerk.Agent.ID, fact.Agent)
	require.Equal(t, "cashin-1", fact.Tariff)
	require.Equal(t, []string{"sms.cashin.customer"}, w.templates(w.andre.MSISDN))
	require.Equal(t, []string{"sms.cashin.operator"}, w.templates(w.clerk.MSISDN))
}

func TestCashInIsRefusedBeforeThePIN(t *testing.T) {
	rows := []struct {
		name    string
		arrange func(w *world)
		to      string
		amount  int64
		code    fault.Code
	}{
		{"nobody's number", nil, "12462509999", 10_00, fault.CustomerNotFound},
		{"a closed customer", func(w *world) { w.status(w.andre, customers.Closed) }, "12462501002", 10_00, fault.AccountClosed},
		{"more than one cash-in may be", nil, "12462501002", 500_01, fault.LimitExceeded},
		{"more than the float", func(w *world) { w.drainFloat(49_00) }, "12462501002", 50_00, fault.InsufficientFunds},
		{"a suspended agent", func(w *world) { w.suspendAgent() }, "12462501002", 10_00, fault.AccountFrozen},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			if row.arrange != nil {
				row.arrange(w)
			}
			_, err := w.payments.QuoteCashIn(t.Context(), w.clerk.ID, number(t, row.to), ask(row.amount))
			refused(t, err, row.code)
		})
	}
}

// drainFloat leaves so much of the agent's float, by cash-ins to Shanice.
func (w *world) drainFloat(leave int64) {
	w.t.Helper()
	for left := w.posted(w.clerk.Agent.Float) - leave; left > 0; left = w.posted(w.clerk.Agent.Float) - leave {
		o := w.cashIn(min(left, 2_000_00))
		o.To = w.shanice.ID
		_, err := w.payments.CashIn(w.t.Context(), o)
		require.NoError(w.t, err)
		// A day's cash-ins and the wallet's cap are not what is tested here.
		w.clock.Advance(24 * time.Hour)
		w.empty()
	}
}

// empty lets Shanice spend what she has at the market.
func (w *world) empty() {
	w.t.Helper()
	for left := w.posted(w.shanice.Wallet); left > 0; left = w.posted(w.shanice.Wallet) {
		_, err := w.payments.Pay(w.t.Context(), payments.PayOrder{
			Order: w.order(w.shanice.Subject(), shanicePIN, 0), From: w.shanice.ID, Merchant: w.market.ID,
			Amount: bbd(min(left, 2_000_00)),
		})
		require.NoError(w.t, err)
	}
}

func (w *world) suspendAgent() {
	w.t.Helper()
	require.NoError(w.t, w.agents.SetStatus(w.t.Context(), identity.Subject{}, agents.Change{Of: agents.PartAgent, ID: w.clerk.Agent.ID, To: agents.Suspended}))
}

func TestAnOperatorCannotServeTheirOwnNumber(t *testing.T) {
	w := newWorld(t)
	own := w.customer("Clerk", "12462500011", 1, andrePIN)
	_, err := w.payments.QuoteCashIn(t.Context(), w.clerk.ID, own.MSISDN, ask(10_00))
	refused(t, err, fault.SameParties)
	_, err = w.payments.CashInTo(t.Context(), w.clerk.ID, own.MSISDN)
	refused(t, err, fault.SameParties)
	o := w.cashIn(10_00)
	o.To = own.ID
	_, err = w.payments.CashIn(t.Context(), o)
	refused(t, err, fault.SameParties)
}

func TestTheSameCashInIsMentionedForFiveMinutes(t *testing.T) {
	w := newWorld(t)
	_, err := w.payments.CashIn(t.Context(), w.cashIn(100_00))
	require.NoError(t, err)
	w.clock.Advance(4 * time.Minute)
	q, err := w.payments.QuoteCashIn(t.Context(), w.clerk.ID, w.andre.MSISDN, ask(100_00))
	require.NoError(t, err)
	require.NotNil(t, q.RepeatedAt)
	w.clock.Advance(2 * time.Minute)
	q, err = w.payments.QuoteCashIn(t.Context(), w.clerk.ID, w.andre.MSISDN, ask(100_00))
	require.NoError(t, err)
	require.Nil(t, q.RepeatedAt)
}

func TestCashOutAtAgent(t *testing.T) {
	w := newWorld(t)
	q, err := w.payments.QuoteCashOut(t.Context(), w.marcia.ID, "100011", ask(150_00))
	require.NoError(t, err)
	require.Equal(t, bbd(1_50), q.Fee, "1%")
	before := w.balances()
	r, err := w.payments.CashOutAtAgent(t.Context(), payments.CashOutOrder{
		Order: w.order(w.marcia.Subject(), marciaPIN, 1_50), From: w.marcia.ID, Agent: q.To.Owner, Amount: bbd(150_00),
	})
	require.NoError(t, err)
	// 17.5% of 1.50 is 0.2625; 0.5% of 150.00 is 0.75.
	w.moved(before, map[string]int64{
		"marcia": -151_50, "float": 150_00, "income": 1_24, "tax": 26, "commission": 75, "expense": 75,
	})
	require.ElementsMatch(t, []line{
		{w.marcia.Wallet, false, 151_50}, {w.clerk.Agent.Float, true, 150_00}, {w.books.FeeIncome, true, 1_24},
		{w.books.TaxPayable, true, 26}, {w.books.CommissionExpense, false, 75}, {w.clerk.Agent.Commission, true, 75},
	}, w.entries(r))
	require.Equal(t, bbd(48_50), r.Balance)
	require.Equal(t, []string{"sms.cashout.customer"}, w.templates(w.marcia.MSISDN))
	require.Equal(t, []string{"sms.cashout.operator"}, w.templates(w.clerk.MSISDN), "who must pay is told")
	fact, err := w.transactions.ByID(t.Context(), r.Transaction)
	require.NoError(t, err)
	require.Equal(t, w.clerk.Outlet.ID, fact.Outlet, "the agent's only outlet")
}

func TestCashOutIsRefusedBeforeThePIN(t *testing.T) {
	w := newWorld(t)
	_, err := w.payments.QuoteCashOut(t.Context(), w.marcia.ID, "999999", ask(10_00))
	require.Contains(t, refused(t, err, fault.NotFound).Fields, "agent_code")
	_, err = w.payments.QuoteCashOut(t.Context(), w.marcia.ID, "100011", ask(199_01))
	refused(t, err, fault.InsufficientFunds)
	w.suspendAgent()
	_, err = w.payments.QuoteCashOut(t.Context(), w.marcia.ID, "100011", ask(10_00))
	require.Contains(t, refused(t, err, fault.AccountFrozen).Fields, "to")
}

// issue gives Marcia a code for 100.00 with a fee of 1.00.
func (w *world) issue() (payments.Code, payments.CodeOrder) {
	w.t.Helper()
	o := payments.CodeOrder{Order: w.order(w.marcia.Subject(), marciaPIN, 1_00), From: w.marcia.ID, Amount: bbd(100_00)}
	code, err := w.payments.IssueCode(w.t.Context(), o)
	require.NoError(w.t, err)
	return code, o
}

func (w *world) redeem(code secret.Text) payments.RedeemOrder {
	return payments.RedeemOrder{
		Order: w.order(w.clerk.Subject(), clerkPIN, 1_00), Operator: w.clerk.ID, Customer: w.marcia.ID,
		Amount: bbd(100_00), Code: code,
	}
}

func TestACodeReservesAndPaysOnce(t *testing.T) {
	w := newWorld(t)
	q, err := w.payments.QuoteCode(t.Context(), w.marcia.ID, ask(100_00))
	require.NoError(t, err)
	require.Equal(t, bbd(101_00), q.Total)
	code, o := w.issue()
	require.Regexp(t, `^[0-9]{6}$`, code.Secret.Reveal())
	require.Equal(t, noon.Add(30*time.Minute), code.ExpiresAt)
	require.EqualValues(t, 101_00, w.held(w.marcia.Wallet))
	require.EqualValues(t, 200_00, w.posted(w.marcia.Wallet))
	require.Equal(t, []string{"sms.code.issued"}, w.templates(w.marcia.MSISDN))

	again, err := w.payments.IssueCode(t.Context(), o)
	require.NoError(t, err)
	require.True(t, again.Secret.Equal(code.Secret), "the same hop shows the same code")

	before := w.balances()
	order := w.redeem(code.Secret)
	r, err := w.payments.RedeemCode(t.Context(), order)
	require.NoError(t, err)
	w.moved(before, map[string]int64{
		"marcia": -101_00, "float": 100_00, "income": 82, "tax": 18, "commission": 50, "expense": 50,
	})
	require.EqualValues(t, 0, w.held(w.marcia.Wallet))
	require.Equal(t, bbd(5_100_00), r.Balance, "the float's")
	require.Equal(t, "Marcia C.", r.From)

	replay, err := w.payments.RedeemCode(t.Context(), order)
	require.NoError(t, err)
	require.Equal(t, r.Number, replay.Number)
	require.True(t, replay.Replayed)

	_, err = w.payments.RedeemCode(t.Context(), w.redeem(code.Secret))
	refused(t, err, fault.OTPExpired)
	_, err = w.payments.IssueCode(t.Context(), o)
	refused(t, err, fault.OTPExpired)
	require.ElementsMatch(t, []string{"sms.code.issued", "sms.cashout.customer"}, w.templates(w.marcia.MSISDN))
}

func TestACodeUsedTwiceAtOncePaysOnce(t *testing.T) {
	w := newWorld(t)
	code, _ := w.issue()
	before := w.balances()
	var group sync.WaitGroup
	failures := make([]error, 8)
	for i := range failures {
		o := w.redeem(code.Secret)
		group.Go(func() { _, failures[i] = w.payments.RedeemCode(t.Context(), o) })
	}
	group.Wait()
	paid := 0
	for _, err := range failures {
		if err == nil {
			paid++
			continue
		}
		require.True(t, fault.Is(err, fault.InvalidState) || fault.Is(err, fault.OTPExpired), "%v", err)
	}
	require.Equal(t, 1, paid)
	w.moved(before, map[string]int64{
		"marcia": -101_00, "float": 100_00, "income": 82, "tax": 18, "commission": 50, "expense": 50,
	})
}

func TestThreeWrongCodesEndTheCode(t *testing.T) {
	w := newWorld(t)
	code, _ := w.issue()
	wrong := secret.New("000000")
	if code.Secret.Equal(wrong) {
		wrong = secret.New("000001")
	}
	for left := 2; left >= 0; left-- {
		o := w.redeem(wrong)
		for range 2 { // each hop counts once, however often it is delivered
			_, err := w.payments.RedeemCode(t.Context(), o)
			require.EqualValues(t, left, refused(t, err, fault.OTPInvalid).Extra["attempts_left"])
		}
	}
	_, err := w.payments.RedeemCode(t.Context(), w.redeem(code.Secret))
	refused(t, err, fault.OTPExpired)
	require.EqualValues(t, 0, w.held(w.marcia.Wallet), "the money is the customer's again")
	require.EqualValues(t, 200_00, w.posted(w.marcia.Wallet))
}

func TestRedeemNeedsTheOperatorsPIN(t *testing.T) {
	w := newWorld(t)
	code, _ := w.issue()
	before := w.balances()
	o := w.redeem(code.Secret)
	o.Proof = w.identity.PIN(w.clerk.Subject(), secret.New("864209"))
	_, err := w.payments.RedeemCode(t.Context(), o)
	refused(t, err, fault.PINInvalid)
	w.moved(before, map[string]int64{})
	_, live, err := w.payments.LiveCode(t.Context(), w.marcia.ID)
	require.NoError(t, err)
	require.True(t, live, "a wrong PIN does not use the code")
}

func TestOneLiveCodeAWallet(t *testing.T) {
	w := newWorld(t)
	code, _ := w.issue()
	_, err := w.payments.QuoteCode(t.Context(), w.marcia.ID, ask(10_00))
	refused(t, err, fault.InvalidState)
	_, err = w.payments.IssueCode(t.Context(), payments.CodeOrder{
		Order: w.order(w.marcia.Subject(), marciaPIN, 1_00), From: w.marcia.ID, Amount: bbd(10_00),
	})
	refused(t, err, fault.InvalidState)

	live, found, err := w.payments.LiveCode(t.Context(), w.marcia.ID)
	require.NoError(t, err)
	require.True(t, found)
	require.True(t, live.Secret.IsZero(), "no code without the PIN")
	require.Equal(t, bbd(100_00), live.Amount)

	shown, err := w.payments.ShowCode(t.Context(), w.key(w.marcia.Scope()), w.identity.PIN(w.marcia.Subject(), secret.New(marciaPIN)))
	require.NoError(t, err)
	require.True(t, shown.Secret.Equal(code.Secret))
	_, err = w.payments.ShowCode(t.Context(), w.key(w.marcia.Scope()), w.identity.PIN(w.marcia.Subject(), secret.New("864209")))
	refused(t, err, fault.PINInvalid)
}

func TestACodeIsCancelledOnce(t *testing.T) {
	w := newWorld(t)
	code, _ := w.issue()
	key := w.key(w.marcia.Scope())
	require.NoError(t, w.payments.CancelCode(t.Context(), key, w.marcia.ID))
	require.NoError(t, w.payments.CancelCode(t.Context(), key, w.marcia.ID), "the same hop again")
	require.EqualValues(t, 0, w.held(w.marcia.Wallet))
	refused(t, w.payments.CancelCode(t.Context(), w.key(w.marcia.Scope()), w.marcia.ID), fault.NotFound)
	_, err := w.payments.RedeemCode(t.Context(), w.redeem(code.Secret))
	refused(t, err, fault.OTPExpired)
	require.ElementsMatch(t, []string{"sms.code.issued", "sms.code.cancelled"}, w.templates(w.marcia.MSISDN))
}

func TestAnExpiredCodePaysNothingAndStandsInNobodysWay(t *testing.T) {
	w := newWorld(t)
	code, _ := w.issue()
	w.clock.Advance(30 * time.Minute)
	_, err := w.payments.QuoteRedeem(t.Context(), w.clerk.ID, w.marcia.MSISDN)
	refused(t, err, fault.OTPExpired)
	_, err = w.payments.RedeemCode(t.Context(), w.redeem(code.Secret))
	refused(t, err, fault.OTPExpired)
	_, live, err := w.payments.LiveCode(t.Context(), w.marcia.ID)
	require.NoError(t, err)
	require.False(t, live)
	fresh, _ := w.issue() // before any worker ended the old hold
	require.NotEqual(t, code.Hold, fresh.Hold)
	require.EqualValues(t, 101_00, w.held(w.marcia.Wallet))
}

func TestTheAgentSeesWhatACodeIsWorth(t *testing.T) {
	w := newWorld(t)
	_, err := w.payments.QuoteRedeem(t.Context(), w.clerk.ID, w.marcia.MSISDN)
	refused(t, err, fault.OTPExpired)
	w.issue()
	q, err := w.payments.QuoteRedeem(t.Context(), w.clerk.ID, w.marcia.MSISDN)
	require.NoError(t, err)
	require.Equal(t, transactions.CashOut, q.Type)
	require.Equal(t, []any{bbd(100_00), bbd(1_00), "Marcia C."}, []any{q.Amount, q.Fee, q.From.Name})
	o := w.redeem(secret.New("000000"))
	o.Amount = bbd(90_00)
	_, err = w.payments.RedeemCode(t.Context(), o)
	refused(t, err, fault.QuoteExpired)
}

func TestACodeNeedsMoneyAndThePIN(t *testing.T) {
	w := newWorld(t)
	_, err := w.payments.QuoteCode(t.Context(), w.marcia.ID, ask(199_01))
	refused(t, err, fault.InsufficientFunds)
	o := payments.CodeOrder{Order: w.order(w.marcia.Subject(), "864209", 1_00), From: w.marcia.ID, Amount: bbd(100_00)}
	_, err = w.payments.IssueCode(t.Context(), o)
	refused(t, err, fault.PINInvalid)
	require.EqualValues(t, 0, w.held(w.marcia.Wallet))
}

func TestACodeCostsWhatItsOwnerSawWhateverThePriceIsNow(t *testing.T) {
	w := newWorld(t)
	code, _ := w.issue()
	text := strings.NewReplacer("bps: 100, min: \"1.00\"", "bps: 300, min: \"3.00\"", "tax_bps: 1750", "tax_bps: 2000").
		Replace(read(t, "../../configs/tariffs.yaml"))
	dearer := w.service(text)
	q, err := dearer.QuoteRedeem(t.Context(), w.clerk.ID, w.marcia.MSISDN)
	require.NoError(t, err)
	require.Equal(t, bbd(1_00), q.Fee)
	before := w.balances()
	r, err := dearer.RedeemCode(t.Context(), w.redeem(code.Secret))
	require.NoError(t, err)
	w.moved(before, map[string]int64{
		"marcia": -101_00, "float": 100_00, "income": 82, "tax": 18, "commission": 50, "expense": 50,
	})
	fact, err := w.transactions.ByID(t.Context(), r.Transaction)
	require.NoError(t, err)
	require.Equal(t, "cashout-1", fact.Tariff)
}
