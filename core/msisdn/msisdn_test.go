package msisdn_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/core/fault"
	"nova/core/msisdn"
)

func network(t require.TestingT, raw string) msisdn.MSISDN {
	m, err := msisdn.FromNetwork(raw)
	require.NoError(t, err)
	return m
}

func TestNumbersFromANetworkAreKeptAsSent(t *testing.T) {
	cases := []struct{ name, raw, want string }{
		{"with a plus", "+12462501002", "12462501002"},
		{"without", "12462501002", "12462501002"},
		{"a plus that a form turned into a space", " 12462501002", "12462501002"},
		{"a number of no numbering plan", "99900000001", "99900000001"},
		{"leading zeros", "0072461", "0072461"},
		{"all zeros", "0000000", "0000000"},
		{"the shortest", "1234567", "1234567"},
		{"the longest", "999999999999999", "999999999999999"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := network(t, c.raw)
			if got := m.Digits(); got != c.want {
				t.Errorf("FromNetwork(%q).Digits() = %q, want %q", c.raw, got, c.want)
			}
			require.Equal(t, "+"+c.want, m.E164())
			require.False(t, m.IsZero())
		})
	}
}

func TestNumbersFromANetworkAreRefused(t *testing.T) {
	bad := []string{
		"", "+", " ", "MTN", "123456", "1234567890123456", "++12462501002", "+ 12462501002", "12462501002 ",
		"1246-250-1002", "tel:12462501002", "12462501002\n", "١٢٣٤٥٦٧٨", "+1246250100x",
	}
	for _, raw := range bad {
		_, err := msisdn.FromNetwork(raw)
		if !fault.Is(err, fault.ValidationError) || fault.From(err).Fields["msisdn"] == "" {
			t.Errorf("FromNetwork(%q) = %v, want a VALIDATION_ERROR on the field msisdn", raw, err)
		}
	}
}

func FuzzFromNetwork(f *testing.F) {
	for _, seed := range []string{"+12462501002", " 254722000111", "0000000", "MTN", "12462501002;x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		m, err := msisdn.FromNetwork(raw)
		if err != nil {
			if m != (msisdn.MSISDN{}) || len(raw) > 0 && strings.Contains(err.Error(), raw) && len(raw) > 6 {
				t.Errorf("FromNetwork(%q): %v", raw, err)
			}
			return
		}
		if strings.TrimLeft(raw, "+ ") != m.Digits() {
			t.Errorf("FromNetwork(%q).Digits() = %q", raw, m.Digits())
		}
	})
}

func TestTypedNumbers(t *testing.T) {
	cases := []struct{ name, typed, region, want string }{
		{"national", "2462501002", "BB", "12462501002"},
		{"local, without the area", "2501002", "BB", "12462501002"},
		{"with the country code", "12462501002", "BB", "12462501002"},
		{"international", "+12462501002", "BB", "12462501002"},
		{"international with 00", "0012462501002", "BB", "12462501002"},
		{"international with the region's own prefix", "01112462501002", "BB", "12462501002"},
		{"with punctuation", " (246) 250-1002 ", "BB", "12462501002"},
		{"with punctuation and a plus", "+1 246.250/1002", "BB", "12462501002"},
		{"a neighbour of the same numbering plan", "8686251234", "BB", "18686251234"},
		{"Kenya with its trunk zero", "0722000111", "KE", "254722000111"},
		{"Kenya without", "722000111", "KE", "254722000111"},
		{"Kenya with the country code and no plus", "254722000111", "KE", "254722000111"},
		{"Kenya from abroad, no plus", "254722000111", "BB", "254722000111"},
		{"Kenya from abroad", "+254 722 000111", "BB", "254722000111"},
		{"Cameroon, which has no trunk zero", "671234567", "CM", "237671234567"},
		{"Ivory Coast keeps its zero", "0707123456", "CI", "2250707123456"},
		{"a range newer than the table, at home", "2469991002", "BB", "12469991002"},
		{"Nigeria", "08031234567", "NG", "2348031234567"},
		{"no region at all, international", "+254722000111", "", "254722000111"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m, err := msisdn.Parse(c.typed, c.region)
			require.NoError(t, err)
			if got := m.Digits(); got != c.want {
				t.Errorf("Parse(%q, %s).Digits() = %q, want %q", c.typed, c.region, got, c.want)
			}
		})
	}
}

func TestTypedNumbersAreRefused(t *testing.T) {
	cases := []struct{ name, typed, region string }{
		{"nothing", "", "BB"},
		{"spaces", "   ", "BB"},
		{"an amount", "50", "BB"},
		{"a digit too few", "246250100", "BB"},
		{"a digit too many", "24625010022", "BB"},
		{"another country's local number", "0722000111", "BB"},
		{"letters", "246250CALL", "BB"},
		{"a vanity number", "1800FLOWERS", "BB"},
		{"an extension", "2462501002x12", "BB"},
		{"a URI", "tel:+12462501002", "BB"},
		{"a star", "246*2501002", "BB"},
		{"two pluses", "++12462501002", "BB"},
		{"a plus inside", "1246+2501002", "BB"},
		{"a country that is none", "+99912345678", "BB"},
		{"a country code alone", "+254", "KE"},
		{"too long to read", strings.Repeat("2", 41), "BB"},
		{"local without a region", "2462501002", ""},
		{"other digits", "٢٤٦٢٥٠١٠٠٢", "BB"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m, err := msisdn.Parse(c.typed, c.region)
			if !fault.Is(err, fault.ValidationError) {
				t.Errorf("Parse(%q, %s) = %q, %v, want a VALIDATION_ERROR", c.typed, c.region, m.Digits(), err)
			}
			require.True(t, m.IsZero())
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"2462501002", "+1 (246) 250-1002", "00254722000111", "0722000111", "+", "00", "1-1-1-1-1-1-1"} {
		f.Add(seed, "BB")
		f.Add(seed, "KE")
	}
	f.Fuzz(func(t *testing.T, typed, region string) {
		m, err := msisdn.Parse(typed, region)
		if err != nil {
			if len(typed) >= 7 && strings.Contains(err.Error(), typed) {
				t.Errorf("the error repeats what was typed: %v", err)
			}
			return
		}
		if again, err := msisdn.FromNetwork(m.E164()); err != nil || again != m {
			t.Errorf("Parse(%q, %q).Digits() = %q, which no network could send", typed, region, m.Digits())
		}
		if local := m.Local(region); len(local) > 15 {
			t.Errorf("Local(%q) = %q has more than 15 characters", region, local)
		}
	})
}

func TestLocalForm(t *testing.T) {
	cases := []struct{ name, digits, region, want string }{
		{"at home", "12462501002", "BB", "246 250 1002"},
		{"a neighbour of the same numbering plan", "18686251234", "BB", "868 625 1234"},
		{"from abroad", "254722000111", "BB", "+254 722000111"},
		{"at home in Kenya", "254722000111", "KE", "0722 000111"},
		{"at home in Ivory Coast", "2250707123456", "CI", "07 07 12 3456"},
		{"Barbados from Kenya", "12462501002", "KE", "+1 2462501002"},
		{"no region", "12462501002", "", "+1 2462501002"},
		{"abroad and long: no room for the space", "4915123456789", "BB", "+49 15123456789"},
		{"abroad and longer", "8613812345678", "BB", "+86 13812345678"},
		{"of no numbering plan", "99900000001", "BB", "+99900000001"},
		{"of no numbering plan, as long as can be", "999123456789012", "BB", "999123456789012"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := network(t, c.digits).Local(c.region)
			if got != c.want {
				t.Errorf("Local(%s) = %q, want %q", c.region, got, c.want)
			}
			require.LessOrEqual(t, len(got), 15)
		})
	}
}

// What a screen shows for a number must reach the same number when it is typed.
func TestLocalFormIsReadBack(t *testing.T) {
	plans := map[string]string{
		"BB": "1246[2-9][0-9]{6}", "KE": "2547[0-9]{8}", "GH": "23324[0-9]{7}", "NG": "234803[0-9]{7}",
		"CI": "22507[0-9]{8}", "UG": "25677[0-9]{7}", "SN": "22177[0-9]{7}", "TZ": "25575[0-9]{7}",
	}
	regions := []string{"BB", "KE", "GH", "NG", "CI", "UG", "SN", "TZ"}
	rapid.Check(t, func(r *rapid.T) {
		home := rapid.SampledFrom(regions).Draw(r, "home")
		caller := rapid.SampledFrom(regions).Draw(r, "caller")
		m := network(r, rapid.StringMatching(plans[home]).Draw(r, "digits"))
		local := m.Local(caller)
		back, err := msisdn.Parse(local, caller)
		require.NoError(r, err, "%s from %s is shown as %q", home, caller, local)
		require.Equal(r, m.Digits(), back.Digits())
		require.LessOrEqual(r, len(local), 15)
	})
}

func TestMasked(t *testing.T) {
	cases := []struct{ name, digits, want string }{
		{"Barbados", "12462501002", "+1246***1002"},
		{"Kenya", "254722000111", "+2547***0111"},
		{"the longest", "999888777666555", "+9998***6555"},
		{"short: less of the head", "123456789", "+12***6789"},
		{"the shortest: no head", "1234567", "+***4567"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := network(t, c.digits).Masked(); got != c.want {
				t.Errorf("Masked() = %q, want %q", got, c.want)
			}
		})
	}
}

func TestNoNumber(t *testing.T) {
	var none msisdn.MSISDN
	require.True(t, none.IsZero())
	for _, text := range []string{none.Digits(), none.E164(), none.Local("BB"), none.Masked(), none.String()} {
		require.Empty(t, text)
	}
}

// holder keeps a number where printers reach it without asking its methods.
type holder struct {
	Open   msisdn.MSISDN
	hidden msisdn.MSISDN
	Next   *holder
}

func TestNoPrinterShowsTheNumber(t *testing.T) {
	const digits = "12462501002"
	m := network(t, digits)
	nested := holder{Open: m, hidden: m, Next: &holder{hidden: m}}
	var shown []string
	for _, verb := range strings.Split("v +v #v s q d x X o b c e t p U 20s -20v 05d T", " ") {
		for _, value := range []any{m, &m, nested, &nested, []msisdn.MSISDN{m}, map[msisdn.MSISDN]msisdn.MSISDN{m: m}} {
			shown = append(shown, fmt.Sprintf("%"+verb, value))
		}
	}
	for _, value := range []any{m, nested, map[msisdn.MSISDN]msisdn.MSISDN{m: m}} {
		text, err := json.Marshal(value)
		require.NoError(t, err)
		shown = append(shown, string(text))
	}
	text, err := xml.Marshal(nested)
	require.NoError(t, err)
	shown = append(shown, string(text), m.String(), m.GoString(), fmt.Sprint(m), fmt.Sprintln(nested))

	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(handler).Info("hop", "caller", m, "nested", nested, "list", []msisdn.MSISDN{m})
	}
	shown = append(shown, log.String())

	for _, text := range shown {
		require.NotContains(t, text, digits)
		require.NotContains(t, text, digits[4:], "not even the subscriber's part")
	}
	require.Equal(t, "+1246***1002", fmt.Sprintf("%d", m))
}

// A failing test prints what it compared, into a log that others read.
func TestNoComparisonShowsTheNumber(t *testing.T) {
	m, other := network(t, "12462501002"), network(t, "12462501003")
	spy := &recorder{}
	require.Equal(spy, holder{hidden: m}, holder{hidden: other})
	spy.text += cmp.Diff(m, other)
	require.NotEmpty(t, spy.text)
	require.NotContains(t, spy.text, "2501002")
}

// recorder keeps what a failing assertion says.
type recorder struct{ text string }

func (r *recorder) Errorf(format string, args ...any) { r.text += fmt.Sprintf(format, args...) }
func (r *recorder) FailNow()                          {}

func TestTheDatabaseKeepsTheDigits(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		digits := rapid.StringMatching("[0-9]{7,15}").Draw(r, "digits")
		m := network(r, digits)
		value, err := m.Value()
		require.NoError(r, err)
		require.Equal(r, digits, value)

		var fromText, fromBytes msisdn.MSISDN
		require.NoError(r, fromText.Scan(value))
		require.NoError(r, fromBytes.Scan([]byte(digits)))
		require.True(r, fromText == m && fromBytes.Equal(m), "equal numbers are ==")
	})
}

func TestDifferentNumbersAreUnequal(t *testing.T) {
	require.NotEqual(t, network(t, "0001234567"), network(t, "1234567"))
	require.NotEqual(t, network(t, "0000000"), network(t, "00000000"))
}

func TestScanRefusesWhatIsNoNumber(t *testing.T) {
	m := network(t, "12462501002")
	for _, bad := range []any{"", "123", "+12462501002", int64(12462501002), 1.5} {
		err := m.Scan(bad)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "2501002")
	}
	require.Equal(t, "12462501002", m.Digits(), "a failed scan changes nothing")

	require.NoError(t, m.Scan(nil))
	require.True(t, m.IsZero())
	value, err := m.Value()
	require.NoError(t, err)
	require.Nil(t, value)
}

func BenchmarkFromNetwork(b *testing.B) {
	for b.Loop() {
		_, _ = msisdn.FromNetwork("+12462501002") // the error is the tests' matter
	}
}

func TestANumberStandsInATextByItsNationalPart(t *testing.T) {
	caller := network(t, "12462501002")
	rows := []struct {
		name, text string
		want       bool
	}{
		{"whole", "session-12462501002-7", true},
		{"without its country code", "s2501002", true},
		{"with a trunk zero", "02501002x", true},
		{"less than identifies anybody", "s501002", false},
		{"another number", "12462501003", false},
		{"nothing", "", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.want, caller.StandsIn(row.text), "StandsIn(%q)", row.text)
		})
	}
	require.False(t, msisdn.MSISDN{}.StandsIn("12462501002"), "no number")
}
