package tariffs_test

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/core/fault"
	"nova/core/money"
	"nova/core/tariffs"
)

// currencies have no decimals, two and three.
var currencies = []money.Currency{money.BBD, money.KES, money.XOF, money.TND}

// price is a random price of either kind. All is its currency's minor units and basis points.
type price struct {
	currency        money.Currency
	byRate          bool
	bps, least      int64 // least is the whole of a flat fee
	most            int64 // 0: no maximum
	tax, commission int64
}

func drawn(r *rapid.T) price {
	rate := rapid.Int64Range(0, 10_000)
	p := price{
		currency: rapid.SampledFrom(currencies).Draw(r, "currency"), byRate: rapid.Bool().Draw(r, "by rate"),
		least: rapid.Int64Range(0, 1e9).Draw(r, "least"), tax: rate.Draw(r, "tax"), commission: rate.Draw(r, "commission"),
	}
	if p.byRate {
		p.bps = rate.Draw(r, "bps")
		if rapid.Bool().Draw(r, "bounded") {
			p.most = p.least + rapid.Int64Range(1, 1e9).Draw(r, "most over least")
		}
	}
	return p
}

// list is a price list of nothing else.
func (p price) list() []byte {
	text := func(minor int64) string { return money.Of(minor, p.currency).String() }
	fee := fmt.Sprintf(`{flat: "%s"}`, text(p.least))
	if p.byRate {
		fee = fmt.Sprintf(`{bps: %d, min: "%s"}`, p.bps, text(p.least))
	}
	if p.most > 0 {
		fee = strings.Replace(fee, "}", fmt.Sprintf(`, max: "%s"}`, text(p.most)), 1)
	}
	version := fmt.Sprintf(`{name: a, from: "2026-01-01T00:00:00Z", fee: %s, tax_bps: %d, commission_bps: %d}`,
		fee, p.tax, p.commission)
	return []byte(strings.Replace(string(list(version)), "BBD", string(p.currency), 1))
}

// share is bps of n over ten thousand, exactly, after adding rounding.
func share(n, bps, rounding int64) int64 {
	product := new(big.Int).Mul(big.NewInt(n), big.NewInt(bps))
	return product.Add(product, big.NewInt(rounding)).Div(product, big.NewInt(10_000)).Int64()
}

// fee is what the price asks for an amount, by arithmetic of any size.
func (p price) fee(amount int64) int64 {
	if !p.byRate {
		return p.least
	}
	fee := max(share(amount, p.bps, 5_000), p.least)
	if p.most > 0 {
		fee = min(fee, p.most)
	}
	return fee
}

// amounts are of all sizes up to what an account can hold, the edges often.
func amounts() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64Range(1, 1e6), rapid.Int64Range(1, math.MaxInt64),
		rapid.Map(rapid.Int64Range(0, 1e6), func(n int64) int64 { return math.MaxInt64 - n }),
	)
}

// TestSplitsConserveEveryCent: whatever the price, currency and amount, the lines that a payment posts add up. The fee
// is rounded half up and split into income and tax without losing a cent; nothing is negative; a total that no account
// could hold is refused.
func TestSplitsConserveEveryCent(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawn(r)
		book, err := tariffs.Parse(p.list())
		require.NoError(r, err)
		amount := money.Of(amounts().Draw(r, "amount"), p.currency)
		charge, err := book.Charge("p2p", amount, noon)
		require.NoError(r, err)

		fee := p.fee(amount.Minor)
		require.Equal(r, money.Of(fee, p.currency), charge.Fee, "the fee")
		require.Equal(r, money.Of(share(fee, p.tax, 5_000), p.currency), charge.Tax, "the tax is half up")
		require.Equal(r, money.Of(share(amount.Minor, p.commission, 0), p.currency), charge.Commission, "commission is down")
		sum, err := charge.Income().Add(charge.Tax)
		require.NoError(r, err)
		require.Equal(r, charge.Fee, sum, "income and tax are the fee")
		for name, part := range map[string]money.Amount{
			"fee": charge.Fee, "tax": charge.Tax, "income": charge.Income(), "commission": charge.Commission,
		} {
			require.GreaterOrEqual(r, part.Minor, int64(0), name)
			require.Equal(r, p.currency, part.Currency, name)
		}

		total, err := amount.Add(charge.Fee)
		if fee > math.MaxInt64-amount.Minor {
			require.True(r, fault.Is(err, fault.ValidationError), "a total past all accounts is %s, %v", total, err)
			return
		}
		require.NoError(r, err)
		back, err := total.Sub(charge.Fee)
		require.NoError(r, err)
		require.Equal(r, amount, back, "amount and fee are the total")
	})
}

func TestAFeeNeverFallsAsTheAmountGrows(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawn(r)
		book, err := tariffs.Parse(p.list())
		require.NoError(r, err)
		small := rapid.Int64Range(1, 1e12).Draw(r, "small")
		large := small + rapid.Int64Range(0, 1e12).Draw(r, "more")
		less, err := book.Charge("p2p", money.Of(small, p.currency), noon)
		require.NoError(r, err)
		more, err := book.Charge("p2p", money.Of(large, p.currency), noon)
		require.NoError(r, err)
		require.False(r, more.Fee.Less(less.Fee), "%d costs %s, %d costs %s", small, less.Fee, large, more.Fee)
	})
}

func TestFollows(t *testing.T) {
	parse := func(text string) *tariffs.Book {
		book, err := tariffs.Parse([]byte(text))
		require.NoError(t, err)
		return book
	}
	old := string(list(good))
	with := func(was, is string) string {
		require.Contains(t, old, was)
		return strings.Replace(old, was, is, 1)
	}
	cases := []struct {
		name, next string
		fits       bool
	}{
		{"the same", old, true},
		{"other terms under another name", strings.Replace(with("name: a", "name: b"), `"1.00"`, `"2.00"`, 1), true},
		{"the same terms from another moment", with("2026-01-01", "2025-01-01"), true},
		{"another fee", with(`"1.00"`, `"2.00"`), false},
		{"another kind of fee", with(`flat: "1.00"`, `bps: 1, min: "1.00"`), false},
		{"another tax", with("tax_bps: 0", "tax_bps: 1"), false},
		{"another commission", with("commission_bps: 0", "commission_bps: 1"), false},
		{"another type", with("p2p", "cashin"), false},
		{"another currency", with("BBD", "USD"), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			faults := parse(c.next).Follows(parse(old))
			if c.fits {
				require.Empty(t, faults)
				return
			}
			require.EqualError(t, faults, `tariffs[0].versions[0].name: stood for other terms before: "a"`)
		})
	}
}
