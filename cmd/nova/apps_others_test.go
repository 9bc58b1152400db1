package main

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/configs"
	"nova/core/secret"
	"nova/sessions/redistest"
	"nova/sql"
)

// ownedByMarcia are ids that are Marcia's, by the name of their parameter; the rest are of other systems and of staff.
func ownedByMarcia(txn, wallet, device, session, customer string) map[string]string {
	const other = "01kat5m7q8e2r9v4c6x0z3n1bw"
	return map[string]string{
		"txn_id": txn, "wallet_id": wallet, "device_id": device, "session_id": session, "customer_id": customer,
		"account_id": "acc_" + other, "client_id": "cli_" + other, "hold_id": "hld_" + other, "posting_id": "pst_" + other,
		"approval_id": "apv_" + other, "staff_id": "stf_" + other, "id": "agt_" + other,
	}
}

var parameter = regexp.MustCompile(`:[a-z_]+`)

// TestNothingOfSomebodyElsesIsFound asks every route that names an object for Marcia's, with the tokens of others.
func TestNothingOfSomebodyElsesIsFound(t *testing.T) {
	s := newSite(t)
	marcia := s.customer(marciasNumber, "1357").ready()
	sent := marcia.signed("/v1/txns/p2p", sendBody("+12462501003", "10.00"))
	require.Equal(t, http.StatusCreated, sent.Status, sent.Body)
	me := s.do(call{method: "GET", path: "/v1/customer/me", token: marcia.token})
	list := s.do(call{method: "GET", path: "/v1/customer/auth/sessions", token: marcia.token})
	sessions, ok := list.Body["data"].([]any)
	require.True(t, ok)
	session, ok := sessions[0].(map[string]any)["session_id"].(string)
	require.True(t, ok)
	owned := ownedByMarcia(sent.text("txn_id"), me.text("wallet_id"), marcia.device, session, me.text("customer_id"))

	andre, clerk := s.customer(andresNumber, "1358").ready(), s.operator("100011", oistinsNumber, "2468").ready()
	for _, p := range []*appUser{marcia, andre} {
		require.Equal(t, http.StatusOK, p.renew().Status)
	}
	asked := 0
	for route := range s.server.app.Routes() {
		method, pattern, _ := strings.Cut(route, " ")
		names := parameter.FindAllString(pattern, -1)
		if len(names) == 0 || !strings.HasPrefix(pattern, "/v1/") {
			continue
		}
		path := parameter.ReplaceAllStringFunc(pattern, func(name string) string {
			id, known := owned[name[1:]]
			require.True(t, known, "%s: whose may %s be?", route, name)
			return id
		})
		for _, p := range []*appUser{andre, clerk} {
			asked++
			got := s.do(call{method: method, path: path, token: p.token})
			require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, got.Status, "%s: %v", route, got.Body)
			require.NotContains(t, got.Body, "data", route)
		}
	}
	require.Greater(t, asked, 20)
	for _, path := range []string{"/v1/txns/" + owned["txn_id"], "/v1/wallets/" + owned["wallet_id"] + "/balance", "/v1/wallets/" + owned["wallet_id"] + "/transactions"} {
		require.Equal(t, http.StatusOK, s.do(call{method: "GET", path: path, token: marcia.token}).Status, path)
		require.Equal(t, http.StatusNotFound, s.do(call{method: "GET", path: path, token: andre.token}).Status, path)
	}
	shanice := s.customer("+12462501003", "1359")
	require.Equal(t, http.StatusOK, shanice.signIn().Status)
	require.Equal(t, http.StatusOK, s.do(call{method: "GET", path: "/v1/txns/" + owned["txn_id"], token: shanice.token}).Status, "both have a part in it")
}

// TestAnOperatorSeesTheOwnFloatAndWhatTheOutletDid shows what operators find, and their super-agent.
func TestAnOperatorSeesTheOwnFloatAndWhatTheOutletDid(t *testing.T) {
	s := newSite(t)
	clerk := s.operator("100011", oistinsNumber, "2468").ready()
	taken := clerk.signed("/v1/txns/cashin", `{"customer":{"msisdn":"`+marciasNumber+`"},"amount":{"amount":"40.00","currency":"BBD"}}`)
	require.Equal(t, http.StatusCreated, taken.Status, taken.Body)
	from, ok := taken.Body["from"].(map[string]any)
	require.True(t, ok)
	float, ok := from["wallet_id"].(string)
	require.True(t, ok)
	above, other := s.operator("100001", "+12462500001", "2580"), s.operator("100012", "+12462500012", "2469")
	for _, row := range []struct {
		who  *appUser
		want int
	}{{clerk, http.StatusOK}, {above, http.StatusOK}, {other, http.StatusNotFound}} {
		require.Equal(t, http.StatusOK, row.who.signIn().Status)
		for _, path := range []string{"/v1/wallets/" + float + "/balance", "/v1/txns/" + taken.text("txn_id")} {
			got := s.do(call{method: "GET", path: path, token: row.who.token})
			if row.who == above && strings.HasPrefix(path, "/v1/txns/") && got.Status == http.StatusOK {
				continue
			}
			require.Equal(t, row.want, got.Status, "%s %s: %v", row.who.number, path, got.Body)
		}
	}
}

// TestNoSecretOfAnAppStandsAnywhere takes each secret through its door, right and wrong, and searches all that is kept.
func TestNoSecretOfAnAppStandsAnywhere(t *testing.T) {
	redis := redistest.Start(t)
	s := newSite(t, func(c *configs.Config) { c.RedisURL = secret.New(redis.URL()) })
	p := s.customer(marciasNumber, "1357").ready()
	canaries := []string{p.token, p.refresh}
	asked := p.post("/auth/otp/request", `{"purpose":"pin_reset","msisdn":"`+marciasNumber+`"}`)
	require.Equal(t, http.StatusAccepted, asked.Status, asked.Body)
	verified := p.post("/auth/otp/verify", `{"otp_session_id":"`+asked.text("otp_session_id")+`","code":"`+asked.text("otp")+`"}`)
	canaries = append(canaries, verified.text("otp_token"))
	require.NotEmpty(t, verified.text("otp_token"))
	wrongPIN, wrongOTP, guessed := "864209", "975310", "a-guessed-refresh-token"
	wrong := s.customer("+12462507777", wrongPIN)
	require.Equal(t, "INVALID_CREDENTIALS", wrong.signIn().code())
	require.Equal(t, "UNAUTHORIZED", p.post("/auth/refresh", `{"refresh_token":"`+guessed+`"}`).code())
	p.post("/auth/otp/verify", `{"otp_session_id":"`+asked.text("otp_session_id")+`","code":"`+wrongOTP+`"}`)
	paid := strings.Replace(sendBody(andresNumber, "5.00"), "{", `{"pin":"`+wrongPIN+`",`, 1)
	require.Equal(t, "PIN_INVALID", p.signed("/v1/txns/p2p", paid).code())
	require.Equal(t, "VALIDATION_ERROR", p.post("/auth/login", `{"msisdn":"`+wrongPIN+`","pin":"`+guessed+`"}`).code())
	canaries = append(canaries, wrongPIN, wrongOTP, guessed, asked.text("otp"))

	require.NoError(t, s.server.audit.Close(t.Context())) // writes what waits
	database, bytes, kept, log := dumpText(t, s.server.db), dumpBytes(t, s.server.db), redis.Dump(), s.log.String()
	require.Contains(t, log, "/v1/customer/auth/login", "the search must see the log")
	require.Contains(t, database, "Marcia", "and the database")
	for _, canary := range canaries {
		require.NotContains(t, log, canary)
		require.NotContains(t, kept, canary)
		require.NotContains(t, database, canary)
		require.NotContains(t, bytes, hex.EncodeToString([]byte(canary)))
	}
	for _, number := range []string{marciasNumber[1:], "12462507777"} {
		require.NotContains(t, log, number, "a whole number")
		require.NotContains(t, kept, number)
	}
	require.NotContains(t, database, "12462507777", "nobody's number is not kept")
	require.False(t, slices.Contains(canaries, ""))
}

// dumpBytes is every value of every binary column, as PostgreSQL writes it.
func dumpBytes(t testing.TB, db *sql.DB) string {
	t.Helper()
	var columns []struct {
		Table  string `db:"table_name"`
		Column string `db:"column_name"`
	}
	require.NoError(t, db.Select(t.Context(), &columns, sql.Query{Name: "test.columns", Text: `
		select table_name, column_name from information_schema.columns where table_schema = 'public' and data_type = 'bytea'`}))
	require.Greater(t, len(columns), 10)
	var all strings.Builder
	for _, c := range columns {
		var values []string
		require.NoError(t, db.Select(t.Context(), &values, sql.Query{
			Name: "test.dump", Text: fmt.Sprintf("select encode(%q, 'hex') from %q where %q is not null", c.Column, c.Table, c.Column),
		}))
		all.WriteString(strings.Join(values, "\n"))
	}
	return all.String()
}
