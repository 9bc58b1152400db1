package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/policy"
)

func TestAllowed(t *testing.T) {
	held := []string{"customer.transact", "made.up"}
	rows := []struct {
		name    string
		purpose policy.Purpose
		want    bool
	}{
		{"a purpose that is held", policy.CustomerTransact, true},
		{"a purpose that is not held", policy.LedgerPost, false},
		{"a purpose outside the catalogue, though held", "made.up", false},
		{"no purpose", "", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.want, row.purpose.Allowed(held))
		})
	}
}

func TestCatalogue(t *testing.T) {
	seen := map[policy.Purpose]bool{}
	for _, p := range policy.Purposes() {
		require.True(t, p.Known(), "%s is listed and unknown", p)
		require.False(t, seen[p], "%s is listed twice", p)
		seen[p] = true
	}
	require.Len(t, seen, 14)
}
