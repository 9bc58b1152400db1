package policy_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/identity"
	"nova/core/money"
	"nova/core/policy"
	"nova/core/transactions"
)

const policiesDir = "../../configs/policies"

var noon = time.Date(2026, time.November, 21, 16, 0, 0, 0, time.UTC)

func builtIn(t testing.TB) *policy.Decider {
	t.Helper()
	d, err := policy.NewDecider(policy.Options{
		Files: os.DirFS(policiesDir), Clock: clock.NewManual(noon), LargeAbove: money.Of(500_00, money.BBD),
	})
	require.NoError(t, err)
	return d
}

// named is an id that goes by a name.
func named(name string) uuid.UUID { return uuid.NewSHA1(uuid.Nil, []byte(name)) }

// every purpose and the one scope of the table, as tokens grant them.
var everyPurpose = func() (all []string) {
	for _, p := range policy.Purposes() {
		all = append(all, string(p))
	}
	return append(all, "customer.look", "ledger.pour") // a token may say what it likes
}()

const scope = "scope"

// token is a caller with a token that grants everything.
func token(kind identity.Kind, name string, aal int, roles ...string) policy.Caller {
	return policy.Caller{
		Subject: identity.Subject{Kind: kind, ID: named(name)}, Roles: roles, Token: true, Purposes: everyPurpose,
		Scopes: []string{scope}, AAL: aal,
	}
}

func operator(agent, role string) policy.Caller {
	c := token(identity.Operator, agent+"' "+role, 1, role)
	c.Agent, c.Outlet = named(agent), named("outlet of "+agent)
	return c
}

// callers are those of the table.
func callers() map[string]policy.Caller {
	all := map[string]policy.Caller{
		"Marcia":                 policy.BySIM(identity.Subject{Kind: identity.Customer, ID: named("Marcia")}),
		"a stranger":             policy.BySIM(identity.Subject{}),
		"Marcia's app":           token(identity.Customer, "Marcia", 1),
		"Acme":                   token(identity.Client, "Acme", 1),
		"an operator of nobody":  token(identity.Operator, "nobody", 1, "owner"),
		"support and compliance": token(identity.Staff, "both", 2, "support", "compliance"),
		"staff without a role":   token(identity.Staff, "none", 2),
	}
	for _, role := range []string{"support", "operations", "compliance", "finance", "admin"} {
		all[role] = token(identity.Staff, role, 2, role)
	}
	for _, role := range []string{"owner", "manager", "cashier", "viewer"} {
		all["Oistins' "+role] = operator("Oistins", role)
		all["Bridgetown's "+role] = operator("Bridgetown", role)
	}
	return all
}

// under is something of an agent's, most of which stand under Bridgetown.
func under(kind policy.Kind, agent string) policy.Resource {
	r := policy.Resource{Kind: kind, ID: named(agent + "'s"), Agent: named(agent), Outlet: named("outlet of " + agent)}
	if agent != "Bridgetown" {
		r.Above = []uuid.UUID{named("Bridgetown")}
	}
	return r
}

// elsewhere is something of another outlet of Oistins'.
func elsewhere(kind policy.Kind) policy.Resource {
	r := under(kind, "Oistins")
	r.Outlet = named("another outlet")
	return r
}

func owned(kind policy.Kind, owner string) policy.Resource {
	return policy.Resource{Kind: kind, ID: named(owner + "'s"), Owner: named(owner)}
}

// resources are those of the table.
func resources(who map[string]policy.Caller) map[string]policy.Resource {
	asked := under(policy.Approval, "Oistins")
	asked.Maker = who["Oistins' owner"].ID
	granted := owned(policy.Account, "Bajan")
	granted.Granted = true
	registered := under(policy.Person, "Oistins")
	registered.Owner = named("somebody")
	return map[string]policy.Resource{
		"the door":                               {},
		"Marcia":                                 owned(policy.Person, "Marcia"),
		"Andre":                                  owned(policy.Person, "Andre"),
		"a customer of Oistins":                  registered,
		"Marcia's wallet":                        owned(policy.Wallet, "Marcia"),
		"Andre's wallet":                         owned(policy.Wallet, "Andre"),
		"Andre's device":                         owned(policy.Device, "Andre"),
		"Marcia's case":                          owned(policy.Case, "Marcia"),
		"Marcia's transaction":                   owned(policy.Transaction, "Marcia"),
		"Oistins' transaction":                   under(policy.Transaction, "Oistins"),
		"Holetown's transaction":                 under(policy.Transaction, "Holetown"),
		"Oistins' float":                         under(policy.Wallet, "Oistins"),
		"Holetown's float":                       under(policy.Wallet, "Holetown"),
		"Bridgetown's float":                     under(policy.Wallet, "Bridgetown"),
		"Acme's account":                         owned(policy.Account, "Acme"),
		"Bajan's account":                        owned(policy.Account, "Bajan"),
		"an account granted to Acme":             granted,
		"what Oistins' owner asks":               asked,
		"what operations asks":                   {Kind: policy.Approval, ID: named("approval"), Maker: named("operations")},
		"what Marcia asks":                       {Kind: policy.Approval, ID: named("approval"), Owner: named("Marcia"), Maker: named("Marcia")},
		"a transaction at Oistins' other outlet": elsewhere(policy.Transaction),
		"a case of Oistins' other outlet":        elsewhere(policy.Case),
		"the float of Oistins' other outlet":     elsewhere(policy.Wallet),
		"a clerk":                                {Kind: policy.Member, ID: named("support"), Owner: named("support")},
		"the admin":                              {Kind: policy.Member, ID: named("admin"), Owner: named("admin")},
		"a lesser client":                        {Kind: policy.Member, ID: named("lesser"), Granted: true},
		"another client":                         {Kind: policy.Member, ID: named("other")},
		"what Acme asks":                         {Kind: policy.Approval, ID: named("approval"), Maker: named("Acme")},
	}
}

// how reads the words of a line's fifth column into a request.
func how(t testing.TB, words string, r *policy.Request) {
	t.Helper()
	r.Context.Scope = scope
	for _, word := range strings.Split(words, ", ") {
		first, rest, _ := strings.Cut(word, " ")
		var ago time.Duration
		if hours, found := strings.CutSuffix(rest, "h ago"); found {
			_, number, _ := strings.Cut(hours, " ")
			var err error
			ago, err = time.ParseDuration(number + "h")
			require.NoError(t, err)
		}
		switch first {
		case "money", "asks":
			rest = strings.TrimPrefix(rest, "about ")
			number, currency, other := strings.Cut(rest, " ")
			if !other {
				currency = string(money.BBD)
			}
			amount, err := money.Parse(number, money.Currency(currency))
			require.NoError(t, err)
			r.Context.Money, r.Context.Amount = first == "money", amount
		case "SIM":
			r.Context.SIMSwappedAt = noon.Add(-ago)
		case "PIN":
			r.Context.PINResetAt = noon.Add(-ago)
		default:
			plainly(t, word, r)
		}
	}
}

func plainly(t testing.TB, word string, r *policy.Request) {
	t.Helper()
	switch c := &r.Context; word {
	case "ussd", "app", "agent_app", "api", "console":
		c.Channel = transactions.Channel(word)
	case "reads":
		c.Reads = true
	case "decides":
		c.Decides = true
	case "pin":
		c.PIN = true
	case "unbound", "new", "bound":
		c.Device = policy.DeviceState(word)
	case "stepped up":
		r.Caller.AAL = 2
	case "one factor":
		r.Caller.AAL = 1
	case "token without purpose":
		r.Caller.Purposes = slices.DeleteFunc(slices.Clone(everyPurpose), func(p string) bool { return p == string(r.Purpose) })
	case "token without scope":
		r.Caller.Scopes = []string{"another"}
	default:
		t.Fatalf("the table knows no %q", word)
	}
}

// answer is a decision in the table's words.
func answer(d policy.Decision) string {
	if !d.Allowed {
		return fmt.Sprintf("%s: %s", d.Code, d.Policy)
	}
	words := "allowed"
	if d.Mask {
		words += ", masked"
	}
	if d.Audit {
		words += ", recorded"
	}
	return words + ": " + d.Policy
}

// line is one of the table's, as a request and the answer that it wants.
type line struct {
	text, want string
	policy.Request
}

func lines(t testing.TB) []line {
	t.Helper()
	text, err := os.ReadFile("testdata/decisions.txt")
	require.NoError(t, err)
	who := callers()
	what := resources(who)
	var all []line
	for row := range strings.Lines(string(text)) {
		row = strings.TrimSpace(row)
		if row == "" || strings.HasPrefix(row, "#") {
			continue
		}
		cells := strings.Split(row, "|")
		require.Len(t, cells, 6, row)
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		caller, known := who[cells[0]]
		require.True(t, known, "the table knows nobody called %q", cells[0])
		resource, known := what[cells[3]]
		require.True(t, known, "the table knows no %q", cells[3])
		l := line{text: row, want: cells[5], Request: policy.Request{
			Caller: caller, Purpose: policy.Purpose(cells[1]), Action: cells[2], Resource: resource,
		}}
		how(t, cells[4], &l.Request)
		all = append(all, l)
	}
	return all
}

func TestWhoMayDoWhat(t *testing.T) {
	d := builtIn(t)
	for _, l := range lines(t) {
		got := d.Decide(t.Context(), l.Request)
		if answer(got) != l.want {
			t.Errorf("%s\n\tgot %s", l.text, answer(got))
		}
		require.Equal(t, strings.HasPrefix(l.want, "MFA_REQUIRED"), got.StepUp, l.text)
		require.True(t, got.Allowed || got.Audit, "every refusal is recorded")
		require.Equal(t, got.Allowed, got.Err() == nil)
	}
}

var policyID = regexp.MustCompile(`@id\("([^"]+)"\)`)

// A policy that no line of the table needs is one that nobody has thought through; a purpose that is permitted to nobody is a
// route that nobody can call.
func TestTheTableNeedsEveryPolicyAndAllowsEveryPurpose(t *testing.T) {
	decide, allowed := map[string]bool{}, map[policy.Purpose]bool{}
	for _, l := range lines(t) {
		words, id, _ := strings.Cut(l.want, ": ")
		decide[id] = true
		allowed[l.Purpose] = allowed[l.Purpose] || strings.HasPrefix(words, "allowed")
	}
	files, err := os.ReadDir(policiesDir)
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(policiesDir + "/" + file.Name())
		require.NoError(t, err)
		for _, id := range policyID.FindAllStringSubmatch(string(text), -1) {
			require.True(t, decide[id[1]], "no line of the table is decided by %s", id[1])
		}
	}
	for _, p := range policy.Purposes() {
		require.True(t, allowed[p], "no line of the table allows %s", p)
	}
}
