package payments

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/sql"
)

// The owner of Nova's own accounts.
const (
	houseKind = "house"
	houseID   = "nova"
)

// Books are the house's own accounts of one currency.
type Books struct {
	Trust             uuid.UUID
	OperatorBank      uuid.UUID
	FeeIncome         uuid.UUID
	TaxPayable        uuid.UUID
	CommissionExpense uuid.UUID
	InterestExpense   uuid.UUID
	InterestIncome    uuid.UUID
	Equity            uuid.UUID
}

// each lists the accounts with the product that each stands for.
func (b *Books) each() []struct {
	product ledger.Product
	id      *uuid.UUID
} {
	return []struct {
		product ledger.Product
		id      *uuid.UUID
	}{
		{ledger.Trust, &b.Trust},
		{ledger.OperatorBank, &b.OperatorBank},
		{ledger.FeeIncome, &b.FeeIncome},
		{ledger.TaxPayable, &b.TaxPayable},
		{ledger.CommissionExpense, &b.CommissionExpense},
		{ledger.InterestExpense, &b.InterestExpense},
		{ledger.InterestIncome, &b.InterestIncome},
		{ledger.EquityAccount, &b.Equity},
	}
}

// OpenBooks finds the house's accounts of a currency and opens those that are missing. Nodes that start together may
// all call it: whoever comes second finds what the first opened.
func OpenBooks(ctx context.Context, db *sql.DB, accounts *ledger.Store, c money.Currency, now clock.Clock) (
	Books, error,
) {
	var b Books
	for _, book := range b.each() {
		id, err := openBook(ctx, db, accounts, ledger.Account{
			ID: ids.New(now.Now()), OwnerKind: houseKind, OwnerID: houseID, Product: book.product, Currency: c,
			Status: ledger.Active, Name: string(book.product), OpenedAt: now.Now(),
		})
		if err != nil {
			return Books{}, fmt.Errorf("open %s: %w", book.product, err)
		}
		*book.id = id
	}
	return b, nil
}

// openBook opens one account, or finds the one that is there: opened before, or by another node meanwhile.
func openBook(ctx context.Context, db *sql.DB, accounts *ledger.Store, a ledger.Account) (uuid.UUID, error) {
	owned := ledger.Owned{OwnerKind: a.OwnerKind, OwnerID: a.OwnerID, Product: a.Product, Currency: a.Currency}
	found, err := accounts.AccountOf(ctx, owned)
	if !fault.Is(err, fault.NotFound) {
		return found.ID, err
	}
	err = db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return accounts.OpenIn(ctx, tx, a) })
	if err == nil {
		return a.ID, nil
	}
	found, again := accounts.AccountOf(ctx, owned)
	if again != nil {
		return uuid.Nil, err
	}
	return found.ID, nil
}
