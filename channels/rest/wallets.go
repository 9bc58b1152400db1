package rest

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

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
	AsOf time.Time `query:"as_of" doc:"Balance at this past moment; only posted is known then"`
}

// BalanceSet is a wallet's money now, or at a past moment: then holds are not known, and only posted is there.
type BalanceSet struct {
	WalletID  string  `json:"wallet_id" example:"wal_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Posted    Amount  `json:"posted" doc:"Sum of all postings"`
	Held      *Amount `json:"held,omitempty" doc:"Reserved by holds"`
	Available *Amount `json:"available,omitempty" doc:"What can be spent"`
	Overdraft *Amount `json:"overdraft_available,omitempty" doc:"What an overdraft line would add"`
	Currency  string  `json:"currency" example:"BBD"`
	AsOf      Time    `json:"as_of"`
	Version   int64   `json:"version" doc:"Number of entries so far; it grows with every posting" example:"42"`
}

type balanceOutput struct{ Body BalanceSet }

// settled is how long ago a past moment must be: a group that is being committed may still book at its own time.
const settled = 5 * time.Second

// walletBalance answers GET /v1/wallets/{wallet_id}/balance.
func (a *api) walletBalance(ctx context.Context, in *balanceInput) (*balanceOutput, error) {
	now := a.Clock.Now()
	if in.AsOf.After(now.Add(-settled)) {
		return nil, fault.New(fault.ValidationError, "as_of %s", in.AsOf).Field("as_of", "is not at least 5 seconds ago")
	}
	account, err := a.wallet(ctx, in.WalletID)
	if err != nil {
		return nil, err
	}
	b, err := a.Ledger.Balance(ctx, account.ID)
	if err != nil {
		return nil, err
	}
	amount := func(minor int64) *Amount {
		money := amountOf(money.Of(minor, account.Currency))
		return &money
	}
	body := BalanceSet{WalletID: ids.Format(ids.Wallet, account.ID), Currency: string(account.Currency)}
	if in.AsOf.IsZero() {
		body.Posted, body.AsOf, body.Version = *amount(b.Posted), Time(now), b.Sequence
		body.Held, body.Available, body.Overdraft = amount(b.Held), amount(b.Available), amount(0)
		return &balanceOutput{Body: body}, nil
	}
	last, err := a.lastEntry(ctx, account.ID, b.Sequence, func(e ledger.Entry) bool { return !e.BookedAt.After(in.AsOf) })
	body.Posted, body.AsOf, body.Version = *amount(last.BalanceAfter), Time(in.AsOf), last.Sequence
	return &balanceOutput{Body: body}, err
}

// lastEntry is the newest of an account's first n entries for which early holds; the zero Entry when it holds for
// none. An account's entries are booked in the order of their sequence, so halving finds it in some twenty reads.
func (a *api) lastEntry(ctx context.Context, account uuid.UUID, n int64, early func(ledger.Entry) bool) (ledger.Entry, error) {
	var last ledger.Entry
	for low, high := int64(0), n; low < high; {
		middle := low + (high-low+1)/2
		found, err := a.Ledger.Entries(ctx, ledger.Page{Account: account, Before: middle + 1, Limit: 1})
		if err != nil {
			return ledger.Entry{}, err
		}
		if len(found) > 0 && !early(found[0]) {
			high = middle - 1
			continue
		}
		if len(found) > 0 {
			last = found[0]
		}
		low = middle
	}
	return last, nil
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
	return account, nil
}
