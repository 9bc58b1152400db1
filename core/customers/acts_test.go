package customers_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/customers"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
)

// TestActsAreRecorded: who did what to whom stands in the record, without a number in it; what was refused, or changed
// nothing, does not.
func TestActsAreRecorded(t *testing.T) {
	w := newWorld(t)
	c, stranger, officer := w.another(1), w.another(2), staff()
	ctx := t.Context()
	require.NoError(t, w.customers.SetNumbers(ctx, officer, c.ID, planted))
	_, err := w.customers.Numbers(ctx, officer, c.ID)
	require.NoError(t, err)
	_, err = w.customers.Numbers(ctx, c.Subject(), c.ID)
	require.NoError(t, err)
	seen, err := w.customers.Consult(ctx, officer, c.ID)
	require.NoError(t, err)
	require.Equal(t, c.ID, seen.ID)
	_, err = w.customers.Consult(ctx, c.Subject(), c.ID)
	require.NoError(t, err)
	_, err = w.customers.Consult(ctx, stranger.Subject(), c.ID)
	refused(t, err, fault.CodeForbidden)
	require.NoError(t, w.customers.SetTier(ctx, officer, c.ID, 2))
	for range 2 {
		require.NoError(t, w.customers.BlockUSSD(ctx, c.Subject(), c.ID))
	}
	require.NoError(t, w.customers.UnblockUSSD(ctx, officer, c.ID, transactions.Console))
	for range 2 {
		require.NoError(t, w.customers.ReportSIMSwap(ctx, officer, customers.SIMSwap{MSISDN: c.MSISDN, SwappedAt: noon.Add(-time.Hour), Source: "feed"}))
	}
	require.NoError(t, w.customers.Saw(ctx, c, secret.New("342310009876543")))
	require.NoError(t, w.customers.Saw(ctx, c, secret.New("342310001111111")))

	by, own := ids.Format(ids.Staff, officer.ID), ids.Format(ids.Customer, c.ID)
	require.Equal(t, []event{
		{by, "customer.numbers_set", own, `{"fields":"tax_id nuib nationality_id"}`},
		{by, "customer.numbers_read", own, `{"fields":"id_number tax_id nuib nationality_id"}`},
		{by, "customer.read", own, `{}`},
		{by, "customer.tier", own, `{"from":"1","to":"2"}`},
		{own, "customer.ussd_block", own, `{}`},
		{by, "customer.ussd_unblock", own, `{}`},
		{by, "customer.sim_swap", own, `{"from":"2026-11-18T15:00:00Z","kind":"feed","msisdn":"+1246***0001"}`},
		{"nova", "customer.sim_swap", own, `{"from":"2026-11-18T16:00:00Z","kind":"gateway","msisdn":"+1246***0001"}`},
	}, w.events())
}

type event struct {
	Actor, Action, Object, Detail string
}

func (w *world) events() []event {
	w.t.Helper()
	var all []event
	require.NoError(w.t, w.db.Select(w.t.Context(), &all, sql.Query{Name: "test.events", Text: `
		select actor, action, object, detail from audit_events order by ctid`}))
	return all
}
