package main_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
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
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/sessions/redistest"
	"nova/sql"
	"nova/sql/daemon"
	"nova/sql/sqltest"
)

// before is the source of the version before, without its tests: what runs while this one is rolled out. A release
// replaces it with the one that it follows.
const before = "testdata/before.tar.gz"

// upgrade is a database that the version before made, and nodes of both versions on it.
type upgrade struct {
	t        *testing.T
	old, new string // programs
	dir      string
	url      string
	redis    string
	db       *sql.DB
}

func newUpgrade(t *testing.T) *upgrade {
	t.Helper()
	needServers(t)
	u := &upgrade{t: t, new: buildNova(t), dir: openFolder(t), redis: redistest.Start(t).URL()}
	u.old = u.build()
	admin, adminURL := sqltest.Open(t)
	name := "upgrade_" + strconv.FormatInt(time.Now().UnixNano(), 36)
	require.NoError(t, admin.ExecText(t.Context(), "create database "+name+" template template0"))
	parsed, err := url.Parse(adminURL)
	require.NoError(t, err)
	parsed.Path = "/" + name
	u.url = parsed.String()
	u.run(u.old, "migrate")
	u.run(u.old, "seed", "demo")
	u.db, err = sql.Open(t.Context(), u.url, sql.Options{MaxOpen: 2})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, u.db.Close())
		require.NoError(t, admin.ExecText(context.Background(), "drop database "+name+" with (force)"))
	})
	return u
}

// build makes the program of the version before.
func (u *upgrade) build() string {
	u.t.Helper()
	source := filepath.Join(u.dir, "before")
	require.NoError(u.t, unpack(before, source))
	path := filepath.Join(u.dir, "nova-before")
	cmd := exec.CommandContext(u.t.Context(), "go", "build", "-buildvcs=false", "-o", path, "./cmd/nova")
	cmd.Dir, cmd.Env = source, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
	out, err := cmd.CombinedOutput()
	require.NoError(u.t, err, "%s", out)
	return path
}

func unpack(archive, to string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	packed, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	files := tar.NewReader(packed)
	for {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(to, filepath.Clean("/"+head.Name))
		if head.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o750); err != nil {
				return err
			}
			continue
		}
		text, err := io.ReadAll(files)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return err
		}
	}
}

func (u *upgrade) command(program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(u.t.Context(), program, args...)
	cmd.Dir = u.dir
	cmd.Env = append(os.Environ(), "DATABASE_URL="+u.url, "REDIS_URL="+u.redis, "NOVA_DATA_DIR="+u.dir, "NOVA_ADMIN_ADDR=")
	return cmd
}

func (u *upgrade) run(program string, args ...string) string {
	u.t.Helper()
	out, err := u.command(program, args...).CombinedOutput()
	require.NoError(u.t, err, "%s %v: %s", filepath.Base(program), args, out)
	return string(out)
}

// node is a server of one of the versions.
type node struct {
	u    *upgrade
	addr string
	cmd  *exec.Cmd
	out  lockedBuffer
}

func (u *upgrade) serve(program string) *node {
	u.t.Helper()
	port, err := daemon.FreePort()
	require.NoError(u.t, err)
	n := &node{u: u, addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), cmd: u.command(program, "serve")}
	n.cmd.Env = append(n.cmd.Env, "NOVA_HTTP_ADDR="+n.addr)
	n.cmd.Stdout, n.cmd.Stderr = &n.out, &n.out
	require.NoError(u.t, n.cmd.Start())
	u.t.Cleanup(func() {
		_ = n.cmd.Process.Kill() // gone already, unless the test failed
		if u.t.Failed() {
			text := n.out.String()
			u.t.Logf("%s: %s", filepath.Base(program), text[max(0, len(text)-2000):])
		}
	})
	require.Eventually(u.t, func() bool {
		conn, err := net.Dial("tcp", n.addr)
		return err == nil && conn.Close() == nil
	}, devPatience, devPause)
	return n
}

func (n *node) stop() {
	n.u.t.Helper()
	require.NoError(n.u.t, n.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(n.u.t, n.cmd.Wait(), n.out.String())
}

// dial sends one callback of the shop's and returns the screen.
func (n *node) dial(session, text string) (string, error) {
	form := url.Values{
		"sessionId": {session}, "phoneNumber": {"+12462500011"}, "serviceCode": {"*124#"}, "text": {text},
	}
	answer, err := http.PostForm("http://"+n.addr+"/ussd/africastalking/demo", form)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

var sessionNumber atomic.Int64

// cashIn takes one dollar from Marcia, Andre or Shanice, and is true once the screen says so.
func (n *node) cashIn(i int) error {
	session := fmt.Sprintf("upgrade-%d", sessionNumber.Add(1))
	keys := []string{"1", fmt.Sprintf("246250100%d", 1+i%3), "1", "2468"}
	screen := ""
	for hop := range len(keys) + 1 {
		var err error
		if screen, err = n.dial(session, strings.Join(keys[:hop], "*")); err != nil {
			return err
		}
	}
	if !strings.Contains(screen, "Ref ") {
		return fmt.Errorf("no receipt: %q", screen)
	}
	return nil
}

// load makes cash-ins on some nodes until told to stop. It returns how many were answered with a receipt.
func (u *upgrade) load(nodes ...*node) (stop func() int64) {
	var done atomic.Int64
	over := make(chan struct{})
	var work sync.WaitGroup
	for _, n := range nodes {
		for c := range 2 {
			work.Go(func() {
				for i := c; ; i++ {
					select {
					case <-over:
						return
					default:
					}
					if err := n.cashIn(i); err != nil {
						u.t.Errorf("a cash-in while versions change: %v", err)
						return
					}
					done.Add(1)
				}
			})
		}
	}
	return func() int64 {
		close(over)
		work.Wait()
		return done.Load()
	}
}

func (u *upgrade) count(text string) (n int64) {
	u.t.Helper()
	require.NoError(u.t, u.db.Get(u.t.Context(), &n, sql.Query{Name: "test.upgrade", Text: text}))
	return n
}

func TestAnUpgradeUnderLoadLosesNothing(t *testing.T) {
	u := newUpgrade(t)
	old := u.serve(u.old)
	seeded := u.count("select count(*) from transactions")

	// The new version on the old schema: it says what is to be done, and changes nothing.
	out, err := u.command(u.new, "serve").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "run nova migrate")
	require.Zero(t, u.count("select count(*) from pg_tables where tablename = 'seals'"))

	// The schema changes under the old version's load, and the old version goes on.
	stop := u.load(old)
	time.Sleep(500 * time.Millisecond)
	u.run(u.new, "migrate")
	time.Sleep(500 * time.Millisecond)
	answered := stop()

	// Both versions at once, on the same agent and customers.
	young := u.serve(u.new)
	stop = u.load(old, young)
	time.Sleep(time.Second)
	answered += stop()
	require.Positive(t, u.count("select count(*) from lanes where seal > sealed"), "the old version seals nothing")
	require.Positive(t, u.count("select count(*) from seals"), "the new one does")
	old.stop()
	young.stop()

	// A new node's worker seals what the old version left.
	young = u.serve(u.new)
	require.NoError(t, young.cashIn(0))
	answered++
	require.Eventually(t, func() bool { return u.count("select count(*) from lanes where seal > sealed") == 0 },
		devPatience, devPause)
	young.stop()
	require.Equal(t, answered, u.count("select count(*) from transactions where status = 'completed'")-seeded)
	require.Contains(t, u.run(u.new, "ledger", "verify"), "the books are right")
}
