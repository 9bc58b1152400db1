package main_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"nova/sessions/redislocal"
	"nova/sql"
	"nova/sql/daemon"
	"nova/sql/sqltest"
)

// Waits; they are used up only when something is wrong.
const (
	devPatience = 60 * time.Second
	devPause    = 20 * time.Millisecond
)

// buildNova builds the program as `make build` does, where every user can run it.
func buildNova(t *testing.T) string {
	t.Helper()
	path := filepath.Join(openFolder(t), "nova")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", path, "nova/cmd/nova")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

// openFolder is a folder that any user can enter, unlike t.TempDir when we are root.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nova-dev-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// devRun is one `nova dev exec` of a shell script. The script's first act is to write its
// environment down.
type devRun struct {
	t    *testing.T
	cmd  *exec.Cmd
	dir  string // where the script works, and what it writes lies
	temp string // its TMPDIR
	out  bytes.Buffer
}

func prepareRun(t *testing.T, bin, script string) *devRun {
	t.Helper()
	r := &devRun{t: t, dir: openFolder(t), temp: openFolder(t)}
	r.cmd = exec.CommandContext(t.Context(), bin, "dev", "exec", "--", "sh", "-c", "env > env.new && mv env.new env; "+script)
	r.cmd.Dir = r.dir
	r.cmd.Env = append(os.Environ(), "TMPDIR="+r.temp, "HOME="+r.dir)
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	r.cmd.WaitDelay = devPatience
	// A process group of its own, as a shell gives every command.
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return r
}

// start starts the run, and returns when its script has begun.
func (r *devRun) start() {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Start())
	r.t.Cleanup(func() { _ = r.cmd.Process.Kill() }) // gone already, unless the test failed
	r.appears("env")
}

// status waits for the end and gives the exit status.
func (r *devRun) status() int {
	r.t.Helper()
	err := r.cmd.Wait()
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(r.t, err, &exit, "%s", r.out.String())
	}
	return r.cmd.ProcessState.ExitCode()
}

func (r *devRun) appears(file string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		_, err := os.Stat(filepath.Join(r.dir, file))
		return err == nil
	}, devPatience, devPause, "%s", file)
}

// value is a variable of the script's environment.
func (r *devRun) value(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "env"))
	require.NoError(r.t, err)
	for _, line := range strings.Split(string(text), "\n") {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	require.Fail(r.t, "the command's environment has no "+name)
	return ""
}

// nothingLeft waits until neither a process of the run nor a file is there.
func (r *devRun) nothingLeft() {
	r.t.Helper()
	var left []string
	require.Eventually(r.t, func() bool {
		left = append(processesNaming(r.t, r.temp), filesBelow(r.t, r.temp)...)
		return len(left) == 0
	}, devPatience, devPause, "left over: %v", &left)
}

// processesNaming lists the processes that have the text in their command line, environment or
// working folder.
func processesNaming(t *testing.T, text string) []string {
	t.Helper()
	procs, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var found []string
	for _, proc := range procs {
		if filepath.Base(proc) == strconv.Itoa(os.Getpid()) {
			continue
		}
		// What has ended meanwhile, or is another user's, reads as empty.
		line, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
		env, _ := os.ReadFile(filepath.Join(proc, "environ"))
		cwd, _ := os.Readlink(filepath.Join(proc, "cwd"))
		if strings.Contains(string(line)+string(env)+cwd, text) {
			found = append(found, filepath.Base(proc)+": "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error {
		if path != dir {
			found = append(found, path)
		}
		return nil // a file that vanishes meanwhile is the wish
	})
	require.NoError(t, err)
	return found
}

func needServers(t *testing.T) {
	t.Helper()
	sqltest.NeedServer(t)
	if _, err := redislocal.Find(); err != nil {
		sqltest.Missing(t, "redis-server", "`make test`, which installs it")
	}
}

func TestDevExec(t *testing.T) {
	needServers(t)
	bin := buildNova(t)
	for name, test := range map[string]func(*testing.T, string){
		"exit status is the command's":                           execStatus,
		"command that does not exist ends it before it begins":   execNotFound,
		"servers are named, answer, and are killed to no effect": execServers,
		"Ctrl-C reaches the command, and all is put away":        execInterrupted,
		"second signal kills a command that does not listen":     execInsisted,
		"kill -9 of the launcher leaves nothing":                 execKilled,
		"ordinary user runs it too":                              execOrdinary,
		"closed folder for temporary files":                      execClosedTemp,
	} {
		t.Run(name, func(t *testing.T) { test(t, bin) })
	}
}

func execStatus(t *testing.T, bin string) {
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -9 $$": 128 + 9} {
		r := prepareRun(t, bin, script)
		r.start()
		require.Equal(t, want, r.status(), "%s: %s", script, r.out.String())
		r.nothingLeft()
	}
}

func execNotFound(t *testing.T, bin string) {
	cmd := exec.CommandContext(t.Context(), bin, "dev", "exec", "--", "no-such-command-here")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, 127, cmd.ProcessState.ExitCode())
	require.Contains(t, string(out), "no-such-command-here")
	require.NotContains(t, string(out), "cluster")
}

func execServers(t *testing.T, bin string) {
	r := prepareRun(t, bin, "while [ ! -e stop ]; do sleep 0.05; done; exit 5")
	r.start()
	require.Equal(t, r.value("DATABASE_URL"), r.value(sqltest.Variable))
	db, err := sql.Open(t.Context(), r.value("DATABASE_URL"), sql.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.ExecText(t.Context(), "CREATE TABLE kept (one int)"))
	o, err := redis.ParseURL(r.value("REDIS_URL"))
	require.NoError(t, err)
	client := redis.NewClient(o)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	require.NoError(t, client.Ping(t.Context()).Err())

	dir := r.value("NOVA_DEV_EXEC")
	note, err := os.ReadFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"))
	require.NoError(t, err)
	postmaster, err := strconv.Atoi(strings.SplitN(string(note), "\n", 2)[0])
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(postmaster, syscall.SIGKILL))
	only := daemon.Inside(filepath.Join(dir, "redis", "data"))
	require.Len(t, only, 1)
	require.NoError(t, syscall.Kill(only[0], syscall.SIGKILL))
	eventually(t, func(ctx context.Context) error { return db.ExecText(ctx, "INSERT INTO kept VALUES (1)") })
	eventually(t, func(ctx context.Context) error { return client.Ping(ctx).Err() })
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "stop"), nil, 0o600))
	require.Equal(t, 5, r.status())
	require.Contains(t, r.out.String(), "postgres died (signal: killed); starting it again")
	require.Contains(t, r.out.String(), "redis died (signal: killed); starting it again")
	r.nothingLeft()
}

// eventually tries until it works.
func eventually(t *testing.T, do func(context.Context) error) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return do(ctx) == nil
	}, devPatience, devPause)
}

func execInterrupted(t *testing.T, bin string) {
	r := prepareRun(t, bin, `trap "echo heard > heard; exit 9" INT; touch ready; while :; do sleep 0.05; done`)
	r.start()
	r.appears("ready")
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGINT))
	require.Equal(t, 9, r.status(), r.out.String())
	r.appears("heard")
	r.nothingLeft()
}

func execInsisted(t *testing.T, bin string) {
	r := prepareRun(t, bin, `trap "touch heard" TERM; touch ready; while :; do sleep 0.05; done`)
	r.start()
	r.appears("ready")
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGTERM))
	r.appears("heard")
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGTERM))
	require.Equal(t, 128+9, r.status(), r.out.String())
	r.nothingLeft()
}

// Not the servers, nor the command, nor what the command started and does not know any more.
func execKilled(t *testing.T, bin string) {
	r := prepareRun(t, bin, `(sleep 600 >/dev/null 2>&1 &); touch ready; while :; do sleep 0.05; done`)
	r.start()
	r.appears("ready")
	require.NotEmpty(t, processesNaming(t, r.temp))
	require.NoError(t, r.cmd.Process.Kill())
	r.nothingLeft()
	require.Equal(t, -1, r.status(), "ended by a signal")
}

func execOrdinary(t *testing.T, bin string) {
	r := prepareRun(t, bin, "exit 6")
	if as := ordinary(t); !as.IsZero() {
		require.NoError(t, as.Own(r.dir))
		require.NoError(t, as.Own(r.temp))
		r.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: as.UID, Gid: as.GID}
	}
	r.start()
	require.Equal(t, 6, r.status(), r.out.String())
	r.nothingLeft()
}

// ordinary is a user that is not root: another one's account when we are.
func ordinary(t *testing.T) daemon.Account {
	t.Helper()
	as, err := daemon.AccountFor("", "nobody")
	require.NoError(t, err)
	return as
}

// For root, a folder that the database's user cannot enter; for others it changes nothing.
func execClosedTemp(t *testing.T, bin string) {
	r := prepareRun(t, bin, "exit 0")
	require.NoError(t, os.Chmod(r.temp, 0o700))
	r.start()
	require.Equal(t, 0, r.status(), r.out.String())
	dir := r.value("NOVA_DEV_EXEC")
	require.NoDirExists(t, dir)
	require.Empty(t, processesNaming(t, dir))
	if os.Geteuid() == 0 {
		require.False(t, strings.HasPrefix(dir, r.temp), fmt.Sprintf("%s is in a closed folder", dir))
	}
	r.nothingLeft()
}
