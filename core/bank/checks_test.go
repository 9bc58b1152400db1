package bank_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/bank"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/transactions"
)

// spend counts value against a customer's daily limit, as a send does.
func (w *world) spend(customer uuid.UUID, minor int64) {
	w.t.Helper()
	o := w.order()
	_, err := w.writer.Submit(w.t.Context(), &ledger.Command{
		Key: o.Key, Body: o.Body, Counters: []ledger.Count{{Subject: customer, Rule: "out:value", Delta: minor, Cap: minor}},
	})
	require.NoError(w.t, err)
}

func TestLimitsAreToldAsTheyStand(t *testing.T) {
	w := newWorld(t)
	low, top := w.customer("12462501001", 1), w.customer("12462501002", 3)
	w.spend(low.ID, 700_00)
	w.spend(top.ID, 19_000_00)
	ask := func(customer uuid.UUID, typ transactions.Type, minor int64) bank.Question {
		return bank.Question{Customer: customer, Operation: typ, Amount: bbd(minor), Channel: transactions.API}
	}
	rows := []struct {
		name   string
		q      bank.Question
		want   bank.Decision
		reason fault.Code
		limits []bank.Limit
	}{
		{"within all", ask(low.ID, transactions.P2P, 300_00), bank.Allow, "", []bank.Limit{
			{Rule: "out", Window: "daily", Max: 1_000_00, Used: 700_00},
		}},
		{"a cent over the day, and a higher tier may", ask(low.ID, transactions.P2P, 300_01), bank.Challenge, fault.KYCRequired,
			[]bank.Limit{{Rule: "out", Window: "daily", Max: 1_000_00, Used: 700_00}}},
		{"a cent over the day, in the highest tier", ask(top.ID, transactions.P2P, 1_000_01), bank.Deny, fault.LimitExceeded,
			[]bank.Limit{{Rule: "out", Window: "daily", Max: 20_000_00, Used: 19_000_00}}},
		{"too much at once for anybody", ask(low.ID, transactions.P2P, 10_000_01), bank.Deny, fault.LimitExceeded, []bank.Limit{
			{Rule: "p2p", Window: "transaction", Max: 500_00}, {Rule: "out", Window: "daily", Max: 1_000_00, Used: 700_00},
		}},
		{"money that comes in", ask(low.ID, transactions.CashIn, 500_00), bank.Allow, "", []bank.Limit{
			{Rule: "in", Window: "daily", Max: 1_000_00}, {Rule: "balance", Window: "balance", Max: 1_000_00},
		}},
		{"what no rule allows", ask(low.ID, transactions.FloatTopup, 1), bank.Deny, fault.LimitExceeded, nil},
		{"a client's own wallet, in the lowest tier", bank.Question{
			Account: w.ann.ID, Operation: transactions.P2P, Amount: bbd(200_00), Channel: transactions.API,
		}, bank.Allow, "", []bank.Limit{{Rule: "out", Window: "daily", Max: 300_00}}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			before := w.rows()
			v, err := w.bank.CheckLimits(t.Context(), w.acme, row.q)
			require.NoError(t, err)
			require.Equal(t, bank.Verdict{Decision: row.want, Reason: row.reason, Limits: row.limits}, v)
			require.Equal(t, before, w.rows())
		})
	}
}

func TestLimitsOfAFrozenAccount(t *testing.T) {
	w := newWorld(t)
	_, err := w.bank.SetStatus(t.Context(), w.acme, w.ann.ID, ledger.Frozen)
	require.NoError(t, err)
	v, err := w.bank.CheckLimits(t.Context(), w.acme, bank.Question{Account: w.ann.ID, Operation: transactions.P2P, Amount: bbd(1)})
	require.NoError(t, err)
	require.Equal(t, bank.Deny, v.Decision)
	require.Equal(t, fault.AccountFrozen, v.Reason)
}

func TestLimitsOfAGrantedWalletAreItsOwners(t *testing.T) {
	w := newWorld(t)
	c := w.customer("12462501001", 1)
	w.spend(c.ID, 700_00)
	q := bank.Question{Account: c.Wallet, Operation: transactions.P2P, Amount: bbd(1)}
	_, err := w.bank.CheckLimits(t.Context(), w.acme, q)
	refused(t, err, fault.NotFound, "account_id")
	require.NoError(t, w.bank.Grant(t.Context(), ledger.OpenedByNova, c.Wallet, w.acme))
	v, err := w.bank.CheckLimits(t.Context(), w.acme, q)
	require.NoError(t, err)
	require.Equal(t, []bank.Limit{{Rule: "out", Window: "daily", Max: 1_000_00, Used: 700_00}}, v.Limits)
}

func TestBadQuestions(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		name  string
		q     bank.Question
		code  fault.Code
		field string
	}{
		{"of nobody", bank.Question{Amount: bbd(1)}, fault.ValidationError, "account_id"},
		{"of two", bank.Question{Amount: bbd(1), Account: w.ann.ID, Customer: someID()}, fault.ValidationError, "account_id"},
		{"of an unknown customer", bank.Question{Amount: bbd(1), Customer: someID()}, fault.CustomerNotFound, ""},
		{"of nothing", bank.Question{Amount: bbd(0), Account: w.ann.ID}, fault.ValidationError, "amount"},
		{"in another currency", bank.Question{Amount: money.Of(1, money.USD), Account: w.ann.ID}, fault.CurrencyMismatch, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := w.bank.CheckLimits(t.Context(), w.acme, row.q)
			refused(t, err, row.code, row.field)
		})
	}
}

// slowBooks counts how often they are read, and take as long as the test likes.
type slowBooks struct {
	mu    sync.Mutex
	reads int
	gate  chan struct{}
	fail  error
}

func (b *slowBooks) Check(context.Context) (ledger.Report, error) {
	b.mu.Lock()
	b.reads++
	b.mu.Unlock()
	<-b.gate
	return ledger.Report{Postings: 7}, b.fail
}

func TestOneProofForEverybody(t *testing.T) {
	w := newWorld(t)
	books := &slowBooks{gate: make(chan struct{})}
	service := bank.New(bank.Options{Books: books, Clock: w.clock})
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		p, err := service.Integrity(impatient)
		require.NoError(t, err)
		require.True(t, p.EndedAt.IsZero(), "it is still being made")
	}
	close(books.gate)
	p, err := service.Integrity(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(7), p.Postings)
	_, err = service.Integrity(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, books.reads)
	w.clock.Advance(time.Minute)
	books.fail = errors.New("gone")
	_, err = service.Integrity(t.Context())
	require.ErrorIs(t, err, books.fail)
	require.Equal(t, 2, books.reads)
}

func TestTheBooksAreProved(t *testing.T) {
	w := newWorld(t)
	p, err := w.bank.Integrity(t.Context())
	require.NoError(t, err)
	require.Empty(t, p.Breach)
	require.Equal(t, int64(1), p.Postings)
	require.Equal(t, int64(2), p.Entries)
}
