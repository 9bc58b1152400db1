package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"nova/configs"
)

// TestNumbersAreNotLookedUpAtSpeed: whoever types number after number, in one dialogue or many, is told no more of them;
// nobody else is kept from anything.
func TestNumbersAreNotLookedUpAtSpeed(t *testing.T) {
	w := newWorld(t, func(c *configs.Config) { c.LookupsPerHour = 3 })
	const sorry = "END Too many tries. Please wait a minute."
	for _, number := range []string{"2462509990", "2462509991", "2462501002"} {
		w.Dial(marcia, "*123*1#")
		require.NotEqual(t, sorry, w.Key(number))
	}
	w.Dial(marcia, "*123*1#")
	require.Equal(t, sorry, w.Key("2462501002"), "one that is known, too")
	w.Dial("+12462501003", "*123*1#")
	require.Contains(t, w.Key("2462501002"), "Andre C.")
}
