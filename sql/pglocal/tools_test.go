package pglocal_test

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/sql/daemon"
	"nova/sql/pglocal"
)

// listen holds a port for the test.
func listen(t *testing.T, port string) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp4", net.JoinHostPort("127.0.0.1", strings.TrimSpace(port)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
}

// leaveRunning starts the server's own process outside any launcher.
func leaveRunning(t *testing.T, s *pglocal.Server) *daemon.Process {
	t.Helper()
	data := filepath.Join(s.Dir(), "data")
	version, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	require.NoError(t, err)
	b, err := pglocal.Find(strings.TrimSpace(string(version)))
	require.NoError(t, err)
	port, err := daemon.FreePort()
	require.NoError(t, err)
	as, err := daemon.AccountFor(data)
	require.NoError(t, err)
	p, err := daemon.Start(daemon.Command{
		Path: filepath.Join(b.Dir, "postgres"), As: as, Log: filepath.Join(s.Dir(), "log"), Orphaned: syscall.SIGINT,
		Args: []string{"-D", data, "-c", fmt.Sprintf("port=%d", port), "-c", "unix_socket_directories="},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop(daemon.Farewell{})) })
	require.Eventually(t, func() bool { return !daemon.Free(port) }, patience, pause)
	return p
}

// giveTo makes file belong to the owner of like.
func giveTo(t *testing.T, file, like string) {
	t.Helper()
	as, err := daemon.AccountFor(like)
	require.NoError(t, err)
	require.NoError(t, as.Own(file))
}

// giveToServer makes the files belong to the user that would run the server.
func giveToServer(t *testing.T, files ...string) {
	t.Helper()
	as, err := daemon.AccountFor("", "postgres", "nobody")
	require.NoError(t, err)
	for _, file := range files {
		require.NoError(t, as.Own(file))
	}
}

func withPassword(t *testing.T, rawURL, password string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	require.NoError(t, err)
	u.User = url.UserPassword(u.User.Username(), password)
	return u.String()
}

func uidOf(t *testing.T, pid int) uint32 {
	t.Helper()
	info, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	require.NoError(t, err)
	stat, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	return stat.Uid
}
