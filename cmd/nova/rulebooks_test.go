package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/approvals"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/payments"
	"nova/core/policy"
	"nova/core/rules"
	"nova/core/secret"
	"nova/core/transactions"
)

// TestNewBooksHoldFromMidnight: prices and limits change on a node that serves, at the market's midnight, each deal goes
// by the books of its own moment, and what was sold before keeps its price.
func TestNewBooksHoldFromMidnight(t *testing.T) {
	w := newWorld(t)
	p := w.server.parts
	midnight := time.Date(2026, time.December, 1, 0, 0, 0, 0, p.location)
	w.approve(p.tariffs.Propose(t.Context(), w.draft(midnight, p.config.Tariffs, map[string]string{
		"name: p2p-1\n": "name: p2p-2\n", `flat: "1.00"`: `flat: "2.00"`,
	})))
	w.approve(p.limits.Propose(t.Context(), w.draft(midnight, p.config.Limits, map[string]string{
		`- { tier: 1, single: { max: "500.00" }`: `- { tier: 1, single: { max: "40.00" }`,
	})))

	before := midnight.Add(-time.Microsecond)
	w.Wait(before.Sub(w.clock.Now()))
	old, err := w.send(50_00, 1_00)
	require.NoError(t, err)
	w.Wait(time.Microsecond)
	_, err = w.send(50_00, 2_00)
	require.True(t, fault.Is(err, fault.LimitExceeded), "%v", err)
	_, err = w.send(40_00, 1_00)
	require.True(t, fault.Is(err, fault.QuoteExpired), "who saw the old fee pays none: %v", err)
	dearer, err := w.send(40_00, 2_00)
	require.NoError(t, err)

	for receipt, want := range map[string]struct {
		fee    int64
		tariff string
	}{old: {1_00, "p2p-1"}, dearer: {2_00, "p2p-2"}} {
		fact, err := p.transactions.ByReceipt(t.Context(), receipt)
		require.NoError(t, err)
		require.Equal(t, want.tariff, fact.Tariff)
		require.Equal(t, money.Of(want.fee, money.BBD), fact.Fee)
	}
}

// draft is a file with the first of each of some phrases changed.
func (w *world) draft(from time.Time, file func() ([]byte, error), changes map[string]string) rules.Draft {
	w.t.Helper()
	data, err := file()
	require.NoError(w.t, err)
	text := string(data)
	for was, is := range changes {
		require.Contains(w.t, text, was)
		text = strings.Replace(text, was, is, 1)
	}
	return rules.Draft{Document: text, From: from, Maker: approvals.Actor{Kind: "staff", ID: ids.New(w.clock.Now())}}
}

// approve is what a second person does.
func (w *world) approve(a approvals.Approval, err error) {
	w.t.Helper()
	require.NoError(w.t, err)
	_, err = w.server.approvals.Decide(w.t.Context(), a.ID, approvals.Checker{
		Actor:    approvals.Actor{Kind: "staff", ID: ids.New(w.clock.Now())},
		Purposes: []string{string(policy.ConfigChange)},
	}, approvals.Approved, "")
	require.NoError(w.t, err)
}

// send is Marcia's to Andre, who was shown a fee.
func (w *world) send(minor, fee int64) (receipt string, err error) {
	w.t.Helper()
	p := w.server.parts
	people := map[string]msisdn.MSISDN{}
	for _, c := range demoCustomers {
		number, err := msisdn.Parse(c.msisdn, demoRegion)
		require.NoError(w.t, err)
		people[c.first] = number
	}
	marcia, err := p.customers.ByMSISDN(w.t.Context(), people["Marcia"])
	require.NoError(w.t, err)
	andre, err := p.customers.ByMSISDN(w.t.Context(), people["Andre"])
	require.NoError(w.t, err)
	intent := ids.New(w.clock.Now())
	r, err := p.payments.Send(w.t.Context(), payments.SendOrder{
		Order: payments.Order{
			Key:    ledger.Key{Scope: marcia.Subject().Scope(), Operation: "send", Value: intent.String()},
			Intent: intent, Proof: p.identity.PIN(marcia.Subject(), secret.New("1357")),
			FeeShown: money.Of(fee, money.BBD), Channel: transactions.USSD,
		},
		From: marcia.ID, To: andre.ID, Amount: money.Of(minor, money.BBD),
	})
	return r.Number, err
}
