package transactions

import (
	"context"
	"fmt"

	"nova/core/fault"
	"nova/sql"
)

// queries are the package's statements.
var queries = sql.Named("transactions")

// Insert and ChangeStatus are the statements behind InsertIn and ChangeIn, for the ledger's writer, which sends
// them together with its own.
func Insert() sql.Query { return queries.Get("insert") }

// ChangeStatus is described at Insert.
func ChangeStatus() sql.Query { return queries.Get("change") }

const (
	insertColumns = 28
	changeColumns = 5
)

// InsertColumns are the arguments of Insert, filled one transaction after another.
type InsertColumns struct{ sql.Columns }

// NewInsertColumns are empty columns.
func NewInsertColumns() *InsertColumns {
	return &InsertColumns{make(sql.Columns, insertColumns)}
}

// Add appends a transaction.
func (ic *InsertColumns) Add(t *Transaction) {
	c := ic.Columns
	c[0].UUID(t.ID)
	c[1].UUID(t.Intent)
	c[2].UUID(t.From.Account)
	c[3].UUID(t.From.Owner)
	c[4].UUID(t.To.Account)
	c[5].UUID(t.To.Owner)
	c[6].UUID(t.Agent)
	c[7].UUID(t.Outlet)
	c[8].UUID(t.Operator)
	c[9].UUID(t.Client)
	c[10].UUID(t.Reverses)
	c[11].Int(t.Amount.Minor)
	c[12].Int(t.Fee.Minor)
	c[13].Int(t.Tax.Minor)
	c[14].Int(t.Commission.Minor)
	c[15].Time(t.CreatedAt)
	c[16].Time(t.PostedAt)
	c[17].Text(string(t.Amount.Currency))
	c[18].Text(t.Receipt)
	c[19].Text(string(t.Type))
	c[20].Text(string(t.Status))
	c[21].Text(string(t.Channel))
	c[22].Text(t.From.Name)
	c[23].Text(t.To.Name)
	c[24].Text(t.Reference)
	c[25].Text(t.Tariff)
	c[26].UUID(t.ReversedBy)
	c[27].Int(int64(t.Tier))
}

// ChangeColumns are the arguments of ChangeStatus, filled one change after another.
type ChangeColumns struct{ sql.Columns }

// NewChangeColumns are empty columns.
func NewChangeColumns() *ChangeColumns {
	return &ChangeColumns{make(sql.Columns, changeColumns)}
}

// Add appends a change.
func (cc *ChangeColumns) Add(ch *Change) {
	c := cc.Columns
	c[0].UUID(ch.ID)
	c[1].Text(string(ch.From))
	c[2].Text(string(ch.To))
	c[3].Time(ch.PostedAt)
	c[4].UUID(ch.ReversedBy)
}

// InsertIn writes transactions in the caller's transaction, in one statement.
func InsertIn(ctx context.Context, tx *sql.Tx, all []Transaction) error {
	if len(all) == 0 {
		return nil
	}
	columns := NewInsertColumns()
	for i := range all {
		columns.Add(&all[i])
	}
	_, err := tx.Exec(ctx, Insert(), columns.Args()...)
	return err
}

// ChangeIn applies changes in the caller's transaction. If one of them finds another status than its From, the
// answer is INVALID_STATE, and the caller must roll back.
func ChangeIn(ctx context.Context, tx *sql.Tx, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	columns := NewChangeColumns()
	for i := range changes {
		columns.Add(&changes[i])
	}
	n, err := tx.Exec(ctx, ChangeStatus(), columns.Args()...)
	if err != nil {
		return fmt.Errorf("change transactions: %w", err)
	}
	if n != int64(columns.Rows()) {
		return fault.New(fault.InvalidState, "%d of %d transactions had the expected status", n, len(changes))
	}
	return nil
}
