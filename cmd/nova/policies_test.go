package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/configs"
	"nova/core/agents"
	"nova/core/audit"
	"nova/core/clock"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/money"
	"nova/core/policy"
	"nova/menus"
)

// builtInPolicies are those that Nova ships.
func builtInPolicies(t *testing.T) *policy.Decider {
	t.Helper()
	files, err := configs.Default(configs.Development).Policies()
	require.NoError(t, err)
	d, err := policy.NewDecider(policy.Options{Files: files, Clock: clock.NewManual(noon), LargeAbove: money.Of(1, money.BBD)})
	require.NoError(t, err)
	return d
}

// errandsOf are the flows that a home leads to, by name.
func errandsOf(tables menus.Tables, home string) []menus.Flow {
	flow, _, _ := strings.Cut(home, "/")
	var found []menus.Flow
	for _, f := range tables.Flows {
		if f.Name == flow {
			found = append(found, f)
		}
	}
	for _, menu := range tables.Menus {
		if flow == "" && menu.Name == strings.TrimPrefix(home, "/") || flow != "" && menu.Name == flow {
			for _, option := range menu.Options {
				found = append(found, errandsOf(tables, option.To)...)
			}
		}
	}
	return found
}

// whoDials are those whom each home is for.
func whoDials() map[string][]policy.Caller {
	subject := func(kind identity.Kind) identity.Subject { return identity.Subject{Kind: kind, ID: ids.New(noon)} }
	customer, stranger := policy.BySIM(subject(identity.Customer)), policy.BySIM(identity.Subject{})
	var operators []policy.Caller
	for _, role := range []agents.Role{agents.Owner, agents.Manager, agents.Cashier} {
		operators = append(operators, policy.BySIM(subject(identity.Operator), string(role)))
	}
	return map[string][]policy.Caller{
		"/customer": {customer}, "register/language": {stranger}, "first_pin/birth_year": {customer}, "/agent": operators,
		"reset_pin/birth_year": {customer}, "issued_pin/old": {customer}, "issued_operator_pin/old": operators,
	}
}

// An errand without a purpose or without a policy would be nobody's.
func TestEveryErrandHasAPurposeAndAPolicyForWhoeverDialsIt(t *testing.T) {
	d, tables, who := builtInPolicies(t), menus.BuiltIn(), whoDials()
	reached := map[string]bool{}
	for root, homes := range tables.Homes {
		for _, home := range homes {
			require.NotEmpty(t, who[home], "who dials %s, which leads to %s?", root, home)
			for _, flow := range errandsOf(tables, home) {
				reached[flow.Name] = true
				require.True(t, flow.Purpose.Known(), "%s has the purpose %q", flow.Name, flow.Purpose)
				for _, caller := range who[home] {
					got := d.Decide(t.Context(), flow.Request(caller))
					require.NoError(t, got.Err(), "%s for %s %v", flow.Name, caller.Kind, caller.Roles)
				}
			}
		}
	}
	for _, flow := range tables.Flows {
		require.True(t, reached[flow.Name], "no home leads to %s", flow.Name)
	}
}

// What is another's errand is refused, whatever a session says.
func TestNobodyDoesAnothersErrand(t *testing.T) {
	d, tables, who := builtInPolicies(t), menus.BuiltIn(), whoDials()
	rows := []struct{ name, whose, errands string }{
		{"customers serve nobody", "/customer", "/agent"},
		{"strangers have no wallet", "register/language", "/customer"},
		{"strangers serve nobody", "register/language", "/agent"},
		{"strangers are no customers without a PIN", "register/language", "first_pin/birth_year"},
		{"operators have no wallet", "/agent", "/customer"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			for _, flow := range errandsOf(tables, row.errands) {
				for _, caller := range who[row.whose] {
					if flow.Purpose == policy.CustomerAccountView && caller.Kind == identity.Operator {
						continue // looking at what is theirs is allowed to operators, too
					}
					got := d.Decide(t.Context(), flow.Request(caller))
					require.False(t, got.Allowed, "%s by %s", flow.Name, got.Policy)
				}
			}
		})
	}
}

// own is a folder with policies of an operator's own, beside those that Nova ships.
func own(t *testing.T, text string) func(c *configs.Config) {
	t.Helper()
	dir := t.TempDir()
	files, err := configs.Default(configs.Development).Policies()
	require.NoError(t, err)
	require.NoError(t, os.CopyFS(dir, files))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "00-own.cedar"), []byte(text), 0o600))
	return func(c *configs.Config) { c.PoliciesDir = dir }
}

func TestAnErrandThatThePoliciesForbidEndsAtItsDoor(t *testing.T) {
	w := newWorld(t, own(t, `
		@id("no-sending") forbid (principal, action, resource) when { context.operation == "send_money" };
		@id("no-cash-in") forbid (principal is Operator in Role::"owner", action, resource) when { context.operation == "cash_in" };
		@id("no-newcomers") forbid (principal is Stranger, action, resource);`))
	w.Dial("12462501001", "*123#")
	require.Equal(t, "END You may not do this. Call 100.", w.Key("1"))
	w.Dial("12462501001", "*123#")
	require.Contains(t, w.Key("2"), "CON ", "other errands go on")
	w.Dial("12462500011", "*124#")
	require.Equal(t, "END You may not do this. Call 100.", w.Key("1"))
	require.Equal(t, "END You may not do this. Call 100.", w.Dial("12462509999", "*123#"))

	require.NoError(t, w.server.audit.Close(t.Context())) // writes what waits
	refused, _, err := audit.NewEvents(w.server.db).Search(t.Context(), audit.Query{})
	require.NoError(t, err)
	var got []string
	for _, e := range refused {
		if e.Outcome == audit.Refused {
			got = append(got, e.Actor[:3]+" "+e.Action+" "+e.Purpose+" "+e.Policy+" "+e.Channel)
			require.NotEmpty(t, e.Correlation, "the reference that the log has")
		}
	}
	require.ElementsMatch(t, []string{
		"cus send_money customer.transact no-sending ussd", "opr cash_in agent.transact no-cash-in ussd",
		"ano register customer.account.view no-newcomers ussd",
	}, got)
}

func TestPoliciesThatCannotBeReadStopTheStart(t *testing.T) {
	config := configs.Default(configs.Development)
	own(t, `@id("x") permit (principal, action == Action::"ledger.pour", resource);`)(&config)
	p := &parts{config: config, log: slog.New(slog.DiscardHandler), clock: clock.System{}}
	err := p.openPolicies(context.Background())
	require.ErrorContains(t, err, "00-own.cedar:1")
	require.ErrorContains(t, err, "ledger.pour")
}
