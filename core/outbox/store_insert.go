package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/sql"
)

// queries are the package's statements.
var queries = sql.Named("outbox")

// Insert is the statement behind EnqueueIn, for the ledger's writer, which sends it together with its own.
func Insert() sql.Query { return queries.Get("enqueue") }

const (
	// insertColumns are Insert's.
	insertColumns = 9
	// argsRoom is what the arguments of most notices take.
	argsRoom = 256
)

// InsertColumns are the arguments of Insert, filled one notice after another.
type InsertColumns struct{ sql.Columns }

// NewInsertColumns are empty columns.
func NewInsertColumns() *InsertColumns {
	return &InsertColumns{make(sql.Columns, insertColumns)}
}

// Add appends a notice that may be sent from now on.
func (ic *InsertColumns) Add(n *Notice, now time.Time) error {
	args, err := sql.AppendObject(make([]byte, 0, argsRoom), n.Args)
	if err != nil {
		return fmt.Errorf("arguments of %s: %w", n.Template, err)
	}
	c := ic.Columns
	c[0].UUID(n.ID)
	c[1].Text(n.Template)
	c[2].Text(n.To.Digits())
	c[3].Text(n.Language)
	c[4].Text(string(args))
	c[5].Bytes(n.Sealed)
	c[6].UUID(n.Transaction)
	c[7].TextOrNull(n.Dedupe)
	c[8].Time(now)
	return nil
}

// EnqueueIn writes notices in the caller's transaction, in one statement. One whose dedupe key (or id) was written
// before is left out.
func EnqueueIn(ctx context.Context, tx *sql.Tx, notices []Notice, now time.Time) error {
	if len(notices) == 0 {
		return nil
	}
	columns := NewInsertColumns()
	for i := range notices {
		if err := columns.Add(&notices[i], now); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, Insert(), columns.Args()...)
	return err
}

// SealedAAD binds the sealed argument of a notice to its row: what its maker seals it with, and its renderer opens it.
func SealedAAD(notice uuid.UUID) string { return "notices|sealed|" + notice.String() }

// WithdrawIn gives up, in the caller's transaction, notices that nobody need be told any more, and erases what they held
// sealed. Those that were sent stay as they are.
func WithdrawIn(ctx context.Context, tx *sql.Tx, notices ...uuid.UUID) error {
	if len(notices) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, queries.Get("withdraw"), sql.UUIDs(notices))
	return err
}
