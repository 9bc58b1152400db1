// Package redislocal runs a private Redis server out of the system's own redis-server: for
// `make run`, which keeps its data, and for tests, which throw it away. It listens on 127.0.0.1
// alone, behind a password of its own, and runs under an unprivileged user when we are root.
//
// Where redis-server is not installed, an imitation inside this process stands in, and says so:
// good enough to look around, but it keeps nothing and is no cluster.
// Its one big rule is sql/pglocal's: it touches its own folder and its own process only.
package redislocal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"nova/sql/daemon"
)

// ErrNotInstalled says that redis-server is not installed.
var ErrNotInstalled = errors.New("no redis-server is installed")

// Users that run the server when root starts it, the first that exists.
const (
	serverUser = "redis"
	anyUser    = "nobody"
)

// farewell: SIGTERM lets the server write what it holds; it is asked once, for a second
// asking would cut that short.
var farewell = daemon.Farewell{{Signal: syscall.SIGTERM, Wait: 10 * time.Second}}

// Options say where and how the server runs.
type Options struct {
	// Dir is the folder for its files; the server's are in Dir/redis. When the server's user
	// cannot enter it, they lie elsewhere, and Say is told where.
	Dir string
	// Throwaway keeps nothing on disk: a restarted server is empty.
	Throwaway bool
	// Say takes progress for the person at the terminal. It is required.
	Say daemon.Say
}

// Server is a running Redis server, or its imitation.
type Server struct {
	o         Options
	path      string
	place     daemon.Place
	unlock    func()
	password  string
	keeper    *daemon.Keeper
	imitation *imitation
}

// Find finds redis-server.
func Find() (string, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", ErrNotInstalled
	}
	return path, nil
}

// Start starts the server and returns when it answers. It takes over a running one that an
// earlier launcher left in the folder. The context bounds the start; the server runs until
// Stop, or until this process ends.
func Start(ctx context.Context, o Options) (*Server, error) {
	path, err := Find()
	if errors.Is(err, ErrNotInstalled) {
		o.Say("redis: redis-server is not installed, an imitation stands in: sessions are lost when this stops")
		return imitated()
	}
	place, unlock, err := daemon.Take(o.Dir, "redis", o.Say, serverUser, anyUser)
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, path: path, place: place, unlock: unlock}
	if err := s.start(ctx); err != nil {
		unlock()
		return nil, fmt.Errorf("redis: %w", err)
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) (err error) {
	if err := s.place.MakeData(); err != nil {
		return err
	}
	if s.password, err = s.place.Password(); err != nil {
		return err
	}
	s.keeper, err = daemon.Keep(ctx, daemon.Service{
		Name: "redis", Place: s.place, Launch: s.launch, Farewell: farewell, Say: s.o.Say,
	})
	return err
}

// URL is the connection string of the server. It holds the password.
func (s *Server) URL() string {
	if s.imitation != nil {
		return s.imitation.url()
	}
	return s.url(s.keeper.Port())
}

func (s *Server) url(port int) string {
	u := url.URL{
		Scheme: "redis",
		User:   url.UserPassword("default", s.password),
		Host:   net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path:   "/0",
	}
	return u.String()
}

// Dir is where the server's files lie; empty for the imitation.
func (s *Server) Dir() string { return s.place.Dir }

// PID is the number of the server process that runs now; 0 for the imitation.
func (s *Server) PID() int {
	if s.imitation != nil {
		return 0
	}
	return s.keeper.PID()
}

// Stop shuts the server down and returns when it is gone.
func (s *Server) Stop() error {
	if s.imitation != nil {
		s.imitation.stop()
		return nil
	}
	defer s.unlock()
	if err := s.keeper.Stop(); err != nil {
		return fmt.Errorf("stop redis: %w", err)
	}
	return nil
}
