package ledger_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/sql"
)

const (
	// benchClients is the concurrency of the published comparison.
	benchClients = 64
	// benchAccounts is small enough to be made quickly and large enough that clients rarely meet.
	benchAccounts = 10_000
	// hotShare of transfers in the hot benches pay into one float.
	richness = 1_000_000_000
)

// BenchmarkWriter is a whole transfer: PIN, key, counters, four lines, a transaction and two notices.
func BenchmarkWriter(b *testing.B) {
	b.Run("uniform", func(b *testing.B) { benchWriter(b, benchClients, false) })
	b.Run("hot", func(b *testing.B) { benchWriter(b, benchClients, true) })
	b.Run("lone", func(b *testing.B) { benchWriter(b, 1, false) })
}

// BenchmarkPlain is what the writer is measured against: a transfer of two entries in plain SQL, one transaction of
// seven round trips each, on the same PostgreSQL.
func BenchmarkPlain(b *testing.B) {
	b.Run("uniform", func(b *testing.B) { benchPlain(b, benchClients, false) })
	b.Run("hot", func(b *testing.B) { benchPlain(b, benchClients, true) })
	b.Run("lone", func(b *testing.B) { benchPlain(b, 1, false) })
}

func benchWriter(b *testing.B, clients int, hot bool) {
	m := newMarket(b)
	wallets := m.crowd(benchAccounts)
	float := m.open(ledger.Float, ledger.ZeroFloor())
	require.NoError(b, m.exec("analyze"))
	before := m.count("select sum(groups)::bigint from lanes")
	b.ResetTimer()
	parallel(b, clients, func(r *rand.Rand) {
		from, to := pair(r, wallets)
		if hot {
			to = float
		}
		c := m.send(from, to, 100)
		c.Check = check(from, "1357")
		c.Counters = []ledger.Count{
			{Subject: from, Rule: "p2p.day.value", Delta: 100, Cap: richness},
			{Subject: from, Rule: "p2p.day.count", Delta: 1, Cap: richness},
			{Subject: from, Rule: "p2p.month.value", Window: clock.Monthly, Delta: 100, Cap: richness},
		}
		if _, err := m.Submit(context.Background(), c); err != nil {
			b.Error(err)
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/float64(m.count("select sum(groups)::bigint from lanes")-before), "a-group")
	m.size(b)
}

// size tells what a posting takes on disk with all that belongs to it, with and without indexes.
func (m *market) size(b *testing.B) {
	n := m.count("select count(*) from transactions")
	if n == 0 {
		return
	}
	require.NoError(b, m.exec("vacuum"))
	for unit, text := range map[string]string{
		"row-B/op": `select sum(pg_relation_size(c.oid))::bigint from pg_class c
			where relkind = 'r' and relname ~ '^(entries.*|postings|transactions|notices|idempotency_keys)$'`,
		"disk-B/op": `select sum(pg_total_relation_size(c.oid))::bigint from pg_class c
			where relkind = 'r' and relname ~ '^(entries.*|postings|transactions|notices|idempotency_keys)$'`,
	} {
		b.ReportMetric(float64(m.count(text))/float64(n), unit)
	}
}

// crowd makes rich wallets with PINs in a few statements.
func (m *market) crowd(n int) []uuid.UUID {
	all := make([]uuid.UUID, n)
	var column sql.Column
	for i := range all {
		all[i] = ids.New(m.clock.Now())
		column.UUID(all[i])
	}
	for _, text := range []string{
		`insert into accounts (id, opened_at, currency, owner_kind, owner_id, product)
			select id, now(), 'BBD', 'test', id, 'wallet' from unnest($1::uuid[]) id`,
		`insert into balances (account_id, floor, booked_at, credit_normal, currency)
			select id, 0, '2026-01-01', true, 'BBD' from unnest($1::uuid[]) id`,
		`insert into credentials (subject_kind, subject_id, sealed, salt, pepper_version, kek_key, changed_at)
			select 'customer', id, '1357', '', 1, 1, now() from unnest($1::uuid[]) id`,
	} {
		require.NoError(m.t, m.exec(text, column.Array()))
	}
	for start := 0; start < n; start += 60 {
		end := min(start+60, n)
		c := m.command(ledger.Line{Account: m.trust, Side: ledger.Debit, Minor: richness * int64(end-start)})
		for _, id := range all[start:end] {
			c.Lines = append(c.Lines, ledger.Line{Account: id, Side: ledger.Credit, Minor: richness})
		}
		m.must(c)
	}
	return all
}

func pair(r *rand.Rand, all []uuid.UUID) (from, to uuid.UUID) {
	i := r.IntN(len(all))
	j := (i + 1 + r.IntN(len(all)-1)) % len(all)
	return all[i], all[j]
}

// parallel runs b.N pieces of work on so many goroutines and reports their rate.
func parallel(b *testing.B, clients int, work func(*rand.Rand)) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wait sync.WaitGroup
	for i := range clients {
		r := rand.New(rand.NewPCG(1, uint64(i)))
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				work(r)
			}
		})
	}
	wait.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "per-s")
}

var plainTransfer = struct{ lock, posting, entry, balance sql.Query }{
	lock:    sql.Query{Name: "plain.lock", Text: "select posted from plain_balances where id = any($1::uuid[]) order by id for update"},
	posting: sql.Query{Name: "plain.posting", Text: "insert into plain_postings (id) values ($1)"},
	entry: sql.Query{Name: "plain.entry", Text: `insert into plain_entries (posting_id, account_id, minor) values
		($1, $2, $4), ($1, $3, -$4::bigint)`},
	balance: sql.Query{Name: "plain.balance", Text: "update plain_balances set posted = posted + $2 where id = $1"},
}

// benchPlain prepares its statements and locks in order: it is not made slow on purpose. Its seven round trips are
// begin, lock, posting, entries, two balances and commit.
func benchPlain(b *testing.B, clients int, hot bool) {
	m := newMarket(b)
	ctx := context.Background()
	for _, text := range []string{
		"create table plain_balances (id uuid primary key, posted bigint not null check (posted >= 0)) with (fillfactor = 80)",
		"create table plain_postings (id uuid primary key, booked_at timestamptz not null default now())",
		`create table plain_entries (id bigint generated always as identity primary key, posting_id uuid not null,
			account_id uuid not null, minor bigint not null)`,
		"create index on plain_entries (account_id)",
	} {
		require.NoError(b, m.exec(text))
	}
	wallets := make([]uuid.UUID, benchAccounts)
	var column sql.Column
	for i := range wallets {
		wallets[i] = ids.New(noon)
		column.UUID(wallets[i])
	}
	require.NoError(b, m.exec("insert into plain_balances select id, 1000000000 from unnest($1::uuid[]) id", column.Array()))
	require.NoError(b, m.exec("analyze"))
	db, err := sql.Open(ctx, m.url, sql.Options{MaxOpen: clients, Prepared: true})
	require.NoError(b, err)
	defer func() { _ = db.Close() }() // the test database goes with it
	require.NoError(b, db.Prepare(ctx, plainTransfer.lock, plainTransfer.posting, plainTransfer.entry, plainTransfer.balance))
	b.ResetTimer()
	parallel(b, clients, func(r *rand.Rand) {
		from, to := pair(r, wallets)
		if hot {
			to = wallets[0]
		}
		if err := db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return plain(ctx, tx, from, to) }); err != nil {
			b.Error(err)
		}
	})
}

func plain(ctx context.Context, tx *sql.Tx, from, to uuid.UUID) error {
	q := plainTransfer
	posting := ids.New(noon)
	var balances []int64
	if err := tx.Select(ctx, &balances, q.lock, sql.UUIDs([]uuid.UUID{from, to})); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, q.posting, posting); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, q.entry, posting, to, from, int64(100)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, q.balance, from, int64(-100)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, q.balance, to, int64(100))
	return err
}
