package sqltest

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lib/pq"

	"nova/sql"
)

// Names of what tests make in the cluster: nova_test_<second it was made>_<random>, and for a
// copy of that template its number after it.
const prefix = "nova_test_"

// staleAfter is when a template that nobody dropped (its test was killed) may be dropped by
// the next test; no test runs so long.
const staleAfter = 6 * time.Hour

// patience bounds every step; it is used up only when the cluster is gone.
const patience = time.Minute

// template is the database with today's schema that this test process copies. It is made
// once, by the first test that asks.
var template = sync.OnceValues(makeTemplate)

// copies numbers the copies of this process.
var copies atomic.Int64

// Open gives the test a database of its own with today's schema, and its URL. Both are gone
// when the test ends, however many connections it left open.
func Open(t testing.TB) (*sql.DB, string) {
	t.Helper()
	database := URL(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := sql.Open(ctx, database, sql.Options{})
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the test's database: %v", err)
		}
	})
	return db, database
}

// URL gives the test a database of its own, for tests that open their pools themselves.
func URL(t testing.TB) string {
	t.Helper()
	if os.Getenv(Variable) == "" {
		Missing(t, "a PostgreSQL cluster in "+Variable, "`make test`, or bin/nova dev exec -- go test ./...")
	}
	from, err := template()
	if err != nil {
		t.Fatalf("make the template database: %v", err)
	}
	name := from + "_" + strconv.FormatInt(copies.Add(1), 10)
	if err := run("CREATE DATABASE " + pq.QuoteIdentifier(name) + " TEMPLATE " + pq.QuoteIdentifier(from)); err != nil {
		t.Fatalf("copy the template database: %v", err)
	}
	t.Cleanup(func() {
		if err := drop(name); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return named(name)
}

// makeTemplate makes the template. It is never dropped here, for a test process has no end
// that it could see: the cluster goes, or a later test's sweep takes it.
func makeTemplate() (string, error) {
	sweep()
	var second int64
	var random string
	ask := "SELECT extract(epoch FROM now())::bigint, substr(md5(random()::text), 1, 8)"
	if err := query(ask, &second, &random); err != nil {
		return "", err
	}
	name := fmt.Sprintf("%s%d_%s", prefix, second, random)
	if err := run("CREATE DATABASE " + pq.QuoteIdentifier(name)); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := sql.Migrate(ctx, named(name)); err != nil {
		return "", errors.Join(fmt.Errorf("migrate: %w", err), drop(name))
	}
	return name, nil
}

// sweep drops what killed tests left in a cluster that outlives them. What it cannot do, the
// next sweep can.
func sweep() {
	var list pq.StringArray
	ask := "SELECT coalesce(array_agg(datname::text), '{}') FROM pg_catalog.pg_database" +
		" WHERE datname ~ '^" + prefix + "[0-9]+_'" +
		" AND split_part(datname, '_', 3)::bigint < extract(epoch FROM now()) - " +
		strconv.Itoa(int(staleAfter.Seconds()))
	if err := query(ask, &list); err != nil {
		return
	}
	for _, name := range list {
		_ = drop(name)
	}
}

func drop(name string) error {
	return run("DROP DATABASE IF EXISTS " + pq.QuoteIdentifier(name) + " WITH (FORCE)")
}

// run runs one statement in the cluster's own database.
func run(statement string) error {
	return connected(func(ctx context.Context, db *stdsql.DB) error {
		_, err := db.ExecContext(ctx, statement)
		return err
	})
}

// query reads one row.
func query(statement string, dest ...any) error {
	return connected(func(ctx context.Context, db *stdsql.DB) error {
		return db.QueryRowContext(ctx, statement).Scan(dest...)
	})
}

// connected does something on a connection of its own. None is kept: an idle pool's goroutine
// would be a leak to tests that look for those.
func connected(do func(context.Context, *stdsql.DB) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := stdsql.Open("postgres", os.Getenv(Variable))
	if err != nil {
		return fmt.Errorf("open %s: %w", Variable, err)
	}
	return errors.Join(do(ctx, db), db.Close())
}

// named is the cluster's URL with another database in it.
func named(database string) string {
	u, err := url.Parse(os.Getenv(Variable))
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		panic("sqltest: " + Variable + " is not a URL postgres://…") // unreachable: a connection was made with it
	}
	u.Path = "/" + database
	return u.String()
}
