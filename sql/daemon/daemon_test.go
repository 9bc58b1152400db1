package daemon_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/sql/daemon"
)

// patience bounds every wait; it is used up only when something is wrong.
const (
	patience = 20 * time.Second
	pause    = 10 * time.Millisecond
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
	return strings.Join(s.lines, "\n")
}

// folder is a folder that any user can enter, unlike t.TempDir when we are root.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "daemon-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	dir, err = filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	return dir
}

// shell is a server made of a shell script.
func shell(t *testing.T, dir, script string) *daemon.Process {
	t.Helper()
	p, err := launch(dir, script)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop(nil)) })
	return p
}

func launch(dir, script string) (*daemon.Process, error) {
	return daemon.Start(daemon.Command{
		Path: "/bin/sh", Args: []string{"-c", `cd "$1" && ` + script, "sh", dir},
		Env: []string{"PATH=" + os.Getenv("PATH")}, Log: filepath.Join(dir, "log"), Orphaned: syscall.SIGKILL,
	})
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func gone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { return !alive(pid) }, patience, pause, "process %d", pid)
}

func TestKeeperStartsADeadServerAgainOnItsPort(t *testing.T) {
	var out said
	var ports []int
	place := take(t, folder(t), "x", out.say)
	require.NoError(t, place.MakeData())
	k, err := daemon.Keep(t.Context(), daemon.Service{
		Name: "x", Place: place, Say: out.say,
		Launch: func(_ context.Context, port int) (*daemon.Process, error) {
			ports = append(ports, port)
			return launch(place.Dir, "exec sleep 600")
		},
	})
	require.NoError(t, err)
	first := k.PID()
	require.NoError(t, syscall.Kill(first, syscall.SIGKILL))
	require.Eventually(t, func() bool { return k.PID() != first }, patience, pause)
	second := k.PID()
	require.True(t, alive(second))
	require.NoError(t, k.Stop())
	require.NoError(t, k.Stop(), "stopping twice is nothing")
	require.False(t, alive(second))
	require.Equal(t, []int{k.Port(), k.Port()}, ports)
	require.Contains(t, out.all(), "x died (signal: killed); starting it again\nx runs again")
}

func TestKeeperGoesOnTryingAndCanBeStoppedMeanwhile(t *testing.T) {
	var out said
	place := take(t, folder(t), "x", out.say)
	starts := make(chan int, 100)
	k, err := daemon.Keep(t.Context(), daemon.Service{
		Name: "x", Place: place, Say: out.say,
		Launch: func(context.Context, int) (*daemon.Process, error) {
			starts <- 1
			if len(starts) > 1 {
				return nil, fmt.Errorf("no luck")
			}
			return launch(place.Dir, "exit 3")
		},
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(starts) > 3 }, patience, pause)
	require.NoError(t, k.Stop())
	require.Contains(t, out.all(), "x died (exit status 3); starting it again")
	require.Contains(t, out.all(), "x does not start, trying again in 100ms: no luck")
}

func TestFailureShowsTheEndOfTheLog(t *testing.T) {
	p := shell(t, folder(t), "echo the disk is full; exit 4")
	<-p.Done()
	require.ErrorContains(t, p.Failure(), "exit status 4")
	require.ErrorContains(t, p.Failure(), "the disk is full")
}

func TestStopInsists(t *testing.T) {
	dir := folder(t)
	p := shell(t, dir, `trap "" TERM; touch ready; while :; do sleep 0.01; done`)
	require.Eventually(t, func() bool { return exists(filepath.Join(dir, "ready")) }, patience, pause)
	require.NoError(t, p.Stop(daemon.Farewell{{Signal: syscall.SIGTERM, Wait: pause}}))
	require.Equal(t, "signal: killed", p.Ended())
}

// The server is the child of a launcher that is killed: this test's own binary, run again.
func TestServerEndsWhenItsLauncherIsKilled(t *testing.T) {
	if dir := os.Getenv("DAEMON_TEST_LAUNCHER"); dir != "" {
		p := shell(t, dir, "exec sleep 600")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "pid"), []byte(strconv.Itoa(p.PID())), 0o600))
		<-p.Done()
		return
	}
	dir := folder(t)
	launcher := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	launcher.Env = append(os.Environ(), "DAEMON_TEST_LAUNCHER="+dir)
	require.NoError(t, launcher.Start())
	var pid int
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(filepath.Join(dir, "pid"))
		pid, _ = strconv.Atoi(string(text))
		return pid > 0
	}, patience, pause)
	require.True(t, alive(pid))
	require.NoError(t, launcher.Process.Kill())
	require.Error(t, launcher.Wait())
	gone(t, pid)
}

func TestEvictEndsWhatWorksInTheFolderAndNothingElse(t *testing.T) {
	dir, other := folder(t), folder(t)
	stranger := shell(t, other, "exec sleep 600")
	// A tree whose root does not listen, and whose child is left over.
	p := shell(t, dir, `trap "" TERM; sleep 600 & touch ready; while :; do wait; done`)
	require.Eventually(t, func() bool { return exists(filepath.Join(dir, "ready")) }, patience, pause)
	require.Eventually(t, func() bool { return len(daemon.Inside(dir)) == 2 }, patience, pause)
	n, err := daemon.Evict(dir, daemon.Farewell{{Signal: syscall.SIGTERM, Wait: 5 * pause}})
	require.NoError(t, err)
	require.Equal(t, 2, n)
	<-p.Done()
	require.Empty(t, daemon.Inside(dir))
	require.True(t, alive(stranger.PID()))
}

func TestEndMarkedFindsAllThatInheritedTheMark(t *testing.T) {
	dir := folder(t)
	const mark = "DAEMON_TEST_MARK=one"
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "sleep 600 & exec sleep 600")
	cmd.Env = append(os.Environ(), mark)
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stranger := shell(t, dir, "exec sleep 600")
	require.Eventually(t, func() bool {
		n, err := daemon.EndMarked(mark, daemon.Farewell{{Signal: syscall.SIGTERM, Wait: time.Second}})
		return err == nil && n == 0
	}, patience, pause)
	require.Error(t, <-ended)
	require.True(t, alive(stranger.PID()))
}

func TestSecondLauncherIsRefused(t *testing.T) {
	dir := folder(t)
	var out said
	take(t, dir, "x", out.say)
	_, _, err := daemon.Take(dir, "x", out.say, "postgres", "nobody")
	require.ErrorContains(t, err, filepath.Join(dir, "x")+" is in use by another start")
}

func TestPortIsKeptWhileFreeAndChangedWhenTaken(t *testing.T) {
	dir := folder(t)
	var out said
	keep := func() int {
		place, unlock, err := daemon.Take(dir, "x", out.say, "postgres", "nobody")
		require.NoError(t, err)
		defer unlock()
		k, err := daemon.Keep(t.Context(), daemon.Service{
			Name: "x", Place: place, Say: out.say,
			Launch: func(context.Context, int) (*daemon.Process, error) { return launch(place.Dir, "exec sleep 600") },
		})
		require.NoError(t, err)
		require.NoError(t, k.Stop())
		return k.Port()
	}
	port := keep()
	require.Equal(t, port, keep())
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	require.NotEqual(t, port, keep())
	require.Contains(t, out.all(), "its port was taken by another program")
}

func take(t *testing.T, dir, name string, say daemon.Say) daemon.Place {
	t.Helper()
	place, unlock, err := daemon.Take(dir, name, say, "postgres", "nobody")
	require.NoError(t, err)
	t.Cleanup(unlock)
	return place
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
