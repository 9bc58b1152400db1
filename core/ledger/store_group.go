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

// lock locks and reads what the commands decide by, and reads what stands under their keys: an answer for the place of
// each key that there is. Rows of system accounts that the lane does not have yet, and counters of a new window, are
// made and looked at again; each happens once a lane, or once a window.
func (b *books) lock(ctx context.Context, tx *sql.Tx, st *State, claims []*claim, lane int) (
	LockedCredentials, map[int]keyRow, error,
) {
	ls := lockSetOf(st, claims)
	rows, stored, err := b.lockRows(ctx, tx, st, ls, lane)
	if err != nil {
		return nil, nil, err
	}
	locked, err := b.credentials.Locked(rows.Credentials)
	if err != nil {
		return nil, nil, err
	}
	rest := ls.missing(st)
	if rest == nil {
		return locked, stored, nil
	}
	if len(rest.wanted) > 0 {
		if _, err := tx.Exec(ctx, queries.Get("add_lane_balances"), rest.accounts.Array(), lane); err != nil {
			return nil, nil, err
		}
	}
	rest, err = addCounters(ctx, tx, st, rest)
	if err != nil || rest == nil {
		return locked, stored, err
	}
	_, _, err = b.lockRows(ctx, tx, st, rest, lane)
	return locked, stored, err
}

// addCounters makes the missing counters and puts them into the state. It returns what must still be locked: the
// accounts, and counters that somebody else made first; nil for nothing.
func addCounters(ctx context.Context, tx *sql.Tx, st *State, ls *lockSet) (*lockSet, error) {
	if len(ls.counters) == 0 {
		return ls, nil
	}
	var lost []int
	err := tx.Select(ctx, &lost, queries.Get("add_counters"),
		ls.subjects.Array(), ls.starts.Array(), ls.windows.Array(), ls.rules.Array())
	if err != nil {
		return nil, err
	}
	for _, k := range ls.counters {
		st.counters[k] = &counter{counterKey: k}
	}
	for _, place := range lost {
		delete(st.counters, ls.counters[place-1])
	}
	return ls.missing(st), nil
}

func (b *books) lockRows(ctx context.Context, tx *sql.Tx, st *State, ls *lockSet, lane int) (
	rows lockedRows, stored map[int]keyRow, err error,
) {
	q := b.lockWhole
	if ls.usual() {
		q = b.lockUsual
	}
	if err := tx.Get(ctx, &rows, q, ls.args(lane)...); err != nil {
		return rows, nil, err
	}
	stored, err = ls.fill(st, &rows)
	return rows, stored, err
}

// writeAll writes what the group decided, and the promises of the next one, in one statement, and sees that every row
// that was locked is still there. errLaneLost tells that the lane was leased to somebody else.
func writeAll(
	ctx context.Context, tx *sql.Tx, st *State, ln *lane, outcomes []*claim, promises []*transactions.Promise,
) error {
	columns := columnsPool.Get().(*groupColumns) //nolint:forcetypeassert // the pool holds nothing else
	defer func() {
		columns.reset()
		columnsPool.Put(columns)
	}()
	if err := columns.fill(st, outcomes, promises); err != nil {
		return err
	}
	form := shapeFor(&st.written)
	var counts []int64
	err := tx.Get(ctx, sql.Array(&counts), form.query, columns.arguments(form, ln, st.now)...)
	if sql.LockTimeout(err) {
		// Every row is locked already: what is left to wait for is somebody with one of the keys.
		return errors.Join(errKeyBusy, err)
	}
	if err != nil {
		return err
	}
	if counts[form.lane] != 1 {
		return errLaneLost
	}
	w := &st.written
	if counts[form.balances] != int64(len(w.accounts)) || counts[form.counters] != int64(len(w.counters)) ||
		form.whole && counts[form.changes] != int64(len(w.changes)) {
		return fmt.Errorf("locked rows are gone: wrote %v", counts)
	}
	return nil
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
		ReceiptNext         int64 `db:"receipt_next"`
		ReceiptEnd          int64 `db:"receipt_end"`
	}
	if err := tx.Get(ctx, &row, q, args...); err != nil {
		return nil, err
	}
	return &lane{
		id: row.ID, epoch: row.Epoch, groups: row.Groups, seal: row.Seal,
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
