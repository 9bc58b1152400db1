package tariffs_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/money"
	"nova/core/tariffs"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func bbd(minor int64) money.Amount { return money.Of(minor, money.BBD) }

// demo is the price list that Nova ships with.
func demo(t *testing.T) *tariffs.Book {
	t.Helper()
	data, err := os.ReadFile("../../configs/tariffs.yaml")
	require.NoError(t, err)
	book, err := tariffs.Parse(data)
	require.NoError(t, err)
	return book
}

func TestDemoPrices(t *testing.T) {
	cases := []struct {
		name, kind                   string
		amount, fee, tax, commission int64
	}{
		{"a send costs 1.00, with 0.18 of tax inside", "p2p", 5000, 100, 18, 0},
		{"a large send costs the same", "p2p", 1000000, 100, 18, 0},
		{"cash in is free and earns the agent 0.5%", "cashin", 10000, 0, 0, 50},
		{"commission is rounded down, so that splitting earns nothing", "cashin", 199, 0, 0, 0},
		{"a whole cent of commission is earned", "cashin", 200, 0, 0, 1},
		{"cash out costs 1%", "cashout", 50000, 500, 88, 250},
		{"cash out costs 1.00 at least", "cashout", 1000, 100, 18, 5},
		{"at the edge of the minimum", "cashout", 10000, 100, 18, 50},
		{"one step past the minimum", "cashout", 10050, 101, 18, 50},
		{"paying a merchant is free", "merchant_payment", 5000, 0, 0, 0},
	}
	book := demo(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := book.Charge(c.kind, bbd(c.amount), noon)
			require.NoError(t, err)
			require.Equal(t, bbd(c.fee), got.Fee, "fee")
			require.Equal(t, bbd(c.tax), got.Tax, "tax")
			require.Equal(t, bbd(c.commission), got.Commission, "commission")
			require.Equal(t, bbd(c.fee-c.tax), got.Income(), "income")
			require.Equal(t, c.kind+"-1", got.Version)
		})
	}
}

func TestChargeRefuses(t *testing.T) {
	cases := []struct {
		name   string
		kind   string
		amount money.Amount
		at     time.Time
		want   fault.Code
	}{
		{"nothing", "p2p", bbd(0), noon, fault.ValidationError},
		{"less than nothing", "p2p", bbd(-1), noon, fault.ValidationError},
		{"another currency", "p2p", money.Of(100, money.USD), noon, fault.CurrencyMismatch},
		{"a type without a price is not free", "interest", bbd(100), noon, fault.InternalServerError},
		{"a moment before the first version", "p2p", bbd(100), time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC), fault.InternalServerError},
	}
	book := demo(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := book.Charge(c.kind, c.amount, c.at)
			require.True(t, fault.Is(err, c.want), "Charge = %v, want %s", err, c.want)
			require.Equal(t, tariffs.Charge{}, got)
		})
	}
}

// list is a price list of one type with the given versions, one line each.
func list(versions ...string) []byte {
	return []byte("currency: BBD\ntariffs:\n  - type: p2p\n    versions:\n      - " + strings.Join(versions, "\n      - ") + "\n")
}

func TestVersionsChangeAtTheirMoment(t *testing.T) {
	book, err := tariffs.Parse(list(
		`{name: a, from: "2026-01-01T00:00:00Z", until: "2026-07-01T00:00:00-04:00", fee: {flat: "1.00"}, tax_bps: 0, commission_bps: 0}`,
		`{name: b, from: "2026-07-01T04:00:00Z", until: "2026-08-01T00:00:00Z", fee: {flat: "2.00"}, tax_bps: 0, commission_bps: 0}`,
		`{name: c, from: "2026-08-01T00:00:00Z", fee: {bps: 100, max: "3.00"}, tax_bps: 0, commission_bps: 0}`,
	))
	require.NoError(t, err)
	cases := []struct {
		name    string
		at      time.Time
		version string
		fee     int64
	}{
		{"its first instant", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), "a", 100},
		{"the last before a change", time.Date(2026, 7, 1, 3, 59, 59, 999999000, time.UTC), "a", 100},
		{"the change itself, as the market's clock has it", time.Date(2026, 7, 1, 4, 0, 0, 0, time.UTC), "b", 200},
		{"the last one stays", time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC), "c", 300},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := book.Charge("p2p", bbd(100_000), c.at)
			require.NoError(t, err)
			require.Equal(t, c.version, got.Version)
			require.Equal(t, bbd(c.fee), got.Fee)
		})
	}
	require.True(t, book.Prices("p2p", noon))
	require.False(t, book.Prices("p2p", time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC)))
	require.False(t, book.Prices("cashin", noon))
}

const good = `{name: a, from: "2026-01-01T00:00:00Z", fee: {flat: "1.00"}, tax_bps: 0, commission_bps: 0}`

func TestParseRefuses(t *testing.T) {
	fee := func(text string) []byte {
		return list(strings.Replace(good, `{flat: "1.00"}`, text, 1))
	}
	with := func(old, changed string) []byte { return list(strings.Replace(good, old, changed, 1)) }
	const later = `{name: b, from: "2026-06-01T00:00:00Z", fee: {flat: "2.00"}, tax_bps: 0, commission_bps: 0}`
	until := func(text string) []byte {
		return list(strings.Replace(good, `fee`, `until: "`+text+`", fee`, 1), later)
	}
	cases := []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "document: is not a mapping"},
		{"a list", []byte("- a"), "document: is not a mapping"},
		{"no YAML", []byte("a: [b"), "document: is not YAML"},
		{"two documents", append(list(good), "---\na: b\n"...), "document: is followed by another"},
		{"no currency", []byte("tariffs: []"), "currency: is missing"},
		{"an unknown currency", []byte("currency: XXX\ntariffs: []"), `currency: is not known: "XXX"`},
		{"no tariffs", []byte("currency: BBD"), "tariffs: is missing"},
		{"an empty list", []byte("currency: BBD\ntariffs: []"), "tariffs: is not a list of at least one"},
		{"an unknown field", append(list(good), "rates: 1\n"...), "rates: is not a field here: there are currency, tariffs"},
		{"an unknown field of a version", with("tax_bps: 0", "tax_bps: 0, tax: 1"), "tariffs[0].versions[0].tax: is not a field"},
		{"an unknown field of a fee", fee(`{flat: "1.00", cap: 1}`), "tariffs[0].versions[0].fee.cap: is not a field"},
		{"a field twice", with("tax_bps: 0", "tax_bps: 0, tax_bps: 1"), "document: is not YAML"},
		{"an unknown type", []byte(strings.Replace(string(list(good)), "p2p", "p2pp", 1)), `tariffs[0].type: is none of cashin`},
		{"a type twice", append(list(good), "  - type: p2p\n    versions:\n      - {}\n"...), `tariffs[1].type: has a tariff already: "p2p"`},
		{"no versions", []byte("currency: BBD\ntariffs:\n  - type: p2p\n"), "tariffs[0].versions: is missing"},
		{"versions that are none", []byte("currency: BBD\ntariffs:\n  - type: p2p\n    versions: x\n"), "tariffs[0].versions: is not a list"},
		{"the same name in two versions", list(strings.Replace(good, `name: a`, `name: b, until: "2026-06-01T00:00:00Z"`, 1), later), `versions[1].name: is the name of another version: "b"`},
		{"no name", with("name: a, ", ""), "versions[0].name: is missing"},
		{"a name that is a number", with("name: a", "name: 1"), "versions[0].name: is not text in quotes"},
		{"no beginning", with(`from: "2026-01-01T00:00:00Z", `, ""), "versions[0].from: is missing"},
		{"a date for a moment", with("2026-01-01T00:00:00Z", "2026-01-01"), "versions[0].from: is not a time"},
		{"a version open at its end, and another", list(good, later), "versions[0]: has no until, but a version follows it"},
		{"an overlap", until("2026-06-01T00:00:01Z"), "versions[1]: overlaps the version before it"},
		{"a gap", until("2026-05-31T23:59:59Z"), "versions[1]: leaves a gap after the version before it"},
		{"an end before the beginning", until("2025-12-31T00:00:00Z"), "versions[0]: ends before it begins"},
		{"a last version that ends", list(strings.Replace(good, "fee", `until: "2027-01-01T00:00:00Z", fee`, 1)), "versions[0]: is the last and must have no until"},
		{"no fee", fee(`{}`), "fee: needs either flat or bps"},
		{"a fee that is a number", fee(`1.00`), "fee: is not a mapping"},
		{"two kinds of fee", fee(`{flat: "1.00", bps: 100}`), "fee: needs either flat or bps"},
		{"a flat fee with a bound", fee(`{flat: "1.00", max: "2.00"}`), "fee: a flat fee has no min and no max"},
		{"a fee without quotes", fee(`{flat: 1.00}`), "fee.flat: is not text in quotes"},
		{"a negative fee", fee(`{flat: "-1.00"}`), `fee.flat: is no amount of BBD: "-1.00"`},
		{"a fee with too many decimals", fee(`{flat: "1.001"}`), "fee.flat: is no amount of BBD"},
		{"a negative rate", fee(`{bps: -1}`), `fee.bps: is not between 0 and 10000: "-1"`},
		{"more than all", fee(`{bps: 10001}`), `fee.bps: is not between 0 and 10000: "10001"`},
		{"far more than all", fee(`{bps: 18446744073709551615}`), "fee.bps: is not a whole number"},
		{"half a basis point", fee(`{bps: 0.5}`), "fee.bps: is not a whole number"},
		{"a rate in quotes", fee(`{bps: "100"}`), "fee.bps: is not a whole number"},
		{"a negative minimum", fee(`{bps: 1, min: "-1.00"}`), "fee.min: is no amount of BBD"},
		{"a maximum under the minimum", fee(`{bps: 1, min: "2.00", max: "1.99"}`), "fee: max is zero or less than min"},
		{"a maximum of nothing", fee(`{bps: 1, max: "0.00"}`), "fee: max is zero or less than min"},
		{"a negative tax", with("tax_bps: 0", "tax_bps: -1"), "tax_bps: is not between 0 and 10000"},
		{"no tax", with("tax_bps: 0, ", ""), "tax_bps: is missing"},
		{"more commission than the amount", with("commission_bps: 0", "commission_bps: 10001"), "commission_bps: is not between"},
		{"no commission", with(", commission_bps: 0", ""), "commission_bps: is missing"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			book, err := tariffs.Parse(c.data)
			require.Nil(t, book)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestParseNamesEveryFaultAtOnce(t *testing.T) {
	_, err := tariffs.Parse([]byte(`
currency: XXX
owner: me
tariffs:
  - type: p2p
    versions:
      - {name: a, from: "soon", fee: {flat: "-1"}, tax_bps: -1, commission_bps: 0.5, colour: red}
  - type: loan
    versions: []
`))
	want := []string{
		"read tariffs: owner: is not a field here: there are currency, tariffs",
		`currency: is not known: "XXX"`,
		"tariffs[0].versions[0].colour: is not a field here: there are name, from, until, fee, tax_bps, commission_bps",
		`tariffs[0].versions[0].from: is not a time as 2026-01-01T00:00:00-04:00: "soon"`,
		`tariffs[0].versions[0].fee.flat: is no amount of USD: "-1"`,
		`tariffs[0].versions[0].tax_bps: is not between 0 and 10000: "-1"`,
		"tariffs[0].versions[0].commission_bps: is not a whole number",
		`tariffs[1].type: is none of cashin`,
		"tariffs[1].versions: is not a list of at least one",
	}
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, len(want))
	for i, line := range lines {
		require.True(t, strings.HasPrefix(line, want[i]), "fault %d is %q, want %q", i, line, want[i])
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(list(good))
	f.Add([]byte("currency: BBD\ntariffs: [{type: p2p, versions: [{}]}]"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		book, err := tariffs.Parse(data)
		if (book == nil) == (err == nil) {
			t.Errorf("Parse(%q) = %v, %v", data, book, err)
		}
	})
}
