// Package redistest gives a test a Redis of its own: one server, or a Cluster of six, as real
// processes that the test may kill. Nothing else uses them, and they are gone when the test ends.
//
// Its one big rule is sql/sqltest's: without redis-server a test is skipped loudly, and in CI
// that skip is a failure.
package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"nova/sessions/redislocal"
	"nova/sql/daemon"
	"nova/sql/sqltest"
)

// Waits; patience is used up only when something is wrong.
const (
	patience = 30 * time.Second
	pause    = 10 * time.Millisecond
)

// portTries is how many ports are tried when others take them before the server does.
const portTries = 5

// farewell lets a server that does nothing finish it.
var farewell = daemon.Farewell{{Signal: syscall.SIGTERM, Wait: 5 * time.Second}}

// Server is one redis-server process. It keeps nothing on disk: after Kill and Restart it is
// on the same port and empty, which is what a lost Redis looks like.
type Server struct {
	t        testing.TB
	path     string
	dir      string
	port     int
	settings []string

	mu      sync.Mutex
	process *daemon.Process
}

// Start starts a server for this test.
func Start(t testing.TB) *Server {
	t.Helper()
	return start(t, redisServer(t))
}

// redisServer finds the program, or ends the test.
func redisServer(t testing.TB) string {
	t.Helper()
	path, err := redislocal.Find()
	if err != nil {
		sqltest.Missing(t, "redis-server", "`make test`, which installs it")
	}
	return path
}

// start starts a server with further settings on a port that is free.
func start(t testing.TB, path string, settings ...string) *Server {
	t.Helper()
	s := &Server{t: t, path: path, dir: t.TempDir(), settings: settings}
	t.Cleanup(s.Stop)
	for try := 1; ; try++ {
		port, err := daemon.FreePort()
		if err != nil {
			t.Fatalf("start redis: %v", err)
		}
		s.port = port
		if err = s.launch(); err == nil {
			return s
		}
		if daemon.Free(port) || try == portTries {
			t.Fatalf("start redis: %v", err)
		}
	}
}

// launch starts the process and waits until it answers.
func (s *Server) launch() error {
	lines := append([]string{
		"bind 127.0.0.1", "port " + strconv.Itoa(s.port), fmt.Sprintf("dir %q", s.dir), `save ""`, "appendonly no",
	}, s.settings...)
	p, err := daemon.Start(daemon.Command{
		Path: s.path, Args: []string{"-"}, Stdin: strings.Join(lines, "\n") + "\n",
		Env: []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"},
		Log: filepath.Join(s.dir, "log"), Orphaned: syscall.SIGKILL,
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.process = p
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return redislocal.Ready(ctx, p, s.Addr(), "")
}

// Addr is host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL is the connection string.
func (s *Server) URL() string { return "redis://" + s.Addr() + "/0" }

// Client opens a client that tries once and keeps to its context's deadline. The caller closes it.
func (s *Server) Client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1, ContextTimeoutEnabled: true})
}

// Flush removes every key of every database.
func (s *Server) Flush() {
	s.t.Helper()
	client := s.Client()
	defer func() { _ = client.Close() }() // nothing is unfinished
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := client.FlushAll(ctx).Err(); err != nil {
		s.t.Fatalf("empty redis: %v", err)
	}
}

// Kill kills the process as kill -9 does, and returns when it is gone.
func (s *Server) Kill() {
	s.t.Helper()
	s.end(nil)
}

// Stop shuts the process down and returns when it is gone. Stopping twice is nothing.
func (s *Server) Stop() {
	s.t.Helper()
	s.end(farewell)
}

func (s *Server) end(f daemon.Farewell) {
	s.t.Helper()
	s.mu.Lock()
	p := s.process
	s.process = nil
	s.mu.Unlock()
	if p == nil {
		return
	}
	if err := p.Stop(f); err != nil {
		s.t.Errorf("end redis: %v", err)
	}
}

// Restart starts the server again, empty, on the same port, after Kill or Stop.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	if err := s.launch(); err != nil {
		s.t.Fatalf("start redis again: %v", err)
	}
}
