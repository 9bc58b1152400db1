// Package rest is the JSON API under /v1: it reads requests into core's types, calls one use case or store, and words
// the answer as the HTTP contract says.
//
// It decides nothing about money and writes no error body: faults go up to package web. Its one rule: every operation
// declares what its caller must hold, and an id in a path that the caller may not see is not found.
//
// To add an endpoint:
//  1. the handler, its input and output, in <resource>.go;
//  2. one line in operations below, with its access;
//  3. testdata/<resource>_<action>.json, written by go test ./channels/rest -update and read by a reviewer;
//  4. the same flag rewrites testdata/openapi.json, where the change of the contract shows.
package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/clock"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/policy"
	"nova/core/secret"
	"nova/core/transactions"
)

// Scopes of the API, as clients are granted them.
const (
	ScopeWallets      = "wallets.read"
	ScopeTransactions = "txns.read"
	ScopeUSSD         = "ussd.gateway"
)

// Scopes lists what a client can be granted, for the demonstration's client.
func Scopes() []string {
	return []string{
		ScopeWallets, ScopeTransactions, ScopeUSSD, ScopeCoreAccounts, ScopeCorePostings, ScopeCoreHolds, ScopeCoreLimits,
		ScopeCoreIntegrity, ScopeApprovals, ScopeStatements, ScopeCoreProducts, ScopeClients,
	}
}

// Tokens issues tokens to clients.
type Tokens interface {
	ClientCredentials(ctx context.Context, id string, s secret.Text, scopes ...string) (identity.Token, error)
}

// Ledger reads accounts. An account that is not there is NOT_FOUND.
type Ledger interface {
	BalanceAt(ctx context.Context, account uuid.UUID, at time.Time) (ledger.Balance, error)
	SequenceBefore(ctx context.Context, account uuid.UUID, until time.Time) (int64, error)
	Account(ctx context.Context, id uuid.UUID) (ledger.Account, error)
	Balance(ctx context.Context, account uuid.UUID) (ledger.Balance, error)
	Entries(ctx context.Context, p ledger.Page) ([]ledger.Entry, error)
}

// Transactions reads business facts.
type Transactions interface {
	ByID(ctx context.Context, id uuid.UUID) (transactions.Transaction, error)
	ByIDs(ctx context.Context, postings []uuid.UUID) (map[uuid.UUID]transactions.Transaction, error)
}

// Options are what the API is made of.
type Options struct {
	Tokens       Tokens
	Ledger       Ledger
	Transactions Transactions
	Bank         Bank
	Approvals    Approvals
	Statements   Statements
	Products     Products
	Ops          Ops
	Apps         Apps
	Health       *Health
	// HealthOnly serves health and nothing else: a process without this role still tells its balancer how it is.
	HealthOnly bool
	// Pages signs page tokens, and Bodies hashes the bodies of requests that must happen once.
	Pages  *secret.MAC
	Bodies *secret.MAC
	Clock  clock.Clock
}

// api holds the handlers.
type api struct{ Options }

// Mount adds the operations to the app.
func Mount(app *web.App, o Options) {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	a := &api{o}
	view := func(scope string) web.Access { return web.Needs(policy.CustomerAccountView, scope) }

	web.Register(app, get("health_get", "/v1/health", "Operations",
		"Whether the service can work", web.Open("public: balancers and gateways ask")), a.health)
	if o.HealthOnly {
		return
	}
	web.Register(app, tokenOperation(), a.token)
	web.Register(app, get("wallet_balance", "/v1/wallets/{wallet_id}/balance", "Wallets",
		"Balance of a wallet", view(ScopeWallets)), a.walletBalance)
	web.Register(app, get("wallet_transactions", "/v1/wallets/{wallet_id}/transactions", "Wallets",
		"Transactions of a wallet, the newest first", view(ScopeWallets)), a.walletTransactions)
	web.Register(app, get("txn_get", "/v1/txns/{txn_id}", "Transactions",
		"One transaction", view(ScopeTransactions)), a.txn)
	describeTokenForm(app)
	a.mountCore(app)
	a.mountApprovals(app)
	a.registerStatements(app)
	a.mountProducts(app)
	a.mountOps(app)
	a.mountApps(app)
}

// refusals are the statuses that every guarded read may answer with.
var refusals = []int{
	http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
	http.StatusServiceUnavailable,
}

// get is a reading operation.
func get(id, path, tag, summary string, access web.Access) web.Operation {
	op := huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Tags: []string{tag}}
	if access.Open == "" {
		op.Errors = refusals
	}
	return web.Operation{Operation: op, Access: access}
}
