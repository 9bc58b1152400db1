package bank

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/sql"
)

// ownerTypes are the owners whom a client may keep accounts for. "house" is not among them: those are Nova's own
// books. A client's own books belong to a business.
var ownerTypes = []string{"customer", "agent", "merchant", "business"}

// peoples are the products that hold what belongs to somebody: they never go below zero, and their money can be held.
// All others are books, which may stand on either side.
var peoples = []ledger.Product{ledger.Wallet, ledger.Float, ledger.Commission, ledger.Savings}

// NewAccount is what a client opens. The owner's id is the client's own reference and is not looked up.
type NewAccount struct {
	OwnerType, OwnerID string
	Product            ledger.Product
	Currency           money.Currency
	Name               string
	Metadata           map[string]string
}

func (n NewAccount) check() error {
	if !slices.Contains(ownerTypes, n.OwnerType) {
		return fault.New(fault.ValidationError, "owner of another type").Field("owner.type", "is not known")
	}
	if !n.Product.Valid() {
		return fault.New(fault.ValidationError, "product outside the chart").Field("product", "is not known")
	}
	if !n.Currency.Valid() {
		return fault.New(fault.ValidationError, "currency outside the table").Field("currency", "is not known here")
	}
	err := checkTexts(text{"owner.id", n.OwnerID, 1, MaxOwnerID}, text{"name", n.Name, 0, MaxName})
	if err != nil {
		return err
	}
	return checkMetadata(n.Metadata)
}

// Account is an account with its overdraft line; nil for none.
type Account struct {
	ledger.Account
	Overdraft *ledger.OverdraftLine
}

// Open opens an account for a client. The product decides its class, its normal side, and whether it has a floor. A
// client may open as many of a kind as it likes.
func (s *Service) Open(ctx context.Context, client uuid.UUID, n NewAccount) (Account, error) {
	if err := n.check(); err != nil {
		return Account{}, err
	}
	now := s.clock.Now()
	a := ledger.Account{
		ID: ids.New(now), OwnerKind: n.OwnerType, OwnerID: n.OwnerID, Product: n.Product, Currency: n.Currency,
		Status: ledger.Active, Name: n.Name, OpenedBy: Opener(client), Metadata: n.Metadata, OpenedAt: now,
	}
	if slices.Contains(peoples, n.Product) {
		a.Floor = ledger.ZeroFloor()
	}
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.ledger.OpenIn(ctx, tx, a) })
	return Account{Account: a}, err
}

// Account reads an account; NOT_FOUND unless it is the client's.
func (s *Service) Account(ctx context.Context, client, id uuid.UUID) (Account, error) {
	a, err := s.account(ctx, client, id)
	if err != nil || a.Floor == nil {
		return Account{Account: a}, err
	}
	line, has, err := s.ledger.Overdraft(ctx, id)
	if err != nil || !has {
		return Account{Account: a}, err
	}
	return Account{Account: a, Overdraft: &line}, nil
}

// account reads an account of the client's as it is now.
func (s *Service) account(ctx context.Context, client, id uuid.UUID) (ledger.Account, error) {
	if _, err := s.usable(ctx, client, []uuid.UUID{id}, accountField); err != nil {
		return ledger.Account{}, err
	}
	return s.ledger.Account(ctx, id)
}

// Balance reads an account's money now, or as it stood at a past moment if at is not zero.
func (s *Service) Balance(ctx context.Context, client, id uuid.UUID, at time.Time) (ledger.Balance, error) {
	if _, err := s.usable(ctx, client, []uuid.UUID{id}, accountField); err != nil {
		return ledger.Balance{}, err
	}
	if at.IsZero() {
		return s.ledger.Balance(ctx, id)
	}
	return s.ledger.BalanceAt(ctx, id, at)
}

// SetStatus freezes, unfreezes or closes an account that the client opened; one that it was granted is FORBIDDEN. Only
// an account without money, holds and debts is closed, and what is closed stays so: INVALID_STATE. The status that it has
// already is no change.
func (s *Service) SetStatus(ctx context.Context, client, id uuid.UUID, to ledger.Status) (Account, error) {
	if to != ledger.Active && to != ledger.Frozen && to != ledger.Closed {
		return Account{}, fault.New(fault.ValidationError, "status outside the list").Field("status", "is not known")
	}
	a, err := s.Account(ctx, client, id)
	if err != nil {
		return Account{}, err
	}
	if a.OpenedBy != Opener(client) {
		return Account{}, fault.New(fault.CodeForbidden, "client %s did not open account %s", client, id)
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.setStatusIn(ctx, tx, id, to) })
	a.Status = to
	return a, err
}

// setStatusIn holds the account's rows while it decides, so that no money arrives on what is being closed.
func (s *Service) setStatusIn(ctx context.Context, tx *sql.Tx, id uuid.UUID, to ledger.Status) error {
	b, err := s.store.lockBalance(ctx, tx, id)
	if err != nil || b.Status == to {
		return err
	}
	if to == ledger.Closed && (b != standing{Status: b.Status}) {
		return fault.New(fault.InvalidState, "account %s has %d, %d of it held, and owes %d", id, b.Posted, b.Held, b.Owed).
			Field("status", "cannot be closed while the account has money, holds or an overdraft")
	}
	return s.ledger.SetStatusIn(ctx, tx, id, to)
}
