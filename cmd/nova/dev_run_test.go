package main_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/sql/daemon"
)

// devServer is a `nova dev` that runs.
type devServer struct {
	t    *testing.T
	bin  string
	dir  string // its NOVA_DATA_DIR
	addr string
	cmd  *exec.Cmd
	out  lockedBuffer
	// dials counts, so that each has a session of its own.
	dials int
}

// lockedBuffer takes what a program prints while a test reads it.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func newDevServer(t *testing.T) *devServer {
	t.Helper()
	port, err := daemon.FreePort()
	require.NoError(t, err)
	return &devServer{
		t: t, bin: buildNova(t), dir: filepath.Join(openFolder(t), "data"),
		addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
	}
}

// start starts it and waits until a dial is answered.
func (s *devServer) start() {
	s.t.Helper()
	s.cmd = exec.CommandContext(s.t.Context(), s.bin, "dev")
	s.cmd.Dir = filepath.Dir(s.dir)
	s.cmd.Env = append(os.Environ(), "NOVA_DATA_DIR="+s.dir, "NOVA_HTTP_ADDR="+s.addr, "DATABASE_URL=", "REDIS_URL=")
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	require.NoError(s.t, s.cmd.Start())
	s.t.Cleanup(func() { _ = s.cmd.Process.Kill() }) // gone already, unless the test failed
	s.eventually("1 Send money", s.home)
}

// dial sends one callback of Marcia's and returns the screen, or nothing where there is none.
func (s *devServer) dial(session, text string) string {
	form := url.Values{
		"sessionId": {session}, "phoneNumber": {"+12462501001"}, "serviceCode": {"*123#"}, "text": {text},
	}
	ask, err := http.NewRequestWithContext(
		s.t.Context(), http.MethodPost, "http://"+s.addr+"/ussd/africastalking/demo", strings.NewReader(form.Encode()),
	)
	require.NoError(s.t, err)
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		return ""
	}
	defer func() { _ = answer.Body.Close() }() // read to its end
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return ""
	}
	return string(body)
}

// eventually dials until a dialogue gives a screen that has the text in it: one that an outage
// falls into costs a redial, and no more.
func (s *devServer) eventually(want string, dialogue func(session string) string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		s.dials++
		return strings.Contains(dialogue("session-"+strconv.Itoa(s.dials)), want)
	}, devPatience, devPause, "no dial gives %q", want)
}

// home dials.
func (s *devServer) home(session string) string { return s.dial(session, "") }

// tellWhenFailed shows the end of what the server printed, where the reason stands.
func (s *devServer) tellWhenFailed() {
	if s.t.Failed() {
		text := s.out.String()
		s.t.Log(text[max(0, len(text)-4000):])
	}
}

// balance asks for Marcia's balance.
func (s *devServer) balance(session string) string {
	s.dial(session, "")
	s.dial(session, "5")
	s.dial(session, "5*1")
	return s.dial(session, "5*1*1357")
}

// kill ends a part of it as kill -9 does.
func (s *devServer) kill(part string) {
	s.t.Helper()
	data := filepath.Join(s.dir, part, "data")
	if part == "redis" {
		pids := daemon.Inside(data)
		require.Len(s.t, pids, 1)
		require.NoError(s.t, syscall.Kill(pids[0], syscall.SIGKILL))
		return
	}
	note, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	require.NoError(s.t, err)
	pid, err := strconv.Atoi(strings.SplitN(string(note), "\n", 2)[0])
	require.NoError(s.t, err)
	require.NoError(s.t, syscall.Kill(pid, syscall.SIGKILL))
}

func TestDevServerLosesNothingWhenAnyPartIsKilled(t *testing.T) {
	needServers(t)
	s := newDevServer(t)
	t.Cleanup(s.tellWhenFailed)
	s.start()
	s.dial("pay", "")
	s.dial("pay", "1")
	s.dial("pay", "1*2462501002")
	s.dial("pay", "1*2462501002*50")
	require.Contains(t, s.dial("pay", "1*2462501002*50*1357"), "END Sent BBD 50.00 to Andre C.")

	for _, part := range []string{"redis", "postgres"} {
		s.kill(part)
		require.Eventually(t, func() bool {
			return strings.Contains(s.out.String(), part+" runs again")
		}, devPatience, devPause)
		require.Contains(t, s.out.String(), part+" died (signal: killed); starting it again")
		s.eventually("149.00", s.balance)
	}
	require.NoError(t, s.cmd.Process.Kill())
	require.Error(t, s.cmd.Wait())
	s.start()
	s.eventually("149.00", s.balance)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGINT))
	require.NoError(t, s.cmd.Wait(), s.out.String())
	for _, part := range []string{"redis", "postgres"} {
		require.Empty(t, daemon.Inside(filepath.Join(s.dir, part, "data")))
	}
}
