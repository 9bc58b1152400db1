package identity_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
)

func TestWeakPIN(t *testing.T) {
	rows := []struct {
		name string
		pin  string
		born int
		weak bool
	}{
		{"four digits", "1357", 0, false},
		{"six digits", "135724", 0, false},
		{"the demonstration's", "2468", 0, false},
		{"down the keypad", "2580", 0, false},
		{"three digits", "135", 0, true},
		{"seven digits", "1357924", 0, true},
		{"a letter", "13a7", 0, true},
		{"an Arabic digit", "135٧", 0, true},
		{"nothing", "", 0, true},
		{"one digit", "7777", 0, true},
		{"a pair twice", "1212", 0, true},
		{"a pair three times", "121212", 0, true},
		{"three digits twice", "147147", 0, true},
		{"a pair that does not fill it", "12121", 0, false},
		{"a run up", "1234", 0, true},
		{"a run up over nine", "7890", 0, true},
		{"a run down", "4321", 0, true},
		{"a run down under zero", "2109", 0, true},
		{"six in a run", "345678", 0, true},
		{"nearly a run", "1235", 0, false},
		{"the year of birth", "1985", 1985, true},
		{"the year of birth inside", "019857", 1985, true},
		{"another year", "1984", 1985, false},
		{"a year when none is known", "1985", 0, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.weak, identity.WeakPIN(secret.New(row.pin), row.born), "WeakPIN(%q, %d)", row.pin, row.born)
		})
	}
}

func TestCheckPINNamesTheFieldAndNotThePIN(t *testing.T) {
	for _, pin := range []string{"7777", "12"} {
		err := identity.CheckPIN(secret.New(pin), 0)
		require.True(t, fault.Is(err, fault.ValidationError))
		require.Contains(t, fault.From(err).Fields, "pin")
		require.NotContains(t, err.Error(), pin)
	}
}

func TestPendingPIN(t *testing.T) {
	s := identity.New(identity.Options{Keyring: secret.EphemeralKeyring()})
	pin := secret.New("1357")
	pending := s.Pending(pin)
	require.True(t, s.MatchesPending(pending, pin))
	require.False(t, s.MatchesPending(pending, secret.New("1358")))
	require.NotContains(t, pending, "1357")
	require.NotEqual(t, pending, s.Pending(pin), "two of the same PIN must not look alike")
	for _, bad := range []string{"", "1.2", "x.y.z", "9" + pending, pending + "A", strings.Replace(pending, "1.", "2.", 1)} {
		require.False(t, s.MatchesPending(bad, pin), "%q", bad)
	}
	other := identity.New(identity.Options{Keyring: secret.EphemeralKeyring()})
	require.False(t, other.MatchesPending(pending, pin), "another key")
}
