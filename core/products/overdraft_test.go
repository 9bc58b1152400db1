package products_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/payments"
	"nova/core/products"
	"nova/core/transactions"
	"nova/sql"
)

func TestADrawIsOwedWithItsFee(t *testing.T) {
	w := newWorld(t)
	line := w.grant()
	q, err := w.products.QuoteDraw(t.Context(), w.marcia.ID, ask(50_00))
	require.NoError(t, err)
	require.Equal(t, [3]money.Amount{bbd(1_00), bbd(18), bbd(51_00)}, [3]money.Amount{q.Fee, q.Tax, q.Total})

	r, err := w.draw(50_00, 1_00)
	require.NoError(t, err)
	require.Equal(t, payments.Receipt{
		Transaction: r.Transaction, Number: r.Number, Type: transactions.OverdraftDraw, Amount: bbd(50_00), Fee: bbd(1_00),
		Tax: bbd(18), Commission: bbd(0), Balance: bbd(250_00), From: "Nova", To: "Marcia C.", At: noon,
	}, r)
	require.EqualValues(t, 250_00, w.posted(w.marcia.Wallet))
	require.EqualValues(t, 51_00, w.posted(line.Receivable))
	require.EqualValues(t, 82, w.posted(w.books.FeeIncome))
	require.EqualValues(t, 18, w.posted(w.books.TaxPayable))
	credit := w.credit()
	require.Equal(t, bbd(51_00), credit.Owed)
	require.Equal(t, bbd(49_00), credit.Left)

	_, err = w.repay(21_00)
	require.NoError(t, err)
	require.Equal(t, bbd(30_00), w.credit().Owed)
	require.EqualValues(t, 229_00, w.posted(w.marcia.Wallet))
	require.Equal(t, []string{products.NoticeDraw, products.NoticeRepayment}, w.messages())
	require.EqualValues(t, 1, w.number(`select count(*) from notices where args::jsonb @> '{"owed": "30.00"}'`))
}

func TestDrawsThatCannotBe(t *testing.T) {
	rows := []struct {
		name    string
		arrange func(w *world)
		amount  money.Amount
		code    fault.Code
		field   string
	}{
		{"without a line", func(*world) {}, bbd(1_00), fault.NotFound, "account_id"},
		{"more than the line gives, its fee included", func(w *world) { w.grant() }, bbd(98_05), fault.LimitExceeded, "amount"},
		{"nothing", func(w *world) { w.grant() }, bbd(0), fault.ValidationError, "amount"},
		{"another currency", func(w *world) { w.grant() }, money.Of(1_00, money.USD), fault.CurrencyMismatch, ""},
		{"on a line whose time is over", func(w *world) {
			w.grant()
			w.clock.Advance(30 * 24 * time.Hour)
		}, bbd(1_00), fault.InvalidState, "expires_at"},
		{"on a suspended line", func(w *world) {
			w.grant()
			w.change(func(ch *products.LineChange) { ch.Status = ptr(products.LineSuspended) })
		}, bbd(1_00), fault.InvalidState, "status"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			row.arrange(w)
			_, err := w.products.QuoteDraw(t.Context(), w.marcia.ID, payments.Ask{Amount: row.amount, Channel: transactions.USSD})
			refused(t, err, row.code, row.field)
			_, err = w.products.Draw(t.Context(), products.DrawOrder{
				Order: w.order(w.marcia, marciaPIN, 0), Customer: w.marcia.ID, Amount: row.amount,
			})
			refused(t, err, row.code, row.field)
			require.EqualValues(t, 200_00, w.posted(w.marcia.Wallet))
			require.Zero(t, w.number(`select count(*) from transactions`))
		})
	}
}

func (w *world) change(with func(ch *products.LineChange)) products.Overdraft {
	w.t.Helper()
	ch := products.LineChange{Account: w.marcia.Wallet, By: "test"}
	with(&ch)
	line, err := w.products.ChangeLine(w.t.Context(), ch)
	require.NoError(w.t, err)
	return line
}

func ptr[T any](v T) *T { return &v }

// TestTheLineHoldsAgainstParallelDraws: what two draws would owe together is the ledger's to decide.
func TestTheLineHoldsAgainstParallelDraws(t *testing.T) {
	w := newWorld(t)
	line := w.grant()
	var group sync.WaitGroup
	orders := make([]products.DrawOrder, 20)
	for i := range orders {
		orders[i] = products.DrawOrder{Order: w.order(w.marcia, marciaPIN, 20), Customer: w.marcia.ID, Amount: bbd(10_00)}
	}
	failures := make([]error, len(orders))
	for i, o := range orders {
		group.Go(func() { _, failures[i] = w.products.Draw(t.Context(), o) })
	}
	group.Wait()
	done := 0
	for _, err := range failures {
		if err == nil {
			done++
			continue
		}
		refused(t, err, fault.LimitExceeded, "amount")
	}
	require.Equal(t, 9, done, "100.00 in draws of 10.20")
	require.EqualValues(t, 91_80, w.posted(line.Receivable))
}

// TestTheLedgerDrawsAndRepaysByItself: what is told to it here is what it goes by in the postings of others.
func TestTheLedgerDrawsAndRepaysByItself(t *testing.T) {
	w := newWorld(t)
	w.product(0)
	w.save(100_00)
	line := w.grant()
	w.bring(w.marcia.Wallet, -150_00) // she has 100.00
	require.EqualValues(t, 51_00, w.posted(line.Receivable), "50.00 and 2%")
	require.EqualValues(t, 0, w.posted(w.marcia.Wallet))
	require.Equal(t, bbd(49_00), w.credit().Left)

	require.NoError(t, w.withdraw(30_00))
	require.Equal(t, bbd(21_00), w.credit().Owed, "money that comes in repays first")
	require.NoError(t, w.withdraw(40_00))
	require.EqualValues(t, 19_00, w.posted(w.marcia.Wallet))

	_, err := w.products.Deposit(t.Context(), w.depositOrder(20_00))
	refused(t, err, fault.InsufficientFunds, "amount")
	require.Equal(t, bbd(0), w.credit().Owed, "nobody saves what they have to borrow")
	w.change(func(ch *products.LineChange) { ch.Status = ptr(products.LineSuspended) })
	require.Error(t, w.submit(w.marcia.Wallet, -20_00), "a suspended line gives nothing")
}

func TestRepaymentsThatCannotBe(t *testing.T) {
	w := newWorld(t)
	w.grant()
	_, err := w.draw(50_00, 1_00)
	require.NoError(t, err)
	_, err = w.products.QuoteRepay(t.Context(), w.marcia.ID, ask(51_01))
	refused(t, err, fault.LimitExceeded, "amount")
	_, err = w.repay(51_01)
	refused(t, err, fault.LimitExceeded, "amount")
	_, err = w.products.QuoteRepay(t.Context(), w.andre.ID, ask(1_00))
	refused(t, err, fault.NotFound, "account_id")
	w.bring(w.marcia.Wallet, -240_00)
	_, err = w.repay(20_00)
	refused(t, err, fault.InsufficientFunds, "amount")
	require.Equal(t, bbd(51_00), w.credit().Owed)
}

func TestAFeeOtherThanTheOneShownIsRefused(t *testing.T) {
	w := newWorld(t)
	w.grant()
	_, err := w.draw(50_00, 99)
	refused(t, err, fault.QuoteExpired, "")
}

func TestLinesThatCannotBeAreRefused(t *testing.T) {
	w := newWorld(t)
	w.product(0)
	savings := w.save(10_00)
	foreign := w.foreign("cli_other")
	rows := []struct {
		name  string
		spoil func(n *products.NewLine)
		code  fault.Code
		field string
	}{
		{"an account that is not there", func(n *products.NewLine) { n.Account = ids.New(noon) }, fault.NotFound, "account_id"},
		{"an account that is no wallet", func(n *products.NewLine) { n.Account = savings }, fault.NotFound, "account_id"},
		{"another client's account", func(n *products.NewLine) { n.Account, n.Client = foreign, "cli_me" }, fault.NotFound, "account_id"},
		{"a limit in another currency", func(n *products.NewLine) { n.Limit = money.Of(1, money.USD) }, fault.CurrencyMismatch, "limit"},
		{"a limit below zero", func(n *products.NewLine) { n.Limit = bbd(-1) }, fault.ValidationError, "limit"},
		{"a limit beyond reason", func(n *products.NewLine) { n.Limit = bbd(1 << 62) }, fault.ValidationError, "limit"},
		{"a fee over 100%", func(n *products.NewLine) { n.FeeBPS = 10_001 }, fault.ValidationError, "fee_bps"},
		{"a rate below zero", func(n *products.NewLine) { n.RateBPS = -1 }, fault.ValidationError, "annual_rate_bps"},
		{"an end that is past", func(n *products.NewLine) { n.ExpiresAt = noon }, fault.ValidationError, "expires_at"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			n := w.newLine()
			row.spoil(&n)
			_, err := w.products.GrantLine(t.Context(), n)
			refused(t, err, row.code, row.field)
		})
	}
	require.Zero(t, w.number(`select count(*) from overdraft_lines`))
	w.grant()
	_, err := w.products.GrantLine(t.Context(), w.newLine())
	refused(t, err, fault.DuplicateEntity, "account_id")
}

// foreign is a wallet that a client opened.
func (w *world) foreign(client string) uuid.UUID {
	w.t.Helper()
	id := ids.New(w.clock.Now())
	require.NoError(w.t, w.db.InTx(w.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return w.ledger.OpenIn(ctx, tx, ledger.Account{
			ID: id, OwnerKind: "customer", OwnerID: "theirs", Product: ledger.Wallet, Currency: money.BBD,
			Floor: ledger.ZeroFloor(), OpenedBy: client,
		})
	}))
	return id
}

func TestAClientGivesItsOwnAccountsALine(t *testing.T) {
	w := newWorld(t)
	n := w.newLine()
	n.Account, n.Client = w.foreign("cli_me"), "cli_me"
	_, err := w.products.GrantLine(t.Context(), n)
	refused(t, err, fault.ValidationError, "fee_bps") // Nova's income is not a client's to make
	n.FeeBPS = 0
	_, err = w.products.GrantLine(t.Context(), n)
	refused(t, err, fault.ValidationError, "annual_rate_bps")
	n.RateBPS = 0
	line, err := w.products.GrantLine(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, uuid.Nil, line.Customer)
	_, err = w.products.ChangeLine(t.Context(), products.LineChange{Account: line.Account, Client: "cli_me", FeeBPS: ptr(1)})
	refused(t, err, fault.ValidationError, "fee_bps")
	marcias := w.grant()
	for name, row := range map[string]struct {
		filter products.LineFilter
		want   []products.Overdraft
	}{
		"its own and Nova's":    {products.LineFilter{Client: "cli_me", Most: 10}, []products.Overdraft{marcias, line}},
		"not another client's":  {products.LineFilter{Client: "cli_other", Most: 10}, []products.Overdraft{marcias}},
		"one account":           {products.LineFilter{Client: "cli_me", Account: line.Account, Most: 10}, []products.Overdraft{line}},
		"a page":                {products.LineFilter{Client: "cli_me", Most: 1}, nil},
		"no line of an account": {products.LineFilter{Client: "cli_me", Account: w.andre.Wallet, Most: 10}, []products.Overdraft{}},
	} {
		listed, err := w.products.Lines(t.Context(), row.filter)
		require.NoError(t, err)
		if row.want == nil {
			require.Len(t, listed, 1, name)
			continue
		}
		require.ElementsMatch(t, row.want, listed, name)
	}
}

func TestALineChangesAndCloses(t *testing.T) {
	w := newWorld(t)
	line := w.grant()
	_, err := w.draw(50_00, 1_00)
	require.NoError(t, err)
	w.clock.Advance(time.Hour)
	changed := w.change(func(ch *products.LineChange) { ch.Limit, ch.RateBPS, ch.FeeBPS = ptr(bbd(60_00)), ptr(1_000), ptr(0) })
	line.Limit, line.RateBPS, line.FeeBPS, line.UpdatedAt = bbd(60_00), 1_000, 0, w.clock.Now()
	require.Equal(t, line, changed)
	read, err := w.products.Line(t.Context(), w.marcia.Wallet)
	require.NoError(t, err)
	require.Equal(t, line, read)
	require.Equal(t, bbd(9_00), w.credit().Left)

	bad := products.LineChange{Account: w.marcia.Wallet, Status: ptr(products.LineExpired)}
	_, err = w.products.ChangeLine(t.Context(), bad)
	refused(t, err, fault.ValidationError, "status")
	bad = products.LineChange{Account: w.marcia.Wallet, ExpiresAt: ptr(noon)}
	_, err = w.products.ChangeLine(t.Context(), bad)
	refused(t, err, fault.ValidationError, "expires_at")
	_, err = w.products.ChangeLine(t.Context(), products.LineChange{Account: w.andre.Wallet})
	refused(t, err, fault.NotFound, "account_id")

	w.change(func(ch *products.LineChange) { ch.Status = ptr(products.LineClosed) })
	_, err = w.products.ChangeLine(t.Context(), products.LineChange{Account: w.marcia.Wallet, Status: ptr(products.LineActive)})
	refused(t, err, fault.InvalidState, "status")
	require.Equal(t, bbd(51_00), w.credit().Owed, "what is owed stays owed")
	require.Equal(t, bbd(0), w.credit().Left)
	_, err = w.repay(51_00)
	require.NoError(t, err)
}

func TestLinesEndWithTheirTime(t *testing.T) {
	w := newWorld(t)
	w.grant()
	_, err := w.draw(50_00, 1_00)
	require.NoError(t, err)
	n, err := w.products.ExpireLines(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, n)
	w.clock.Advance(30 * 24 * time.Hour)
	n, err = w.products.ExpireLines(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	line, err := w.products.Line(t.Context(), w.marcia.Wallet)
	require.NoError(t, err)
	require.Equal(t, products.LineExpired, line.Status)
	require.Equal(t, bbd(51_00), w.credit().Owed)

	w.change(func(ch *products.LineChange) { ch.ExpiresAt = ptr(w.clock.Now().Add(time.Hour)) })
	_, err = w.draw(10_00, 20)
	require.NoError(t, err, "a new time makes it active again")
}
