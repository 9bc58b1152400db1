package configs

import (
	_ "embed"
	"fmt"
	"os"
)

// The demonstration's prices and limits, which stand where no file of the operator's is named.
var (
	//go:embed tariffs.yaml
	builtInTariffs []byte
	//go:embed limits.yaml
	builtInLimits []byte
)

// Tariffs is the text of the price table.
func (c Config) Tariffs() ([]byte, error) { return fileOr(c.TariffsFile, builtInTariffs) }

// Limits is the text of the limits table.
func (c Config) Limits() ([]byte, error) { return fileOr(c.LimitsFile, builtInLimits) }

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
