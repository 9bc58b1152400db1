package pglocal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"nova/sql/daemon"
)

// Connections: a development server with all its workers, or the tests of many packages at
// once, each with its pools.
const (
	runConnections  = 200
	testConnections = 500
)

// Waiting for the server. Recovery after a crash reads the log since the last checkpoint.
const (
	readyPatience = 2 * time.Minute
	readyPause    = 20 * time.Millisecond
	probeTime     = 2 * time.Second
	quietTime     = 5 * time.Second // after so long, the person is told what we wait for
)

// launch starts the server and waits until it answers.
func (s *Server) launch(ctx context.Context, port int) (*daemon.Process, error) {
	if err := s.dropPIDFile(); err != nil {
		return nil, err
	}
	p, err := daemon.Start(daemon.Command{
		Path: s.binaries.path("postgres"), Args: s.arguments(port), Env: environment(),
		As: s.place.As, Log: s.place.File("log"), Orphaned: syscall.SIGINT,
	})
	if err != nil {
		return nil, err
	}
	if err := s.ready(ctx, p, port); err != nil {
		return nil, errors.Join(err, p.Stop(farewell))
	}
	return p, nil
}

// dropPIDFile removes a killed server's note of itself. PostgreSQL refuses a folder whose note
// names a living process of its user, though the number be another program's by now. That
// nobody works in the folder is certain here: it is locked, and was searched for processes.
func (s *Server) dropPIDFile() error {
	if !daemon.Searches() {
		return nil
	}
	err := os.Remove(filepath.Join(s.place.Data(), "postmaster.pid"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the killed server's pid file: %w", err)
	}
	return nil
}

// arguments are the server's settings. They stand on its command line, so that a cluster of
// an earlier version of Nova follows today's.
func (s *Server) arguments(port int) []string {
	settings := []string{
		"listen_addresses=127.0.0.1",
		"port=" + strconv.Itoa(port),
		// TCP only: a socket folder would be a second door, with its own rights.
		"unix_socket_directories=",
		"timezone=UTC",
		"log_timezone=UTC",
		"logging_collector=off",
		"log_destination=stderr",
		// DETAIL lines quote rows, and rows hold people's numbers.
		"log_error_verbosity=terse",
	}
	if s.o.Throwaway {
		settings = append(
			settings,
			"fsync=off", "full_page_writes=off", "max_connections="+strconv.Itoa(testConnections),
			// Shared memory in the data folder goes when the folder goes, kill -9 or not.
			"dynamic_shared_memory_type=mmap",
		)
	} else {
		settings = append(settings, "max_connections="+strconv.Itoa(runConnections))
	}
	args := []string{"-D", s.place.Data()}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

// ready waits until the server answers queries. A server that ends first is a failure at once.
func (s *Server) ready(ctx context.Context, p *daemon.Process, port int) error {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	db, err := sql.Open("postgres", s.url("postgres", port))
	if err != nil {
		return fmt.Errorf("open the cluster: %w", err)
	}
	defer func() { _ = db.Close() }() // nothing is unfinished
	quiet := time.NewTimer(quietTime)
	defer quiet.Stop()
	for {
		probed := s.probe(ctx, db)
		if probed == nil {
			return nil
		}
		select {
		case <-p.Done():
			return p.Failure()
		case <-ctx.Done():
			return fmt.Errorf("wait until the server answers: %w (%w)", ctx.Err(), probed)
		case <-quiet.C:
			s.o.Say("postgres: still starting (after a crash it replays its log); its own log is %s", s.place.File("log"))
		case <-time.After(readyPause):
		}
	}
}

// probe asks the server for its data folder, so that another program that listens on the
// port is not taken for ours.
func (s *Server) probe(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var dir string
	if err := db.QueryRowContext(ctx, "SHOW data_directory").Scan(&dir); err != nil {
		return err
	}
	if filepath.Clean(dir) != s.place.Data() {
		return errors.New("another server answers on the port")
	}
	return nil
}
