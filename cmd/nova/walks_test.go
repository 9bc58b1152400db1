package main

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/products"
	"nova/menus/menutest"
)

func amount(minor int64) money.Amount { return money.Of(minor, "BBD") }

// TestCreditWalks dials what a customer with an overdraft line can do: Marcia has one of 100.00, at 2% a draw and 24.00%
// a year. The demonstration's people have none.
func TestCreditWalks(t *testing.T) {
	menutest.Run(t, os.DirFS("../../menus/testdata/credit"), func(t *testing.T) menutest.World {
		w := newWorld(t)
		number, err := msisdn.Parse(marcia, "BB")
		require.NoError(t, err)
		c, err := w.server.customers.ByMSISDN(t.Context(), number)
		require.NoError(t, err)
		_, err = w.server.products.GrantLine(t.Context(), products.NewLine{
			Account: c.Wallet, Limit: amount(100_00), FeeBPS: 200, RateBPS: 2400, ExpiresAt: noon.AddDate(1, 0, 0), By: "walk",
		})
		require.NoError(t, err)
		return w
	})
}

// TestWalks dials everything there is, screen by screen, through the whole server; afterwards the books are right.
func TestWalks(t *testing.T) {
	menutest.Run(t, os.DirFS("../../menus/testdata/walks"), func(t *testing.T) menutest.World {
		w := newWorld(t)
		t.Cleanup(func() {
			report, err := w.server.ledger.Check(context.Background()) // the test's own context is over
			require.NoError(t, err)
			require.Empty(t, report.Breach)
		})
		return w
	})
}
