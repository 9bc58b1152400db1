package limits_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/limits"
	"nova/core/money"
	"nova/core/transactions"
)

const rules = `
currency: BBD
tiers:
  - { tier: 0, max_balance: "500.00" }
  - { tier: 3 }
rules:
  - name: out
    operations: [p2p, cashout]
    tiers:
      - tier: 0
        single: { min: "1.00", max: "200.00" }
        daily: { value: "300.00", count: 5 }
        monthly: { value: "1000.00" }
  - name: handset
    operations: [p2p]
    channels: [ussd]
    tiers:
      - { tier: 0, single: { max: "150.00" }, weekly: { count: 9 } }
`

func parse(t *testing.T, text string) *limits.Book {
	t.Helper()
	book, err := limits.Parse([]byte(text))
	require.NoError(t, err)
	return book
}

func bbd(minor int64) money.Amount { return money.Of(minor, money.BBD) }

func TestCheck(t *testing.T) {
	book := parse(t, rules)
	rows := []struct {
		name  string
		op    limits.Operation
		code  fault.Code
		field string
	}{
		{"the least", limits.Operation{Type: "cashout", Channel: "app", Amount: bbd(1_00)}, "", ""},
		{"a cent less", limits.Operation{Type: "cashout", Channel: "app", Amount: bbd(99)}, fault.LimitExceeded, "amount"},
		{"the most", limits.Operation{Type: "cashout", Channel: "app", Amount: bbd(200_00)}, "", ""},
		{"a cent more", limits.Operation{Type: "cashout", Channel: "app", Amount: bbd(200_01)}, fault.LimitExceeded, "amount"},
		{"the tighter of two rules", limits.Operation{Type: "p2p", Channel: "ussd", Amount: bbd(150_01)}, fault.LimitExceeded, "amount"},
		{"a rule of another channel does not count", limits.Operation{Type: "p2p", Channel: "app", Amount: bbd(150_01)}, "", ""},
		{"a tier that no rule names", limits.Operation{Type: "p2p", Channel: "app", Tier: 1, Amount: bbd(1_00)}, fault.LimitExceeded, "type"},
		{"an operation that no rule names", limits.Operation{Type: "cashin", Channel: "app", Amount: bbd(1_00)}, fault.LimitExceeded, "type"},
		{"another currency", limits.Operation{Type: "p2p", Channel: "app", Amount: money.Of(1_00, money.USD)}, fault.CurrencyMismatch, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			err := book.Check(row.op)
			if row.code == "" {
				require.NoError(t, err)
				return
			}
			require.True(t, fault.Is(err, row.code), "%v", err)
			if row.field != "" {
				require.Contains(t, fault.From(err).Fields, row.field)
			}
		})
	}
}

func TestCounters(t *testing.T) {
	book := parse(t, rules)
	who := ids.New(time.Unix(1, 0))
	got := book.Counters(limits.Operation{Type: transactions.P2P, Channel: transactions.USSD, Amount: bbd(50_00)}, who)
	require.Equal(t, []ledger.Count{
		{Subject: who, Rule: "out:value", Window: clock.Daily, Delta: 50_00, Cap: 300_00},
		{Subject: who, Rule: "out:count", Window: clock.Daily, Delta: 1, Cap: 5},
		{Subject: who, Rule: "out:value", Window: clock.Monthly, Delta: 50_00, Cap: 1000_00},
		{Subject: who, Rule: "handset:count", Window: clock.Weekly, Delta: 1, Cap: 9},
	}, got)
}

func TestCap(t *testing.T) {
	book, wallet := parse(t, rules), uuid.New()
	require.Equal(t, &ledger.Cap{Account: wallet, Max: 500_00}, book.Cap(0, wallet))
	require.Nil(t, book.Cap(3, wallet), "a tier that is listed without a bound")
	require.Equal(t, &ledger.Cap{Account: wallet, Max: 0}, book.Cap(2, wallet), "a tier that nobody listed holds nothing")
}

func TestParseNamesEveryFault(t *testing.T) {
	const line = "tiers: [{tier: 0}]\n"
	rule := func(text string) string { return "currency: BBD\n" + line + "rules: [{" + text + "}]" }
	granted := func(text string) string { return rule("name: a, operations: [p2p], tiers: [{tier: 0, " + text + "}]") }
	rows := []struct{ name, text, want string }{
		{"unknown currency", "currency: XXX\n" + line, `currency: is not known: "XXX"`},
		{"unknown field", "currency: BBD\nrule: []", "rule: is not a field here: there are currency, tiers, rules"},
		{"unknown operation", rule("name: a, operations: [p3p], tiers: [{tier: 0}]"), "rules[0].operations[0]: is none of cashin"},
		{"an operation that is a number", rule("name: a, operations: [1], tiers: [{tier: 0}]"), "rules[0].operations[0]: is not a word"},
		{"no operations", rule("name: a, operations: [], tiers: [{tier: 0}]"), "rules[0].operations: is not a list of at least one"},
		{"unknown channel", rule("name: a, operations: [p2p], channels: [fax], tiers: [{tier: 0}]"), `rules[0].channels[0]: is none of ussd`},
		{"a list of no channels", rule("name: a, operations: [p2p], channels: [], tiers: [{tier: 0}]"), "rules[0].channels: is not a list"},
		{"unknown tier", rule("name: a, operations: [p2p], tiers: [{tier: 4}]"), `rules[0].tiers[0].tier: is not between 0 and 3: "4"`},
		{"a tier twice", rule("name: a, operations: [p2p], tiers: [{tier: 0}, {tier: 0}]"), "rules[0].tiers[1].tier: is listed twice"},
		{"a tier without its balance's line", rule("name: a, operations: [p2p], tiers: [{tier: 1}]"), "rules[0].tiers[0].tier: has no line in tiers"},
		{"no name", rule("operations: [p2p], tiers: [{tier: 0}]"), "rules[0].name: is missing"},
		{"a name twice", rule("name: a, operations: [p2p], tiers: [{tier: 0}]}, {name: a, operations: [p2p], tiers: [{tier: 0}]"), `rules[1].name: is the name of another rule: "a"`},
		{"an amount with too many decimals", granted(`single: {max: "1.001"}`), "rules[0].tiers[0].single.max: is no amount of BBD"},
		{"an amount without quotes", granted(`single: {max: 1.00}`), "rules[0].tiers[0].single.max: is not text in quotes"},
		{"a bound of nothing", granted(`daily: {value: "0.00"}`), "rules[0].tiers[0].daily.value: is not above zero"},
		{"a minimum above the maximum", granted(`single: {min: "2", max: "1"}`), "rules[0].tiers[0].single: min is above max"},
		{"a count of nothing", granted(`monthly: {count: 0}`), "rules[0].tiers[0].monthly.count: is not between 1 and"},
		{"a negative count", granted(`weekly: {count: -1}`), "rules[0].tiers[0].weekly.count: is not between 1 and"},
		{"half a count", granted(`weekly: {count: 0.5}`), "rules[0].tiers[0].weekly.count: is not a whole number"},
		{"a window that is none", granted(`yearly: {count: 1}`), "rules[0].tiers[0].yearly: is not a field here"},
		{"no rules", "currency: BBD\n" + line, "rules: is missing"},
		{"no tiers", "currency: BBD\nrules: []", "tiers: is missing"},
		{"a tier's balance twice", "currency: BBD\ntiers: [{tier: 0}, {tier: 0, max_balance: \"1\"}]\nrules: []", "tiers[1].tier: is listed twice"},
		{"two documents", "currency: BBD\n---\nrules: []\n", "document: is followed by another"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			book, err := limits.Parse([]byte(row.text))
			require.Nil(t, book)
			require.ErrorContains(t, err, row.want)
		})
	}
}

func TestDemoData(t *testing.T) {
	data, err := os.ReadFile("../../configs/limits.yaml")
	require.NoError(t, err)
	book := parse(t, string(data))
	rows := []struct{ tier, balance, single, daily int64 }{
		{0, 500_00, 200_00, 300_00},
		{1, 1_000_00, 500_00, 1_000_00},
		{2, 5_000_00, 2_000_00, 5_000_00},
		{3, 20_000_00, 10_000_00, 20_000_00},
	}
	for _, row := range rows {
		d := book.Describe(int(row.tier), transactions.USSD)
		want := limits.Described{Single: bbd(row.single), Daily: bbd(row.daily), Weekly: bbd(0), Monthly: bbd(0)}
		require.Equal(t, limits.Description{MaxBalance: bbd(row.balance), Out: want, In: want}, d, "tier %d", row.tier)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(rules))
	f.Add([]byte("currency: BBD\nrules: []"))
	f.Fuzz(func(t *testing.T, data []byte) {
		book, err := limits.Parse(data)
		if (book == nil) == (err == nil) {
			t.Errorf("Parse(%q) = %v, %v", data, book, err)
		}
		if err != nil {
			return
		}
		// What was read can be asked anything.
		_ = book.Check(limits.Operation{Type: transactions.P2P, Amount: bbd(1)})
		_ = book.Describe(0, transactions.USSD)
	})
}
