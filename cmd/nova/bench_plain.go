package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"nova/core/clock"
	"nova/core/ids"
	"nova/sql"
)

// The ceiling of money hops: a transfer of two entries as it is usually written, one transaction of seven round
// trips, its statements prepared. No HTTP, PIN, limits, fee, idempotency or notices.

// plainAccounts is how many accounts the plain transfers choose from, plainStart what each begins with.
const (
	plainAccounts = 10_000
	plainStart    = 1_000_000
)

// plainSchema stands beside Nova's own tables, in the same database.
const plainSchema = `
create schema plain;
create table plain.accounts (id integer primary key, balance bigint not null check (balance >= 0)) with (fillfactor = 50);
insert into plain.accounts select n, %d from generate_series(0, %d - 1) n;
create table plain.transfers (
	id uuid primary key, from_id integer not null, to_id integer not null, amount bigint not null, at timestamptz not null);
create table plain.entries (transfer_id uuid not null, account_id integer not null, amount bigint not null);
create index on plain.entries (account_id);`

var (
	plainLock = sql.Query{
		Name: "plain.lock", Text: `select id, balance from plain.accounts where id in ($1, $2) order by id for update`,
	}
	plainChange   = sql.Query{Name: "plain.change", Text: `update plain.accounts set balance = balance + $2 where id = $1`}
	plainTransfer = sql.Query{Name: "plain.transfer", Text: `insert into plain.transfers values ($1, $2, $3, $4, $5)`}
	plainEntries  = sql.Query{Name: "plain.entries", Text: `insert into plain.entries values ($1, $2, -$4::bigint), ($1, $3, $4)`}
	plainSum      = sql.Query{Name: "plain.sum", Text: `
		select (select sum(balance) from plain.accounts)::bigint as held,
		       (select count(*) from plain.transfers) * 2 = (select count(*) from plain.entries)
		       and coalesce((select sum(amount) from plain.entries), 0) = 0 as balanced`}
)

// plainBank makes plain transfers.
type plainBank struct {
	db *sql.DB
	// hot sends every transfer to one account.
	hot bool
}

// openPlain makes the tables. A connection each, so that nobody waits for one.
func openPlain(ctx context.Context, url string, connections int) (*sql.DB, error) {
	db, err := sql.Open(ctx, url, sql.Options{MaxOpen: connections, Prepared: true})
	if err != nil {
		return nil, err
	}
	if err := db.ExecText(ctx, fmt.Sprintf(plainSchema, plainStart, plainAccounts)); err != nil {
		return nil, err
	}
	return db, db.Prepare(ctx, plainLock, plainChange, plainTransfer, plainEntries)
}

// run makes transfers on all connections for so long.
func (b plainBank) run(ctx context.Context, connections int, long time.Duration) (measured, error) {
	m, err := repeat(ctx, connections, long, b.transfer)
	if err != nil {
		return m, fmt.Errorf("plain transfer: %w", err)
	}
	return m, nil
}

// repeat does a piece of work on so many goroutines over and over for so long, and times each that was done. The first
// failure ends it.
func repeat(ctx context.Context, clients int, long time.Duration, work func(context.Context) error) (measured, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	began := clock.System{}.Now()
	each := make([][]time.Duration, clients)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for now := began; ctx.Err() == nil && now.Sub(began) < long; {
				// Not the run's context: a driver that watches one for its end has more to do.
				if err := work(context.WithoutCancel(ctx)); err != nil {
					stop(err)
					return
				}
				done := clock.System{}.Now()
				each[i] = append(each[i], done.Sub(now))
				now = done
			}
		})
	}
	all.Wait()
	m := measured{took: clock.System{}.Now().Sub(began), times: slices.Concat(each...)}
	m.done = len(m.times)
	slices.Sort(m.times)
	return m, context.Cause(ctx)
}

func (b plainBank) transfer(ctx context.Context) error {
	from, to, amount := 1+rand.IntN(plainAccounts-1), 0, int64(1) //nolint:gosec // which account is no secret
	if !b.hot {
		to = (from + 1 + rand.IntN(plainAccounts-2)) % plainAccounts //nolint:gosec // as above
	}
	tx, err := b.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var rows []struct {
		ID      int   `db:"id"`
		Balance int64 `db:"balance"`
	}
	if err := tx.Select(ctx, &rows, plainLock, from, to); err != nil {
		return err
	}
	for _, row := range rows {
		if row.ID == from && row.Balance < amount {
			return nil
		}
	}
	now := clock.System{}.Now()
	id := ids.New(now)
	if err := b.move(ctx, tx, from, to, amount); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, plainTransfer, id, from, to, amount, now); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, plainEntries, id, from, to, amount); err != nil {
		return err
	}
	return tx.Commit()
}

// move changes both balances.
func (b plainBank) move(ctx context.Context, tx *sql.Tx, from, to int, amount int64) error {
	for _, change := range []struct {
		account int
		by      int64
	}{{from, -amount}, {to, amount}} {
		if _, err := tx.Exec(ctx, plainChange, change.account, change.by); err != nil {
			return err
		}
	}
	return nil
}

// check proves that the plain transfers moved money and made none.
func (b plainBank) check(ctx context.Context) error {
	var sum struct {
		Held     int64 `db:"held"`
		Balanced bool  `db:"balanced"`
	}
	if err := b.db.Get(ctx, &sum, plainSum); err != nil {
		return err
	}
	if sum.Held != plainAccounts*plainStart || !sum.Balanced {
		return fmt.Errorf("plain transfers: the accounts hold %d, balanced: %t", sum.Held, sum.Balanced)
	}
	return nil
}
