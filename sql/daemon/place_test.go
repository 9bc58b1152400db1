package daemon_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/sql/daemon"
)

// users run servers that root starts.
var users = []string{"postgres", "nobody"}

// stateFolder makes the stand-in for an unusable folder lie in a temporary one: root's is the
// system's own, and is removed again.
func stateFolder(t *testing.T) string {
	t.Helper()
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	return state
}

func settle(t *testing.T, base string) daemon.Place {
	t.Helper()
	p, err := daemon.Settle(base, "x", users...)
	require.NoError(t, err)
	if p.Moved {
		t.Cleanup(func() { require.NoError(t, os.RemoveAll(filepath.Dir(p.Dir))) })
	}
	return p
}

func TestFilesLieWhereTheyAreAskedFor(t *testing.T) {
	base := filepath.Join(folder(t), "new", "base")
	p := settle(t, base)
	require.False(t, p.Moved)
	require.Equal(t, filepath.Join(base, "x"), p.Dir)
	info, err := os.Stat(p.Dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "others must not read the data")
	require.Equal(t, os.Geteuid() == 0, !p.As.IsZero())
}

func TestTightUmaskDoesNotMoveTheFiles(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	require.False(t, settle(t, filepath.Join(folder(t), "base")).Moved)
}

// closed is a folder that the server's user cannot work in: for root's servers one below a
// private home, for our own one that we may not write.
func closed(t *testing.T) string {
	t.Helper()
	private := filepath.Join(folder(t), "private")
	mode := os.FileMode(0o700)
	if os.Geteuid() != 0 {
		mode = 0o500
	}
	require.NoError(t, os.Mkdir(private, mode))
	t.Cleanup(func() { require.NoError(t, os.Chmod(private, 0o700)) })
	return private
}

func TestUnusableFolderIsReplacedBySomeOtherThatTheNextStartFindsAgain(t *testing.T) {
	stateFolder(t)
	private := closed(t)
	base := filepath.Join(private, "base")
	p := settle(t, base)
	require.True(t, p.Moved)
	require.False(t, strings.HasPrefix(p.Dir, private))
	require.NoFileExists(t, filepath.Join(base, "x"), "what cannot be used is not left behind")
	require.Equal(t, p.Dir, settle(t, base).Dir)
}

// Else a checkout whose permissions were opened would seem to have lost its data.
func TestDataStaysWhereItIsWhenTheFolderBecomesUsable(t *testing.T) {
	stateFolder(t)
	private := closed(t)
	base := filepath.Join(private, "base")
	p := settle(t, base)
	require.NoError(t, p.MakeData())
	require.NoError(t, os.Chmod(private, 0o755)) //nolint:gosec // a folder of this test
	require.Equal(t, p.Dir, settle(t, base).Dir)
}

func TestTakeTellsWhereTheFilesLie(t *testing.T) {
	stateFolder(t)
	base := filepath.Join(closed(t), "base")
	var out said
	p := take(t, base, "x", out.say)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(filepath.Dir(p.Dir))) })
	require.Equal(t, "x: its user cannot work in "+base+"; its data lies in "+p.Dir, out.all())
}

func TestDataKeepsItsOwnerWhenRootStartsTheServer(t *testing.T) {
	dir := filepath.Join(folder(t), "theirs")
	require.NoError(t, os.Mkdir(dir, 0o700))
	as, err := daemon.AccountFor("", "nobody")
	require.NoError(t, err)
	require.NoError(t, as.Own(dir))
	got, err := daemon.AccountFor(dir, "daemon")
	require.NoError(t, err)
	require.Equal(t, as, got)
}

func TestRootWithoutAUserToRunServersIsToldWhich(t *testing.T) {
	_, err := daemon.AccountFor("", "no-such-user", "nor-this")
	if os.Geteuid() != 0 {
		require.NoError(t, err)
		return
	}
	require.ErrorContains(t, err, "there is no user no-such-user or nor-this")
}

func TestScratchIsPassableWhateverTMPDIRSays(t *testing.T) {
	t.Setenv("TMPDIR", closed(t))
	dir, err := daemon.Scratch("daemon-test-", users...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.False(t, settle(t, dir).Moved)
}

func TestPasswordIsMadeOnceAndReadableByItsOwnerAlone(t *testing.T) {
	p := settle(t, folder(t))
	one, err := p.Password()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(one), 26, "128 bits in base 32")
	two, err := p.Password()
	require.NoError(t, err)
	require.Equal(t, one, two)
	info, err := os.Stat(p.File("password"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
