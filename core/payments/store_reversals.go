package payments

import (
	"context"

	"github.com/google/uuid"

	"nova/core/ledger"
	"nova/core/msisdn"
	"nova/core/transactions"
	"nova/sql"
)

// lockFact holds a transaction's row until tx ends; one that there is not, is not held.
func (s store) lockFact(ctx context.Context, tx *sql.Tx, transaction uuid.UUID) error {
	var id uuid.UUID
	err := tx.Get(ctx, &id, s.queries.Get("lock_fact"), transaction)
	if sql.NoRows(err) {
		return nil
	}
	return err
}

// adjusted is what adjustments have taken back of a transaction.
func (s store) adjusted(ctx context.Context, tx *sql.Tx, transaction uuid.UUID) (int64, error) {
	var minor int64
	err := tx.Get(ctx, &minor, s.queries.Get("adjusted"), transaction)
	return minor, err
}

// sides are the accounts of a posting, in the order of its lines.
func (s store) sides(ctx context.Context, tx *sql.Tx, posting uuid.UUID) ([]side, error) {
	var sides []side
	err := tx.Select(ctx, &sides, s.queries.Get("sides"), posting)
	return sides, err
}

// claimedHold is what is held on an account for claims against a transaction; zero for nothing.
func (s store) claimedHold(ctx context.Context, tx *sql.Tx, account, transaction uuid.UUID) (claimedHold, error) {
	var h claimedHold
	err := tx.Get(ctx, &h, s.queries.Get("claimed_hold"), account, string(ReversalHold), metaTransaction, transaction)
	if sql.NoRows(err) {
		return claimedHold{}, nil
	}
	return h, err
}

func (s store) holdActive(ctx context.Context, tx *sql.Tx, hold uuid.UUID) (bool, error) {
	var active bool
	err := tx.Get(ctx, &active, s.queries.Get("hold_active"), hold)
	return active, err
}

// accountOf is the account that Nova keeps for an owner; zero for none.
func (s store) accountOf(ctx context.Context, tx *sql.Tx, o ledger.Owned) (uuid.UUID, error) {
	var id uuid.UUID
	err := tx.Get(ctx, &id, s.queries.Get("account_of"), o.OwnerKind, o.OwnerID, o.Product, o.Currency, ledger.OpenedByNova)
	if sql.NoRows(err) {
		return uuid.Nil, nil
	}
	return id, err
}

// colleagues tells whether anybody but the operator serves at the outlet.
func (s store) colleagues(ctx context.Context, tx *sql.Tx, outlet, operator uuid.UUID) (bool, error) {
	var any bool
	err := tx.Get(ctx, &any, s.queries.Get("colleagues"), outlet, operator)
	return any, err
}

type toldRow struct {
	ID       uuid.UUID
	MSISDN   msisdn.MSISDN
	Language string
}

// toldCustomers are those of the owners who are customers.
func (s store) toldCustomers(ctx context.Context, tx *sql.Tx, owners ...uuid.UUID) (map[uuid.UUID]told, error) {
	var rows []toldRow
	if err := tx.Select(ctx, &rows, s.queries.Get("told_customers"), sql.UUIDs(owners)); err != nil {
		return nil, err
	}
	people := make(map[uuid.UUID]told, len(rows))
	for _, r := range rows {
		people[r.ID] = told{to: r.MSISDN, language: r.Language}
	}
	return people, nil
}

// toldOperators are the people of the agent who served in a transaction; nobody where no agent did.
func (s store) toldOperators(ctx context.Context, tx *sql.Tx, t transactions.Transaction) ([]told, error) {
	var rows []toldRow
	operator := uuid.NullUUID{UUID: t.Operator, Valid: t.Operator != uuid.Nil}
	if err := tx.Select(ctx, &rows, s.queries.Get("told_operators"), operator, t.Agent, maxToldOperators); err != nil {
		return nil, err
	}
	people := make([]told, len(rows))
	for i, r := range rows {
		people[i] = told{to: r.MSISDN, language: r.Language}
	}
	return people, nil
}
