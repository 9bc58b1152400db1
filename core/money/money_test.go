package money_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/core/fault"
	"nova/core/money"
)

func TestExponents(t *testing.T) {
	want := map[money.Currency]int{
		money.BBD: 2, money.USD: 2, money.EUR: 2, money.KES: 2, money.GHS: 2, money.NGN: 2, money.TZS: 2,
		money.UGX: 0, money.RWF: 0, money.XOF: 0, money.XAF: 0, money.ZMW: 2, money.MZN: 2, money.MGA: 2,
		money.TND: 3, money.GNF: 0,
	}
	for currency, exponent := range want {
		require.True(t, currency.Valid(), "%s is in the table", currency)
		require.Equal(t, exponent, currency.Exponent(), "decimals of %s", currency)
	}
	for _, unknown := range []money.Currency{"", "bbd", "XXX", "BTC"} {
		require.False(t, unknown.Valid(), "%q is no currency here", unknown)
	}
}

func TestForms(t *testing.T) {
	cases := []struct {
		name            string
		amount          money.Amount
		machine, screen string
	}{
		{"cents", money.Of(123450, money.BBD), "1234.50", "1,234.50"},
		{"less than one", money.Of(5, money.BBD), "0.05", "0.05"},
		{"nothing", money.Of(0, money.BBD), "0.00", "0.00"},
		{"below zero", money.Of(-5, money.BBD), "-0.05", "-0.05"},
		{"thousands below zero", money.Of(-100000000, money.BBD), "-1000000.00", "-1,000,000.00"},
		{"no decimals", money.Of(1234567, money.XOF), "1234567", "1,234,567"},
		{"nothing without decimals", money.Of(0, money.UGX), "0", "0"},
		{"three decimals", money.Of(1234567, money.TND), "1234.567", "1,234.567"},
		{"three figures take no comma", money.Of(99999, money.BBD), "999.99", "999.99"},
		{"the most", money.Of(math.MaxInt64, money.BBD), "92233720368547758.07", "92,233,720,368,547,758.07"},
		{"the least int64", money.Of(math.MinInt64, money.BBD), "-92233720368547758.08", "-92,233,720,368,547,758.08"},
		{"no currency", money.Amount{}, "0", "0"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.machine, c.amount.String())
			require.Equal(t, c.screen, c.amount.Format())
		})
	}
}

func TestAddAndSub(t *testing.T) {
	cases := []struct {
		name    string
		a, b    money.Amount
		sum     int64
		refused fault.Code
	}{
		{"cents", money.Of(150, money.BBD), money.Of(75, money.BBD), 225, ""},
		{"below zero", money.Of(150, money.BBD), money.Of(-200, money.BBD), -50, ""},
		{"up to the most", money.Of(math.MaxInt64-1, money.BBD), money.Of(1, money.BBD), math.MaxInt64, ""},
		{"down to the least", money.Of(-math.MaxInt64+1, money.BBD), money.Of(-1, money.BBD), -math.MaxInt64, ""},
		{"beyond the most", money.Of(math.MaxInt64, money.BBD), money.Of(1, money.BBD), 0, fault.ValidationError},
		{"beyond the least", money.Of(-math.MaxInt64, money.BBD), money.Of(-1, money.BBD), 0, fault.ValidationError},
		{"the most twice", money.Of(math.MaxInt64, money.BBD), money.Of(math.MaxInt64, money.BBD), 0, fault.ValidationError},
		{"the least int64 is not made", money.Of(math.MinInt64, money.BBD), money.Of(0, money.BBD), 0, fault.ValidationError},
		{"two currencies", money.Of(1, money.BBD), money.Of(1, money.USD), 0, fault.CurrencyMismatch},
		{"nothing of another currency", money.Of(1, money.BBD), money.Amount{}, 0, fault.CurrencyMismatch},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			sum, err := c.a.Add(c.b)
			if c.refused != "" {
				require.True(t, fault.Is(err, c.refused), "Add = %v, %v, want %s", sum, err, c.refused)
				require.Equal(t, money.Amount{}, sum)
				return
			}
			require.NoError(t, err)
			require.Equal(t, money.Of(c.sum, money.BBD), sum)
			back, err := sum.Sub(c.b)
			require.NoError(t, err)
			require.Equal(t, c.a, back)
		})
	}
}

func TestSubOfTheLeastInt64IsRefused(t *testing.T) {
	_, err := money.Of(-1, money.BBD).Sub(money.Of(math.MinInt64, money.BBD))
	require.True(t, fault.Is(err, fault.ValidationError))
}

func TestComparisons(t *testing.T) {
	owed, one, two := money.Of(-1, money.BBD), money.Of(1, money.BBD), money.Of(2, money.BBD)
	require.True(t, one.Less(two))
	require.True(t, owed.Less(one))
	require.False(t, two.Less(one) || one.Less(one))
	require.True(t, one.IsPositive())
	require.False(t, owed.IsPositive() || money.Of(0, money.BBD).IsPositive())
	require.True(t, money.Of(0, money.BBD).IsZero())
	require.False(t, owed.IsZero())
}

func TestBrokenInvariantsPanic(t *testing.T) {
	one := money.Of(1, money.BBD)
	cases := map[string]func(){
		"comparing currencies":          func() { one.Less(money.Of(1, money.USD)) },
		"a share beyond int64":          func() { money.Of(math.MaxInt64, money.BBD).Share(10_001) },
		"a share far beyond int64":      func() { money.Of(math.MaxInt64, money.BBD).Share(math.MaxInt64) },
		"splitting without weights":     func() { one.Allocate() },
		"splitting by zeros":            func() { one.Allocate(0, 0) },
		"splitting by less than zero":   func() { one.Allocate(2, -1) },
		"weights that do not add up":    func() { one.Allocate(math.MaxInt64, math.MaxInt64, math.MaxInt64) },
		"weights that wrap round twice": func() { one.Allocate(math.MaxInt64, math.MaxInt64, 2, math.MaxInt64) },
	}
	for name, act := range cases {
		t.Run(name, func(t *testing.T) { require.Panics(t, act) })
	}
}

func TestShare(t *testing.T) {
	cases := []struct {
		name       string
		minor, bps int64
		want       int64
	}{
		{"1% of 100.00", 10_000, 100, 100},
		{"17.5% of 1.00 is half a cent over", 100, 1750, 18},
		{"half a cent goes up", 50, 100, 1},
		{"less than half goes down", 49, 100, 0},
		{"half below zero mirrors half above", -50, 100, -1},
		{"nothing of something", 10_000, 0, 0},
		{"all of it", 12_345, 10_000, 12_345},
		{"all of the most", math.MaxInt64, 10_000, math.MaxInt64},
		{"half of the most, rounded up", math.MaxInt64, 5000, 1 << 62},
		{"a product of 77 bits", math.MaxInt64 - 1, 9999, 9222449699651090328},
		{"more than all of little", 100, 25_000, 250},
		{"a negative rate", 10_000, -100, -100},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := money.Of(c.minor, money.BBD).Share(c.bps); got != money.Of(c.want, money.BBD) {
				t.Errorf("Share(%d) of %d = %d, want %d", c.bps, c.minor, got.Minor, c.want)
			}
		})
	}
}

func TestShareIsExactHalfUp(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		minor := rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(r, "minor")
		bps := rapid.Int64Range(0, 10_000).Draw(r, "bps")

		// floor((2|minor|bps + 10000) / 20000), in arithmetic without bounds.
		product := new(big.Int).Mul(new(big.Int).Abs(big.NewInt(minor)), big.NewInt(2*bps))
		want := new(big.Int).Div(product.Add(product, big.NewInt(10_000)), big.NewInt(20_000))
		if minor < 0 {
			want.Neg(want)
		}

		a := money.Of(minor, money.BBD)
		require.Equal(r, want.Int64(), a.Share(bps).Minor)
		require.Equal(r, -a.Share(bps).Minor, money.Of(-minor, money.BBD).Share(bps).Minor, "a reversal mirrors it")
	})
}

func TestAllocate(t *testing.T) {
	cases := []struct {
		name    string
		minor   int64
		weights []int64
		want    []int64
	}{
		{"evenly", 300, []int64{1, 1, 1}, []int64{100, 100, 100}},
		{"a cent left goes to the first of equals", 100, []int64{1, 1, 1}, []int64{34, 33, 33}},
		{"a cent left goes to the largest remainder", 100, []int64{1, 2, 3}, []int64{17, 33, 50}},
		{"two cents left", 101, []int64{1, 1, 1}, []int64{34, 34, 33}},
		{"a weight of zero gets nothing", 101, []int64{0, 1, 1}, []int64{0, 51, 50}},
		{"below zero mirrors above", -100, []int64{1, 1, 1}, []int64{-34, -33, -33}},
		{"nothing to split", 0, []int64{1, 2}, []int64{0, 0}},
		{"less than one each", 2, []int64{1, 1, 1}, []int64{1, 1, 0}},
		{"the most", math.MaxInt64, []int64{math.MaxInt64, math.MaxInt64}, []int64{1 << 62, 1<<62 - 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []int64
			for _, part := range money.Of(c.minor, money.BBD).Allocate(c.weights...) {
				require.Equal(t, money.BBD, part.Currency)
				got = append(got, part.Minor)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("Allocate(%v) of %d (-want +got):\n%s", c.weights, c.minor, diff)
			}
		})
	}
}

func TestAllocateLosesNothing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		minor := rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(r, "minor")
		weights := rapid.SliceOfN(rapid.Int64Range(0, 1<<58), 1, 20).Draw(r, "weights")
		weights[0]++ // not all of them zero
		total := new(big.Int)
		for _, w := range weights {
			total.Add(total, big.NewInt(w))
		}

		sum := money.Of(0, money.BBD)
		for i, part := range money.Of(minor, money.BBD).Allocate(weights...) {
			var err error
			sum, err = sum.Add(part)
			require.NoError(r, err)
			// Each part is its exact share, rounded one way or the other.
			exact := new(big.Int).Mul(big.NewInt(minor), big.NewInt(weights[i]))
			off := new(big.Int).Sub(new(big.Int).Mul(big.NewInt(part.Minor), total), exact)
			require.Negative(r, off.CmpAbs(total), "part %d is a unit or more off its share", i)
		}
		require.Equal(r, money.Of(minor, money.BBD), sum)
	})
}

func TestFormatOnlyAddsCommas(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		currency := rapid.SampledFrom([]money.Currency{money.BBD, money.XOF, money.TND}).Draw(r, "currency")
		a := money.Of(rapid.Int64().Draw(r, "minor"), currency)
		require.Equal(r, a.String(), strings.ReplaceAll(a.Format(), ",", ""))
		whole, _, _ := strings.Cut(strings.TrimPrefix(a.Format(), "-"), ".")
		for i, group := range strings.Split(whole, ",") {
			require.True(r, len(group) == 3 || i == 0 && len(group) > 0 && len(group) < 3, "groups of %q", whole)
		}
	})
}
