package main

import (
	"regexp"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// secretFlag is a flag's line in the help, where a secret may stand behind its name.
var secretFlag = regexp.MustCompile(`--([a-z-]*(?:pin|pass|secret|token|otp|key|credential)[a-z-]*) [a-z]`)

// harmlessFlags are named like one and take none that is worth hiding.
var harmlessFlags = map[string]string{
	"nova ledger proof --key": "a file's name, of public keys",
	"nova phone --token":      "a handset for demonstrations and development, whose token everybody knows",
	"nova phone --keys":       "what the demonstration's people type",
}

// TestNoSecretIsTakenOnACommandLine: whoever may list a machine's processes reads their arguments, and so does the shell's
// history. Secrets come from files and the environment, or are typed.
func TestNoSecretIsTakenOnACommandLine(t *testing.T) {
	seen := map[string]bool{}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, m := range secretFlag.FindAllStringSubmatch(c.LocalFlags().FlagUsages(), -1) {
			name := c.CommandPath() + " --" + m[1]
			seen[name] = true
			require.NotEmpty(t, harmlessFlags[name], "%s: take a file's name instead", name)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(rootCommand())
	require.Len(t, seen, len(harmlessFlags), "an excuse without its flag")
}
