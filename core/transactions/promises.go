package transactions

import (
	"context"

	"github.com/google/uuid"

	"nova/sql"
)

// promiseColumns are the arguments of the statement that stores promises.
const promiseColumns = 9

// Promising is the statement behind PromiseIn, for the ledger's writer, which sends it together with its own.
func Promising() sql.Query { return queries.Get("promise") }

// PromiseArgs are the arguments of Promising, for promises of different intents.
func PromiseArgs(all []*Promise) []any {
	c := make(sql.Columns, promiseColumns)
	for _, p := range all {
		c[0].UUID(p.Intent)
		c[1].Time(p.CreatedAt)
		c[2].Int(p.Amount.Minor)
		c[3].Text(string(p.Amount.Currency))
		c[4].Bytes(p.Key[:])
		c[5].Text(p.To.Digits())
		c[6].Text(p.Language)
		c[7].Text(string(p.Type))
		c[8].Text(p.PayeeName)
	}
	return c.Args()
}

// PromiseIn stores promises of different intents in one statement. The same intent may be promised again: a later
// try takes its promise over.
func PromiseIn(ctx context.Context, q sql.Querier, all []*Promise) error {
	_, err := q.Exec(ctx, Promising(), PromiseArgs(all)...)
	return err
}

// Promises reads and settles promises. It is safe for concurrent use.
type Promises struct{ db sql.Querier }

// NewPromises reads through a pool.
func NewPromises(db sql.Querier) *Promises { return &Promises{db: db} }

// Waits tells whether the promise of an intent stands unsettled: its command may still run, or may have run.
func (p *Promises) Waits(ctx context.Context, intent uuid.UUID) (bool, error) {
	var waits bool
	err := p.db.Get(ctx, &waits, queries.Get("promised"), intent)
	return waits, err
}
