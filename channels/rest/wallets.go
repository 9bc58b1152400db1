package rest

import (
	"context"
	"slices"
	"time"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
)

// walletProducts are the accounts that the API calls wallets: those that hold somebody's money. The operator's own
// books are not found here.
var walletProducts = []ledger.Product{ledger.Wallet, ledger.Float, ledger.Commission, ledger.Savings}

// WalletInput is what every operation on a wallet takes. It is exported because huma does not look into others.
type WalletInput struct {
	WalletID string `path:"wallet_id" doc:"Id of the wallet" example:"wal_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
}

type balanceInput struct {
	WalletInput
	AsOf time.Time `query:"as_of" doc:"Balance at this past moment, more than 5 seconds ago"`
}

// BalanceSet is a wallet's money now, or at a past moment: then nothing is told of an overdraft line.
type BalanceSet struct {
	WalletID  string  `json:"wallet_id" example:"wal_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Posted    Amount  `json:"posted" doc:"Sum of all postings"`
	Held      Amount  `json:"held" doc:"Reserved by holds"`
	Available Amount  `json:"available" doc:"What can be spent"`
	Overdraft *Amount `json:"overdraft_available,omitempty" doc:"What an overdraft line would add"`
	Currency  string  `json:"currency" example:"BBD"`
	AsOf      Time    `json:"as_of"`
	Version   int64   `json:"version" doc:"Number of entries so far; it grows with every posting" example:"42"`
}

type balanceOutput struct{ Body BalanceSet }

// walletBalance answers GET /v1/wallets/{wallet_id}/balance.
func (a *api) walletBalance(ctx context.Context, in *balanceInput) (*balanceOutput, error) {
	account, err := a.wallet(ctx, in.WalletID)
	if err != nil {
		return nil, err
	}
	at := in.AsOf
	var b ledger.Balance
	if at.IsZero() {
		at = a.Clock.Now()
		b, err = a.Ledger.Balance(ctx, account.ID)
	} else {
		b, err = a.Ledger.BalanceAt(ctx, account.ID, at)
	}
	if err != nil {
		return nil, err
	}
	amount := func(minor int64) Amount { return amountOf(money.Of(minor, account.Currency)) }
	body := BalanceSet{
		WalletID: ids.Format(ids.Wallet, account.ID), Posted: amount(b.Posted), Held: amount(b.Held),
		Available: amount(b.Available), Currency: string(account.Currency), AsOf: Time(at), Version: b.Sequence,
	}
	if in.AsOf.IsZero() {
		overdraft := amount(b.Overdraft)
		body.Overdraft = &overdraft
	}
	return &balanceOutput{Body: body}, nil
}

// wallet finds the account that a path names.
func (a *api) wallet(ctx context.Context, named string) (ledger.Account, error) {
	id, err := ids.Parse(ids.Wallet, named)
	if err != nil {
		return ledger.Account{}, malformed("wallet_id", err)
	}
	account, err := a.Ledger.Account(ctx, id)
	if err != nil {
		return ledger.Account{}, err
	}
	if !slices.Contains(walletProducts, account.Product) {
		return ledger.Account{}, fault.New(fault.NotFound, "account %s is no wallet but %s", id, account.Product)
	}
	if clients(account) && !isClient(ctx, account.OpenedBy) {
		return ledger.Account{}, fault.New(fault.NotFound, "account %s is another client's", id)
	}
	return account, a.mayHave(ctx, walletResource(ctx, account))
}
