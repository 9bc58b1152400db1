package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nova/core/fault"
	"nova/core/transactions"
	"nova/sql"
)

type keyRow struct {
	Body      []byte
	Code      fault.Code
	Result    string
	CreatedAt time.Time `db:"created_at"`
}

func (k *keyRow) stored() Stored {
	return Stored{Code: k.Code, Result: k.Result, CreatedAt: k.CreatedAt.UTC()}
}

// look reads what the commands decide by, and what stands under their keys, but for what the footing's memory has. Rows
// of the house's accounts that the lane does not have yet are made and looked at again, which happens once a lane.
// promises are stored by the footing's looks, where they do that.
func (b *books) look(ctx context.Context, f *footing, claims []*claim, promises []*transactions.Promise) (*sight, error) {
	s := &sight{state: NewState(StateOptions{Now: b.clock.Now(), Location: b.location, Codes: b.codes, DrawFees: b.drawFees})}
	ls := lockSetOf(s.state, claims, f.memory, f.lane)
	if ls.empty() && len(promises) == 0 {
		return s, nil
	}
	credentials, err := lookAt(ctx, f, s, ls, claims, promises)
	if err != nil {
		return nil, err
	}
	if s.credentials, err = b.credentials.Locked(credentials); err != nil {
		return nil, err
	}
	rest := ls.missing(s.state)
	if rest == nil {
		return s, nil
	}
	if _, err := f.db.Exec(ctx, queries.Get("add_lane_balances"), rest.accounts.Array(), f.lane); err != nil {
		return nil, err
	}
	_, err = lookAt(ctx, f, s, rest, nil, nil)
	return s, err
}

// lookAt puts what the lock set names into the sight, but for the credentials, whose text it returns.
func lookAt(ctx context.Context, f *footing, s *sight, ls *lockSet, claims []*claim, promises []*transactions.Promise) (string, error) {
	q, args := f.looks.whole, []any(nil)
	if f.looks.promising {
		args = transactions.PromiseArgs(promises)
	}
	switch {
	case f.memory != nil && ls.secretsOnly():
		q, args = f.looks.secrets, append(args, ls.credentials.Array())
	case ls.usual():
		q, args = f.looks.usual, ls.usualArgs(args, f.lane)
	default:
		args = ls.wholeArgs(args, f.lane)
	}
	var rows groupRows
	if err := f.db.Get(ctx, &rows, q, args...); err != nil {
		return "", fmt.Errorf("look: %w", err)
	}
	return rows.Credentials, ls.fill(s, claims, &rows)
}

// write writes what the group decided in one statement, which fails with sql.Moved if a row is not as the group read it,
// or the lane was leased to somebody else.
func (b *books) write(ctx context.Context, f *footing, columns *groupColumns) error {
	form := b.statements.whole
	if !f.whole {
		form = b.statements.shapeFor(columns)
	}
	// Exec, because it does not return before the server has said that the statement, and where there is no
	// transaction its commit, is over.
	_, err := f.db.Exec(ctx, form.query, form.arguments(columns)...)
	if sql.LockTimeout(err) && sql.WaitedFor(err, "idempotency_keys_pkey") {
		return errors.Join(errKeyBusy, err)
	}
	return err
}

// leaseLane takes a free lane; an error that is NoRows tells that there is none.
func leaseLane(ctx context.Context, tx *sql.Tx, holder string, lease time.Duration) (*lane, error) {
	return laneOf(ctx, tx, queries.Get("lease_lane"), holder, lease.Microseconds())
}

// readLane locks a lane's row and reads it, waiting for whoever writes it.
func readLane(ctx context.Context, tx *sql.Tx, id int) (*lane, error) {
	return laneOf(ctx, tx, queries.Get("lane"), id)
}

func laneOf(ctx context.Context, tx *sql.Tx, q sql.Query, args ...any) (*lane, error) {
	var row struct {
		ID                  int
		Epoch, Groups, Seal int64
		Sealed              int64
		Head                []byte
		ReceiptNext         int64 `db:"receipt_next"`
		ReceiptEnd          int64 `db:"receipt_end"`
	}
	if err := tx.Get(ctx, &row, q, args...); err != nil {
		return nil, err
	}
	return &lane{
		id: row.ID, epoch: row.Epoch, groups: row.Groups, seal: row.Seal, sealed: row.Sealed, head: row.Head,
		receiptNext: row.ReceiptNext, receiptEnd: row.ReceiptEnd,
	}, nil
}

// takeReceipts gives the lane a new block of receipt numbers; what was left of the old one is never used.
func takeReceipts(ctx context.Context, tx *sql.Tx, ln *lane) error {
	var end int64
	if err := tx.Get(ctx, &end, queries.Get("take_receipts"), receiptBlock); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, queries.Get("give_receipts"), ln.id, ln.epoch, end-receiptBlock, end)
	if err != nil {
		return err
	}
	if n != 1 {
		return errLaneLost
	}
	ln.receiptNext, ln.receiptEnd = end-receiptBlock, end
	return nil
}

// renewLane keeps an idle writer's lane.
func renewLane(ctx context.Context, tx *sql.Tx, ln *lane, lease time.Duration) error {
	n, err := tx.Exec(ctx, queries.Get("renew_lane"), ln.id, ln.epoch, lease.Microseconds())
	if err == nil && n != 1 {
		return errLaneLost
	}
	return err
}

// freeLane gives the lane back before its lease ends.
func freeLane(ctx context.Context, tx *sql.Tx, ln *lane) error {
	_, err := tx.Exec(ctx, queries.Get("free_lane"), ln.id, ln.epoch)
	return err
}

// setLockTimeout bounds each wait for a lock until the transaction ends.
func setLockTimeout(ctx context.Context, tx *sql.Tx, wait time.Duration) error {
	var set string
	return tx.Get(ctx, &set, queries.Get("lock_timeout"), fmt.Sprintf("%dms", wait.Milliseconds()))
}
