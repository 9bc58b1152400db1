package products_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/money"
	"nova/core/payments"
	"nova/core/products"
	"nova/core/transactions"
	"nova/sql"
)

func TestTheFirstDepositOpensTheAccount(t *testing.T) {
	w := newWorld(t)
	p := w.product(10_00)
	before, err := w.products.Savings(t.Context(), w.marcia.ID)
	require.NoError(t, err)
	require.Equal(t, products.Savings{Balance: bbd(0), Available: bbd(0), Minimum: bbd(10_00), Product: p}, before)

	r, err := w.products.Deposit(t.Context(), w.depositOrder(50_00))
	require.NoError(t, err)
	require.Equal(t, payments.Receipt{
		Transaction: r.Transaction, Number: r.Number, Type: transactions.SavingsDeposit, Amount: bbd(50_00), Fee: bbd(0),
		Tax: bbd(0), Commission: bbd(0), Balance: bbd(150_00), From: "Marcia C.", To: "Nova Savings", At: noon,
	}, r)
	saved, err := w.products.Savings(t.Context(), w.marcia.ID)
	require.NoError(t, err)
	require.True(t, saved.Opened)
	require.Equal(t, bbd(50_00), saved.Balance)
	require.Equal(t, bbd(40_00), saved.Available, "the minimum stays")
	require.Equal(t, []string{products.NoticeDeposit}, w.messages())
	require.EqualValues(t, 1, w.number(`select count(*) from notices where args::jsonb @> '{"savings": "50.00", "balance": "150.00"}'`))
}

func TestQuoteDepositBeforeThereIsAnAccount(t *testing.T) {
	w := newWorld(t)
	w.product(10_00)
	q, err := w.products.QuoteDeposit(t.Context(), w.marcia.ID, ask(50_00))
	require.NoError(t, err)
	require.Equal(t, bbd(50_00), q.Total)
	require.Equal(t, "Nova Savings", q.To.Name)
	require.Zero(t, w.number(`select count(*) from savings_accounts`), "a question opens nothing")
}

func TestDepositsThatCannotBe(t *testing.T) {
	rows := []struct {
		name   string
		amount money.Amount
		code   fault.Code
		field  string
	}{
		{"more than the wallet has", bbd(200_01), fault.InsufficientFunds, "amount"},
		{"a first one below the minimum", bbd(9_99), fault.LimitExceeded, "amount"},
		{"nothing", bbd(0), fault.LimitExceeded, "amount"},
		{"another currency", money.Of(50_00, money.USD), fault.CurrencyMismatch, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.product(10_00)
			_, err := w.products.QuoteDeposit(t.Context(), w.marcia.ID, payments.Ask{Amount: row.amount, Channel: transactions.USSD})
			refused(t, err, row.code, row.field)
			o := w.depositOrder(0)
			o.Amount = row.amount
			_, err = w.products.Deposit(t.Context(), o)
			refused(t, err, row.code, row.field)
			saved, err := w.products.Savings(t.Context(), w.marcia.ID)
			require.NoError(t, err)
			require.False(t, saved.Opened)
			require.EqualValues(t, 200_00, w.posted(w.marcia.Wallet))
			require.Zero(t, w.number(`select count(*) from transactions`))
			require.Zero(t, w.number(`select count(*) from notices`))
		})
	}
}

func TestWithoutAProductNobodySaves(t *testing.T) {
	w := newWorld(t)
	_, err := w.products.Savings(t.Context(), w.marcia.ID)
	refused(t, err, fault.NotFound, "product")
	_, err = w.products.Deposit(t.Context(), w.depositOrder(1_00))
	refused(t, err, fault.NotFound, "product")
}

func TestWithdrawalsKeepTheMinimum(t *testing.T) {
	w := newWorld(t)
	w.product(10_00)
	_, err := w.products.QuoteWithdraw(t.Context(), w.marcia.ID, ask(1_00))
	refused(t, err, fault.NotFound, "account")
	account := w.save(50_00)
	_, err = w.products.QuoteWithdraw(t.Context(), w.marcia.ID, ask(40_01))
	refused(t, err, fault.InsufficientFunds, "amount")
	refused(t, w.withdraw(40_01), fault.InsufficientFunds, "amount")
	require.NoError(t, w.withdraw(40_00))
	require.EqualValues(t, 10_00, w.posted(account))
	require.EqualValues(t, 190_00, w.posted(w.marcia.Wallet))
	require.Equal(t, []string{products.NoticeDeposit, products.NoticeWithdrawal}, w.messages())
}

func TestTheMinimumHoldsAgainstParallelWithdrawals(t *testing.T) {
	w := newWorld(t)
	w.product(10_00)
	account := w.save(100_00)
	var group sync.WaitGroup
	orders := make([]products.WithdrawOrder, 20)
	for i := range orders {
		orders[i] = products.WithdrawOrder{Order: w.order(w.marcia, marciaPIN, 0), Customer: w.marcia.ID, Amount: bbd(8_00)}
	}
	failures := make([]error, len(orders))
	for i, o := range orders {
		group.Go(func() { _, failures[i] = w.products.Withdraw(t.Context(), o) })
	}
	group.Wait()
	done := 0
	for _, err := range failures {
		if err == nil {
			done++
			continue
		}
		refused(t, err, fault.InsufficientFunds, "amount")
	}
	require.Equal(t, 11, done, "90.00 in withdrawals of 8.00")
	require.EqualValues(t, 12_00, w.posted(account))
}

func TestAMinimumIsKeptAsAgreed(t *testing.T) {
	w := newWorld(t)
	w.product(10_00)
	w.save(50_00)
	_, err := w.products.SetTerms(t.Context(), products.NewTerms{
		Code: "basic", Currency: money.BBD, Terms: products.Terms{Minimum: bbd(30_00)},
	})
	require.NoError(t, err)
	w.noonOf("2026-11-19")
	require.NoError(t, w.withdraw(40_00), "who opened an account with a minimum of 10.00 keeps it")
}

func TestAConfirmationSavesOnce(t *testing.T) {
	w := newWorld(t)
	w.product(0)
	o := w.depositOrder(50_00)
	first, err := w.products.Deposit(t.Context(), o)
	require.NoError(t, err)
	again, err := w.products.Deposit(t.Context(), o)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Equal(t, first.Number, again.Number)
	o.Key = w.order(w.marcia, marciaPIN, 0).Key
	other, err := w.products.Deposit(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, first.Number, other.Number, "the same intent under another key")
	require.EqualValues(t, 150_00, w.posted(w.marcia.Wallet))
}

func TestNobodySavesOrWithdrawsForAnother(t *testing.T) {
	w := newWorld(t)
	w.product(0)
	w.save(50_00)
	o := w.depositOrder(10_00)
	o.Proof = w.order(w.andre, andrePIN, 0).Proof
	_, err := w.products.Deposit(t.Context(), o)
	refused(t, err, fault.CodeForbidden, "")
	_, err = w.products.Withdraw(t.Context(), products.WithdrawOrder{Order: o.Order, Customer: w.marcia.ID, Amount: bbd(1_00)})
	refused(t, err, fault.CodeForbidden, "")
	_, err = w.products.QuoteWithdraw(t.Context(), w.andre.ID, ask(1_00))
	refused(t, err, fault.NotFound, "account")
	_, err = w.products.QuoteDeposit(t.Context(), ids.New(noon), ask(1_00))
	refused(t, err, fault.CustomerNotFound, "")
}

func TestAWrongPINSavesNothing(t *testing.T) {
	w := newWorld(t)
	w.product(0)
	o := w.depositOrder(10_00)
	o.Order = w.order(w.marcia, "999999", 0)
	_, err := w.products.Deposit(t.Context(), o)
	refused(t, err, fault.PINInvalid, "")
	require.EqualValues(t, 200_00, w.posted(w.marcia.Wallet))
	w.save(10_00)
}

// TestTwoFirstDepositsAtOnce: the account is made once, and both confirmations find it.
func TestTwoFirstDepositsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.product(0)
	orders := []products.DepositOrder{w.depositOrder(10_00), w.depositOrder(20_00)}
	var group sync.WaitGroup
	failures := make([]error, len(orders))
	for i, o := range orders {
		group.Go(func() { _, failures[i] = w.products.Deposit(t.Context(), o) })
	}
	group.Wait()
	require.NoError(t, failures[0])
	require.NoError(t, failures[1])
	saved, err := w.products.Savings(t.Context(), w.marcia.ID)
	require.NoError(t, err)
	require.Equal(t, bbd(30_00), saved.Balance)
}

func TestAFrozenAccountTakesNothing(t *testing.T) {
	w := newWorld(t)
	w.product(0)
	account := w.save(50_00)
	w.status(account, "frozen")
	_, err := w.products.QuoteDeposit(t.Context(), w.marcia.ID, ask(1_00))
	refused(t, err, fault.AccountFrozen, "")
	refused(t, w.withdraw(1_00), fault.AccountFrozen, "")
}

func (w *world) status(account uuid.UUID, to string) {
	w.t.Helper()
	_, err := w.db.Exec(w.t.Context(), sql.Query{Name: "test.status", Text: `update balances set status = $2 where account_id = $1`}, account, to)
	require.NoError(w.t, err)
}
