// Package sql is the only door to PostgreSQL: it opens pools, runs named statements, and gives transactions that
// retry what PostgreSQL asks to be retried.
//
// It knows no table. Every statement stands in queries/<package>.sql under a name, belongs to the core package of
// that name, and is prepared by a test; Named reads them. The schema stands in migrations, and Migrate applies it.
//
// Its one rule: inside InTx everything goes through the Tx. Asking the pool for a second connection while holding
// one can hang a whole server once the pool is full.
package sql

import (
	"context"
	stdsql "database/sql"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Options shape a pool. The zero value is a small general pool.
type Options struct {
	// MaxOpen bounds the connections; 0 means defaultMaxOpen.
	MaxOpen int
	// Prepared keeps the pool's statements prepared on each connection from their first use: a third of the cost on
	// a hot path, and impossible through a pooler that switches connections between transactions. A transaction
	// uses those that Prepare or the pool has made ready. A plan is then made once, perhaps on an empty table, and
	// kept when it is full: so the planner is told to look rows up by their keys (keyedPlans).
	Prepared bool
	// Settings are run-time parameters of each connection ("lock_timeout": "250ms"). A pooler may refuse them.
	Settings map[string]string
	// Patience bounds the wait for each answer, COMMIT's included, which no context bounds; 0 means no bound.
	Patience time.Duration
	// Once keeps a statement whose connection ended before its answer from being sent again on another, as the driver
	// does: for writes outside of transactions. It needs a Patience.
	Once bool
}

const (
	// defaultMaxOpen suits a node that reads through the pool and writes through the ledger's writer.
	defaultMaxOpen = 16
	// idleTime returns connections that a burst opened.
	idleTime = 5 * time.Minute
	// maxAttempts bounds the retries of a transaction that lost a race (40001, 40P01).
	maxAttempts = 5
)

// Querier runs named statements: a pool or a transaction.
type Querier interface {
	Select(ctx context.Context, dest any, q Query, args ...any) error
	Get(ctx context.Context, dest any, q Query, args ...any) error
	Exec(ctx context.Context, q Query, args ...any) (int64, error)
}

// DB is a pool of connections. It is safe for concurrent use.
type DB struct {
	db         *sqlx.DB
	prepared   bool
	mu         sync.RWMutex
	statements map[Query]*sqlx.Stmt
}

// Open connects and checks the connection. The URL must say sslmode itself: the driver's default has changed before.
func Open(ctx context.Context, rawURL string, o Options) (*DB, error) {
	dsn, err := withDriverOptions(rawURL, o)
	if err != nil {
		return nil, err
	}
	connector, err := pq.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if o.Patience > 0 {
		connector.Dialer(dialer{patience: o.Patience, once: o.Once})
	}
	db := sqlx.NewDb(stdsql.OpenDB(connector), "postgres")
	maxOpen := o.MaxOpen
	if maxOpen == 0 {
		maxOpen = defaultMaxOpen
	}
	db.SetMaxOpenConns(maxOpen)
	db.SetMaxIdleConns(maxOpen)
	db.SetConnMaxIdleTime(idleTime)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close() // the ping's failure is the one to tell
		return nil, fmt.Errorf("reach database: %w", err)
	}
	return &DB{db: db, prepared: o.Prepared, statements: map[Query]*sqlx.Stmt{}}, nil
}

// keyedPlans make plans that do not depend on how large a table was. Compiling them would take longer than they run;
// what a plan costs by these rules says nothing about that.
var keyedPlans = map[string]string{"enable_seqscan": "off", "jit": "off", "plan_cache_mode": "force_generic_plan"}

// withDriverOptions refuses a URL without sslmode and asks for binary parameters, which save a round trip where a
// statement is not kept prepared.
func withDriverOptions(rawURL string, o Options) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		// url.Parse's own message would repeat the URL, password included.
		return "", fmt.Errorf("database URL is not of the form postgres://user:password@host:port/name?sslmode=…")
	}
	values := u.Query()
	if values.Get("sslmode") == "" {
		return "", fmt.Errorf("database URL for host %s does not name its sslmode", u.Host)
	}
	values.Set("binary_parameters", "yes")
	if o.Prepared {
		for name, value := range keyedPlans {
			values.Set(name, value)
		}
	}
	for name, value := range o.Settings {
		values.Set(name, value)
	}
	u.RawQuery = values.Encode()
	return u.String(), nil
}

// Close ends the pool.
func (db *DB) Close() error { return db.db.Close() }

// Ping tells whether the database answers now.
func (db *DB) Ping(ctx context.Context) error { return mapped(ctx, db.db.PingContext(ctx)) }

// Select reads rows into the slice that dest points to.
func (db *DB) Select(ctx context.Context, dest any, q Query, args ...any) error {
	stmt, err := db.ready(ctx, q)
	switch {
	case err != nil:
		return named(ctx, q, err)
	case stmt != nil:
		return named(ctx, q, stmt.SelectContext(ctx, dest, args...))
	}
	return named(ctx, q, db.db.SelectContext(ctx, dest, q.Text, args...))
}

// Get reads one row into dest; NoRows tells that there was none.
func (db *DB) Get(ctx context.Context, dest any, q Query, args ...any) error {
	stmt, err := db.ready(ctx, q)
	switch {
	case err != nil:
		return named(ctx, q, err)
	case stmt != nil:
		return named(ctx, q, stmt.GetContext(ctx, dest, args...))
	}
	return named(ctx, q, db.db.GetContext(ctx, dest, q.Text, args...))
}

// Exec runs a statement and returns how many rows it touched.
func (db *DB) Exec(ctx context.Context, q Query, args ...any) (int64, error) {
	stmt, err := db.ready(ctx, q)
	if err != nil {
		return 0, named(ctx, q, err)
	}
	if stmt != nil {
		result, err := stmt.ExecContext(ctx, args...)
		return affected(ctx, q, result, err)
	}
	result, err := db.db.ExecContext(ctx, q.Text, args...)
	return affected(ctx, q, result, err)
}

// Begin starts a READ COMMITTED transaction for a caller that must see COMMIT's own failure; everybody else uses InTx.
func (db *DB) Begin(ctx context.Context) (*Tx, error) {
	tx, err := db.db.BeginTxx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", mapped(ctx, err))
	}
	return &Tx{tx: tx, db: db}, nil
}

// InTx runs fn in one READ COMMITTED transaction and commits. A transaction that PostgreSQL broke off for a
// conflict (40001, 40P01) is run again, so fn must have no effect outside it.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	var err error
	for attempt := 1; attempt <= maxAttempts; attempt++ {
		if err = db.once(ctx, fn); !Retryable(err) || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("after %d attempts: %w", maxAttempts, err)
}

func (db *DB) once(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// ready is q prepared, as a Prepared pool runs it; nil for every other pool.
func (db *DB) ready(ctx context.Context, q Query) (*sqlx.Stmt, error) {
	if !db.prepared {
		return nil, nil //nolint:nilnil // there is nothing to prepare, and no failure
	}
	if stmt := db.statement(q); stmt != nil {
		return stmt, nil
	}
	if err := db.Prepare(ctx, q); err != nil {
		return nil, err
	}
	return db.statement(q), nil
}

// statement returns q as Prepare left it, or nil. database/sql prepares it again on each new connection.
func (db *DB) statement(q Query) *sqlx.Stmt {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.statements[q]
}

// Prepare makes the statements ready, for transactions as well. It must not be called inside one: preparing would
// need a second connection.
func (db *DB) Prepare(ctx context.Context, queries ...Query) error {
	for _, q := range queries {
		if db.statement(q) != nil {
			continue
		}
		// Not under the lock: whoever holds a connection asks for statements as well, and we may wait for theirs.
		stmt, err := db.db.PreparexContext(ctx, q.Text)
		if err != nil {
			return fmt.Errorf("prepare %s: %w", q.Name, err)
		}
		if !db.keep(q, stmt) {
			_ = stmt.Close() // somebody was first, and theirs is as good
		}
	}
	return nil
}

func (db *DB) keep(q Query, stmt *sqlx.Stmt) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.statements[q] != nil {
		return false
	}
	db.statements[q] = stmt
	return true
}

// Array passes a slice as one PostgreSQL array argument. A nil slice is an empty array, not NULL.
func Array(slice any) any { return pq.Array(slice) }

// Literal quotes an identifier made by our own code (a partition's or database's name) for a statement that takes
// no parameters there.
func Literal(identifier string) string { return pq.QuoteIdentifier(identifier) }

// ExecText runs a statement that cannot be a named one because it names a relation made at run time.
func (db *DB) ExecText(ctx context.Context, text string) error {
	_, err := db.db.ExecContext(ctx, text)
	if err != nil {
		return fmt.Errorf("run %.40q: %w", strings.TrimSpace(text), mapped(ctx, err))
	}
	return nil
}

func affected(ctx context.Context, q Query, result stdsql.Result, err error) (int64, error) {
	if err != nil {
		return 0, named(ctx, q, err)
	}
	n, err := result.RowsAffected()
	return n, named(ctx, q, err)
}

// named says which statement failed.
func named(ctx context.Context, q Query, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", q.Name, mapped(ctx, err))
}
