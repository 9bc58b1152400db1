package redislocal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"nova/sql/daemon"
)

// Waiting for the server. It reads its whole log of writes before it answers.
const (
	readyPatience = time.Minute
	readyPause    = 10 * time.Millisecond
	probeTime     = time.Second
)

// launch starts the server and waits until it answers.
func (s *Server) launch(ctx context.Context, port int) (*daemon.Process, error) {
	p, err := daemon.Start(daemon.Command{
		// "-" reads the settings from the standard input: on the command line everybody
		// could read the password.
		Path: s.path, Args: []string{"-"}, Stdin: s.settings(port),
		Env: []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"},
		As:  s.place.As, Log: s.place.File("log"), Orphaned: syscall.SIGTERM,
	})
	if err != nil {
		return nil, err
	}
	if err := s.ready(ctx, p, port); err != nil {
		return nil, errors.Join(err, p.Stop(farewell))
	}
	return p, nil
}

// settings is the server's configuration file.
func (s *Server) settings(port int) string {
	keep := "yes" // each write is in the file before its answer leaves: kill -9 loses nothing
	if s.o.Throwaway {
		keep = "no"
	}
	lines := []string{
		"bind 127.0.0.1",
		fmt.Sprintf("port %d", port),
		fmt.Sprintf("dir %q", s.place.Data()),
		"requirepass " + s.password,
		"appendonly " + keep,
		"appendfsync everysec",
		`save ""`, // the log of writes is the one record; snapshots would be a second
		"daemonize no",
		`logfile ""`,
	}
	return strings.Join(lines, "\n") + "\n"
}

// ready waits until the server answers. A server that ends first is a failure at once.
func (s *Server) ready(ctx context.Context, p *daemon.Process, port int) error {
	return Ready(ctx, p, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), s.password)
}

// Ready waits until the process answers on the address, or has ended.
func Ready(ctx context.Context, p *daemon.Process, addr, password string) error {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	for {
		probed := probe(ctx, addr, password)
		if probed == nil {
			return nil
		}
		select {
		case <-p.Done():
			return p.Failure()
		case <-ctx.Done():
			return fmt.Errorf("wait until the server answers: %w (%w)", ctx.Err(), probed)
		case <-time.After(readyPause):
		}
	}
}

// probe asks with the password, which another program on the port does not know. A server
// that still reads its data answers with an error. It speaks for itself, for go-redis logs
// each refused connection, and here they are expected.
func probe(ctx context.Context, addr, password string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp4", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing is unfinished
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	lines := []string{"PING"}
	if password != "" {
		lines = []string{"AUTH " + password, "PING"}
	}
	answers := bufio.NewScanner(conn)
	for _, line := range lines {
		if _, err := io.WriteString(conn, line+"\r\n"); err != nil {
			return err
		}
		if !answers.Scan() {
			return errors.Join(io.ErrUnexpectedEOF, answers.Err())
		}
		if answer := answers.Text(); answer != "+OK" && answer != "+PONG" {
			return fmt.Errorf("redis answers %q", answer)
		}
	}
	return nil
}
