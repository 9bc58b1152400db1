package payments

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/transactions"
	"nova/sql"
)

// recoverable are the types whose money can be taken back from the side that got it.
var recoverable = []transactions.Type{
	transactions.P2P, transactions.P2PAssist, transactions.MerchantPayment, transactions.CashIn, transactions.CashOut,
}

// metaTransaction is what a hold of a claim remembers of it.
const metaTransaction = "transaction"

// recovery is a transaction of which money is taken back, as it stands.
type recovery struct {
	original transactions.Transaction
	// sides are the accounts of its posting as they stand now.
	sides []side
	// adjusted is what adjustments have taken back so far.
	adjusted int64
	// held is the hold that stands for the transaction; zero for none.
	held claimedHold
	now  time.Time
}

// side is one account of a posting. Minor is what the posting gave it, below zero for what it took, as debits and
// credits go: what a reversal debits.
type side struct {
	Account   uuid.UUID `db:"account_id"`
	Minor     int64
	Product   ledger.Product
	Status    ledger.Status
	Tier      int
	Posted    int64
	Available int64
}

// claimedHold is an active hold of a claim.
type claimedHold struct {
	ID        uuid.UUID
	Minor     int64
	ExpiresAt time.Time `db:"expires_at"`
}

// recovery locks a transaction and looks at it. Errors: look's.
func (s *Service) recovery(ctx context.Context, tx *sql.Tx, transaction uuid.UUID) (*recovery, error) {
	if err := s.store.lockFact(ctx, tx, transaction); err != nil {
		return nil, err
	}
	return s.look(ctx, tx, transaction)
}

// look reads what a claim against a transaction depends on. Errors: NOT_FOUND, ALREADY_REVERSED, INVALID_STATE,
// ACCOUNT_FROZEN, ACCOUNT_CLOSED.
func (s *Service) look(ctx context.Context, tx *sql.Tx, transaction uuid.UUID) (*recovery, error) {
	t, err := transactions.NewStore(tx).ByID(ctx, transaction)
	if err != nil {
		return nil, err
	}
	if err := unspent(t); err != nil {
		return nil, err
	}
	r := &recovery{original: t, now: s.clock.Now()}
	if r.adjusted, err = s.store.adjusted(ctx, tx, t.ID); err != nil {
		return nil, err
	}
	if r.held, err = s.store.claimedHold(ctx, tx, t.To.Account, t.ID); err != nil {
		return nil, err
	}
	if r.sides, err = s.store.sides(ctx, tx, t.ID); err != nil {
		return nil, err
	}
	return r, r.usable()
}

// unspent refuses a transaction that has nothing to be taken back.
func unspent(t transactions.Transaction) error {
	switch {
	case t.Status == transactions.Reversed:
		return fault.New(fault.AlreadyReversed, "transaction %s by %s", t.ID, t.ReversedBy)
	case t.Status != transactions.Completed:
		return fault.New(fault.InvalidState, "transaction %s is %s", t.ID, t.Status)
	case !slices.Contains(recoverable, t.Type):
		return fault.New(fault.InvalidState, "a %s, %s, is not taken back", t.Type, t.ID).
			Field("transaction", "is of a type that is not taken back")
	}
	return nil
}

// usable refuses accounts that take no lines now.
func (r *recovery) usable() error {
	for _, side := range r.sides {
		if err := open(side.Account, side.Status); err != nil {
			return err
		}
	}
	return nil
}

// side is that of an account; zero for one that the posting did not touch.
func (r *recovery) side(account uuid.UUID) side {
	i := slices.IndexFunc(r.sides, func(s side) bool { return s.Account == account })
	if i < 0 {
		return side{}
	}
	return r.sides[i]
}

// recipient is who got the money.
func (r *recovery) recipient() side { return r.side(r.original.To.Account) }

// covered is what the recipient can give back now: what is free and what is held for it.
func (r *recovery) covered() int64 {
	return max(0, r.recipient().Available) + r.held.Minor
}

// draw uses what is held for so much, and refuses what the recipient does not have any more, saying how much that is.
func (r *recovery) draw(minor int64) ([]ledger.HoldMove, error) {
	if missing := minor - r.covered(); missing > 0 {
		return nil, r.short(missing)
	}
	if r.held.ID == uuid.Nil {
		return nil, nil
	}
	if !r.held.ExpiresAt.After(r.now) {
		return []ledger.HoldMove{ledger.ReleaseHold(r.held.ID)}, nil // its worker has not come by yet
	}
	return []ledger.HoldMove{ledger.CaptureHold(r.held.ID, min(minor, r.held.Minor))}, nil
}

func (r *recovery) short(missing int64) error {
	return fault.New(fault.InsufficientFunds, "%d of %s is missing", missing, r.original.ID).
		With("missing", money.Of(missing, r.original.Amount.Currency).String())
}
