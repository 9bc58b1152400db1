package bank_test

import (
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/bank"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/money"
)

func TestAPostingMovesMoneyOnceAndIsReadBack(t *testing.T) {
	w := newWorld(t)
	o, n := w.order(), w.posting(debit(w.ann, 30_00), credit(w.ben, 30_00))
	n.Metadata, n.ValueDate = map[string]string{"invoice": "7"}, "2026-11-17"
	first, err := w.bank.Post(t.Context(), o, n)
	require.NoError(t, err)
	require.False(t, first.Replayed)
	require.Len(t, first.Entries, 2)
	require.Equal(t, int64(70_00), first.Entries[0].BalanceAfter)
	require.Equal(t, n.Metadata, first.Metadata)
	require.Equal(t, n.ValueDate, first.ValueDate)
	require.NotEmpty(t, first.Receipt)
	require.NotZero(t, first.Hash)

	w.clock.Advance(time.Hour)
	again, err := w.bank.Post(t.Context(), o, n)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	again.Replayed = false
	require.Equal(t, first, again)
	require.Equal(t, int64(30_00), w.balance(w.ben).Posted)

	read, err := w.bank.Posting(t.Context(), w.acme, first.ID)
	require.NoError(t, err)
	require.Equal(t, first, read)
	_, err = w.bank.Posting(t.Context(), w.rival, first.ID)
	refused(t, err, fault.NotFound, "")
	w.sound()
}

func TestAReferenceIsUsedOnceByAClient(t *testing.T) {
	w := newWorld(t)
	n := w.posting(debit(w.ann, 1_00), credit(w.ben, 1_00))
	_, err := w.bank.Post(t.Context(), w.order(), n)
	require.NoError(t, err)
	before := w.rows()
	_, err = w.bank.Post(t.Context(), w.order(), n)
	refused(t, err, fault.DuplicateEntity, "reference")
	require.Equal(t, before, w.rows())

	trust, wallet := w.open(w.rival, ledger.Trust, "business", "r"), w.open(w.rival, ledger.Wallet, "customer", "r")
	theirs := n
	theirs.Entries = []bank.Entry{debit(trust, 1_00), credit(wallet, 1_00)}
	_, err = w.bank.Post(t.Context(), w.orderOf(w.rival), theirs)
	require.NoError(t, err, "another client's reference is another one")
}

func TestARefusedPostingChangesNothing(t *testing.T) {
	w := newWorld(t)
	foreign := w.open(w.rival, ledger.Wallet, "customer", "r")
	frozen, closed := w.open(w.acme, ledger.Wallet, "customer", "f"), w.open(w.acme, ledger.Wallet, "customer", "c")
	dollars, err := w.bank.Open(t.Context(), w.acme, bank.NewAccount{
		OwnerType: "customer", OwnerID: "d", Product: ledger.Wallet, Currency: money.USD,
	})
	require.NoError(t, err)
	house := ledger.Account{ID: someID(), OwnerKind: "house", OwnerID: "nova", Product: ledger.Trust, Currency: money.BBD}
	w.openHouse(house)
	full := w.open(w.acme, ledger.Wallet, "customer", "full")
	_, err = w.bank.Post(t.Context(), w.order(), w.posting(debit(w.trust, math.MaxInt64-100_00), credit(full, math.MaxInt64-100_00)))
	require.NoError(t, err)
	for id, status := range map[uuid.UUID]ledger.Status{frozen.ID: ledger.Frozen, closed.ID: ledger.Closed} {
		_, err := w.bank.SetStatus(t.Context(), w.acme, id, status)
		require.NoError(t, err)
	}
	many := make([]bank.Entry, ledger.MaxLines+1)
	for i := range many {
		many[i] = debit(w.ann, 1)
	}
	text := func(change func(n *bank.NewPosting)) func(n *bank.NewPosting) { return change }
	entries := func(all ...bank.Entry) func(n *bank.NewPosting) {
		return func(n *bank.NewPosting) { n.Entries = all }
	}
	rows := []struct {
		name   string
		change func(n *bank.NewPosting)
		code   fault.Code
		field  string
	}{
		{"unbalanced", entries(debit(w.ann, 2), credit(w.ben, 1)), fault.UnbalancedPosting, "entries"},
		{"one entry", entries(debit(w.ann, 1)), fault.ValidationError, "entries"},
		{"too many entries", entries(many...), fault.ValidationError, "entries"},
		{"nothing moved", entries(debit(w.ann, 0), credit(w.ben, 0)), fault.ValidationError, "entries[0].amount"},
		{"less than nothing", entries(debit(w.ann, 1), credit(w.ben, -1)), fault.ValidationError, "entries[1].amount"},
		{
			"two currencies", entries(debit(w.ann, 1), bank.Entry{Account: dollars.ID, Side: ledger.Credit, Amount: money.Of(1, money.USD)}),
			fault.CurrencyMismatch, "entries[1].amount",
		},
		{"an account of another currency", entries(debit(w.ann, 1), credit(dollars.Account, 1)), fault.CurrencyMismatch, ""},
		{"one account on both sides", entries(debit(w.ann, 1), credit(w.ann, 1)), fault.SameParties, ""},
		{"an account that there is not", entries(debit(w.ann, 1), credit(house, 1)), fault.NotFound, "entries[1].account_id"},
		{"another client's account", entries(debit(w.ann, 1), credit(foreign, 1)), fault.NotFound, "entries[1].account_id"},
		{"Nova's own books", entries(debit(house, 1), credit(w.ann, 1)), fault.NotFound, "entries[0].account_id"},
		{"a frozen account", entries(debit(w.ann, 1), credit(frozen, 1)), fault.AccountFrozen, ""},
		{"a closed account", entries(debit(w.ann, 1), credit(closed, 1)), fault.AccountClosed, ""},
		{"more than there is", entries(debit(w.ann, 100_01), credit(w.ben, 100_01)), fault.InsufficientFunds, ""},
		{
			"a sum beyond int64", entries(debit(w.ann, math.MaxInt64), debit(w.ben, 1), credit(w.trust, math.MaxInt64)),
			fault.ValidationError, "amount",
		},
		{"a balance beyond int64", entries(debit(w.trust, 100_01), credit(full, 100_01)), fault.MaxBalanceExceeded, ""},
		{"no narration", text(func(n *bank.NewPosting) { n.Narration = "" }), fault.ValidationError, "narration"},
		{"a NUL in the narration", text(func(n *bank.NewPosting) { n.Narration = "a\x00b" }), fault.ValidationError, "narration"},
		{"a long narration", text(func(n *bank.NewPosting) { n.Narration = strings.Repeat("é", 141) }), fault.ValidationError, "narration"},
		{"no reference", text(func(n *bank.NewPosting) { n.Reference = "" }), fault.ValidationError, "reference"},
		{"bytes that are no text", text(func(n *bank.NewPosting) { n.Reference = "\xff" }), fault.ValidationError, "reference"},
		{"a day to come", text(func(n *bank.NewPosting) { n.ValueDate = "2026-11-19" }), fault.ValidationError, "value_date"},
		{"a day before there were books", text(func(n *bank.NewPosting) { n.ValueDate = "0000-01-01" }), fault.ValidationError, "value_date"},
		{"a NUL in metadata", text(func(n *bank.NewPosting) { n.Metadata = map[string]string{"a": "\x00"} }), fault.ValidationError, "metadata"},
		{"a NUL in a key", text(func(n *bank.NewPosting) { n.Metadata = map[string]string{"\x00": ""} }), fault.ValidationError, "metadata"},
		{"much metadata", text(func(n *bank.NewPosting) {
			n.Metadata = map[string]string{}
			for i := range bank.MaxMetadata + 1 {
				n.Metadata[strings.Repeat("k", i+1)] = ""
			}
		}), fault.ValidationError, "metadata"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			before := w.rows()
			n := w.posting(debit(w.ann, 1), credit(w.ben, 1))
			row.change(&n)
			_, err := w.bank.Post(t.Context(), w.order(), n)
			refused(t, err, row.code, row.field)
			require.Equal(t, before, w.rows())
		})
	}
	w.sound()
}

func TestTheSameKeyWithAnotherBodyIsRefused(t *testing.T) {
	w := newWorld(t)
	o, n := w.order(), w.posting(debit(w.ann, 1_00), credit(w.ben, 1_00))
	_, err := w.bank.Post(t.Context(), o, n)
	require.NoError(t, err)
	before := w.rows()
	o.Body[1]++
	_, err = w.bank.Post(t.Context(), o, w.posting(debit(w.ann, 2_00), credit(w.ben, 2_00)))
	refused(t, err, fault.IdempotencyConflict, "")
	_, err = w.bank.Post(t.Context(), o, w.posting(debit(w.ann, 2_00), credit(ledger.Account{ID: someID()}, 2_00)))
	refused(t, err, fault.IdempotencyConflict, "")
	require.Equal(t, before, w.rows())
}

func TestARefusalIsReplayed(t *testing.T) {
	w := newWorld(t)
	o, n := w.order(), w.posting(debit(w.ben, 1_00), credit(w.ann, 1_00))
	_, err := w.bank.Post(t.Context(), o, n)
	refused(t, err, fault.InsufficientFunds, "")
	_, err = w.bank.Post(t.Context(), w.order(), w.posting(debit(w.ann, 1_00), credit(w.ben, 1_00)))
	require.NoError(t, err)
	again, err := w.bank.Post(t.Context(), o, n)
	refused(t, err, fault.InsufficientFunds, "")
	require.True(t, again.Replayed, "the first answer, although the money is there now")
}

// TestTwinsOnTwoNodesPostOnce fires one request many times at two writers, as a client with a bad line does.
func TestTwinsOnTwoNodesPostOnce(t *testing.T) {
	w := newWorld(t)
	nodes := []*bank.Service{w.bank, w.newBank(w.startWriter(nil))}
	o, n := w.order(), w.posting(debit(w.ann, 7_00), credit(w.ben, 7_00))
	const twins = 60
	answers := make([]bank.Posted, twins)
	failures := make([]error, twins)
	var all sync.WaitGroup
	for i := range twins {
		all.Go(func() { answers[i], failures[i] = nodes[i%2].Post(t.Context(), o, n) })
	}
	all.Wait()
	first := 0
	for i := range twins {
		require.NoError(t, failures[i])
		require.Equal(t, answers[0].ID, answers[i].ID)
		if !answers[i].Replayed {
			first++
		}
	}
	require.LessOrEqual(t, first, 1, "all but one are told that they came again")
	require.Equal(t, int64(7_00), w.balance(w.ben).Posted)
	w.sound()
}
