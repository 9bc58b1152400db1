package sql_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/sql"
	"nova/sql/sqltest"
)

func query(text string) sql.Query { return sql.Query{Name: "test." + text, Text: text} }

// scratch is a table that these tests may do anything to.
func scratch(t *testing.T) *sql.DB {
	t.Helper()
	db, _ := sqltest.Open(t)
	require.NoError(t, db.ExecText(t.Context(), "create table scratch (id int primary key, n int not null)"))
	require.NoError(t, db.ExecText(t.Context(), "insert into scratch values (1, 0), (2, 0)"))
	return db
}

func TestEveryStatementIsUnderstoodByTheDatabase(t *testing.T) {
	_, url := sqltest.Open(t)
	db, err := sql.Open(t.Context(), url, sql.Options{MaxOpen: 1, Prepared: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	packages, err := sql.Packages()
	require.NoError(t, err)
	require.NotEmpty(t, packages)
	for _, pkg := range packages {
		for _, q := range sql.Named(pkg).All() {
			require.NoError(t, db.Prepare(t.Context(), q), q.Name)
		}
	}
}

func TestTransactionThatFailsLeavesNothing(t *testing.T) {
	db := scratch(t)
	broken := errors.New("broken")
	err := db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.Exec(ctx, query("update scratch set n = 1")); err != nil {
			return err
		}
		return broken
	})
	require.ErrorIs(t, err, broken)
	require.Zero(t, sum(t, db))
}

func TestTransactionThatPanicsLeavesNothingAndNoConnection(t *testing.T) {
	_, url := sqltest.Open(t)
	db, err := sql.Open(t.Context(), url, sql.Options{MaxOpen: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.Panics(t, func() {
		_ = db.InTx(t.Context(), func(context.Context, *sql.Tx) error { panic("a flow broke") })
	})
	require.NoError(t, db.Ping(t.Context()), "the pool's one connection is free again")
}

// TestDeadlockIsRunAgain locks two rows in opposite orders; PostgreSQL breaks one transaction off, and it runs again.
func TestDeadlockIsRunAgain(t *testing.T) {
	db := scratch(t)
	var both sync.WaitGroup
	both.Add(2)
	meet := func() { both.Done(); both.Wait() }
	lock := func(first, second int) error {
		once := sync.OnceFunc(meet) // only the first attempts wait for each other
		return db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
			if _, err := tx.Exec(ctx, query("update scratch set n = n + 1 where id = $1"), first); err != nil {
				return err
			}
			once()
			_, err := tx.Exec(ctx, query("update scratch set n = n + 1 where id = $1"), second)
			return err
		})
	}
	errs := make(chan error, 2)
	go func() { errs <- lock(1, 2) }()
	go func() { errs <- lock(2, 1) }()
	require.NoError(t, <-errs)
	require.NoError(t, <-errs)
	require.Equal(t, 4, sum(t, db), "each transaction counted once")
}

func TestErrorsTellWhatHappened(t *testing.T) {
	db := scratch(t)
	ctx := t.Context()

	var n int
	err := db.Get(ctx, &n, query("select n from scratch where id = 9"))
	require.True(t, sql.NoRows(err))
	require.ErrorContains(t, err, "test.select n", "the statement's name is in the error")

	_, err = db.Exec(ctx, query("insert into scratch values (1, 0)"))
	require.True(t, sql.Unique(err, "scratch_pkey"))
	require.True(t, sql.Unique(err, ""))
	require.False(t, sql.Unique(err, "other"))
	require.True(t, sql.Answered(err))
	require.False(t, sql.ConnectionLost(err))
	require.Equal(t, fault.InternalServerError, fault.From(err).Code)

	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = db.Exec(short, query("select pg_sleep(10)"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestDatabaseThatIsAwayIsUnavailableAndNotBroken(t *testing.T) {
	db := scratch(t)
	_, err := db.Exec(t.Context(), query("select pg_terminate_backend(pg_backend_pid())"))
	require.True(t, sql.ConnectionLost(err))
	require.False(t, sql.Answered(err))
	require.Equal(t, fault.ServiceUnavailable, fault.From(err).Code)
	require.NoError(t, db.Ping(t.Context()), "the pool connects anew")
}

func TestURLIsRefusedWithoutRepeatingItsPassword(t *testing.T) {
	for name, url := range map[string]string{
		"no sslmode":     "postgres://nova:hunter2@127.0.0.1:1/nova",
		"another scheme": "mysql://nova:hunter2@127.0.0.1:1/nova?sslmode=disable",
		"no URL":         "hunter2 %zz",
		"nobody there":   "postgres://nova:hunter2@127.0.0.1:1/nova?sslmode=disable",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sql.Open(t.Context(), url, sql.Options{})
			require.Error(t, err)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestMalformedQueriesAreABrokenBuild(t *testing.T) {
	require.Panics(t, func() { sql.Named("nobody") })
	require.Panics(t, func() { sql.Named("ledger").Get("nothing") })
	for name, text := range map[string]string{
		"no statement":    "select 1",
		"no name":         "-- name: \nselect 1",
		"no text":         "-- name: a\n\n-- name: b\nselect 1",
		"two of one name": "-- name: a\nselect 1\n-- name: a\nselect 2",
	} {
		_, err := sql.ParseQueries("p", text)
		require.Error(t, err, name)
	}
	got, err := sql.ParseQueries("p", "-- a comment\n-- name: a\n-- why\nselect 1;\n\n-- name: b\nselect 2")
	require.NoError(t, err)
	require.Equal(t, sql.Query{Name: "p.a", Text: "-- why\nselect 1"}, got.Get("a"))
}

func TestMigrationsGoToTheNewestAndStayThere(t *testing.T) {
	_, url := sqltest.Open(t)
	current, newest, err := sql.Version(t.Context(), url)
	require.NoError(t, err)
	require.Equal(t, newest, current)
	require.NoError(t, sql.Migrate(t.Context(), url), "a second time changes nothing")
}

func TestNodesThatStartTogetherMigrateOnce(t *testing.T) {
	db, url := sqltest.Open(t)
	require.NoError(t, db.ExecText(t.Context(), "drop schema public cascade; create schema public"))
	errs := make(chan error, 3)
	for range cap(errs) {
		go func() { errs <- sql.Migrate(context.Background(), url) }()
	}
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
	current, newest, err := sql.Version(t.Context(), url)
	require.NoError(t, err)
	require.Equal(t, newest, current)
}

func sum(t *testing.T, db *sql.DB) int {
	t.Helper()
	var n int
	require.NoError(t, db.Get(t.Context(), &n, query("select sum(n) from scratch")))
	return n
}
