package redislocal_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"nova/sessions/redislocal"
	"nova/sql/daemon"
	"nova/sql/sqltest"
)

// patience bounds every wait for a server; it is used up only when something is wrong.
const (
	patience = 30 * time.Second
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

// folder is a folder that the server's user can enter, unlike t.TempDir when we are root.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "redislocal-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

func start(t *testing.T, o redislocal.Options) *redislocal.Server {
	t.Helper()
	s, err := redislocal.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

func client(t *testing.T, rawURL string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(rawURL)
	require.NoError(t, err)
	c := redis.NewClient(o)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func needServer(t *testing.T) {
	t.Helper()
	if _, err := redislocal.Find(); err != nil {
		sqltest.Missing(t, "redis-server", "`make test`, which installs it")
	}
}

func TestKilledServerComesBackWithItsDataOnTheSamePort(t *testing.T) {
	needServer(t)
	var out said
	s := start(t, redislocal.Options{Dir: folder(t), Say: out.say})
	c := client(t, s.URL())
	require.NoError(t, c.Set(t.Context(), "kept", "1", 0).Err())
	killed := s.PID()
	require.NoError(t, syscall.Kill(killed, syscall.SIGKILL))
	require.Eventually(t, func() bool { return s.PID() != killed }, patience, pause)
	require.Equal(t, "1", c.Get(t.Context(), "kept").Val())
	require.Contains(t, out.all(), "redis died (signal: killed); starting it again")
}

func TestStartedAgainItKeepsDataAndURL(t *testing.T) {
	needServer(t)
	var out said
	o := redislocal.Options{Dir: folder(t), Say: out.say}
	s := start(t, o)
	before := s.URL()
	require.NoError(t, client(t, before).Set(t.Context(), "kept", "1", 0).Err())
	require.NoError(t, s.Stop())
	again := start(t, o)
	require.Equal(t, before, again.URL())
	require.Equal(t, "1", client(t, again.URL()).Get(t.Context(), "kept").Val())
}

func TestServerIsClosedToOthers(t *testing.T) {
	needServer(t)
	var out said
	s := start(t, redislocal.Options{Dir: folder(t), Throwaway: true, Say: out.say})
	u, err := url.Parse(s.URL())
	require.NoError(t, err)
	u.User = nil
	require.ErrorContains(t, client(t, u.String()).Ping(t.Context()).Err(), "NOAUTH")
	bind := client(t, s.URL()).ConfigGet(t.Context(), "bind").Val()
	require.Equal(t, "127.0.0.1", bind["bind"])
}

func TestNothingIsLeftAfterStop(t *testing.T) {
	needServer(t)
	var out said
	s := start(t, redislocal.Options{Dir: folder(t), Throwaway: true, Say: out.say})
	data := filepath.Join(s.Dir(), "data")
	require.Equal(t, []int{s.PID()}, daemon.Inside(data))
	require.NoError(t, s.Stop())
	require.Empty(t, daemon.Inside(data))
}

// The stand-in where redis-server is not installed: it says so, is closed like the real one,
// and its keys expire.
func TestImitationStandsInWhereNoServerIsInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var out said
	s := start(t, redislocal.Options{Dir: t.TempDir(), Say: out.say})
	require.Contains(t, out.all(), "redis-server is not installed, an imitation stands in")
	c := client(t, s.URL())
	require.NoError(t, c.Set(t.Context(), "k", "v", time.Second).Err())
	require.Eventually(t, func() bool { return c.Exists(t.Context(), "k").Val() == 0 }, patience, pause)
	u, err := url.Parse(s.URL())
	require.NoError(t, err)
	u.User = nil
	require.ErrorContains(t, client(t, u.String()).Ping(t.Context()).Err(), "NOAUTH")
}
