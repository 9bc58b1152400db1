package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"nova/configs"
	"nova/core/clock"
	"nova/core/secret"
	"nova/sessions"
	"nova/sql"
	"nova/sql/daemon"
)

// stage is where a bench plays: servers of its own, whose data is thrown away.
type stage struct {
	dir     string
	say     daemon.Say
	private *services
	config  configs.Config
	leaves  []func() error
}

// novaLog is the file that the measured server writes its log to.
const novaLog = "nova.log"

// readyTime bounds the start of a server that is measured.
const readyTime = 20 * time.Second

// stopping is how a measured server is told to end.
var stopping = daemon.Farewell{{Signal: syscall.SIGTERM, Wait: 15 * time.Second}, {Signal: syscall.SIGKILL, Wait: 5 * time.Second}}

// openStage starts PostgreSQL, which writes through to the disk, and Redis, and makes the schema.
func openStage(ctx context.Context, o serviceOptions) (_ *stage, err error) {
	dir, err := daemon.Scratch(execPrefix, "postgres", "nobody")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir, say: o.Say}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	// Not the run's context: a run that is stopped must be cleaned up after, too.
	j, err := hireJanitor(context.WithoutCancel(ctx), dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.leaves = append(s.leaves, j.finish)
	o.Dir, o.Database, o.Redis = dir, true, true
	s.private, err = startServices(ctx, o)
	if err != nil {
		return nil, err
	}
	s.leaves = append(s.leaves, s.private.stop)
	if err := sql.Migrate(ctx, s.private.databaseURL); err != nil {
		return nil, err
	}
	s.config = configs.Default(configs.Development)
	s.config.DatabaseURL, s.config.RedisURL = secret.New(s.private.databaseURL), secret.New(s.private.redisURL)
	s.config.DataDir, s.config.KeysDir = dir, filepath.Join(dir, "keys")
	s.config.CheckpointsDir = filepath.Join(dir, "checkpoints")
	return s, nil
}

// close ends whatever runs, the newest first, and removes the data.
func (s *stage) close() error {
	var errs []error
	for i := len(s.leaves) - 1; i >= 0; i-- {
		errs = append(errs, s.leaves[i]())
	}
	s.leaves = nil
	return errors.Join(errs...)
}

// parts joins a Nova on the stage's servers, for what a bench does beside the measured server.
func (s *stage) parts(ctx context.Context) (*parts, error) {
	return open(ctx, s.config, slog.New(slog.DiscardHandler), clock.System{})
}

// recordSize asks Redis how large a session's record is.
func (s *stage) recordSize(ctx context.Context, gateway, session string) (int, error) {
	return sessions.RecordSize(ctx, s.config.RedisURL, sessions.Key{Gateway: gateway, ID: session})
}

// measuredServer is a child process that takes callbacks.
type measuredServer struct {
	addr, admin string
	process     *daemon.Process
}

// serve starts `nova serve`, the real one: its log goes to a file, as a container's would.
func (s *stage) serve(ctx context.Context, log string, roles ...string) (*measuredServer, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	admin, err := freeAddr()
	if err != nil {
		return nil, err
	}
	m, err := s.child(ctx, log, addr, []string{"serve", "--roles", strings.Join(roles, ",")}, []string{
		"NOVA_HTTP_ADDR=" + addr, "NOVA_ADMIN_ADDR=" + admin, "NOVA_PPROF=true",
		"NOVA_DATA_DIR=" + s.dir, "NOVA_KEYS_DIR=" + s.config.KeysDir,
		// Calls are counted as ever, and the load comes from one address.
		"NOVA_CALLS_PER_MINUTE=10000000",
	})
	if m != nil {
		m.admin = admin
	}
	return m, err
}

// serveBare starts the ceiling of menu hops.
func (s *stage) serveBare(ctx context.Context, record, screen int) (*measuredServer, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return s.child(ctx, "bare.log", addr, []string{
		"bench", "bare", "--addr", addr, "--record", strconv.Itoa(record), "--screen", strconv.Itoa(screen),
	}, nil)
}

func (s *stage) child(ctx context.Context, log, addr string, args, env []string) (*measuredServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	process, err := daemon.Start(daemon.Command{
		Path: self, Args: args, Log: filepath.Join(s.dir, log), Orphaned: syscall.SIGTERM,
		Env: append([]string{
			"PATH=" + os.Getenv("PATH"), databaseVariable + "=" + s.private.databaseURL, redisVariable + "=" + s.private.redisURL,
		}, env...),
	})
	if err != nil {
		return nil, err
	}
	s.leaves = append(s.leaves, func() error { return process.Stop(stopping) })
	m := &measuredServer{addr: addr, process: process}
	return m, m.ready(ctx)
}

// ready waits until the server listens.
func (m *measuredServer) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", m.addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-m.process.Done():
			return m.process.Failure()
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen: %w", m.addr, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the server and waits, so that what it still held is in the database.
func (m *measuredServer) stop() error { return m.process.Stop(stopping) }

// profile writes what the server does over the next seconds to <path>.cpu.prof, and what it has allocated since it
// started to <path>.allocs.prof.
func (m *measuredServer) profile(ctx context.Context, path string, long time.Duration) error {
	cpu := fmt.Sprintf("profile?seconds=%d", max(1, int(long.Seconds())))
	if err := m.fetch(ctx, cpu, path+".cpu.prof"); err != nil {
		return err
	}
	return m.fetch(ctx, "allocs", path+".allocs.prof")
}

func (m *measuredServer) fetch(ctx context.Context, name, path string) error {
	url := "http://" + m.admin + "/debug/pprof/" + name
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	defer func() { _ = answer.Body.Close() }() // read whole
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: status %d: %w", answer.StatusCode, err)
	}
	return os.WriteFile(path, text, 0o600)
}

func freeAddr() (string, error) {
	port, err := daemon.FreePort()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), err
}
