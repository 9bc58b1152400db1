package pglocal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lib/pq"

	"nova/sql/daemon"
)

// initdbPatience bounds making a cluster, on a slow disk too.
const initdbPatience = 3 * time.Minute

// environment is all that PostgreSQL's programs get: PGPORT, PGDATA or LC_ALL of ours would
// change what they do.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
}

// makeCluster makes the cluster unless there is one, and picks the binaries that fit it. A
// cluster appears whole or not at all: initdb works beside it, and a rename puts it in place.
func (s *Server) makeCluster(ctx context.Context) error {
	password, err := s.place.Password()
	if err != nil {
		return err
	}
	s.password = password
	version, err := os.ReadFile(filepath.Join(s.place.Data(), "PG_VERSION"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read the cluster's version: %w", err)
	}
	if len(version) > 0 {
		return s.findFitting(strings.TrimSpace(string(version)))
	}
	if s.binaries, err = Find(""); err != nil {
		return err
	}
	s.o.Say("postgres: making a new database cluster in %s", s.place.Dir)
	fresh := s.place.Data() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("remove a half-made cluster: %w", err)
	}
	if err := s.initdb(ctx, fresh); err != nil {
		_ = os.RemoveAll(fresh) // the next start would remove it as well
		return err
	}
	if err := os.Rename(fresh, s.place.Data()); err != nil {
		return fmt.Errorf("put the new cluster in place: %w", err)
	}
	return nil
}

// findFitting finds the binaries of the version that wrote the data: no other can read it.
func (s *Server) findFitting(version string) (err error) {
	if s.binaries, err = Find(version); errors.Is(err, ErrNotInstalled) {
		return fmt.Errorf(
			"the data in %s was written by PostgreSQL %s, which is not installed: install it, or remove that folder to begin anew",
			s.place.Dir, version,
		)
	}
	return err
}

func (s *Server) initdb(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, initdbPatience)
	defer cancel()
	args := []string{
		"--pgdata=" + dir, "--username=" + roleName, "--pwfile=" + s.place.File("password"),
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
	}
	if s.o.Throwaway {
		args = append(args, "--no-sync")
	}
	_, err := daemon.Run(ctx, daemon.Command{
		Path: s.binaries.path("initdb"), Args: args, Env: environment(), As: s.place.As, Orphaned: syscall.SIGTERM,
	})
	return err
}

// makeDatabase makes our database in the cluster at the first start.
func (s *Server) makeDatabase(ctx context.Context) error {
	db, err := sql.Open("postgres", s.url("postgres", s.keeper.Port()))
	if err != nil {
		return fmt.Errorf("open the cluster: %w", err)
	}
	defer func() { _ = db.Close() }() // nothing is unfinished
	var there bool
	const ask = "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)"
	if err := db.QueryRowContext(ctx, ask, databaseName).Scan(&there); err != nil {
		return fmt.Errorf("look for database %s: %w", databaseName, err)
	}
	if there {
		return nil
	}
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+pq.QuoteIdentifier(databaseName)); err != nil {
		return fmt.Errorf("make database %s: %w", databaseName, err)
	}
	return nil
}
