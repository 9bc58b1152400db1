package payments_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/agents"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/payments"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
)

// line is an entry as a test states it.
type line struct {
	Account uuid.UUID `db:"account_id"`
	Credit  bool      `db:"credit"`
	Minor   int64     `db:"minor"`
}

// entries are the lines of a transaction's posting.
func (w *world) entries(r payments.Receipt) []line {
	w.t.Helper()
	var lines []line
	err := w.db.Select(w.t.Context(), &lines, sql.Query{Name: "test.entries", Text: `
		select account_id, credit, minor from entries where posting_id = $1`}, r.Transaction)
	require.NoError(w.t, err)
	return lines
}

func TestSendMovesAmountFeeAndTax(t *testing.T) {
	w := newWorld(t)
	before := w.balances()
	r, err := w.payments.Send(t.Context(), w.send())
	require.NoError(t, err)

	w.moved(before, map[string]int64{"marcia": -51_00, "andre": 50_00, "income": 82, "tax": 18})
	require.ElementsMatch(t, []line{
		{w.marcia.Wallet, false, 51_00}, {w.andre.Wallet, true, 50_00}, {w.books.FeeIncome, true, 82}, {w.books.TaxPayable, true, 18},
	}, w.entries(r))
	require.Equal(t, payments.Receipt{
		Transaction: r.Transaction, Number: r.Number, Type: transactions.P2P, Amount: bbd(50_00), Fee: bbd(1_00),
		Tax: bbd(18), Commission: bbd(0), Balance: bbd(149_00), From: "Marcia C.", To: "Andre C.", At: noon,
	}, r)
	require.Len(t, r.Number, 6)
}

func TestSendTellsBothSides(t *testing.T) {
	w := newWorld(t)
	r, err := w.payments.Send(t.Context(), w.send())
	require.NoError(t, err)
	payer, payee := w.notices(w.marcia.MSISDN), w.notices(w.andre.MSISDN)
	require.Len(t, payer, 1)
	require.Len(t, payee, 1)
	require.Equal(t, "sms.send.payer", payer[0].Template)
	require.JSONEq(t, `{"amount":"50.00","fee":"1.00","currency":"BBD","payee":"Andre C.","payee_number":"12462501002",
		"balance":"149.00","receipt":"`+r.Number+`","time":"12:00","date":"18/11/2026"}`, payer[0].Args)
	require.Equal(t, "sms.send.payee", payee[0].Template)
	require.JSONEq(t, `{"amount":"50.00","currency":"BBD","payer":"Marcia C.","payer_number":"12462501001",
		"balance":"50.00","receipt":"`+r.Number+`","time":"12:00","date":"18/11/2026"}`, payee[0].Args)
}

func TestSendQuote(t *testing.T) {
	w := newWorld(t)
	q, err := w.payments.QuoteSend(t.Context(), w.marcia.ID, w.andre.MSISDN, ask(50_00))
	require.NoError(t, err)
	require.Equal(t, payments.Quote{
		Type: transactions.P2P, Amount: bbd(50_00), Fee: bbd(1_00), Tax: bbd(18), Commission: bbd(0), Total: bbd(51_00),
		From: payments.Party{Owner: w.marcia.ID, Account: w.marcia.Wallet, Name: "Marcia C.", Tier: 1, MSISDN: w.marcia.MSISDN},
		To:   payments.Party{Owner: w.andre.ID, Account: w.andre.Wallet, Name: "Andre C.", Tier: 1, MSISDN: w.andre.MSISDN},
	}, q)
}

func TestQuoteMentionsTheSamePaymentOfJustNow(t *testing.T) {
	w := newWorld(t)
	_, err := w.payments.Send(t.Context(), w.send())
	require.NoError(t, err)
	rows := []struct {
		name   string
		after  time.Duration
		amount int64
		want   bool
	}{
		{"the same at once", 0, 50_00, true},
		{"another amount", 0, 49_00, false},
		{"the same after nine minutes", 9 * time.Minute, 50_00, true},
		{"the same after eleven minutes", 2 * time.Minute, 50_00, false},
	}
	for _, row := range rows {
		w.clock.Advance(row.after)
		q, err := w.payments.QuoteSend(t.Context(), w.marcia.ID, w.andre.MSISDN, ask(row.amount))
		require.NoError(t, err)
		require.Equal(t, row.want, q.RepeatedAt != nil, row.name)
		if row.want {
			require.True(t, noon.Equal(*q.RepeatedAt), row.name)
		}
	}
}

// TestWhatAPayeeHoldsIsNotToldBeforeThePIN: a quote that refused what does not fit beside the payee's money would tell
// anybody how much that is, for the price of some dials. The ledger refuses it, after the PIN.
func TestWhatAPayeeHoldsIsNotToldBeforeThePIN(t *testing.T) {
	w := newWorld(t)
	w.deposit(w.andre.Wallet, 960_00)
	_, err := w.payments.QuoteSend(t.Context(), w.marcia.ID, w.andre.MSISDN, ask(50_00))
	require.NoError(t, err)
	_, err = w.payments.QuoteCashIn(t.Context(), w.clerk.ID, w.andre.MSISDN, ask(50_00))
	require.NoError(t, err)
	_, err = w.payments.Send(t.Context(), w.send())
	refused(t, err, fault.MaxBalanceExceeded)
}

func TestSendIsRefusedBeforeThePIN(t *testing.T) {
	rows := []struct {
		name    string
		arrange func(w *world)
		to      string
		amount  int64
		code    fault.Code
		field   string
	}{
		{"one's own number", nil, "12462501001", 10_00, fault.SameParties, "to"},
		{"nobody's number", nil, "12462509999", 10_00, fault.CustomerNotFound, ""},
		{"more than the wallet has", nil, "12462501002", 199_01, fault.InsufficientFunds, ""},
		{"more than a single limit", nil, "12462501002", 500_01, fault.LimitExceeded, "amount"},
		{"a suspended payee", func(w *world) { w.status(w.andre, customers.Suspended) }, "12462501002", 10_00, fault.AccountFrozen, "to"},
		{"a closed payee", func(w *world) { w.status(w.andre, customers.Closed) }, "12462501002", 10_00, fault.AccountClosed, "to"},
		{"a suspended payer", func(w *world) { w.status(w.marcia, customers.Suspended) }, "12462501002", 10_00, fault.AccountFrozen, ""},
		{"nothing", nil, "12462501002", 0, fault.ValidationError, "amount"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			if row.arrange != nil {
				row.arrange(w)
			}
			_, err := w.payments.QuoteSend(t.Context(), w.marcia.ID, number(t, row.to), ask(row.amount))
			f := refused(t, err, row.code)
			if row.field != "" {
				require.Contains(t, f.Fields, row.field)
			}
			require.Empty(t, w.templates(w.marcia.MSISDN))
		})
	}
}

func (w *world) status(c customers.Customer, to customers.Status) {
	w.t.Helper()
	require.NoError(w.t, w.customers.SetStatus(w.t.Context(), identity.Subject{}, c.ID, to, "seen"))
}

func TestQuoteKnowsWhatIsLeftOfTheDay(t *testing.T) {
	w := newWorld(t)
	w.deposit(w.marcia.Wallet, 2_000_00)
	for range 2 {
		o := w.send()
		o.To, o.Amount = w.shanice.ID, bbd(450_00)
		_, err := w.payments.Send(t.Context(), o)
		require.NoError(t, err)
	}
	_, err := w.payments.QuoteSend(t.Context(), w.marcia.ID, w.shanice.MSISDN, ask(100_01))
	refused(t, err, fault.LimitExceeded)
	_, err = w.payments.QuoteSend(t.Context(), w.marcia.ID, w.shanice.MSISDN, ask(100_00))
	require.NoError(t, err)

	w.clock.Advance(13 * time.Hour) // past midnight in Barbados
	_, err = w.payments.QuoteSend(t.Context(), w.marcia.ID, w.shanice.MSISDN, ask(100_01))
	require.NoError(t, err)
}

func TestTheDayLimitHoldsAgainstParallelSends(t *testing.T) {
	w := newWorld(t)
	w.deposit(w.marcia.Wallet, 5_000_00)
	var orders []payments.SendOrder
	for range 20 {
		o := w.send()
		o.To, o.Amount = w.shanice.ID, bbd(100_00)
		orders = append(orders, o)
	}
	done := w.parallel(orders)
	require.Equal(t, 10, done, "1,000.00 a day in sends of 100.00")
	require.EqualValues(t, 200_00+5_000_00-10*101_00, w.posted(w.marcia.Wallet))
}

// parallel sends all orders at once and counts those that went through; the others must be over the limit.
func (w *world) parallel(orders []payments.SendOrder) int {
	w.t.Helper()
	var group sync.WaitGroup
	failures := make([]error, len(orders))
	for i, o := range orders {
		group.Go(func() { _, failures[i] = w.payments.Send(w.t.Context(), o) })
	}
	group.Wait()
	done := 0
	for _, err := range failures {
		if err == nil {
			done++
			continue
		}
		refused(w.t, err, fault.LimitExceeded)
	}
	return done
}

func TestARefusedSendChangesNothing(t *testing.T) {
	rows := []struct {
		name   string
		change func(w *world, o *payments.SendOrder)
		code   fault.Code
	}{
		{"a wrong PIN", func(w *world, o *payments.SendOrder) {
			o.Proof = w.identity.PIN(w.marcia.Subject(), secret.New("864209"))
		}, fault.PINInvalid},
		{"somebody else's PIN", func(w *world, o *payments.SendOrder) {
			o.Proof = w.identity.PIN(w.andre.Subject(), secret.New(andrePIN))
		}, fault.CodeForbidden},
		{"no proof", func(_ *world, o *payments.SendOrder) { o.Proof = identity.Proof{} }, fault.CodeForbidden},
		{"no intent", func(_ *world, o *payments.SendOrder) { o.Intent = uuid.Nil }, fault.ValidationError},
		{"another fee than was shown", func(_ *world, o *payments.SendOrder) { o.FeeShown = bbd(50) }, fault.QuoteExpired},
		{"more than there is", func(_ *world, o *payments.SendOrder) { o.Amount = bbd(199_01) }, fault.InsufficientFunds},
		{"more than a single limit", func(w *world, o *payments.SendOrder) {
			w.deposit(w.marcia.Wallet, 1_000_00)
			o.Amount = bbd(500_01)
		}, fault.LimitExceeded},
		{"oneself", func(w *world, o *payments.SendOrder) { o.To = w.marcia.ID }, fault.SameParties},
		{"nobody", func(_ *world, o *payments.SendOrder) { o.To = uuid.New() }, fault.CustomerNotFound},
		{"a closed payee", func(w *world, _ *payments.SendOrder) { w.status(w.andre, customers.Closed) }, fault.AccountClosed},
		{"a full payee", func(w *world, _ *payments.SendOrder) { w.deposit(w.andre.Wallet, 990_00) }, fault.MaxBalanceExceeded},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			o := w.send()
			row.change(w, &o)
			before := w.balances()
			_, err := w.payments.Send(t.Context(), o)
			refused(t, err, row.code)
			w.moved(before, map[string]int64{})
			require.Empty(t, w.templates(w.marcia.MSISDN))
			_, found, err := w.payments.Outcome(t.Context(), o.Intent)
			require.NoError(t, err)
			require.False(t, found)
		})
	}
}

func TestARepeatedHopPaysOnceAndSaysTheSame(t *testing.T) {
	w := newWorld(t)
	before := w.balances()
	o := w.send()
	first, err := w.payments.Send(t.Context(), o)
	require.NoError(t, err)
	w.deposit(w.marcia.Wallet, 7_00) // what the balance is now must not change the first answer
	again, err := w.payments.Send(t.Context(), o)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	again.Replayed = false
	require.Equal(t, first, again)
	w.moved(before, map[string]int64{"marcia": -51_00 + 7_00, "andre": 50_00, "income": 82, "tax": 18, "trust": 7_00})
}

func TestCopiesOfAHopAtOncePayOnce(t *testing.T) {
	w := newWorld(t)
	o := w.send()
	var group sync.WaitGroup
	numbers := make([]string, 10)
	for i := range numbers {
		group.Go(func() {
			r, err := w.payments.Send(t.Context(), o)
			if err == nil {
				numbers[i] = r.Number
			}
		})
	}
	group.Wait()
	for _, n := range numbers {
		require.Equal(t, numbers[0], n)
	}
	require.NotEmpty(t, numbers[0])
	require.EqualValues(t, 149_00, w.posted(w.marcia.Wallet))
	require.Len(t, w.templates(w.andre.MSISDN), 1)
}

func TestARepeatedHopCountsAWrongPINOnce(t *testing.T) {
	w := newWorld(t)
	o := w.send()
	o.Proof = w.identity.PIN(w.marcia.Subject(), secret.New("864209"))
	for range 5 {
		_, err := w.payments.Send(t.Context(), o)
		f := refused(t, err, fault.PINInvalid)
		require.EqualValues(t, 2, f.Extra["attempts_left"])
	}
	st, err := w.identity.Status(t.Context(), w.marcia.Subject())
	require.NoError(t, err)
	require.Equal(t, identity.Status{HasPIN: true, TriesLeft: 2}, st)
}

func TestAnIntentIsOneTransactionUnderAnyKey(t *testing.T) {
	w := newWorld(t)
	o := w.send()
	first, err := w.payments.Send(t.Context(), o)
	require.NoError(t, err)
	before := w.balances()

	fromTheApp := o
	fromTheApp.Key.Value = "app:1"
	again, err := w.payments.Send(t.Context(), fromTheApp)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Equal(t, first.Number, again.Number)
	require.Equal(t, bbd(149_00), again.Balance, "who redials and confirms again sees what they have")
	w.moved(before, map[string]int64{})

	other := o
	other.Key.Value, other.Amount = "app:2", bbd(60_00)
	_, err = w.payments.Send(t.Context(), other)
	refused(t, err, fault.InvalidState)
	w.moved(before, map[string]int64{})
}

func TestTheSameKeyWithAnotherPayeeIsAConflict(t *testing.T) {
	w := newWorld(t)
	o := w.send()
	_, err := w.payments.Send(t.Context(), o)
	require.NoError(t, err)
	o.To = w.shanice.ID
	_, err = w.payments.Send(t.Context(), o)
	refused(t, err, fault.IdempotencyConflict)
}

func TestAPriceThatChangedAfterTheQuoteIsNotCharged(t *testing.T) {
	w := newWorld(t)
	q, err := w.payments.QuoteSend(t.Context(), w.marcia.ID, w.andre.MSISDN, ask(50_00))
	require.NoError(t, err)
	dearer := w.service(strings.Replace(read(t, "../../configs/tariffs.yaml"), `flat: "1.00"`, `flat: "2.00"`, 1))
	o := w.send()
	o.FeeShown = q.Fee
	before := w.balances()
	_, err = dearer.Send(t.Context(), o)
	refused(t, err, fault.QuoteExpired)
	w.moved(before, map[string]int64{})
}

func TestPayIsFreeAndTellsThePayer(t *testing.T) {
	w := newWorld(t)
	q, err := w.payments.QuotePay(t.Context(), w.marcia.ID, "500001", ask(30_00))
	require.NoError(t, err)
	require.Equal(t, "Cheapside Market", q.To.Name)
	before := w.balances()
	r, err := w.payments.Pay(t.Context(), payments.PayOrder{
		Order: w.order(w.marcia.Subject(), marciaPIN, 0), From: w.marcia.ID, Merchant: q.To.Owner, Amount: bbd(30_00),
	})
	require.NoError(t, err)
	w.moved(before, map[string]int64{"marcia": -30_00, "market": 30_00})
	require.Len(t, w.entries(r), 2)
	require.Equal(t, bbd(170_00), r.Balance)
	require.Equal(t, []string{"sms.pay.payer"}, w.templates(w.marcia.MSISDN))
}

func TestPayIsRefusedBeforeThePIN(t *testing.T) {
	w := newWorld(t)
	_, err := w.payments.QuotePay(t.Context(), w.marcia.ID, "999999", ask(30_00))
	require.Contains(t, refused(t, err, fault.NotFound).Fields, "till")
	require.NoError(t, w.agents.SetStatus(t.Context(), identity.Subject{}, agents.Change{Of: agents.PartMerchant, ID: w.market.ID, To: agents.Suspended}))
	_, err = w.payments.QuotePay(t.Context(), w.marcia.ID, "500001", ask(30_00))
	require.Contains(t, refused(t, err, fault.AccountFrozen).Fields, "to")
	_, err = w.payments.Till(t.Context(), "500001")
	refused(t, err, fault.AccountFrozen)
}

func TestReading(t *testing.T) {
	w := newWorld(t)
	sent, err := w.payments.Send(t.Context(), w.send())
	require.NoError(t, err)
	w.clock.Advance(time.Minute)
	cashed, err := w.payments.CashIn(t.Context(), w.cashIn(20_00))
	require.NoError(t, err)

	balance, err := w.payments.Balance(t.Context(), w.andre.ID)
	require.NoError(t, err)
	require.Equal(t, bbd(70_00), balance)
	lines, err := w.payments.MiniStatement(t.Context(), w.andre.Wallet, 5)
	require.NoError(t, err)
	require.Equal(t, []payments.Line{
		{At: noon.Add(time.Minute), Type: transactions.CashIn, Name: "Oistins Corner Shop", Amount: bbd(20_00), In: true, Number: cashed.Number},
		{At: noon, Type: transactions.P2P, Name: "Marcia C.", Amount: bbd(50_00), In: true, Number: sent.Number},
	}, lines)
	lines, err = w.payments.MiniStatement(t.Context(), w.marcia.Wallet, 1)
	require.NoError(t, err)
	require.Equal(t, []payments.Line{
		{At: noon, Type: transactions.P2P, Name: "Andre C.", Amount: bbd(51_00), In: false, Number: sent.Number},
	}, lines, "newest first, fee included, no more than asked for")
	float, err := w.payments.FloatBalance(t.Context(), w.clerk.Agent.ID)
	require.NoError(t, err)
	require.Equal(t, bbd(4_980_00), float)
}

func TestOutcomeIsKnownByTheIntent(t *testing.T) {
	w := newWorld(t)
	o := w.send()
	_, found, err := w.payments.Outcome(t.Context(), o.Intent)
	require.NoError(t, err)
	require.False(t, found)
	r, err := w.payments.Send(t.Context(), o)
	require.NoError(t, err)
	known, found, err := w.payments.Outcome(t.Context(), o.Intent)
	require.NoError(t, err)
	require.True(t, found)
	r.Balance = known.Balance // only the moment of the posting knew it
	require.Equal(t, r, known)
}

func TestATierThatTheBooksDoNotKnowMovesNothing(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return w.ledger.SetTierIn(ctx, tx, w.marcia.Wallet, 2)
	}))
	before := w.balances()
	_, err := w.payments.Send(t.Context(), w.send())
	refused(t, err, fault.ServiceUnavailable)
	w.moved(before, map[string]int64{})
}
