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

// TestProductionMakesNoKeys: a key that is missing stops the start, and nothing is made in its place, since it would open
// nothing that the lost one sealed. A development server makes its own, for its owner's eyes alone.
func TestProductionMakesNoKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	config := configs.Default(configs.Production)
	config.KeysDir = dir
	err := (&parts{config: config}).openKeys(t.Context())
	require.ErrorContains(t, err, "field.json")
	require.ErrorContains(t, err, "index.json")
	require.NoDirExists(t, dir)

	config.GenerateKeys = true
	require.ErrorContains(t, config.Check(), "NOVA_GENERATE_KEYS is on in production")

	config = configs.Default(configs.Development)
	config.KeysDir = dir
	require.NoError(t, (&parts{config: config}).openKeys(t.Context()))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file.Name())
	}
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
