package products_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/money"
	"nova/core/products"
)

func TestTermsThatCannotBeAreRefused(t *testing.T) {
	w := newWorld(t)
	tiers := func(all ...products.Tier) func(n *products.NewTerms) {
		return func(n *products.NewTerms) { n.Tiers = all }
	}
	rows := []struct {
		name  string
		spoil func(n *products.NewTerms)
		code  fault.Code
		field string
	}{
		{"another currency", func(n *products.NewTerms) { n.Currency, n.Minimum = money.USD, money.Of(0, money.USD) }, fault.CurrencyMismatch, "currency"},
		{"a minimum in another currency", func(n *products.NewTerms) { n.Minimum = money.Of(0, money.USD) }, fault.CurrencyMismatch, "minimum_balance"},
		{"a minimum below zero", func(n *products.NewTerms) { n.Minimum = bbd(-1) }, fault.ValidationError, "minimum_balance"},
		{"a rate below zero", func(n *products.NewTerms) { n.RateBPS = -1 }, fault.ValidationError, "annual_rate_bps"},
		{"a rate over 100%", func(n *products.NewTerms) { n.RateBPS = 10_001 }, fault.ValidationError, "annual_rate_bps"},
		{"a tier's rate over 100%", tiers(products.Tier{BPS: 10_001}), fault.ValidationError, "tiers[0].annual_rate_bps"},
		{"a tier that ends where it begins", tiers(products.Tier{From: 5, UpTo: 5}), fault.ValidationError, "tiers[0].up_to"},
		{"a tier below zero", tiers(products.Tier{From: -5, UpTo: 5}), fault.ValidationError, "tiers[0].from"},
		{"overlapping tiers", tiers(products.Tier{UpTo: 10}, products.Tier{From: 9, UpTo: 20}), fault.ValidationError, "tiers[1].from"},
		{"a tier after one without end", tiers(products.Tier{}, products.Tier{From: 9}), fault.ValidationError, "tiers[1].from"},
		{"too many tiers", tiers(make([]products.Tier, products.MaxTiers+1)...), fault.ValidationError, "tiers"},
		{"no code", func(n *products.NewTerms) { n.Code = "" }, fault.ValidationError, "code"},
		{"a code with NUL", func(n *products.NewTerms) { n.Code = "a\x00" }, fault.ValidationError, "code"},
		{"a long name", func(n *products.NewTerms) { n.Name = strings.Repeat("n", 21) }, fault.ValidationError, "name"},
		{"yesterday", func(n *products.NewTerms) { n.From = "2026-11-17" }, fault.ValidationError, "effective_from"},
		{"in three years", func(n *products.NewTerms) { n.From = "2029-11-17" }, fault.ValidationError, "effective_from"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			n := products.NewTerms{Code: "basic", Currency: money.BBD, Terms: products.Terms{RateBPS: 250, Minimum: bbd(0)}}
			row.spoil(&n)
			_, err := w.products.SetTerms(t.Context(), n)
			refused(t, err, row.code, row.field)
		})
	}
	require.Zero(t, w.number(`select count(*) from savings_products`), "nothing was changed")
}

func TestTermsFollowEachOther(t *testing.T) {
	w := newWorld(t)
	first := w.product(10_00)
	require.Equal(t, clock.Day("2026-11-18"), first.From, "a new product begins today")
	next := products.NewTerms{Code: "basic", Currency: money.BBD, Terms: products.Terms{
		RateBPS: 300, Minimum: bbd(0), Tiers: []products.Tier{{From: 100, UpTo: 200, BPS: 400}, {From: 200, BPS: 500}},
	}}
	changed, err := w.products.SetTerms(t.Context(), next)
	require.NoError(t, err)
	require.Equal(t, clock.Day("2026-11-19"), changed.From, "and its next terms tomorrow: today has begun")
	require.Equal(t, first.ID, changed.ID)
	next.From = "2026-11-18"
	_, err = w.products.SetTerms(t.Context(), next)
	refused(t, err, fault.ValidationError, "effective_from")
	next.From = "2026-11-19"
	_, err = w.products.SetTerms(t.Context(), next)
	refused(t, err, fault.DuplicateEntity, "effective_from")

	listed, err := w.products.Products(t.Context(), "", "", 10)
	require.NoError(t, err)
	require.Equal(t, []products.Product{first, changed}, listed)
	rest, err := w.products.Products(t.Context(), "basic", "2026-11-18", 10)
	require.NoError(t, err)
	require.Equal(t, []products.Product{changed}, rest)
	offered, err := w.products.Offered(t.Context())
	require.NoError(t, err)
	require.Equal(t, first, offered)

	w.noonOf("2026-11-19")
	listed, err = w.products.Products(t.Context(), "", "", 10)
	require.NoError(t, err)
	require.Equal(t, []products.Product{changed}, listed, "what is over is not listed")
}
