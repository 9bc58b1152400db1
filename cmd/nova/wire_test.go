package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/configs"
	"nova/core/clock"
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
	require.ErrorContains(t, err, "tariffs: in BBD, and wallets are in USD")
	require.ErrorContains(t, err, "limits: in BBD, and wallets are in USD")

	config = configs.Default(configs.Development)
	config.TariffsFile = filepath.Join(t.TempDir(), "tariffs.yaml")
	require.NoError(t, os.WriteFile(config.TariffsFile,
		[]byte(strings.Replace(string(builtIn), "type: cashout", "type: overdraft_draw", 1)), 0o600))
	require.ErrorContains(t, market(t, config), "tariffs: no price for cashout now")
}

func market(t *testing.T, config configs.Config) error {
	t.Helper()
	p := &parts{config: config, clock: clock.NewManual(noon)}
	return p.openMarket(t.Context())
}
