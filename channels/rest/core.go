package rest

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/bank"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/policy"
)

// Scopes of the core bank.
const (
	ScopeCoreAccounts  = "core.accounts"
	ScopeCorePostings  = "core.postings"
	ScopeCoreHolds     = "core.holds"
	ScopeCoreLimits    = "core.limits"
	ScopeCoreIntegrity = "core.integrity"
)

// BankAccounts keeps the accounts of API clients.
type BankAccounts interface {
	Open(ctx context.Context, client uuid.UUID, n bank.NewAccount) (bank.Account, error)
	Account(ctx context.Context, client, id uuid.UUID) (bank.Account, error)
	Balance(ctx context.Context, client, id uuid.UUID, at time.Time) (ledger.Balance, error)
	SetStatus(ctx context.Context, client, id uuid.UUID, to ledger.Status) (bank.Account, error)
}

// BankGrants lets clients act on each other's accounts.
type BankGrants interface {
	Grant(ctx context.Context, by string, account, client uuid.UUID) error
	Revoke(ctx context.Context, by string, account, client uuid.UUID) error
}

// BankPostings moves money.
type BankPostings interface {
	Post(ctx context.Context, o bank.Order, n bank.NewPosting) (bank.Posted, error)
	Reverse(ctx context.Context, o bank.Order, n bank.NewReversal) (bank.Posted, error)
	Posting(ctx context.Context, client, id uuid.UUID) (bank.Posted, error)
}

// BankHolds reserves money.
type BankHolds interface {
	PlaceHold(ctx context.Context, o bank.Order, n bank.NewHold) (bank.Hold, error)
	Hold(ctx context.Context, client, id uuid.UUID) (bank.Hold, error)
	Capture(ctx context.Context, o bank.Order, n bank.NewCapture) (bank.Hold, error)
	Release(ctx context.Context, o bank.Order, id uuid.UUID) (bank.Hold, error)
}

// BankChecks tells how limits and books stand.
type BankChecks interface {
	CheckLimits(ctx context.Context, client uuid.UUID, q bank.Question) (bank.Verdict, error)
	Integrity(ctx context.Context) (bank.Proof, error)
}

// Bank is the core bank, in the parts that its handlers need. *bank.Service is it.
type Bank interface {
	BankAccounts
	BankGrants
	BankPostings
	BankHolds
	BankChecks
}

// mountCore adds the operations of the core bank: its accounts, postings, holds and checks.
func (a *api) mountCore(app *web.App) {
	view := func(scope string) web.Access { return web.Needs(policy.CustomerAccountView, scope) }
	post := func(scope string) web.Access { return web.Needs(policy.LedgerPost, scope) }

	web.Register(app, change("core_account_open", http.MethodPost, "/v1/core/accounts", "Open an account",
		http.StatusCreated, post(ScopeCoreAccounts)), a.openAccount)
	web.Register(app, get("core_account_get", "/v1/core/accounts/{account_id}", coreTag, "One account",
		view(ScopeCoreAccounts)), a.account)
	web.Register(app, change("core_account_change", http.MethodPatch, "/v1/core/accounts/{account_id}",
		"Freeze, unfreeze or close an account", http.StatusOK, post(ScopeCoreAccounts)), a.changeAccount)
	web.Register(app, get("core_account_balances", "/v1/core/accounts/{account_id}/balances", coreTag,
		"Balance of an account, now or at a past moment", view(ScopeCoreAccounts)), a.accountBalances)
	web.Register(app, change("core_grant_add", http.MethodPut, "/v1/core/accounts/{account_id}/grants/{client_id}",
		"Let another client act on an account", http.StatusNoContent, post(ScopeCoreAccounts)), a.grant)
	web.Register(app, change("core_grant_remove", http.MethodDelete, "/v1/core/accounts/{account_id}/grants/{client_id}",
		"Take a grant back", http.StatusNoContent, post(ScopeCoreAccounts)), a.revoke)

	web.Register(app, change("core_posting_create", http.MethodPost, "/v1/core/postings", "Post a balanced set of entries",
		http.StatusCreated, post(ScopeCorePostings)), a.post)
	web.Register(app, get("core_posting_get", "/v1/core/postings/{posting_id}", coreTag, "One posting",
		view(ScopeCorePostings)), a.posting)
	web.Register(app, change("core_posting_reverse", http.MethodPost, "/v1/core/postings/{posting_id}/reverse",
		"Take a posting back, whole and once", http.StatusCreated, post(ScopeCorePostings)), a.reverse)

	web.Register(app, change("core_hold_place", http.MethodPost, "/v1/core/holds", "Reserve money of an account",
		http.StatusCreated, post(ScopeCoreHolds)), a.placeHold)
	web.Register(app, get("core_hold_get", "/v1/core/holds/{hold_id}", coreTag, "One hold",
		view(ScopeCoreHolds)), a.hold)
	web.Register(app, change("core_hold_capture", http.MethodPost, "/v1/core/holds/{hold_id}/capture",
		"Move a hold's money, in part or whole", http.StatusOK, post(ScopeCoreHolds)), a.captureHold)
	web.Register(app, change("core_hold_release", http.MethodPost, "/v1/core/holds/{hold_id}/release",
		"Give a hold's money back", http.StatusOK, post(ScopeCoreHolds)), a.releaseHold)

	web.Register(app, change("core_limits_check", http.MethodPost, "/v1/core/limits/check",
		"Whether an operation would pass the limits now", http.StatusOK, view(ScopeCoreLimits)), a.checkLimits)
	web.Register(app, get("core_integrity_get", "/v1/core/integrity", coreTag, "Whether the books are right",
		web.Needs(policy.FinanceSettle, ScopeCoreIntegrity)), a.integrity)
}

const coreTag = "Core banking"

// change is an operation of the core bank that is not a plain read.
func change(id, method, path, summary string, status int, access web.Access) web.Operation {
	return web.Operation{Access: access, Operation: huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{coreTag}, DefaultStatus: status,
		Errors: []int{
			http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict,
			http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity,
			http.StatusServiceUnavailable,
		},
	}}
}

// clientOf is the calling client. People and staff have no accounts of their own here.
func clientOf(ctx context.Context) (uuid.UUID, error) {
	caller, ok := web.Caller(ctx)
	if !ok || caller.Kind != identity.Client {
		return uuid.Nil, fault.New(fault.CodeForbidden, "%s is no API client", caller)
	}
	return caller.ID, nil
}

// clients tells that an account was opened by a client, and not by Nova for its own people.
func clients(a ledger.Account) bool { return a.OpenedBy != "" && a.OpenedBy != ledger.OpenedByNova }

// isClient tells that the caller is the client that the ledger knows by this name. What one client opened or posted is
// not there for another, by whatever path.
func isClient(ctx context.Context, opener string) bool {
	client, err := clientOf(ctx)
	return err == nil && bank.Opener(client) == opener
}

// order is who asks for what moves or reserves money, and what makes its retry safe.
func (a *api) order(ctx context.Context, in *Idempotent) (bank.Order, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return bank.Order{}, err
	}
	key, body, err := in.Claim(ctx, a.Bodies)
	return bank.Order{Client: client, Key: key, Body: body}, err
}

// again words an answer that may be the first one come again.
func again(replayed bool, err error) (Replay, error) {
	return Answer(ledger.Result{Replayed: replayed}, err)
}

// MoneyInput is an amount that somebody sends: more than zero.
type MoneyInput struct {
	Amount   string `json:"amount" doc:"Decimal string: 1 to 18 integer digits without a leading zero, as many decimals as the currency has or fewer; more than zero" example:"150.00" maxLength:"22" pattern:"^(0|[1-9][0-9]{0,17})(\\.[0-9]{1,3})?$"`
	Currency string `json:"currency" doc:"ISO 4217 code" example:"BBD" pattern:"^[A-Z]{3}$"`
}

// parse reads the amount of a field; a fault names the part of it.
func (m MoneyInput) parse(field string) (money.Amount, error) {
	amount, err := money.Parse(m.Amount, money.Currency(m.Currency))
	switch {
	case err != nil:
		return amount, within(field, err)
	case !amount.IsPositive():
		return amount, fault.New(fault.ValidationError, "amount of nothing").Field(field+".amount", "must be above zero")
	}
	return amount, nil
}

// within puts a field in front of those that a fault names.
func within(field string, err error) error {
	inner := fault.From(err)
	outer := fault.New(inner.Code, "%s", inner.Detail)
	for name, problem := range inner.Fields {
		outer = outer.Field(field+"."+name, problem)
	}
	return outer
}

// EntryInput is one debit or credit that a client asks for.
type EntryInput struct {
	AccountID string     `json:"account_id" example:"acc_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
	Direction string     `json:"direction" enum:"debit,credit" example:"debit"`
	Amount    MoneyInput `json:"amount"`
}

// entries reads a list of them.
func entries(in []EntryInput) ([]bank.Entry, error) {
	all := make([]bank.Entry, len(in))
	for i, e := range in {
		field := fmt.Sprintf("entries[%d].", i)
		account, err := ids.Parse(ids.Account, e.AccountID)
		if err != nil {
			return nil, malformed(field+"account_id", err)
		}
		amount, err := e.Amount.parse(field + "amount")
		if err != nil {
			return nil, err
		}
		all[i] = bank.Entry{Account: account, Side: ledger.Debit, Amount: amount}
		if e.Direction == ledger.Credit.String() {
			all[i].Side = ledger.Credit
		}
	}
	return all, nil
}
