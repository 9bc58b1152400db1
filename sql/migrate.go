package sql

import (
	"context"
	stdsql "database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// A statement that changes a table waits for whoever uses it, and everybody who comes later waits behind it. So it gives
// up soon, lets them by, and tries again.
const (
	migrationWait  = time.Second
	migrationTries = 60
	migrationPause = 500 * time.Millisecond
)

// Migrate brings the schema to the newest version, also under the load of nodes of the version before. Nodes that start
// together take turns: one applies, the others wait. It needs a direct connection, not a transaction pooler.
func Migrate(ctx context.Context, rawURL string) error {
	waiting, err := withDriverOptions(rawURL, Options{Settings: map[string]string{
		"lock_timeout": strconv.FormatInt(migrationWait.Milliseconds(), 10),
	}})
	if err != nil {
		return err
	}
	db, err := stdsql.Open("postgres", waiting)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer func() { _ = db.Close() }() // nothing is written after Up
	for try := 1; ; try++ {
		err := up(ctx, db)
		if err == nil || try == migrationTries || !LockTimeout(err) && !Retryable(err) {
			return err
		}
		select {
		case <-time.After(migrationPause):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

func up(ctx context.Context, db *stdsql.DB) error {
	provider, err := migrations(db)
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// Version returns the schema's version and the newest one that this build knows.
func Version(ctx context.Context, url string) (current, newest int64, err error) {
	db, err := stdsql.Open("postgres", url)
	if err != nil {
		return 0, 0, fmt.Errorf("open database: %w", err)
	}
	defer func() { _ = db.Close() }() // only reads
	provider, err := migrations(db)
	if err != nil {
		return 0, 0, err
	}
	current, newest, err = provider.GetVersions(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read schema version: %w", err)
	}
	return current, newest, nil
}

func migrations(db *stdsql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, fmt.Errorf("migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return provider, nil
}
