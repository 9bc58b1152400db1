package pglocal_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/sql/daemon"
	"nova/sql/sqltest"
)

// Where the tests run as root, those of ordinary people's starts run once more as one: a copy
// of this program, for an ordinary user cannot enter the folder of the original.
func TestOrdinaryUserStartsAServerToo(t *testing.T) {
	sqltest.NeedServer(t)
	if os.Geteuid() != 0 {
		return // then all the other tests are that
	}
	as, err := daemon.AccountFor("", "nobody")
	require.NoError(t, err)
	home := folder(t)
	require.NoError(t, as.Own(home))
	program := filepath.Join(home, "pglocal.test")
	copyProgram(t, program)
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^Test(Killed|StartedAgain|ServerLeft|StalePID|ServerIsClosed)")
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: as.UID, Gid: as.GID}}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func copyProgram(t *testing.T, to string) {
	t.Helper()
	from, err := os.Open(os.Args[0])
	require.NoError(t, err)
	defer func() { require.NoError(t, from.Close()) }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(out, from)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}
