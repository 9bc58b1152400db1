package money_test

import (
	"encoding/json"
	"math"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/core/fault"
	"nova/core/money"
)

func TestParse(t *testing.T) {
	cases := []struct {
		name     string
		text     string
		currency money.Currency
		want     int64
	}{
		{"all decimals", "150.00", money.BBD, 15000},
		{"fewer decimals", "50.5", money.KES, 5050},
		{"no decimals", "50", money.BBD, 5000},
		{"less than one", "0.50", money.BBD, 50},
		{"nothing", "0", money.BBD, 0},
		{"nothing, with decimals", "0.00", money.BBD, 0},
		{"no decimals in a zero-exponent currency", "1500", money.XOF, 1500},
		{"three decimals", "1.234", money.TND, 1234},
		{"the most there is", "92233720368547758.07", money.BBD, math.MaxInt64},
		{"18 digits fit without decimals", "999999999999999999", money.XOF, 999999999999999999},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := money.Parse(c.text, c.currency)
			require.NoError(t, err)
			if got != money.Of(c.want, c.currency) {
				t.Errorf("Parse(%q, %s) = %d, want %d", c.text, c.currency, got.Minor, c.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	cases := []struct {
		name     string
		text     string
		currency money.Currency
	}{
		{"nothing", "", money.BBD},
		{"a leading zero", "050", money.BBD},
		{"two zeros", "00", money.BBD},
		{"a sign", "-1", money.BBD},
		{"a plus", "+1", money.BBD},
		{"an exponent", "1e3", money.BBD},
		{"a space", " 1", money.BBD},
		{"a space behind", "1 ", money.BBD},
		{"a comma", "1,000", money.BBD},
		{"a trailing dot", "50.", money.BBD},
		{"a leading dot", ".50", money.BBD},
		{"two dots", "1.2.3", money.BBD},
		{"a sign among the decimals", "1.-1", money.BBD},
		{"more decimals than the currency", "1.234", money.BBD},
		{"more decimals than the currency, though zeros", "1.000", money.BBD},
		{"decimals in a zero-exponent currency", "1500.0", money.XOF},
		{"a dot in a zero-exponent currency", "1500.", money.XOF},
		{"19 digits", "1000000000000000000", money.XOF},
		{"one cent beyond the most", "92233720368547758.08", money.BBD},
		{"18 digits do not fit with decimals", "999999999999999999", money.BBD},
		{"other digits", "١٢", money.BBD},
		{"not a number", "NaN", money.BBD},
		{"an unknown currency", "1.00", "XXX"},
		{"no currency", "1.00", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := money.Parse(c.text, c.currency)
			if !fault.Is(err, fault.ValidationError) || len(fault.From(err).Fields) != 1 {
				t.Errorf("Parse(%q, %q) = %v, %v, want a VALIDATION_ERROR on its field", c.text, c.currency, got, err)
			}
			require.Equal(t, money.Amount{}, got)
		})
	}
}

func TestParseReadsWhatStringWrites(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		currency := rapid.SampledFrom([]money.Currency{money.BBD, money.XOF, money.TND}).Draw(r, "currency")
		// 18 integer digits bound what can be read back without decimals.
		a := money.Of(rapid.Int64Range(0, 1e18-1).Draw(r, "minor"), currency)
		back, err := money.Parse(a.String(), currency)
		require.NoError(r, err)
		require.Equal(r, a, back)
	})
}

// gsma is the pattern of the GSMA Mobile Money API's Amount, without its bound on
// decimals, which is the currency's here.
var gsma = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})(\.[0-9]+)?$`)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"150.00", "0.5", "00.5", "1e3", "-1", "92233720368547758.07", "999999999999999999", "1.", ".1", "0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, currency := range []money.Currency{money.BBD, money.XOF, money.TND} {
			a, err := money.Parse(s, currency)
			if err != nil {
				continue
			}
			if !gsma.MatchString(s) || a.Minor < 0 {
				t.Errorf("Parse(%q, %s) = %d, but the grammar refuses it", s, currency, a.Minor)
			}
			if back, err := money.Parse(a.String(), currency); err != nil || back != a {
				t.Errorf("Parse(%q, %s) = %s, which reads as %v, %v", s, currency, a, back, err)
			}
		}
	})
}

func TestJSON(t *testing.T) {
	text, err := json.Marshal(money.Of(15000, money.BBD))
	require.NoError(t, err)
	require.Equal(t, `{"amount":"150.00","currency":"BBD"}`, string(text))

	var back money.Amount
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, money.Of(15000, money.BBD), back)
}

func TestJSONRefuses(t *testing.T) {
	cases := []struct{ name, text string }{
		{"a bare number", `150.00`},
		{"a bare text", `"150.00"`},
		{"a number as amount", `{"amount":150.00,"currency":"BBD"}`},
		{"an unknown field", `{"amount":"150.00","currency":"BBD","scale":2}`},
		{"a misspelt field", `{"amont":"150.00","currency":"BBD"}`},
		{"no currency", `{"amount":"150.00"}`},
		{"no amount", `{"currency":"BBD"}`},
		{"nothing", `{}`},
		{"null", `null`},
		{"a list", `[]`},
		{"below zero", `{"amount":"-1.00","currency":"BBD"}`},
		{"an exponent", `{"amount":"1e2","currency":"BBD"}`},
		{"too many decimals", `{"amount":"1.001","currency":"BBD"}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := money.Of(7, money.USD)
			err := json.Unmarshal([]byte(c.text), &got)
			if !fault.Is(err, fault.ValidationError) {
				t.Errorf("unmarshal %s = %v, %v, want a VALIDATION_ERROR", c.text, got, err)
			}
			require.Equal(t, money.Of(7, money.USD), got, "a failed read changes nothing")
		})
	}
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"amount":"150.00","currency":"BBD"}`, `{"amount":"1","currency":"XOF","x":1}`, `null`, `[]`, `{"amount":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a money.Amount
		if json.Unmarshal(data, &a) != nil {
			return
		}
		text, err := json.Marshal(a)
		require.NoError(t, err)
		var back money.Amount
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, a, back)
	})
}
