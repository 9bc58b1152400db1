package policy_test

import (
	"context"
	"os"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/audit"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/policy"
	"nova/core/transactions"
)

// written is a folder of policies.
func written(files map[string]string) fstest.MapFS {
	folder := fstest.MapFS{}
	for name, text := range files {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return folder
}

func decider(files map[string]string) (*policy.Decider, error) {
	return policy.NewDecider(policy.Options{Files: written(files), Clock: clock.NewManual(noon)})
}

func TestABrokenPolicyStopsTheStart(t *testing.T) {
	const fine = `@id("fine") permit (principal is Staff, action == Action::"ledger.post", resource);`
	rows := []struct{ name, text, want string }{
		{"no policy at all", "// nothing", "there is no policy"},
		{"what is no policy", `permit (principal, action`, "a.cedar"},
		{"a purpose that there is not", `@id("x") permit (principal, action == Action::"ledger.pour", resource);`, "ledger.pour"},
		{"a kind of caller that there is not", `@id("x") permit (principal is Robot, action, resource);`, "Robot"},
		{"a kind of object that there is not", `@id("x") permit (principal, action, resource is Wallte);`, "Wallte"},
		{"an attribute that there is not", `@id("x") permit (principal, action, resource) when { context.amont > 5 };`, "amont"},
		{"an object's attribute on the caller", `@id("x") permit (principal, action, resource) when { principal.owner == "a" };`, "owner"},
		{"a comparison of two types", `@id("x") permit (principal, action, resource) when { context.minor == "5" };`, `policy "x"`},
		{"a condition that is no condition", `@id("x") permit (principal, action, resource) when { context.channel };`, `policy "x"`},
		{"no id", `permit (principal, action, resource);`, "has no @id"},
		{"an id twice", fine + fine, "its id is another policy's"},
		{"an annotation that means nothing", `@id("x") @advice("none") permit (principal, action, resource);`, `@advice("none")`},
		{"a code on a permit", `@id("x") @code("FORBIDDEN") permit (principal, action, resource);`, `@code("FORBIDDEN")`},
		{"a code that is no refusal", `@id("x") @code("INSUFFICIENT_FUNDS") forbid (principal, action, resource);`, "INSUFFICIENT_FUNDS"},
		{"a mask on a forbid", `@id("x") @mask("personal") forbid (principal, action, resource);`, `@mask("personal")`},
		{"a mask of nothing", `@id("x") @mask("some") permit (principal, action, resource);`, `@mask("some")`},
		{"a record now and then", `@id("x") @audit("sometimes") permit (principal, action, resource);`, `@audit("sometimes")`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := decider(map[string]string{"a.cedar": row.text})
			require.ErrorContains(t, err, row.want)
		})
	}
	_, err := decider(map[string]string{"a.cedar": fine})
	require.NoError(t, err)
}

func TestAllThatIsBrokenIsToldAtOnce(t *testing.T) {
	_, err := decider(map[string]string{
		"1.cedar":   `permit (principal`,
		"2.cedar":   "@id(\"a\") permit (principal, action == Action::\"ledger.pour\", resource);\n" + `@code("NONE") forbid (principal, action, resource);`,
		"3.cedar":   `@id("a") permit (principal, action, resource) when { context.amont > 5 };`,
		"notes.txt": "not a policy",
	})
	for _, want := range []string{"1.cedar", "2.cedar:1", "ledger.pour", "2.cedar:2", "has no @id", `@code("NONE")`, "3.cedar:1", "amont", "another policy's"} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "notes.txt")
}

// Cedar passes over a policy that cannot be computed; a forbid must not be got rid of by a number that is too large.
func TestAPolicyThatFailsForbids(t *testing.T) {
	d, err := decider(map[string]string{"a.cedar": `
		@id("everybody") permit (principal, action, resource);
		@id("not-much") forbid (principal, action, resource) when { context.minor * 1000000 > 5 };`})
	require.NoError(t, err)
	r := policy.Request{Caller: callers()["Marcia"], Purpose: policy.CustomerTransact}
	require.True(t, d.Decide(t.Context(), r).Allowed)
	r.Context.Amount.Minor = 1 << 62
	got := d.Decide(t.Context(), r)
	require.False(t, got.Allowed)
	require.Equal(t, policy.Broken+"not-much", got.Policy)
	require.True(t, fault.Is(got.Err(), fault.InternalServerError), "%v", got.Err())
}

func TestOfSeveralPoliciesTheFirstIsNamed(t *testing.T) {
	d, err := decider(map[string]string{
		"2.cedar": `@id("a") permit (principal, action, resource); @id("no") forbid (principal, action, resource) when { context.reads };`,
		"1.cedar": `@id("b") permit (principal, action, resource); @id("never") forbid (principal, action, resource) when { context.reads };`,
		"0.cedar": `@id("ask") @code("MFA_REQUIRED") forbid (principal, action, resource) when { context.reads };`,
	})
	require.NoError(t, err)
	for range 20 {
		r := policy.Request{Caller: callers()["Marcia"], Purpose: policy.CustomerTransact}
		require.Equal(t, "b", d.Decide(t.Context(), r).Policy)
		r.Context.Reads = true
		got := d.Decide(t.Context(), r)
		require.Equal(t, "never", got.Policy)
		require.False(t, got.StepUp, "who may not do it is not asked for a second factor")
	}
}

// notebook is a recorder.
type notebook []audit.Event

func (n *notebook) Record(_ context.Context, events ...audit.Event) { *n = append(*n, events...) }

func TestADecisionIsAnEvent(t *testing.T) {
	var kept notebook
	d, err := policy.NewDecider(policy.Options{Files: os.DirFS(policiesDir), Clock: clock.NewManual(noon), Record: &kept})
	require.NoError(t, err)
	who, what := ids.New(noon), ids.New(noon)
	r := policy.Request{
		Caller:  policy.Caller{Subject: identity.Subject{Kind: identity.Staff, ID: who}, Roles: []string{"support"}, AAL: 2},
		Purpose: policy.SupportInvestigate, Action: "customer_search",
		Resource: policy.Resource{Kind: policy.Person, ID: what},
		Context:  policy.Context{Channel: transactions.Console, Reads: true}, Correlation: "ref-1",
	}
	want := audit.Event{
		Actor: ids.Format(ids.Staff, who), Action: "customer_search", Object: ids.Format(ids.Customer, what), Outcome: audit.Done,
		Purpose: "support.investigate", Policy: "support-investigates", Channel: "console",
		Correlation: "ref-1",
	}
	require.True(t, d.Decide(t.Context(), r).Allowed)
	require.Equal(t, notebook{want}, kept)
	r.Caller = policy.BySIM(identity.Subject{})
	want.Actor, want.Outcome, want.Policy = audit.Anonymous, audit.Refused, policy.ByDefault
	want.Detail = map[string]string{audit.DetailCode: "NOT_FOUND"}
	require.False(t, d.Decide(t.Context(), r).Allowed)
	require.Equal(t, want, kept[1])
	d.Decide(t.Context(), policy.Request{Caller: callers()["Marcia"], Purpose: policy.CustomerAccountView, Action: "balance"})
	require.Len(t, kept, 2, "what people do with their own money every day is no privileged act")
	r.Resource = policy.Resource{Kind: policy.Case, ID: what}
	require.Equal(t, what.String(), r.Resource.String())
	require.Empty(t, policy.Resource{}.String())
}

// The purposes that a token may be granted follow from the policies.
func TestPurposesOfEveryKindOfCaller(t *testing.T) {
	d, who := builtIn(t), callers()
	rows := []struct {
		who  string
		want []policy.Purpose
	}{
		{"Marcia", []policy.Purpose{policy.CustomerTransact, policy.CustomerAccountView, policy.CustomerBeneficiary}},
		{"a stranger", nil},
		{"Oistins' owner", []policy.Purpose{policy.CustomerAccountView, policy.AgentTransact, policy.AgentFloat, policy.ComplianceKYC}},
		{"Oistins' cashier", []policy.Purpose{policy.CustomerAccountView, policy.AgentTransact, policy.AgentFloat, policy.ComplianceKYC}},
		{"Oistins' viewer", []policy.Purpose{policy.CustomerAccountView, policy.AgentTransact, policy.AgentFloat}},
		{"Acme", policy.Purposes()},
		{"support", []policy.Purpose{policy.SupportInvestigate}},
		{"operations", []policy.Purpose{policy.SupportInvestigate, policy.OperationsReverse, policy.ConfigChange, policy.AnalyticsAggregate}},
		{"compliance", []policy.Purpose{policy.SupportInvestigate, policy.FraudReview, policy.ComplianceKYC, policy.AnalyticsAggregate}},
		{"finance", []policy.Purpose{policy.AgentFloat, policy.OperationsReverse, policy.FinanceSettle, policy.LedgerPost, policy.ConfigChange, policy.AnalyticsAggregate}},
		{"admin", []policy.Purpose{policy.ConfigChange, policy.AnalyticsAggregate}},
		{"staff without a role", nil},
	}
	for _, row := range rows {
		t.Run(row.who, func(t *testing.T) {
			caller := who[row.who]
			caller.Purposes, caller.Scopes = nil, nil
			require.Equal(t, row.want, d.Purposes(caller))
		})
	}
}

// A policy that speaks of what a request does not have would fail, and so would everybody's requests.
func TestRequestsHaveAllThatTheSchemaPromises(t *testing.T) {
	for _, l := range lines(t) {
		if l.Purpose.Known() {
			require.NoError(t, policy.CheckRequest(l.Request), l.text)
		}
	}
}

// slowest is what the slowest of a hundred decisions may take; a request has more to do.
const slowest = 5 * time.Millisecond

func TestADecisionTakesNoTime(t *testing.T) {
	d, all := builtIn(t), lines(t)
	p50, p99 := quantiles(t.Context(), d, all, 5_000)
	require.Less(t, p99, slowest)
	t.Logf("p50 %s, p99 %s", p50, p99)
}

func quantiles(ctx context.Context, d *policy.Decider, all []line, n int) (p50, p99 time.Duration) {
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		d.Decide(ctx, all[i%len(all)].Request)
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[n/2], took[n*99/100]
}

func BenchmarkDecide(b *testing.B) {
	d := builtIn(b)
	all := lines(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Decide(b.Context(), all[i%len(all)].Request)
	}
	p50, p99 := quantiles(b.Context(), d, all, 20_000)
	b.ReportMetric(float64(p50.Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(p99.Nanoseconds()), "p99-ns")
}
