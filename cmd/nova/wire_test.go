package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/configs"
	"nova/core/clock"
	"nova/sql/sqltest"
)

// TestMarketIsCheckedBeforeAnybodyIsServed: books in another currency and errands without a price are found at the
// start, all at once, and not when a customer has typed a PIN.
func TestMarketIsCheckedBeforeAnybodyIsServed(t *testing.T) {
	config := configs.Default(configs.Development)
	builtIn, err := config.Tariffs()
	require.NoError(t, err)
	require.NoError(t, market(t, config))

	config.Currency = "USD"
	err = market(t, config)
	require.ErrorContains(t, err, `open tariffs: currency: is not that of the wallets, USD: "BBD"`)
	require.ErrorContains(t, err, `open limits: currency: is not that of the wallets, USD: "BBD"`)

	config = configs.Default(configs.Development)
	config.TariffsFile = filepath.Join(t.TempDir(), "tariffs.yaml")
	require.NoError(t, os.WriteFile(config.TariffsFile,
		[]byte(strings.Replace(string(builtIn), "type: cashout\n", "type: commission_payout\n", 1)), 0o600))
	require.ErrorContains(t, market(t, config), "tariffs.cashout: has no price at that time")
}

// market opens a new market's books.
func market(t *testing.T, config configs.Config) error {
	t.Helper()
	db, _ := sqltest.Open(t)
	p := &parts{config: config, clock: clock.NewManual(noon), log: slog.New(slog.DiscardHandler), db: db}
	err := p.openRules(t.Context())
	if p.unwatch != nil {
		p.unwatch()
	}
	return err
}
