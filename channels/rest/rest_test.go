package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/channels/rest"
	"nova/channels/web"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/policy"
	"nova/core/secret"
	"nova/core/transactions"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata")

var now = time.Date(2026, 11, 21, 14, 0, 0, 123456000, time.UTC)

// The fixture: two wallets, the operator's fee account, and what happened between them.
var (
	marcia  = uuid.MustParse("01900000-0000-7000-8000-00000000a001")
	andre   = uuid.MustParse("01900000-0000-7000-8000-00000000a002")
	fees    = uuid.MustParse("01900000-0000-7000-8000-00000000a003")
	client  = uuid.MustParse("01900000-0000-7000-8000-00000000c001")
	txnBase = uuid.MustParse("01900000-0000-7000-8000-00000000f000")
)

// Secrets that no log line and no failure may show.
const (
	demoSecret   = "demo-secret"
	canarySecret = "canary-secret-6612"
)

// nth is the n-th id of a kind: the base with its last two bytes counted up.
func nth(base uuid.UUID, n int) uuid.UUID {
	base[14], base[15] = base[14]+byte(n>>8), base[15]+byte(n)
	return base
}

// books is a ledger and a store of facts in memory.
type books struct {
	accounts map[uuid.UUID]ledger.Account
	balances map[uuid.UUID]ledger.Balance
	entries  map[uuid.UUID][]ledger.Entry // oldest first
	facts    map[uuid.UUID]transactions.Transaction
	reads    int
}

func (b *books) Account(_ context.Context, id uuid.UUID) (ledger.Account, error) {
	a, ok := b.accounts[id]
	if !ok {
		return a, fault.New(fault.NotFound, "no account %s", id)
	}
	return a, nil
}

func (b *books) Balance(_ context.Context, id uuid.UUID) (ledger.Balance, error) {
	return b.balances[id], nil
}

func (b *books) SequenceBefore(_ context.Context, id uuid.UUID, until time.Time) (n int64, _ error) {
	for _, e := range b.entries[id] {
		if e.BookedAt.Before(until) {
			n = max(n, e.Sequence)
		}
	}
	return n, nil
}

func (b *books) BalanceAt(ctx context.Context, id uuid.UUID, at time.Time) (ledger.Balance, error) {
	if at.After(now.Add(-5 * time.Second)) {
		return ledger.Balance{}, fault.New(fault.ValidationError, "as of %s", at).Field("as_of", "must be more than 5 seconds ago")
	}
	n, err := b.SequenceBefore(ctx, id, at.Add(time.Microsecond))
	past := ledger.Balance{Sequence: n}
	for _, e := range b.entries[id] {
		if e.Sequence == n {
			past.Posted, past.Available = e.BalanceAfter, e.BalanceAfter
		}
	}
	return past, err
}

func (b *books) Entries(_ context.Context, p ledger.Page) ([]ledger.Entry, error) {
	b.reads++
	var page []ledger.Entry
	for _, e := range slices.Backward(b.entries[p.Account]) {
		if (p.Before == 0 || e.Sequence < p.Before) && len(page) < min(p.Limit, ledger.MaxPage) {
			page = append(page, e)
		}
	}
	return page, nil
}

func (b *books) ByID(_ context.Context, id uuid.UUID) (transactions.Transaction, error) {
	t, ok := b.facts[id]
	if !ok {
		return t, fault.New(fault.NotFound, "no transaction %s", id)
	}
	return t, nil
}

func (b *books) ByIDs(_ context.Context, postings []uuid.UUID) (map[uuid.UUID]transactions.Transaction, error) {
	found := map[uuid.UUID]transactions.Transaction{}
	for _, posting := range postings {
		if t, ok := b.facts[posting]; ok {
			found[posting] = t
		}
	}
	return found, nil
}

// fill posts n entries on Marcia's wallet: every third a cash-in, the others sends of 1.00 with a fee of 1.00; the
// very first, the opening balance, has no business fact.
func (b *books) fill(n int) {
	bbd := func(minor int64) money.Amount { return money.Of(minor, "BBD") }
	balance := int64(0)
	for i := 1; i <= n; i++ {
		at := now.Add(time.Duration(i-n) * time.Hour)
		e := ledger.Entry{Account: marcia, Posting: nth(txnBase, i), Sequence: int64(i), BookedAt: at, Side: ledger.Debit, Minor: 200}
		t := transactions.Transaction{
			ID: e.Posting, Receipt: ids.Receipt(uint64(i)), Type: transactions.P2P,
			Status: transactions.Completed, Amount: bbd(100), Fee: bbd(100), Tax: bbd(18), Commission: bbd(0),
			From: transactions.Party{Account: marcia, Owner: marciasID, Name: "Marcia B."}, To: transactions.Party{Account: andre, Owner: andresID, Name: "Andre C."},
			Channel: transactions.USSD, CreatedAt: at, PostedAt: at,
		}
		if i%3 == 1 {
			e.Side, e.Minor = ledger.Credit, 20000
			t.Type, t.Amount, t.Fee, t.Tax = transactions.CashIn, bbd(20000), bbd(0), bbd(0)
			t.From, t.To = transactions.Party{Name: "Oistins Corner Shop"}, t.From
		}
		balance += map[ledger.Side]int64{ledger.Credit: e.Minor, ledger.Debit: -e.Minor}[e.Side]
		e.BalanceAfter = balance
		b.entries[marcia] = append(b.entries[marcia], e)
		if i > 1 {
			b.facts[t.ID] = t
		}
	}
	b.balances[marcia] = ledger.Balance{Posted: balance, Held: 5100, Available: balance - 5100, Currency: "BBD", Sequence: int64(n)}
}

func newBooks(n int) *books {
	b := &books{
		accounts: map[uuid.UUID]ledger.Account{
			marcia: {ID: marcia, OwnerKind: "customer", OwnerID: marciasID.String(), Product: ledger.Wallet, Currency: "BBD", Status: ledger.Active},
			andre:  {ID: andre, OwnerKind: "customer", OwnerID: andresID.String(), Product: ledger.Wallet, Currency: "BBD", Status: ledger.Active},
			fees:   {ID: fees, Product: ledger.FeeIncome, Currency: "BBD", Status: ledger.Active},
		},
		balances: map[uuid.UUID]ledger.Balance{}, entries: map[uuid.UUID][]ledger.Entry{},
		facts: map[uuid.UUID]transactions.Transaction{},
	}
	b.fill(n)
	return b
}

// issuer knows one client, demo, and its token.
type issuer struct{}

func (issuer) ClientCredentials(_ context.Context, id string, s secret.Text, scopes ...string) (identity.Token, error) {
	if id != "demo" || !s.Equal(secret.New(demoSecret)) {
		return identity.Token{}, fault.New(fault.InvalidCredentials, "client refused")
	}
	granted := rest.Scopes()
	if len(scopes) > 0 {
		granted = scopes
	}
	for _, scope := range granted {
		if !slices.Contains(rest.Scopes(), scope) {
			return identity.Token{}, fault.New(fault.CodeForbidden, "no scope").Field("scope", "is not granted")
		}
	}
	return identity.Token{Access: secret.New("all"), ExpiresIn: 10 * time.Minute, Scopes: granted}, nil
}

func (issuer) Verify(_ context.Context, token secret.Text) (identity.Principal, error) {
	p := identity.Principal{Kind: "client", ID: client, Scopes: rest.Scopes()}
	for _, purpose := range policy.Purposes() {
		p.Purposes = append(p.Purposes, string(purpose))
	}
	if person, known := personOf(token.Reveal()); known {
		return person, nil
	}
	switch token.Reveal() {
	case "all":
		return p, nil
	case "no-purpose":
		p.Purposes = []string{string(policy.LedgerPost)}
		return p, nil
	case "view-only":
		p.Purposes = []string{string(policy.CustomerAccountView)}
		return p, nil
	case "staff":
		p.Kind, p.ID, p.Scopes, p.AAL = identity.Staff, ada, nil, 2
		for _, scopes := range rest.StaffScopes() {
			p.Scopes = append(p.Scopes, scopes...)
		}
		return p, nil
	case "newcomer":
		return identity.Principal{Kind: identity.Staff, ID: ben, AAL: 1}, nil
	case "no-scope":
		p.Scopes = []string{rest.ScopeUSSD}
		return p, nil
	}
	return p, fault.New(fault.Unauthorized, "unknown token")
}

// api is the real app over the fixture.
type api struct {
	*web.App
	books   *books
	history *history
	log     *bytes.Buffer
	probes  map[string]error
	drain   bool
	clock   *clock.Manual
}

func newAPI(t *testing.T, entries int) *api {
	t.Helper()
	a := &api{books: newBooks(entries), history: newHistory(entries), log: &bytes.Buffer{}, probes: map[string]error{}, clock: clock.NewManual(now)}
	logger := web.NewLogger(a.log, slog.LevelInfo, "json")
	a.App = web.New(web.Options{
		Version: "1.0.0", Logger: logger, Tokens: issuer{}, Clock: a.clock, Policies: builtIn(t, a.clock), Devices: fakeDevices{},
		StepUps: fakeStepUps{},
	})
	probe := func(name string) func(context.Context) error {
		return func(context.Context) error { return a.probes[name] }
	}
	rest.Mount(a.App, rest.Options{
		Tokens: issuer{}, Ledger: a.books, Transactions: a.books, Pages: secret.EphemeralKeyring().Body, Clock: a.clock,
		Bank: newFakeBank(), Approvals: &fakeApprovals{}, Bodies: secret.EphemeralKeyring().Body, Statements: statementsOver(a.history, a), Products: &fakeProducts{}, Ops: opsOf(),
		Apps: (&fakeApps{books: a.books}).parts(),
		Health: rest.NewHealth(rest.HealthOptions{
			Version: "1.0.0", Clock: a.clock, Logger: logger, Draining: func() bool { return a.drain },
			Checks: []rest.Check{
				{Name: "postgres", Probe: probe("postgres"), Vital: true}, {Name: "redis", Probe: probe("redis")},
				{Name: "outbox", Probe: probe("outbox")},
			},
		}),
	})
	return a
}

// request is one call as a golden file writes it.
type request struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Token   string            `json:"token,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	JSON    json.RawMessage   `json:"json,omitempty"`
	Form    string            `json:"form,omitempty"`
	// Signed: the bound device signs it.
	Signed bool `json:"signed,omitempty"`
}

func (a *api) do(t *testing.T, in request) (int, http.Header, []byte) {
	t.Helper()
	body, mediaType := string(in.JSON), "application/json"
	if in.Form != "" {
		body, mediaType = in.Form, "application/x-www-form-urlencoded"
	}
	req := httptest.NewRequest(in.Method, in.Path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	if in.Token != "" {
		req.Header.Set("Authorization", "Bearer "+in.Token)
	}
	for name, value := range in.Headers {
		req.Header.Set(name, value)
	}
	if in.Signed {
		sign(t, req, body)
	}
	resp, err := a.Fiber().Test(req, 5000)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NotEmpty(t, resp.Header.Get(web.CorrelationHeader))
	return resp.StatusCode, resp.Header, text
}

// exchange is a request and its answer.
type exchange struct {
	Name     string          `json:"name"`
	Request  request         `json:"request"`
	Status   int             `json:"status"`
	Replayed string          `json:"replayed,omitempty"` // the header of a first answer that came again
	Response json.RawMessage `json:"response"`
}

// pageToken is what differs from run to run, because the tests' keys do.
var pageToken = regexp.MustCompile(`"next_page_token":"[A-Za-z0-9_-]+"`)

// issuedPassword differs, too.
var issuedPassword = regexp.MustCompile(`"password":"[a-z2-7-]+"`)

// TestGolden runs the requests of every file in testdata and compares the answers. With -update it rewrites them.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*_*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { golden(t, file) })
	}
}

func golden(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var exchanges []exchange
	require.NoError(t, json.Unmarshal(text, &exchanges))
	a := newAPI(t, 5)
	for i := range exchanges {
		want := &exchanges[i]
		status, header, body := a.do(t, want.Request)
		if len(body) == 0 {
			body = []byte("null")
		}
		replayed := header.Get("Idempotency-Replayed")
		body = pageToken.ReplaceAll(body, []byte(`"next_page_token":"PAGE_TOKEN"`))
		body = issuedPassword.ReplaceAll(body, []byte(`"password":"ISSUED"`))
		if *update {
			want.Status, want.Replayed, want.Response = status, replayed, body
			continue
		}
		require.Equal(t, want.Replayed, replayed, want.Name)
		require.Equal(t, want.Status, status, "%s: %s", want.Name, body)
		require.JSONEq(t, string(want.Response), string(body), want.Name)
	}
	if *update {
		text, err := json.MarshalIndent(exchanges, "", "  ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, append(text, '\n'), 0o644))
	}
	require.NotContains(t, a.log.String(), demoSecret)
	for _, canary := range []string{canarySecret, canaryPassword, canaryCode, "12462501002"} {
		require.NotContains(t, a.log.String(), canary)
	}
}

func TestEveryEndpointHasAGoldenFile(t *testing.T) {
	a := newAPI(t, 1)
	for path, item := range a.API().OpenAPI().Paths {
		for _, op := range operationsOf(item) {
			_, err := os.Stat("testdata/" + op.OperationID + ".json")
			require.NoError(t, err, "%s has no golden file", path)
		}
	}
}
