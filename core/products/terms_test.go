package products_test

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/core/products"
)

func TestUnitsOfSlices(t *testing.T) {
	tiered := products.Terms{RateBPS: 100, Tiers: []products.Tier{
		{From: 1_000_00, UpTo: 5_000_00, BPS: 250}, {From: 10_000_00, BPS: 400},
	}}
	rows := []struct {
		name    string
		terms   products.Terms
		balance int64
		want    int64
	}{
		{"nothing earns nothing", tiered, 0, 0},
		{"below zero earns nothing", tiered, -5, 0},
		{"one rate for all", products.Terms{RateBPS: 250}, 1_000_00, 250 * 1_000_00},
		{"below the first tier the base rate", tiered, 999_99, 100 * 999_99},
		{"a tier begins after its first unit", tiered, 1_000_01, 100*1_000_00 + 250},
		{"up to its end", tiered, 5_000_00, 100*1_000_00 + 250*4_000_00},
		{"between tiers the base rate again", tiered, 10_000_00, 100*6_000_00 + 250*4_000_00},
		{"the last has no end", tiered, 20_000_00, 100*6_000_00 + 250*4_000_00 + 400*10_000_00},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, big.NewInt(row.want), row.terms.Units(row.balance))
		})
	}
}

// TestUnitsAreThoseOfEveryUnit adds up what each minor unit earns by the slice that it lies in.
func TestUnitsAreThoseOfEveryUnit(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		terms := drawTerms(r, 400)
		balance := rapid.Int64Range(0, 500).Draw(r, "balance")
		var want int64
		for unit := range balance {
			bps := terms.RateBPS
			for _, tier := range terms.Tiers {
				if unit >= tier.From && (tier.UpTo == 0 || unit < tier.UpTo) {
					bps = tier.BPS
				}
			}
			want += int64(bps)
		}
		require.Equal(r, big.NewInt(want).String(), terms.Units(balance).String())
	})
}

// drawTerms are terms with up to three tiers in order, within most minor units.
func drawTerms(r *rapid.T, most int64) products.Terms {
	terms := products.Terms{RateBPS: rapid.IntRange(0, 10_000).Draw(r, "rate"), Minimum: bbd(0)}
	from := int64(0)
	for range rapid.IntRange(0, 3).Draw(r, "tiers") {
		from = rapid.Int64Range(from, from+most/4).Draw(r, "from")
		tier := products.Tier{From: from, UpTo: from + rapid.Int64Range(1, most/4).Draw(r, "width"), BPS: rapid.IntRange(0, 10_000).Draw(r, "bps")}
		terms.Tiers = append(terms.Tiers, tier)
		from = tier.UpTo
	}
	return terms
}
