package main

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/secret"
)

// TestTheFirstAdministratorComesFromATerminal adds one to a new installation, and lets one in again who lost everything.
func TestTheFirstAdministratorComesFromATerminal(t *testing.T) {
	b := newBooksAtATerminal(t)
	require.NoError(t, secret.GenerateKeyring(filepath.Join(b.dir, "keys")))
	password := regexp.MustCompile(`(?s)^stf_[0-9a-z]{26} ada@example\.com\npassword, shown once and changed at the first sign-in: ([a-z2-7-]{23})\n$`)
	out, err := runNova(t, "staff", "add", "ada@example.com", "--name", "Ada Alleyne")
	require.NoError(t, err)
	first := password.FindStringSubmatch(out)
	require.NotNil(t, first, out)
	out, err = runNova(t, "staff", "reset", "Ada@example.com")
	require.NoError(t, err)
	second := password.FindStringSubmatch(out)
	require.NotNil(t, second, out)
	require.NotEqual(t, first[1], second[1])

	dump := dumpColumns(t, b.db)
	require.Contains(t, dump, "ada@example.com")
	for _, issued := range []string{first[1], second[1]} {
		require.NotContains(t, dump, issued)
	}
	for _, row := range []struct {
		name string
		args []string
		want string
	}{
		{"an email that is taken", []string{"add", "ada@example.com"}, "DUPLICATE_ENTITY: email is taken"},
		{"no email", []string{"add", "ada"}, "VALIDATION_ERROR: email is not an address"},
		{"a role that is none", []string{"add", "ben@example.com", "--roles", "owner"}, "VALIDATION_ERROR: roles is not known"},
		{"nobody", []string{"reset", "ben@example.com"}, "NOT_FOUND: email is nobody's"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := runNova(t, append([]string{"staff"}, row.args...)...)
			require.EqualError(t, err, row.want)
		})
	}
}
