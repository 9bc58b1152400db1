package sessions_test

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type server struct {
	URL  string
	port int
	dir  string
	cmd  *exec.Cmd
}

func start(t testing.TB) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("no redis-server")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	dir, err := os.MkdirTemp("", "rt")
	require.NoError(t, err)
	s := &server{URL: "redis://127.0.0.1:" + strconv.Itoa(port), port: port, dir: dir}
	s.Restart(t)
	t.Cleanup(func() { s.Kill(t); _ = os.RemoveAll(dir) })
	return s
}

func (s *server) Kill(t testing.TB) {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *server) Restart(t testing.TB) {
	s.cmd = exec.Command("redis-server", "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "no", "--enable-debug-command", "local")
	require.NoError(t, s.cmd.Start())
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(s.port))
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	}, 5*time.Second, 5*time.Millisecond)
}
