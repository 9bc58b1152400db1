package rest

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/bank"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
)

// Owner is whose account it is, in the client's own words.
type Owner struct {
	Type string `json:"type" enum:"customer,agent,merchant,business" doc:"business owns the client's own books" example:"customer"`
	ID   string `json:"id" doc:"The client's own reference; it is not looked up" example:"c-1041" minLength:"1" maxLength:"64"`
}

type openAccountInput struct {
	Body struct {
		Owner    Owner             `json:"owner"`
		Product  string            `json:"product" enum:"wallet,float,commission,savings,tax_payable,interest_payable,suspense,trust,operator_bank,overdraft_receivable,agent_receivable,fee_income,interest_income,commission_expense,interest_expense,equity" doc:"Decides the class, the normal side, and whether the balance may go below zero: wallet, float, commission and savings may not" example:"wallet"`
		Currency string            `json:"currency" doc:"ISO 4217 code" example:"BBD" pattern:"^[A-Z]{3}$"`
		Name     string            `json:"name,omitempty" example:"Marcia B." maxLength:"100"`
		Metadata map[string]string `json:"metadata,omitempty" doc:"At most 16 keys of up to 40 characters, values of up to 200" maxProperties:"16" example:"{\"branch\":\"7\"}"`
	}
}

// Account is an account of a client.
type Account struct {
	AccountID  string            `json:"account_id" example:"acc_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Owner      Owner             `json:"owner"`
	Product    string            `json:"product" example:"wallet"`
	Class      string            `json:"class" enum:"asset,liability,income,expense,equity" example:"liability"`
	NormalSide string            `json:"normal_side" enum:"debit,credit" doc:"The side on which the balance is positive" example:"credit"`
	Currency   string            `json:"currency" example:"BBD"`
	Status     string            `json:"status" enum:"active,frozen,closed" example:"active"`
	Name       string            `json:"name,omitempty" example:"Marcia B."`
	Metadata   map[string]string `json:"metadata,omitempty" example:"{\"branch\":\"7\"}"`
	Overdraft  *OverdraftTerms   `json:"overdraft,omitempty" doc:"Absent for an account without a line"`
	OpenedAt   Time              `json:"opened_at"`
}

// OverdraftTerms are an account's line as its owner sees it.
type OverdraftTerms struct {
	Limit     Amount `json:"limit" doc:"The most that may be owed"`
	FeeBPS    int    `json:"fee_bps" doc:"Fee of a draw, in basis points" example:"200"`
	ExpiresAt *Time  `json:"expires_at,omitempty" doc:"Ends new draws"`
}

func accountOf(a bank.Account) Account {
	body := Account{
		AccountID: ids.Format(ids.Account, a.ID), Owner: Owner{Type: a.OwnerKind, ID: a.OwnerID}, Product: string(a.Product),
		Class: string(a.Product.Class()), NormalSide: a.Product.Normal().String(), Currency: string(a.Currency),
		Status: string(a.Status), Name: a.Name, Metadata: a.Metadata, OpenedAt: Time(a.OpenedAt),
	}
	if line := a.Overdraft; line != nil {
		body.Overdraft = &OverdraftTerms{
			Limit: amountOf(money.Of(line.Limit, a.Currency)), FeeBPS: line.FeeBPS, ExpiresAt: timeOrNone(line.Until),
		}
	}
	return body
}

type accountOutput struct{ Body Account }

// openAccount answers POST /v1/core/accounts.
func (a *api) openAccount(ctx context.Context, in *openAccountInput) (*accountOutput, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	opened, err := a.Bank.Open(ctx, client, bank.NewAccount{
		OwnerType: in.Body.Owner.Type, OwnerID: in.Body.Owner.ID, Product: ledger.Product(in.Body.Product),
		Currency: money.Currency(in.Body.Currency), Name: in.Body.Name, Metadata: in.Body.Metadata,
	})
	if err != nil {
		return nil, err
	}
	return &accountOutput{Body: accountOf(opened)}, nil
}

// AccountInput is what every operation on an account takes.
type AccountInput struct {
	AccountID string `path:"account_id" doc:"Id of the account" example:"acc_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
}

// named is the account that the path names, and the client that asks.
func (in *AccountInput) named(ctx context.Context) (client, id uuid.UUID, err error) {
	if client, err = clientOf(ctx); err != nil {
		return client, id, err
	}
	if id, err = ids.Parse(ids.Account, in.AccountID); err != nil {
		err = malformed("account_id", err)
	}
	return client, id, err
}

type accountInput struct{ AccountInput }

// account answers GET /v1/core/accounts/{account_id}.
func (a *api) account(ctx context.Context, in *accountInput) (*accountOutput, error) {
	client, id, err := in.named(ctx)
	if err != nil {
		return nil, err
	}
	found, err := a.Bank.Account(ctx, client, id)
	if err != nil {
		return nil, err
	}
	return &accountOutput{Body: accountOf(found)}, nil
}

type changeAccountInput struct {
	AccountInput
	Body struct {
		Status string `json:"status" enum:"active,frozen,closed" doc:"A frozen account takes no postings; a closed one never again, and must be empty" example:"frozen"`
	}
}

// changeAccount answers PATCH /v1/core/accounts/{account_id}.
func (a *api) changeAccount(ctx context.Context, in *changeAccountInput) (*accountOutput, error) {
	client, id, err := in.named(ctx)
	if err != nil {
		return nil, err
	}
	changed, err := a.Bank.SetStatus(ctx, client, id, ledger.Status(in.Body.Status))
	if err != nil {
		return nil, err
	}
	return &accountOutput{Body: accountOf(changed)}, nil
}

type accountBalancesInput struct {
	AccountInput
	// AsOf is text: a time.Time could not tell the year 1 from no moment at all.
	AsOf string `query:"as_of" doc:"Balance at this past moment, more than 5 seconds ago" format:"date-time" example:"2026-11-20T00:00:00Z"`
}

// at is the moment that is asked for; now, the zero time, for none.
func (in *accountBalancesInput) at() (time.Time, error) {
	if in.AsOf == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, in.AsOf)
	if err != nil || at.Year() < 1 || at.IsZero() {
		return at, fault.New(fault.ValidationError, "as_of").Field("as_of", "is no moment since the year 1")
	}
	return at, nil
}

// AccountBalances is an account's money now, or as it stood at a past moment.
type AccountBalances struct {
	AccountID string  `json:"account_id" example:"acc_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Posted    Amount  `json:"posted" doc:"Sum of all postings"`
	Held      Amount  `json:"held" doc:"Reserved by holds"`
	Available Amount  `json:"available" doc:"What can be spent"`
	Overdraft *Amount `json:"overdraft_available,omitempty" doc:"What an overdraft line would add; not known for the past"`
	Currency  string  `json:"currency" example:"BBD"`
	AsOf      Time    `json:"as_of"`
	Version   int64   `json:"version" doc:"Number of entries so far; it grows with every posting" example:"42"`
}

type accountBalancesOutput struct{ Body AccountBalances }

// accountBalances answers GET /v1/core/accounts/{account_id}/balances.
func (a *api) accountBalances(ctx context.Context, in *accountBalancesInput) (*accountBalancesOutput, error) {
	client, id, err := in.named(ctx)
	if err != nil {
		return nil, err
	}
	at, err := in.at()
	if err != nil {
		return nil, err
	}
	b, err := a.Bank.Balance(ctx, client, id, at)
	if err != nil {
		return nil, err
	}
	amount := func(minor int64) Amount { return amountOf(money.Of(minor, b.Currency)) }
	body := AccountBalances{
		AccountID: in.AccountID, Posted: amount(b.Posted), Held: amount(b.Held), Available: amount(b.Available),
		Currency: string(b.Currency), AsOf: Time(at), Version: b.Sequence,
	}
	if at.IsZero() {
		overdraft := amount(b.Overdraft)
		body.AsOf, body.Overdraft = Time(a.Clock.Now()), &overdraft
	}
	return &accountBalancesOutput{Body: body}, nil
}

type grantInput struct {
	AccountInput
	ClientID string `path:"client_id" doc:"Id of the other client" example:"cli_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
}

// parties are who grants what to whom.
func (in *grantInput) parties(ctx context.Context) (by string, account, to uuid.UUID, err error) {
	client, account, err := in.named(ctx)
	if err != nil {
		return "", account, to, err
	}
	if to, err = ids.Parse(ids.Client, in.ClientID); err != nil {
		err = malformed("client_id", err)
	}
	return bank.Opener(client), account, to, err
}

// grant answers PUT /v1/core/accounts/{account_id}/grants/{client_id}.
func (a *api) grant(ctx context.Context, in *grantInput) (*struct{}, error) {
	by, account, to, err := in.parties(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.Bank.Grant(ctx, by, account, to)
}

// revoke answers DELETE /v1/core/accounts/{account_id}/grants/{client_id}.
func (a *api) revoke(ctx context.Context, in *grantInput) (*struct{}, error) {
	by, account, to, err := in.parties(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.Bank.Revoke(ctx, by, account, to)
}
