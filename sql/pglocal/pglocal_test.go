package pglocal_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"nova/sql/daemon"
	"nova/sql/pglocal"
	"nova/sql/sqltest"
)

// patience bounds every wait for a server; it is used up only when something is wrong.
const (
	patience = 60 * time.Second
	pause    = 20 * time.Millisecond
)

// said collects what the person at the terminal would have read.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func (s *said) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.lines)
}

// folder is a folder that the database's user can enter, unlike t.TempDir when we are root.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pglocal-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

func start(t *testing.T, o pglocal.Options) *pglocal.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := pglocal.Start(ctx, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func do(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
}

func count(ctx context.Context, db *sql.DB) (n int, err error) {
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM kept").Scan(&n)
	return n, err
}

func TestKilledServerComesBackWithItsDataOnTheSamePort(t *testing.T) {
	sqltest.NeedServer(t)
	var out said
	s := start(t, pglocal.Options{Dir: folder(t), Throwaway: true, Say: out.say})
	db := open(t, s.URL())
	do(t, db, "CREATE TABLE kept AS SELECT 1 AS one")
	for round := range 2 {
		killed := s.PID()
		require.NoError(t, syscall.Kill(killed, syscall.SIGKILL))
		require.Eventually(t, func() bool { return s.PID() != killed }, patience, pause)
		do(t, db, "INSERT INTO kept VALUES (2)")
		n, err := count(t.Context(), db)
		require.NoError(t, err)
		require.Equal(t, round+2, n, "rows after kill %d", round+1)
	}
	require.Contains(t, out.all(), "postgres died (signal: killed); starting it again")
}

func TestStartedAgainItKeepsDataPortAndPassword(t *testing.T) {
	sqltest.NeedServer(t)
	var out said
	o := pglocal.Options{Dir: folder(t), Throwaway: true, Say: out.say}
	s := start(t, o)
	do(t, open(t, s.URL()), "CREATE TABLE kept AS SELECT 1 AS one")
	before := s.URL()
	require.NoError(t, s.Stop())

	again := start(t, o)
	require.Equal(t, before, again.URL())
	n, err := count(t.Context(), open(t, again.URL()))
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func TestTakenPortIsChangedAndSaid(t *testing.T) {
	sqltest.NeedServer(t)
	var out said
	o := pglocal.Options{Dir: folder(t), Throwaway: true, Say: out.say}
	s := start(t, o)
	before := s.URL()
	require.NoError(t, s.Stop())
	port, err := os.ReadFile(filepath.Join(s.Dir(), "port"))
	require.NoError(t, err)
	listen(t, string(port))

	again := start(t, o)
	require.NotEqual(t, before, again.URL())
	require.NoError(t, open(t, again.URL()).PingContext(t.Context()))
	require.Contains(t, out.all(), "its port was taken by another program")
}

func TestOneFolderServesOneLauncher(t *testing.T) {
	sqltest.NeedServer(t)
	var out said
	o := pglocal.Options{Dir: folder(t), Throwaway: true, Say: out.say}
	s := start(t, o)
	_, err := pglocal.Start(t.Context(), o)
	require.ErrorContains(t, err, "is in use by another start")
	require.NoError(t, open(t, s.URL()).PingContext(t.Context()))
}

// A launcher killed together with its note of the server's death leaves a running server: the
// test plays that launcher, with a server that nobody watches.
func TestServerLeftRunningIsTakenOverWithItsData(t *testing.T) {
	sqltest.NeedServer(t)
	var out said
	o := pglocal.Options{Dir: folder(t), Throwaway: true, Say: out.say}
	first := start(t, o)
	do(t, open(t, first.URL()), "CREATE TABLE kept AS SELECT 1 AS one")
	require.NoError(t, first.Stop())
	orphan := leaveRunning(t, first)

	second := start(t, o)
	require.NotEqual(t, orphan.PID(), second.PID())
	n, err := count(t.Context(), open(t, second.URL()))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Contains(t, out.all(), "ended what was left running")
}

// The pid file of a killed server names a process that does not exist, or is another's by now.
func TestStalePIDFileDoesNotStopTheStart(t *testing.T) {
	sqltest.NeedServer(t)
	for name, pid := range map[string]int{"nobody's": 4_000_000, "a living process'": os.Getpid()} {
		t.Run(name, func(t *testing.T) {
			var out said
			o := pglocal.Options{Dir: folder(t), Throwaway: true, Say: out.say}
			s := start(t, o)
			require.NoError(t, s.Stop())
			file := filepath.Join(s.Dir(), "data", "postmaster.pid")
			text := fmt.Sprintf("%d\n%s\n1700000000\n15999\n\n127.0.0.1\n", pid, filepath.Join(s.Dir(), "data"))
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			giveTo(t, file, filepath.Dir(file))
			start(t, o)
		})
	}
}

func TestHalfMadeClusterIsMadeAnew(t *testing.T) {
	sqltest.NeedServer(t)
	var out said
	dir := folder(t)
	half := filepath.Join(dir, "postgres", "data.new")
	require.NoError(t, os.MkdirAll(half, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600))
	giveToServer(t, filepath.Join(dir, "postgres"), half)
	s := start(t, pglocal.Options{Dir: dir, Throwaway: true, Say: out.say})
	require.NoError(t, open(t, s.URL()).PingContext(t.Context()))
}

func TestDataOfAVersionThatIsNotInstalledIsLeftAlone(t *testing.T) {
	sqltest.NeedServer(t)
	var out said
	dir := folder(t)
	data := filepath.Join(dir, "postgres", "data")
	require.NoError(t, os.MkdirAll(data, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("7\n"), 0o600))
	giveToServer(t, filepath.Dir(data), data)
	_, err := pglocal.Start(t.Context(), pglocal.Options{Dir: dir, Throwaway: true, Say: out.say})
	require.ErrorContains(t, err, "was written by PostgreSQL 7, which is not installed")
	require.FileExists(t, filepath.Join(data, "PG_VERSION"))
}

func TestServerIsClosedToOthers(t *testing.T) {
	sqltest.NeedServer(t)
	var out said
	s := start(t, pglocal.Options{Dir: folder(t), Throwaway: true, Say: out.say})
	db := open(t, s.URL())
	for setting, want := range map[string]string{
		"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "server_encoding": "UTF8",
		"lc_collate": "C", "TimeZone": "UTC",
	} {
		var got string
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT current_setting($1)", setting).Scan(&got))
		require.Equal(t, want, got, setting)
	}
	noPassword := withPassword(t, s.URL(), "guess")
	require.ErrorContains(t, open(t, noPassword).PingContext(t.Context()), "password authentication failed")
	require.NotZero(t, uidOf(t, s.PID()), "the server must not run as root")
}

func TestDataThatMattersIsFlushed(t *testing.T) {
	sqltest.NeedServer(t)
	var out said
	s := start(t, pglocal.Options{Dir: folder(t), Say: out.say})
	var fsync, commit string
	err := open(t, s.URL()).QueryRowContext(
		t.Context(), "SELECT current_setting('fsync'), current_setting('synchronous_commit')",
	).Scan(&fsync, &commit)
	require.NoError(t, err)
	require.Equal(t, []string{"on", "on"}, []string{fsync, commit})
}

func TestNothingIsLeftAfterStop(t *testing.T) {
	sqltest.NeedServer(t)
	var out said
	s := start(t, pglocal.Options{Dir: folder(t), Throwaway: true, Say: out.say})
	data := filepath.Join(s.Dir(), "data")
	require.NotEmpty(t, daemon.Inside(data))
	require.NoError(t, s.Stop())
	require.Empty(t, daemon.Inside(data))
}
