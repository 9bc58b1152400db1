package configs

import (
	"embed"
	"fmt"
	"io/fs"
	"os"

	"nova/core/money"
)

// The demonstration's prices and limits, and the policies, which stand where none of the operator's are named.
var (
	//go:embed tariffs.yaml
	builtInTariffs []byte
	//go:embed limits.yaml
	builtInLimits []byte
	//go:embed policies/*.cedar
	builtInPolicies embed.FS
)

// Tariffs is the text of the price table.
func (c Config) Tariffs() ([]byte, error) { return fileOr(c.TariffsFile, builtInTariffs) }

// Limits is the text of the limits table.
func (c Config) Limits() ([]byte, error) { return fileOr(c.LimitsFile, builtInLimits) }

// Policies is the folder of policies that say who may do what.
func (c Config) Policies() (fs.FS, error) {
	if c.PoliciesDir == "" {
		return fs.Sub(builtInPolicies, "policies")
	}
	return os.DirFS(c.PoliciesDir), nil
}

// StepUp is the amount above which an app's money call asks for a second factor; nothing where none does.
func (c Config) StepUp() (money.Amount, error) {
	if c.StepUpAbove == "" || c.StepUpAbove == "0" {
		return money.Of(0, c.Currency), nil
	}
	return money.Parse(c.StepUpAbove, c.Currency)
}

func fileOr(path string, builtIn []byte) ([]byte, error) {
	if path == "" {
		return builtIn, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return text, nil
}
