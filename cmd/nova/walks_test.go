package main

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/money"
	"nova/menus/menutest"
)

func amount(minor int64) money.Amount { return money.Of(minor, "BBD") }

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
