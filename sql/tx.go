package sql

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// Tx is one transaction. It is not safe for concurrent use.
type Tx struct {
	tx   *sqlx.Tx
	db   *DB
	done bool
}

// Select reads rows into the slice that dest points to.
func (tx *Tx) Select(ctx context.Context, dest any, q Query, args ...any) error {
	if stmt := tx.prepared(ctx, q); stmt != nil {
		return named(ctx, q, stmt.SelectContext(ctx, dest, args...))
	}
	return named(ctx, q, tx.tx.SelectContext(ctx, dest, q.Text, args...))
}

// Get reads one row into dest; NoRows tells that there was none.
func (tx *Tx) Get(ctx context.Context, dest any, q Query, args ...any) error {
	if stmt := tx.prepared(ctx, q); stmt != nil {
		return named(ctx, q, stmt.GetContext(ctx, dest, args...))
	}
	return named(ctx, q, tx.tx.GetContext(ctx, dest, q.Text, args...))
}

// Exec runs a statement and returns how many rows it touched.
func (tx *Tx) Exec(ctx context.Context, q Query, args ...any) (int64, error) {
	if stmt := tx.prepared(ctx, q); stmt != nil {
		result, err := stmt.ExecContext(ctx, args...)
		return affected(ctx, q, result, err)
	}
	result, err := tx.tx.ExecContext(ctx, q.Text, args...)
	return affected(ctx, q, result, err)
}

// Commit makes the transaction last. When ConnectionLost holds for its error, whether it lasted is unknown.
func (tx *Tx) Commit() error {
	tx.done = true
	return mapped(context.Background(), tx.tx.Commit())
}

// Rollback undoes the transaction; after Commit it does nothing. Its own failure says nothing new: a transaction
// that is not committed leaves nothing behind.
func (tx *Tx) Rollback() {
	if tx.done {
		return
	}
	tx.done = true
	_ = tx.tx.Rollback() // the failure that led here is the one to tell
}

func (tx *Tx) prepared(ctx context.Context, q Query) *sqlx.Stmt {
	if !tx.db.prepared {
		return nil
	}
	stmt := tx.db.statement(q)
	if stmt == nil {
		return nil
	}
	return tx.tx.StmtxContext(ctx, stmt)
}
