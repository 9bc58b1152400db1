package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/channels/rest"
	"nova/channels/web"
	"nova/core/bank"
	"nova/core/clock"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/limits"
	"nova/core/reports"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
	"nova/sql/sqltest"
)

// What cmd hands over.
var _ rest.Bank = (*bank.Service)(nil)

// coreWorld is the core bank over PostgreSQL, with two clients of it. Acme's Ann has 100.00.
type coreWorld struct {
	*api
	t                *testing.T
	db               *sql.DB
	acme, rival      string // tokens
	trust, ann, ben  string
	foreign, dollars string
	frozen, closed   string
	hold, posting    string
	keys             int
}

func newCoreWorld(t *testing.T) *coreWorld {
	t.Helper()
	db, url := sqltest.Open(t)
	w := &coreWorld{t: t, db: db, api: &api{log: &bytes.Buffer{}, clock: clock.NewManual(now)}}
	keyring := secret.EphemeralKeyring()
	clients := identity.NewClients(db, keyring, w.clock)
	tokens := identity.NewTokens(identity.TokenOptions{
		Clients: clients, Signer: secret.EphemeralSigner(), Clock: w.clock, Issuer: "nova", Audience: "nova",
	})
	w.App = web.New(web.Options{Logger: web.NewLogger(w.log, slog.LevelInfo, "json"), Tokens: tokens})
	store := ledger.NewStore(db, w.clock)
	book, err := os.ReadFile("../../configs/limits.yaml")
	require.NoError(t, err)
	rules, err := limits.Parse(book)
	require.NoError(t, err)
	rest.Mount(w.App, rest.Options{
		Tokens: tokens, Ledger: store, Transactions: transactions.NewStore(db), Pages: keyring.Body, Bodies: keyring.Body,
		Clock: w.clock, Health: rest.NewHealth(rest.HealthOptions{Clock: w.clock}),
		Statements: reports.NewStatements(reports.StatementOptions{
			Books: store, Facts: transactions.NewStore(db), Clock: w.clock, Location: time.UTC,
		}),
		Bank: bank.New(bank.Options{
			DB: db, Writer: startWriter(t, url, w.clock), Ledger: store, Transactions: transactions.NewStore(db), Limits: rules,
			Clock: w.clock, Location: time.UTC, Books: store,
		}),
	})
	w.acme, w.rival = w.client(clients, tokens, "acme"), w.client(clients, tokens, "rival")
	w.accounts()
	return w
}

func startWriter(t *testing.T, url string, c clock.Clock) *ledger.Writer {
	t.Helper()
	pool, err := ledger.OpenDB(t.Context(), url)
	require.NoError(t, err)
	writer, err := ledger.NewWriter(ledger.WriterOptions{DB: pool, Clock: c})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, writer.Close(context.Background()))
		require.NoError(t, pool.Close())
	})
	return writer
}

func (w *coreWorld) client(clients *identity.Clients, tokens *identity.Tokens, name string) string {
	w.t.Helper()
	_, _, err := clients.Create(w.t.Context(), identity.NewClient{
		Name: name, Secret: secret.New(canarySecret), Scopes: rest.Scopes(), Purposes: purposes(),
	})
	require.NoError(w.t, err)
	token, err := tokens.ClientCredentials(w.t.Context(), name, secret.New(canarySecret))
	require.NoError(w.t, err)
	return token.Access.Reveal()
}

// accounts opens what the tests move money on, a hold of 40.00 on Ann's wallet and a posting of 1.00 included.
func (w *coreWorld) accounts() {
	w.trust, w.ann = w.open(w.acme, "business", "trust", "BBD"), w.open(w.acme, "customer", "wallet", "BBD")
	w.ben, w.dollars = w.open(w.acme, "customer", "wallet", "BBD"), w.open(w.acme, "customer", "wallet", "USD")
	w.foreign = w.open(w.rival, "customer", "wallet", "BBD")
	w.frozen, w.closed = w.open(w.acme, "customer", "wallet", "BBD"), w.open(w.acme, "customer", "wallet", "BBD")
	for id, status := range map[string]string{w.frozen: "frozen", w.closed: "closed"} {
		w.must(200, "PATCH", "/v1/core/accounts/"+id, fmt.Sprintf(`{"status":%q}`, status))
	}
	w.must(201, "POST", "/v1/core/postings", w.body("100.00", w.trust, w.ann))
	w.posting = w.must(201, "POST", "/v1/core/postings", w.body("1.00", w.trust, w.ben))["posting_id"].(string)
	w.hold = w.must(201, "POST", "/v1/core/holds",
		fmt.Sprintf(`{"account_id":%q,"amount":%s,"reason":"room 7"}`, w.ann, bbd("40.00")))["hold_id"].(string)
}

func (w *coreWorld) open(token, ownerType, product, currency string) string {
	w.t.Helper()
	status, _, body := w.do(w.t, request{Method: "POST", Path: "/v1/core/accounts", Token: token, JSON: json.RawMessage(
		fmt.Sprintf(`{"owner":{"type":%q,"id":"x"},"product":%q,"currency":%q}`, ownerType, product, currency))})
	require.Equal(w.t, 201, status, string(body))
	var a struct {
		ID string `json:"account_id"`
	}
	require.NoError(w.t, json.Unmarshal(body, &a))
	return a.ID
}

// call is Acme's, with a key of its own.
func (w *coreWorld) call(method, path, body string) request {
	w.keys++
	r := request{Method: method, Path: path, Token: w.acme, Headers: map[string]string{"Idempotency-Key": fmt.Sprint("k", w.keys)}}
	if body != "" {
		r.JSON = json.RawMessage(body)
	}
	return r
}

// must asserts the status of Acme's call and returns the answer's fields.
func (w *coreWorld) must(status int, method, path, body string) map[string]any {
	w.t.Helper()
	got, _, answer := w.do(w.t, w.call(method, path, body))
	require.Equal(w.t, status, got, string(answer))
	fields := map[string]any{}
	require.NoError(w.t, json.Unmarshal(answer, &fields))
	return fields
}

func bbd(amount string) string { return fmt.Sprintf(`{"amount":%q,"currency":"BBD"}`, amount) }

func line(account, direction, amount string) string {
	return fmt.Sprintf(`{"account_id":%q,"direction":%q,"amount":%s}`, account, direction, amount)
}

// body moves an amount from one account to another, under a reference of its own.
func (w *coreWorld) body(amount, from, to string) string {
	return w.bodyOf(line(from, "debit", bbd(amount)), line(to, "credit", bbd(amount)))
}

func (w *coreWorld) bodyOf(lines ...string) string {
	w.keys++
	return fmt.Sprintf(`{"entries":[%s],"narration":"test","reference":"r%d"}`, strings.Join(lines, ","), w.keys)
}

// rows are a fingerprint of everything that a refusal must leave as it is.
func (w *coreWorld) rows() string {
	w.t.Helper()
	var sum string
	require.NoError(w.t, w.db.Get(w.t.Context(), &sum, sql.Query{Name: "test.rows", Text: `
		select md5(concat((select string_agg(x::text, ',' order by x.id) from accounts x),
			(select string_agg(x::text, ',' order by x.account_id, x.lane) from balances x),
			(select string_agg(x::text, ',' order by x.id) from postings x),
			(select string_agg(x::text, ',' order by x.account_id, x.sequence) from entries x),
			(select string_agg(x::text, ',' order by x.id) from holds x),
			(select string_agg(x::text, ',' order by x.id) from transactions x),
			(select string_agg(x::text, ',' order by x.client_id, x.account_id) from grants x)))`}))
	return sum
}

func TestASessionOfTheCoreBank(t *testing.T) {
	w := newCoreWorld(t)
	body := w.body("30.00", w.ann, w.ben)
	in := w.call("POST", "/v1/core/postings", body)
	status, header, first := w.do(t, in)
	require.Equal(t, 201, status, string(first))
	require.Empty(t, header.Get("Idempotency-Replayed"))
	status, header, second := w.do(t, in)
	require.Equal(t, 201, status)
	require.Equal(t, "true", header.Get("Idempotency-Replayed"))
	require.JSONEq(t, string(first), string(second))
	var p struct {
		ID      string `json:"posting_id"`
		Hash    string
		Entries []struct {
			After rest.Amount `json:"balance_after"`
		}
	}
	require.NoError(t, json.Unmarshal(first, &p))
	require.Len(t, p.Hash, 64)
	require.Equal(t, "70.00", p.Entries[0].After.Amount)
	require.Equal(t, "31.00", p.Entries[1].After.Amount)
	require.JSONEq(t, string(first), string(w.text("/v1/core/postings/"+p.ID)))

	balance := w.must(200, "GET", "/v1/core/accounts/"+w.ann+"/balances", "")
	require.Equal(t, map[string]any{"amount": "30.00", "currency": "BBD"}, balance["available"], "40.00 are held")
	back := w.must(201, "POST", "/v1/core/postings/"+p.ID+"/reverse", `{"reason":"sent twice","reference":"back"}`)
	require.Equal(t, p.ID, back["reverses"])
	w.must(409, "POST", "/v1/core/postings/"+p.ID+"/reverse", `{"reason":"sent twice","reference":"back again"}`)

	captured := w.must(200, "POST", "/v1/core/holds/"+w.hold+"/capture", fmt.Sprintf(`{"amount":%s,"entries":[%s,%s]}`,
		bbd("25.00"), line(w.ann, "debit", bbd("25.00")), line(w.ben, "credit", bbd("25.00"))))
	require.Equal(t, "captured", captured["status"])
	require.Equal(t, "captured", w.must(200, "GET", "/v1/core/holds/"+w.hold, "")["status"])
	check := w.must(200, "POST", "/v1/core/limits/check",
		fmt.Sprintf(`{"account_id":%q,"operation":"p2p","amount":%s,"channel":"api"}`, w.ann, bbd("200.00")))
	require.Equal(t, "allow", check["decision"])
	require.Equal(t, "sound", w.must(200, "GET", "/v1/core/integrity", "")["status"])
	require.NotContains(t, w.log.String(), w.acme)
	require.NotContains(t, w.log.String(), canarySecret)
}

func (w *coreWorld) text(path string) []byte {
	w.t.Helper()
	status, _, body := w.do(w.t, w.call("GET", path, ""))
	require.Equal(w.t, 200, status, string(body))
	return body
}

func TestACoreBanksKeyIsForOnePath(t *testing.T) {
	w := newCoreWorld(t)
	other := w.must(201, "POST", "/v1/core/postings", w.body("2.00", w.trust, w.ben))["posting_id"].(string)
	in := w.call("POST", "/v1/core/postings/"+w.posting+"/reverse", `{"reason":"x","reference":"back"}`)
	status, _, _ := w.do(t, in)
	require.Equal(t, 201, status)
	in.Path = "/v1/core/postings/" + other + "/reverse"
	before := w.rows()
	status, _, body := w.do(t, in)
	require.Equal(t, 409, status, string(body))
	require.Contains(t, string(body), "IDEMPOTENCY_CONFLICT")
	require.Equal(t, before, w.rows())
}

// TestTheCoreBankRefusesBadInput sends what the contract forbids, and looks at the code, the field and the database.
func TestTheCoreBankRefusesBadInput(t *testing.T) {
	w := newCoreWorld(t)
	used := w.call("POST", "/v1/core/postings", w.body("1.00", w.trust, w.ann))
	status, _, _ := w.do(t, used)
	require.Equal(t, 201, status)
	const huge = "92233720368547758.07"
	full := w.open(w.acme, "customer", "wallet", "BBD")
	w.must(201, "POST", "/v1/core/postings", w.body("92233720368547000.00", w.trust, full))
	past := w.must(201, "POST", "/v1/core/holds", fmt.Sprintf(`{"account_id":%q,"amount":%s,"reason":"short","expires_at":%q}`,
		w.ann, bbd("1.00"), now.Add(time.Minute).Format(time.RFC3339)))["hold_id"].(string)
	w.clock.Advance(2 * time.Minute)

	const post, holds = "/v1/core/postings", "/v1/core/holds"
	capture := func(amount, takes string) string {
		return fmt.Sprintf(`{"amount":%s,"entries":[%s,%s]}`, bbd(amount), line(w.ann, "debit", bbd(takes)), line(w.ben, "credit", bbd(takes)))
	}
	ok := func(from, to string) string { return w.body("1.00", from, to) }
	with := func(extra string) string { return strings.TrimSuffix(ok(w.ann, w.ben), "}") + "," + extra + "}" }
	nobody := ids.Format(ids.Account, uuid.MustParse("01900000-0000-7000-8000-00000000ffff"))
	euros := `{"amount":"1.00","currency":"USD"}`
	rows := []struct {
		name   string
		in     request
		status int
		code   string
		field  string
	}{
		{
			"unbalanced",
			w.call("POST", post, w.bodyOf(line(w.ann, "debit", bbd("2")), line(w.ben, "credit", bbd("1")))),
			422, "UNBALANCED_POSTING", "entries",
		},
		{
			"mixed currencies",
			w.call("POST", post, w.bodyOf(line(w.ann, "debit", bbd("1.00")), line(w.dollars, "credit", euros))),
			422, "CURRENCY_MISMATCH", "entries[1].amount",
		},
		{"an account of another currency", w.call("POST", post, ok(w.ann, w.dollars)), 422, "CURRENCY_MISMATCH", ""},
		{
			"one entry",
			w.call("POST", post, w.bodyOf(line(w.ann, "debit", bbd("1")))),
			400, "VALIDATION_ERROR", "entries",
		},
		{
			"65 entries",
			w.call("POST", post,
				w.bodyOf(strings.Split(strings.Repeat("|"+line(w.ann, "debit", bbd("1")), 65)[1:], "|")...)),
			400, "VALIDATION_ERROR", "entries",
		},
		{
			"zero",
			w.call("POST", post, w.body("0.00", w.ann, w.ben)),
			400, "VALIDATION_ERROR", "entries[0].amount.amount",
		},
		{
			"negative",
			w.call("POST", post, w.body("-1.00", w.ann, w.ben)),
			400, "VALIDATION_ERROR", "entries[0].amount.amount",
		},
		{
			"too many decimals",
			w.call("POST", post, w.body("1.001", w.ann, w.ben)),
			400, "VALIDATION_ERROR", "entries[0].amount.amount",
		},
		{
			"an exponent",
			w.call("POST", post, w.body("1e2", w.ann, w.ben)),
			400, "VALIDATION_ERROR", "entries[0].amount.amount",
		},
		{
			"a number",
			w.call("POST", post,
				w.bodyOf(line(w.ann, "debit", `{"amount":1,"currency":"BBD"}`), line(w.ben, "credit", bbd("1")))),
			400, "VALIDATION_ERROR", "entries[0].amount.amount",
		},
		{
			"a NUL in the narration",
			w.call("POST", post, strings.Replace(ok(w.ann, w.ben), `"test"`, `"a\u0000b"`, 1)),
			400, "VALIDATION_ERROR", "narration",
		},
		{
			"a NUL in the reference",
			w.call("POST", post, strings.Replace(ok(w.ann, w.ben), `"reference":"r`, `"reference":"\u0000`, 1)),
			400, "VALIDATION_ERROR", "reference",
		},
		{
			"a NUL in metadata",
			w.call("POST", post, with(`"metadata":{"a":"\u0000"}`)),
			400, "VALIDATION_ERROR", "metadata",
		},
		{
			"metadata of another kind",
			w.call("POST", post, with(`"metadata":{"a":1}`)),
			400, "VALIDATION_ERROR", "metadata.a",
		},
		{"an unknown account", w.call("POST", post, ok(w.ann, nobody)), 404, "NOT_FOUND", "entries[1].account_id"},
		{"another's account", w.call("POST", post, ok(w.ann, w.foreign)), 404, "NOT_FOUND", "entries[1].account_id"},
		{"a frozen account", w.call("POST", post, ok(w.ann, w.frozen)), 422, "ACCOUNT_FROZEN", ""},
		{"a closed account", w.call("POST", post, ok(w.ann, w.closed)), 422, "ACCOUNT_CLOSED", ""},
		{"more than there is", w.call("POST", post, w.body("101.00", w.ann, w.ben)), 422, "INSUFFICIENT_FUNDS", ""},
		{"the same account twice", w.call("POST", post, ok(w.ann, w.ann)), 422, "SAME_PARTIES", ""},
		{
			"a sum beyond int64",
			w.call("POST", post,
				w.bodyOf(line(w.ann, "debit", bbd(huge)), line(w.ben, "debit", bbd(huge)), line(w.trust, "credit", bbd(huge)))),
			400, "VALIDATION_ERROR", "amount",
		},
		{
			"a balance beyond int64",
			w.call("POST", post, w.body("1000.00", w.trust, full)),
			422, "MAX_BALANCE_EXCEEDED", "",
		},
		{
			"an amount beyond int64",
			w.call("POST", post, w.body("92233720368547758.08", w.trust, full)),
			400, "VALIDATION_ERROR", "entries[0].amount.amount",
		},
		{"an unknown field", w.call("POST", post, with(`"force":true`)), 400, "VALIDATION_ERROR", "force"},
		{
			"a field in other letters",
			w.call("POST", post, strings.Replace(ok(w.ann, w.ben), "narration", "Narration", 1)),
			400, "VALIDATION_ERROR", "Narration",
		},
		{"no day", w.call("POST", post, with(`"value_date":"2026-02-30"`)), 400, "VALIDATION_ERROR", "value_date"},
		{
			"a day to come",
			w.call("POST", post, with(`"value_date":"2026-11-22"`)),
			400, "VALIDATION_ERROR", "value_date",
		},
		{
			"a day before all books",
			w.call("POST", post, with(`"value_date":"0000-01-01"`)),
			400, "VALIDATION_ERROR", "value_date",
		},
		{"two bodies", w.call("POST", post, ok(w.ann, w.ben)+ok(w.ann, w.ben)), 400, "VALIDATION_ERROR", ""},
		{"no body", w.call("POST", post, ""), 400, "VALIDATION_ERROR", ""},
		{"half a body", w.call("POST", post, ok(w.ann, w.ben)[:40]), 400, "VALIDATION_ERROR", ""},
		{"a deep body", w.call("POST", post, strings.Repeat("[", 20_000)), 400, "VALIDATION_ERROR", ""},
		{
			"the same key with another body",
			request{
				Method: "POST", Path: post, Token: w.acme,
				Headers: used.Headers, JSON: json.RawMessage(ok(w.ann, w.ben)),
			},
			409, "IDEMPOTENCY_CONFLICT", "",
		},
		{
			"the same reference with another key",
			w.call("POST", post, string(used.JSON)),
			409, "DUPLICATE_ENTITY", "reference",
		},
		{
			"another's posting",
			request{Method: "GET", Path: post + "/" + w.posting, Token: w.rival},
			404, "NOT_FOUND", "",
		},
		{
			"another's posting reversed",
			request{
				Method: "POST", Path: post + "/" + w.posting + "/reverse", Token: w.rival,
				Headers: used.Headers, JSON: json.RawMessage(`{"reason":"x","reference":"y"}`),
			},
			404, "NOT_FOUND", "",
		},
		{
			"another's wallet by the API of wallets",
			request{
				Method: "GET", Path: "/v1/wallets/" + strings.Replace(w.ann, "acc_", "wal_", 1) + "/balance",
				Token: w.rival,
			},
			404, "NOT_FOUND", "",
		},
		{
			"another's transaction",
			request{Method: "GET", Path: "/v1/txns/" + strings.Replace(w.posting, "pst_", "txn_", 1), Token: w.rival},
			404, "NOT_FOUND", "",
		},
		{
			"one's own wallet by the API of wallets",
			w.call("GET", "/v1/wallets/"+strings.Replace(w.ann, "acc_", "wal_", 1)+"/balance", ""),
			200, "", "",
		},
		{
			"one's own transaction",
			w.call("GET", "/v1/txns/"+strings.Replace(w.posting, "pst_", "txn_", 1), ""),
			200, "", "",
		},
		{
			"another's balance",
			request{Method: "GET", Path: "/v1/core/accounts/" + w.ann + "/balances", Token: w.rival},
			404, "NOT_FOUND", "account_id",
		},
		{
			"another's account frozen",
			request{
				Method: "PATCH", Path: "/v1/core/accounts/" + w.ann, Token: w.rival,
				JSON: json.RawMessage(`{"status":"frozen"}`),
			},
			404, "NOT_FOUND", "account_id",
		},
		{
			"another's account granted",
			request{
				Method: "PUT", Path: "/v1/core/accounts/" + w.ann + "/grants/" + ids.Format(ids.Client, client),
				Token: w.rival,
			},
			404, "NOT_FOUND", "",
		},
		{
			"a balance to come",
			w.call("GET", "/v1/core/accounts/"+w.ann+"/balances?as_of="+escape(now.Add(time.Hour).Format(time.RFC3339)),
				""),
			400, "VALIDATION_ERROR", "as_of",
		},
		{
			"a balance of 4 seconds ago",
			w.call("GET", "/v1/core/accounts/"+w.ann+"/balances?as_of="+escape(w.clock.Now().Add(-4*time.Second).Format(time.RFC3339Nano)),
				""),
			400, "VALIDATION_ERROR", "as_of",
		},
		{
			"a balance of the year 0",
			w.call("GET", "/v1/core/accounts/"+w.ann+"/balances?as_of="+escape("0000-01-01T00:00:00Z"), ""),
			400, "VALIDATION_ERROR", "as_of",
		},
		{
			"a balance of the first moment",
			w.call("GET", "/v1/core/accounts/"+w.ann+"/balances?as_of="+escape("0001-01-01T00:00:00Z"), ""),
			400, "VALIDATION_ERROR", "as_of",
		},
		{
			"a balance of long ago",
			w.call("GET", "/v1/core/accounts/"+w.ann+"/balances?as_of="+escape("0001-01-02T00:00:00Z"), ""),
			200, "", "",
		},
		{
			"a hold captured past its expiry",
			w.call("POST", holds+"/"+past+"/capture", capture("1.00", "1.00")),
			409, "INVALID_STATE", "hold_id",
		},
		{
			"a capture above the hold",
			w.call("POST", holds+"/"+w.hold+"/capture", capture("40.01", "40.01")),
			400, "VALIDATION_ERROR", "amount",
		},
		{
			"a capture that takes less",
			w.call("POST", holds+"/"+w.hold+"/capture", capture("40.00", "39.99")),
			400, "VALIDATION_ERROR", "entries",
		},
		{
			"another's hold",
			request{Method: "POST", Path: holds + "/" + w.hold + "/release", Token: w.rival, Headers: used.Headers},
			404, "NOT_FOUND", "",
		},
		{
			"a hold in the year 10000",
			w.call("POST", holds,
				fmt.Sprintf(`{"account_id":%q,"amount":%s,"reason":"x","expires_at":"9999-12-31T23:59:59Z"}`, w.ann, bbd("1"))),
			400, "VALIDATION_ERROR", "expires_at",
		},
		{
			"a hold until the year 1",
			w.call("POST", holds,
				fmt.Sprintf(`{"account_id":%q,"amount":%s,"reason":"x","expires_at":"0001-01-01T00:00:00Z"}`, w.ann, bbd("1"))),
			400, "VALIDATION_ERROR", "expires_at",
		},
		{
			"a hold that has expired",
			w.call("POST", holds,
				fmt.Sprintf(`{"account_id":%q,"amount":%s,"reason":"x","expires_at":"2026-11-21T13:00:00Z"}`, w.ann, bbd("1"))),
			400, "VALIDATION_ERROR", "expires_at",
		},
		{
			"a hold on books",
			w.call("POST", holds, fmt.Sprintf(`{"account_id":%q,"amount":%s,"reason":"x"}`, w.trust, bbd("1"))),
			400, "VALIDATION_ERROR", "account_id",
		},
		{
			"a long owner",
			w.call("POST", "/v1/core/accounts",
				`{"owner":{"type":"customer","id":"`+strings.Repeat("é", 65)+`"},"product":"wallet","currency":"BBD"}`),
			400, "VALIDATION_ERROR", "owner.id",
		},
		{
			"a NUL in an owner",
			w.call("POST", "/v1/core/accounts",
				`{"owner":{"type":"customer","id":"a\u0000"},"product":"wallet","currency":"BBD"}`),
			400, "VALIDATION_ERROR", "owner.id",
		},
		{
			"an account closed with money",
			w.call("PATCH", "/v1/core/accounts/"+w.ann, `{"status":"closed"}`),
			409, "INVALID_STATE", "status",
		},
		{
			"limits of nobody",
			w.call("POST", "/v1/core/limits/check", `{"operation":"p2p","amount":`+bbd("1")+`,"channel":"api"}`),
			400, "VALIDATION_ERROR", "account_id",
		},
		{
			"limits of another's account",
			w.call("POST", "/v1/core/limits/check",
				`{"account_id":"`+w.foreign+`","operation":"p2p","amount":`+bbd("1")+`,"channel":"api"}`),
			404, "NOT_FOUND", "account_id",
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			before := w.rows()
			status, _, body := w.do(t, row.in)
			require.Equal(t, row.status, status, string(body))
			var told struct {
				Code    string `json:"errorCode"`
				Details map[string]any
			}
			require.NoError(t, json.Unmarshal(body, &told))
			require.Equal(t, row.code, told.Code)
			if row.field != "" {
				require.Contains(t, told.Details, row.field)
			}
			require.Equal(t, before, w.rows())
		})
	}
}
