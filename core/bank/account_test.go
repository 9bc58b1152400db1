package bank_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/bank"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/money"
	"nova/sql"
)

// openHouse opens one of Nova's own accounts.
func (w *world) openHouse(a ledger.Account) {
	w.t.Helper()
	require.NoError(w.t, w.db.InTx(w.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return w.ledger.OpenIn(ctx, tx, a)
	}))
}

func TestTheProductDecidesWhatAnAccountIs(t *testing.T) {
	w := newWorld(t)
	for _, p := range []ledger.Product{
		ledger.Wallet, ledger.Float, ledger.Commission, ledger.Savings, ledger.TaxPayable, ledger.InterestPayable,
		ledger.Suspense, ledger.Trust, ledger.OperatorBank, ledger.OverdraftReceivable, ledger.AgentReceivable,
		ledger.FeeIncome, ledger.InterestIncome, ledger.CommissionExpense, ledger.InterestExpense, ledger.EquityAccount,
	} {
		a := w.open(w.acme, p, "business", "acme")
		read, err := w.bank.Account(t.Context(), w.acme, a.ID)
		require.NoError(t, err)
		require.Equal(t, bank.Account{Account: a}, read)
		peoples := p == ledger.Wallet || p == ledger.Float || p == ledger.Commission || p == ledger.Savings
		require.Equal(t, peoples, read.Floor != nil, p)
	}
}

func TestABadAccountIsNotOpened(t *testing.T) {
	w := newWorld(t)
	good := bank.NewAccount{OwnerType: "customer", OwnerID: "1", Product: ledger.Wallet, Currency: money.BBD}
	for field, change := range map[string]func(n *bank.NewAccount){
		"owner.type": func(n *bank.NewAccount) { n.OwnerType = "house" },
		"owner.id":   func(n *bank.NewAccount) { n.OwnerID = strings.Repeat("x", 65) },
		"product":    func(n *bank.NewAccount) { n.Product = "purse" },
		"currency":   func(n *bank.NewAccount) { n.Currency = "XXX" },
		"name":       func(n *bank.NewAccount) { n.Name = "a\nb" },
		"metadata":   func(n *bank.NewAccount) { n.Metadata = map[string]string{"": "x"} },
	} {
		before, n := w.rows(), good
		change(&n)
		_, err := w.bank.Open(t.Context(), w.acme, n)
		refused(t, err, fault.ValidationError, field)
		require.Equal(t, before, w.rows())
	}
}

func TestABalanceNowAndBefore(t *testing.T) {
	w := newWorld(t)
	w.clock.Advance(time.Hour)
	_, err := w.bank.Post(t.Context(), w.order(), w.posting(debit(w.ann, 30_00), credit(w.ben, 30_00)))
	require.NoError(t, err)
	now, err := w.bank.Balance(t.Context(), w.acme, w.ann.ID, time.Time{})
	require.NoError(t, err)
	require.Equal(t, int64(70_00), now.Posted)
	w.clock.Advance(time.Hour)
	then, err := w.bank.Balance(t.Context(), w.acme, w.ann.ID, noon.Add(time.Minute))
	require.NoError(t, err)
	require.Equal(t, int64(100_00), then.Posted)
	for _, late := range []time.Duration{time.Hour, 0, -4 * time.Second} {
		_, err = w.bank.Balance(t.Context(), w.acme, w.ann.ID, w.clock.Now().Add(late))
		refused(t, err, fault.ValidationError, "as_of")
	}
	_, err = w.bank.Balance(t.Context(), w.rival, w.ann.ID, time.Time{})
	refused(t, err, fault.NotFound, "account_id")
}

func TestAnAccountIsFrozenAndClosed(t *testing.T) {
	w := newWorld(t)
	before := w.rows()
	_, err := w.bank.SetStatus(t.Context(), w.acme, w.ann.ID, ledger.Closed)
	refused(t, err, fault.InvalidState, "status")
	_, err = w.bank.SetStatus(t.Context(), w.acme, w.ann.ID, "gone")
	refused(t, err, fault.ValidationError, "status")
	_, err = w.bank.SetStatus(t.Context(), w.rival, w.ann.ID, ledger.Frozen)
	refused(t, err, fault.NotFound, "account_id")
	require.Equal(t, before, w.rows())

	move := func(a ledger.Account) error {
		_, err := w.bank.Post(t.Context(), w.order(), w.posting(debit(w.trust, 1), credit(a, 1)))
		return err
	}
	for _, step := range []struct {
		to   ledger.Status
		want fault.Code
	}{{ledger.Frozen, fault.AccountFrozen}, {ledger.Active, ""}, {ledger.Frozen, fault.AccountFrozen}} {
		a, err := w.bank.SetStatus(t.Context(), w.acme, w.ann.ID, step.to)
		require.NoError(t, err)
		require.Equal(t, step.to, a.Status)
		if err := move(w.ann); step.want != "" {
			refused(t, err, step.want, "")
		} else {
			require.NoError(t, err)
		}
	}
	for range 2 {
		_, err = w.bank.SetStatus(t.Context(), w.acme, w.ben.ID, ledger.Closed)
		require.NoError(t, err, "closing again is no change")
	}
	refused(t, move(w.ben), fault.AccountClosed, "")
	_, err = w.bank.SetStatus(t.Context(), w.acme, w.ben.ID, ledger.Active)
	refused(t, err, fault.InvalidState, "")
}

func TestAnAccountWithAHoldIsNotClosed(t *testing.T) {
	w := newWorld(t)
	_, err := w.bank.PlaceHold(t.Context(), w.order(), bank.NewHold{Account: w.ann.ID, Amount: bbd(100_00), Reason: "room"})
	require.NoError(t, err)
	_, err = w.bank.SetStatus(t.Context(), w.acme, w.ann.ID, ledger.Closed)
	refused(t, err, fault.InvalidState, "status")
}

func TestAGrantOpensAnAccountToAnotherClient(t *testing.T) {
	w := newWorld(t)
	theirs := w.open(w.rival, ledger.Wallet, "customer", "r")
	house := ledger.Account{ID: someID(), OwnerKind: "house", OwnerID: "nova", Product: ledger.FeeIncome, Currency: money.BBD}
	w.openHouse(house)
	post := func(a ledger.Account) error {
		_, err := w.bank.Post(t.Context(), w.order(), w.posting(debit(w.ann, 1), credit(a, 1)))
		return err
	}
	for opener, a := range map[string]ledger.Account{bank.Opener(w.rival): theirs, ledger.OpenedByNova: house} {
		refused(t, post(a), fault.NotFound, "")
		refused(t, w.bank.Grant(t.Context(), bank.Opener(w.acme), a.ID, w.acme), fault.NotFound, "")
		refused(t, w.bank.Grant(t.Context(), opener, a.ID, someID()), fault.NotFound, "client_id")
		for range 2 {
			require.NoError(t, w.bank.Grant(t.Context(), opener, a.ID, w.acme))
		}
		require.NoError(t, post(a))
		_, err := w.bank.SetStatus(t.Context(), w.acme, a.ID, ledger.Frozen)
		refused(t, err, fault.CodeForbidden, "")
		refused(t, w.bank.Revoke(t.Context(), bank.Opener(w.acme), a.ID, w.acme), fault.NotFound, "")
		require.NoError(t, w.bank.Revoke(t.Context(), opener, a.ID, w.acme))
		refused(t, post(a), fault.NotFound, "")
	}
	w.sound()
}

func TestAReplayOutlivesTheGrant(t *testing.T) {
	w := newWorld(t)
	theirs := w.open(w.rival, ledger.Wallet, "customer", "r")
	require.NoError(t, w.bank.Grant(t.Context(), bank.Opener(w.rival), theirs.ID, w.acme))
	o, n := w.order(), w.posting(debit(w.ann, 1), credit(theirs, 1))
	first, err := w.bank.Post(t.Context(), o, n)
	require.NoError(t, err)
	require.NoError(t, w.bank.Revoke(t.Context(), bank.Opener(w.rival), theirs.ID, w.acme))
	again, err := w.bank.Post(t.Context(), o, n)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Equal(t, first.ID, again.ID)
}

func TestAnAccountThatOwesIsNotClosed(t *testing.T) {
	w := newWorld(t)
	owed := ledger.Account{
		ID: someID(), OwnerKind: "customer", OwnerID: "ben", Product: ledger.OverdraftReceivable, Currency: money.BBD,
		Floor: ledger.ZeroFloor(),
	}
	require.NoError(t, w.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		if err := w.ledger.OpenIn(ctx, tx, owed); err != nil {
			return err
		}
		return w.ledger.SetOverdraftIn(ctx, tx, ledger.OverdraftLine{
			Account: w.ben.ID, Receivable: owed.ID, Limit: 50_00, Until: noon.Add(time.Hour),
		})
	}))
	p, err := w.bank.Post(t.Context(), w.order(), w.posting(debit(w.ben, 10_00), credit(w.ann, 10_00)))
	require.NoError(t, err)
	require.Zero(t, w.balance(w.ben).Posted)
	require.Greater(t, len(p.Entries), 2)
	require.Equal(t, map[uuid.UUID]bool{w.ann.ID: true, w.ben.ID: true}, p.Mine, "what is owed is Nova's to know")
	a, err := w.bank.Account(t.Context(), w.acme, w.ben.ID)
	require.NoError(t, err)
	require.Equal(t, int64(50_00), a.Overdraft.Limit)
	_, err = w.bank.SetStatus(t.Context(), w.acme, w.ben.ID, ledger.Closed)
	refused(t, err, fault.InvalidState, "status")
	_, err = w.bank.Reverse(t.Context(), w.order(), w.reverse(p))
	require.NoError(t, err, "the draw goes back with the rest")
	require.Equal(t, int64(100_00), w.balance(w.ann).Posted)
	_, err = w.bank.SetStatus(t.Context(), w.acme, w.ben.ID, ledger.Closed)
	require.NoError(t, err)
	w.sound()
}
