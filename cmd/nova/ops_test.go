package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/channels/rest"
	"nova/configs"
	"nova/core/audit"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
	"nova/sql"
)

// withTOTP is a server that asks all staff for a second factor, as production does.
func withTOTP(c *configs.Config) { c.StaffWithoutTOTP = false }

// settled waits until what was recorded without a transaction is in the database, and seals it.
func settled(t *testing.T, s *server) {
	t.Helper()
	require.Eventually(t, func() bool { return s.audit.Waiting() == 0 }, time.Minute, time.Millisecond)
	_, err := audit.NewSealer(s.db, s.clock).Seal(t.Context())
	require.NoError(t, err)
}

// acts are events as "actor action policy outcome", for those who read the record.
func acts(found reply) []string {
	var list []string
	for _, row := range found.body["data"].([]any) {
		e := reply{body: row.(map[string]any)}
		words := e.text("actor") + " " + e.text("action") + " " + e.text("policy") + " " + e.text("outcome")
		list = append(list, strings.Join(strings.Fields(words), " "))
	}
	return list
}

// TestAForgottenPINFromTheDeskToTheRecord walks a reset over HTTP and a handset: whoever shows their ID gets one, money out
// waits, and the record tells who did what, by which policy.
func TestAForgottenPINFromTheDeskToTheRecord(t *testing.T) {
	w := newWorld(t, withTOTP)
	log := &lockedLog{}
	node, c := w.node(log)
	first := c.login("ops@nova.local", demoPassword, "")
	require.Equal(t, true, first.body["must_enrol_totp"])
	c.must(403, "GET", "/v1/ops/staff", first.text("access_token"), nil)
	admin := c.enrol("ops@nova.local", demoPassword)
	sue := c.newcomer(admin.token(), "sue@nova.local", "support")
	hers := sue.token()

	seen := c.must(200, "POST", "/v1/ops/customers/lookup", hers, fields{"phone_number": "246 250 1001"})
	require.Equal(t, true, seen.body["masked"])
	require.Equal(t, "Marcia B.", seen.text("name"))
	require.NotContains(t, fmt.Sprint(seen.body), "2501001")
	require.NotContains(t, fmt.Sprint(seen.body), "1985")
	marcia := seen.text("customer_id")
	reset := "/v1/ops/customers/" + marcia + "/pin/reset"
	wrong := c.must(403, "POST", reset, hers, fields{"birth_year": 1984, "id_last4": "0011"})
	require.Equal(t, "PIN_INVALID", wrong.text("errorCode"))
	require.Contains(t, w.Dial("12462501001", "*123#"), "1 Send money", "nothing is open yet")
	c.must(200, "POST", reset, hers, fields{"birth_year": 1985, "id_last4": "0011"})

	require.Contains(t, w.Dial("12462501001", "*123#"), "enter the year you were born")
	for _, key := range []string{"1985", "0011", "7406"} {
		w.Key(key)
	}
	require.Contains(t, w.Key("7406"), "END Your PIN is new.")
	require.Contains(t, w.Dial("12462501001", "*123*2*1#"), "END Your PIN is new. To keep your money safe")

	boss := c.enrol("compliance@nova.local", demoPassword)
	settled(t, w.server)
	settled(t, node)
	record := "/v1/ops/audit?object=" + marcia
	found := acts(c.must(200, "GET", record, boss.token(), nil))
	for _, want := range []string{
		sue.id + " ops_customer_lookup support-investigates done", sue.id + " customer.read done",
		sue.id + " ops_pin_reset support-investigates done", sue.id + " customer.id_check refused",
		sue.id + " customer.id_check done", sue.id + " pin.reset_open done", marcia + " pin.reset done",
	} {
		require.Contains(t, found, want)
	}
	decided := slices.DeleteFunc(slices.Clone(found), func(act string) bool { return !strings.Contains(act, " ops_customer_lookup ") })
	require.Len(t, decided, 1, "a decision about somebody is recorded once")
	settled(t, node)
	searches := c.must(200, "GET", "/v1/ops/audit?action=audit.search", boss.token(), nil)
	require.Contains(t, fmt.Sprint(searches.body), "object="+marcia, "a look into the record is in it")
	proof := c.must(200, "GET", "/v1/ops/audit/verify", boss.token(), nil)
	require.Equal(t, "sound", proof.text("status"), "%v", proof.body)
	require.Greater(t, proof.body["events"], float64(20)) //nolint:forbidigo // JSON's numbers

	w.clock.Advance(4 * time.Hour)
	require.NotContains(t, w.Dial("12462501001", "*123*2*1#"), "END Your PIN is new")
	settled(t, node)
	require.Empty(t, c.leaks(dumpText(t, w.server.db)))
	c.secrets["PIN"], c.secrets["number"] = `"7406`, "12462501001" // which customers have in clear
	require.Empty(t, c.leaks(log.String()))
	var rows []string
	require.NoError(t, w.server.db.Select(t.Context(), &rows, sql.Query{Name: "test.record", Text: `select audit_events::text from audit_events`}))
	require.Empty(t, c.leaks(strings.Join(rows, "\n")))
}

// TestWhoIsDisabledIsOutOnEveryNodeWithinASecond shows that a token dies with its owner's access, wherever it is shown.
func TestWhoIsDisabledIsOutOnEveryNodeWithinASecond(t *testing.T) {
	w := newWorld(t, withTOTP)
	_, c := w.node(&lockedLog{})
	_, other := w.node(&lockedLog{})
	admin := c.enrol("ops@nova.local", demoPassword)
	sue := c.newcomer(admin.token(), "sue@nova.local", "support")
	boss, hers := admin.token(), sue.token()
	lookup := func(c *desk) int {
		return c.call("POST", "/v1/ops/customers/lookup", hers, fields{"phone_number": "246 250 1001"}).status
	}
	require.Equal(t, 200, lookup(c))
	require.Equal(t, 200, lookup(other))

	refused := c.must(409, "PUT", "/v1/ops/staff/"+admin.id+"/roles", boss, fields{"roles": []string{"finance", "admin"}})
	require.Equal(t, "MAKER_CHECKER_VIOLATION", refused.text("errorCode"))
	for _, path := range []string{"/disable", "/totp/reset", "/password/reset"} {
		c.must(409, "POST", "/v1/ops/staff/"+admin.id+path, boss, nil)
	}
	c.must(200, "GET", "/v1/ops/staff/"+admin.id, boss, nil)

	c.must(204, "POST", "/v1/ops/staff/"+sue.id+"/disable", boss, nil)
	require.Equal(t, 401, lookup(c), "at once where it was done")
	w.clock.Advance(time.Second)
	require.Equal(t, 401, lookup(other), "and within a second elsewhere")
	require.Equal(t, 401, c.login(sue.email, sue.password, sue.code()).status)
	c.must(204, "POST", "/v1/ops/staff/"+sue.id+"/enable", boss, nil)
	hers = sue.token()
	require.Equal(t, 200, lookup(c))

	c.must(204, "PUT", "/v1/ops/staff/"+sue.id+"/roles", boss, fields{"roles": []string{"finance"}})
	require.Equal(t, 401, lookup(c), "what a token said is over")
	hers = sue.token()
	require.Equal(t, 403, lookup(c))
}

// TestWhoIsSuspendedIsOutAtOnce shows it for customers and for everybody who works for an agent.
func TestWhoIsSuspendedIsOutAtOnce(t *testing.T) {
	w := newWorld(t, withTOTP)
	_, c := w.node(&lockedLog{})
	admin := c.enrol("ops@nova.local", demoPassword)
	boss := admin.token()
	agent, err := w.server.agents.AgentByCode(t.Context(), "100011")
	require.NoError(t, err)
	path, why := "/v1/ops/agents/"+ofKind("agt", agent.ID), fields{"reason": "float is short"}
	require.Contains(t, w.Dial("12462500011", "*124#"), "1 Cash in")
	owner, err := w.server.agents.OperatorByMSISDN(t.Context(), numberOf(t, "12462500011"))
	require.NoError(t, err)
	till := w.signIn(t.Context(), identity.Operator, owner.Subject(), "2468")
	app := w.signIn(t.Context(), identity.Customer, w.customer("12462501001").Subject(), "1357")
	good := func(token string) bool {
		w.clock.Advance(time.Second)
		_, err := w.server.tokens.Verify(t.Context(), secret.New(token))
		require.True(t, err == nil || fault.Is(err, fault.Unauthorized), "%v", err)
		return err == nil
	}
	require.True(t, good(till))
	c.must(204, "POST", path+"/suspend", boss, why)
	require.False(t, good(till), "on another node, too")
	require.True(t, good(app))
	require.NotContains(t, w.Dial("12462500011", "*124#"), "1 Cash in")
	c.must(204, "POST", path+"/reinstate", boss, why)
	require.Contains(t, w.Dial("12462500011", "*124#"), "1 Cash in")

	marcia := c.must(200, "POST", "/v1/ops/customers/lookup", boss, fields{"phone_number": "+12462501001"}).text("customer_id")
	c.must(204, "POST", "/v1/ops/customers/"+marcia+"/suspend", boss, fields{"reason": "handset stolen"})
	require.False(t, good(app))
	require.NotContains(t, w.Dial("12462501001", "*123*1#"), "Enter the phone number")
	c.must(204, "POST", "/v1/ops/customers/"+marcia+"/reinstate", boss, fields{"reason": "has it back"})
	require.Contains(t, w.Dial("12462501001", "*123*1#"), "Enter the phone number")
	c.must(204, "POST", "/v1/ops/customers/"+marcia+"/ussd/block", boss, nil)
	require.NotContains(t, w.Dial("12462501001", "*123*1#"), "Enter the phone number")
	c.must(204, "POST", "/v1/ops/customers/"+marcia+"/ussd/unblock", boss, nil)
	c.must(204, "POST", "/v1/ops/customers/"+marcia+"/sim-swap", boss, fields{"swapped_at": w.clock.Now(), "source": "call"})
	require.Contains(t, w.Dial("12462501001", "*123*2*1#"), "END")
	held := c.must(403, "POST", "/v1/ops/customers/"+marcia+"/pin/reset", boss, fields{"birth_year": 1985, "id_last4": "0011"})
	require.Contains(t, fmt.Sprint(held.body), "sim_changed")
}

// TestAClientManagesOnlyThoseThatHoldNoMore walks the life of clients over HTTP.
func TestAClientManagesOnlyThoseThatHoldNoMore(t *testing.T) {
	w := newWorld(t, withTOTP)
	log := &lockedLog{}
	_, c := w.node(log)
	boss := c.enrol("ops@nova.local", demoPassword).token()
	token := func(id, key string) reply {
		return c.call("POST", "/v1/oauth/token", "", fields{"grant_type": "client_credentials", "client_id": id, "client_secret": key})
	}
	create := func(by, name string, scopes, purposes []string) reply {
		made := c.call("POST", "/v1/clients", by, fields{"name": name, "scopes": scopes, "purposes": purposes})
		if made.status == 201 {
			c.secrets["secret of "+name] = made.text("client_secret")
		}
		return made
	}
	keeper := create(boss, "keeper", []string{rest.ScopeClients, rest.ScopeWallets}, []string{"config.change", "customer.account.view"})
	require.Equal(t, 201, keeper.status)
	greater := create(boss, "greater", []string{rest.ScopeWallets, rest.ScopeCorePostings}, []string{"ledger.post"})
	require.Equal(t, 201, greater.status)
	require.Equal(t, 400, create(boss, "spy", []string{rest.ScopeAudit}, []string{"fraud.review"}).status, "no client has what is for staff")
	mine := token("keeper", keeper.text("client_secret")).text("access_token")
	lesser := create(mine, "lesser", []string{rest.ScopeWallets}, []string{"customer.account.view"})
	require.Equal(t, 201, lesser.status)
	require.Equal(t, 403, create(mine, "more", []string{rest.ScopeCorePostings}, []string{"customer.account.view"}).status)
	require.Equal(t, 403, create(mine, "more", []string{rest.ScopeWallets}, []string{"ledger.post"}).status)

	path := func(a reply) string { return "/v1/clients/" + a.text("client_id") }
	c.must(404, "POST", path(greater)+"/rotate", mine, nil)
	c.must(404, "DELETE", path(greater), mine, nil)
	c.must(404, "GET", path(greater), mine, nil)
	require.Equal(t, 200, token("greater", greater.text("client_secret")).status, "nothing changed")
	require.NotContains(t, fmt.Sprint(c.must(200, "GET", "/v1/clients", mine, nil).body), "greater")

	rotated := c.must(200, "POST", path(lesser)+"/rotate", mine, nil)
	c.secrets["new secret of lesser"] = rotated.text("client_secret")
	require.Equal(t, 200, token("lesser", rotated.text("client_secret")).status)
	require.Equal(t, 200, token("lesser", lesser.text("client_secret")).status, "the one before is good for a day")
	theirs := token("lesser", rotated.text("client_secret")).text("access_token")
	c.must(404, "GET", "/v1/wallets/wal_01j0000000e008000000001801/balance", theirs, nil)
	c.must(204, "DELETE", path(lesser), mine, nil)
	w.clock.Advance(time.Second)
	c.must(401, "GET", "/v1/wallets/wal_01j0000000e008000000001801/balance", theirs, nil)
	require.Equal(t, 401, token("lesser", rotated.text("client_secret")).status)
	c.must(404, "POST", path(lesser)+"/rotate", boss, nil)
	require.Empty(t, c.leaks(log.String()))
	require.NotEmpty(t, c.leaks(secret.New(rotated.text("client_secret")).Reveal()), "the search finds what there is")
}
