package configs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/configs"
)

// The README's table of settings stands between these marks.
const (
	readme    = "../README.md"
	tableFrom = "<!-- config -->\n"
	tableTo   = "<!-- /config -->"
)

func TestTheREADMEListsEverySetting(t *testing.T) {
	text, err := os.ReadFile(readme)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), tableFrom)
	require.True(t, found, "README.md lacks the mark %q", tableFrom)
	table, after, found := strings.Cut(rest, tableTo)
	require.True(t, found, "README.md lacks the mark %q", tableTo)
	if *update {
		require.NoError(t, os.WriteFile(readme, []byte(before+tableFrom+configs.Table()+tableTo+after), 0o644))
		return
	}
	require.Equal(t, configs.Table(), table, "run go test ./configs -update")
}
