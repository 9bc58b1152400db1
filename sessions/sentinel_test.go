package sessions_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/sessions"
	"nova/sessions/redistest"
)

// TestSentinel finds its master through a Sentinel.
func TestSentinel(t *testing.T) {
	server := redistest.Start(t)
	addr := sentinel(t, server.Addr())
	s := open(t, "redis://"+addr, sessions.Options{Master: "nova"})
	require.Eventually(t, func() bool { return s.Ping(within(t)) == nil }, 10*time.Second, 20*time.Millisecond)
	save(t, s, load(t, s, marcia), atPIN())
	require.NotNil(t, load(t, s, marcia).Session)
	require.Contains(t, server.Dump(), recordName(key), "it lies on the master")
}

// sentinel starts one that watches the master at the address.
func sentinel(t *testing.T, master string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr = l.Addr().String()
	require.NoError(t, l.Close())

	host, port, err := net.SplitHostPort(master)
	require.NoError(t, err)
	_, own, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "sentinel.conf") // it writes to its own settings
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil,
		"port %s\nbind 127.0.0.1\nsentinel monitor nova %s %s 1\n", own, host, port), 0o600))
	cmd := exec.Command("redis-server", path, "--sentinel") //nolint:gosec,noctx // ended by the cleanup
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // gone already is as good
		_ = cmd.Wait()         // reports the kill
	})
	return addr
}
