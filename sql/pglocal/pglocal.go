// Package pglocal runs a private PostgreSQL server out of the system's own binaries: for
// `make run`, which keeps its data, and for tests, which throw it away. It listens on
// 127.0.0.1 alone, TCP only, behind a password of its own, and runs under an unprivileged
// user when we are root, because PostgreSQL refuses root.
//
// Killing any part with kill -9 loses no committed transaction: the server is started again
// on the same port, and a launcher that was killed finds its data at the next start.
// Its one big rule: the cluster in the folder is the only thing it ever touches; other
// servers on the machine, the distribution's own clusters included, are none of its business.
package pglocal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"nova/sql/daemon"
)

// Users that run the server when root starts it, the first that exists.
const (
	serverUser = "postgres"
	anyUser    = "nobody"
)

// Names inside the server. The role owns everything; the server is its private one.
const (
	roleName     = "nova"
	databaseName = "nova"
)

// farewell: a fast shutdown cuts connections and writes a checkpoint; an immediate one
// leaves recovery to the next start, which is as safe and only slower.
var farewell = daemon.Farewell{{Signal: syscall.SIGINT, Wait: 20 * time.Second}, {Signal: syscall.SIGQUIT, Wait: 5 * time.Second}}

// Options say where and how the server runs.
type Options struct {
	// Dir is the folder for its files; the server's are in Dir/postgres. When the server's
	// user cannot enter it, they lie elsewhere, and Say is told where.
	Dir string
	// Throwaway gives up what only matters when the machine itself loses power (fsync), and
	// so is fast. A killed server still loses nothing.
	Throwaway bool
	// Say takes progress for the person at the terminal. It is required.
	Say daemon.Say
}

// Server is a running PostgreSQL server.
type Server struct {
	o        Options
	binaries Binaries
	place    daemon.Place
	unlock   func()
	password string
	keeper   *daemon.Keeper
}

// Start starts the server and returns when it answers. It makes the cluster on the first
// start, and takes over a running or crashed one that an earlier launcher left in the folder.
// The context bounds the start; the server runs until Stop, or until this process ends.
func Start(ctx context.Context, o Options) (*Server, error) {
	place, unlock, err := daemon.Take(o.Dir, "postgres", o.Say, serverUser, anyUser)
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, place: place, unlock: unlock}
	if err := s.start(ctx); err != nil {
		unlock()
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) (err error) {
	if err := s.makeCluster(ctx); err != nil {
		return err
	}
	s.keeper, err = daemon.Keep(ctx, daemon.Service{
		Name: "postgres", Place: s.place, Launch: s.launch, Farewell: farewell, Say: s.o.Say,
	})
	if err != nil {
		return err
	}
	if err := s.makeDatabase(ctx); err != nil {
		return errors.Join(err, s.keeper.Stop())
	}
	return nil
}

// URL is the connection string of the server's database. It holds the password.
func (s *Server) URL() string { return s.url(databaseName, s.keeper.Port()) }

func (s *Server) url(database string, port int) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(roleName, s.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path:     database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Dir is where the server's files lie.
func (s *Server) Dir() string { return s.place.Dir }

// PID is the number of the server process that runs now.
func (s *Server) PID() int { return s.keeper.PID() }

// Stop shuts the server down and returns when it is gone.
func (s *Server) Stop() error {
	defer s.unlock()
	if err := s.keeper.Stop(); err != nil {
		return fmt.Errorf("stop postgres: %w", err)
	}
	return nil
}
