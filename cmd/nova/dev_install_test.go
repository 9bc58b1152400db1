package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// These tests stand inside the package because a program's package cannot be imported. The
// machine's own files and tools are played: a folder stands for its root, and scripts for its
// programs.

// playedMachine is the machine that is installed on.
type playedMachine struct {
	t    *testing.T
	root string
	bin  string // the one folder on the PATH
	out  bytes.Buffer
	here bool // what was missing is there
}

func newPlayedMachine(t *testing.T) *playedMachine {
	t.Helper()
	m := &playedMachine{t: t, root: t.TempDir(), bin: t.TempDir()}
	t.Setenv("PATH", m.bin+":/usr/bin:/bin")
	m.tool("systemctl", "exit 0")
	m.tool("update-rc.d", "exit 0")
	m.dir("/usr/sbin")
	return m
}

// tool makes a program that notes its arguments, and then does something.
func (m *playedMachine) tool(name, script string) {
	m.t.Helper()
	text := "#!/bin/sh\necho " + name + ` "$@" >> ` + m.root + "/calls\n" + script + "\n"
	require.NoError(m.t, os.WriteFile(filepath.Join(m.bin, name), []byte(text), 0o700))
}

func (m *playedMachine) dir(path string) {
	m.t.Helper()
	require.NoError(m.t, os.MkdirAll(m.root+path, 0o755))
}

// policy gives the machine a policy-rc.d of its own.
func (m *playedMachine) policy(script string) {
	m.t.Helper()
	require.NoError(m.t, os.WriteFile(m.root+policyFile, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
}

func (m *playedMachine) read(path string) string {
	m.t.Helper()
	text, err := os.ReadFile(m.root + path)
	require.NoError(m.t, err)
	return string(text)
}

// files lists all that is on the machine.
func (m *playedMachine) files() []string {
	m.t.Helper()
	var found []string
	require.NoError(m.t, filepath.Walk(m.root, func(path string, _ os.FileInfo, err error) error {
		found = append(found, strings.TrimPrefix(path, m.root))
		return err
	}))
	return found
}

// install installs both servers.
func (m *playedMachine) install() error {
	m.t.Helper()
	list := append([]requirement{}, requirements...)
	for n := range list {
		list[n].missing = func() bool { return !m.here }
	}
	return installer{root: m.root, out: &m.out, say: sayTo(&m.out)}.install(m.t.Context(), list)
}

// during is what apt-get does: it looks at the machine, as a package's script would.
const during = `
cd "$(dirname "$0")/root" && cat etc/postgresql-common/createcluster.d/nova-dev.conf > seen
for unit in postgresql redis-server.service cron; do usr/sbin/policy-rc.d $unit start; echo $unit $? >> seen; done
`

// link lets tools find the machine's root beside them.
func (m *playedMachine) link() {
	m.t.Helper()
	require.NoError(m.t, os.Symlink(m.root, filepath.Join(m.bin, "root")))
}

func TestInstallKeepsTheServicesOffAndLeavesNothingBehind(t *testing.T) {
	cronAllowed := "0"
	if _, err := os.Stat("/sbin/init"); err != nil {
		cronAllowed = "101" // Debian's default on a machine without an init
	}
	for name, row := range map[string]struct {
		policy, cron string
	}{
		"no policy of the machine's own":       {"", cronAllowed},
		"a policy that allows all":             {"exit 0", "0"},
		"a policy that forbids some":           {`[ "$1" = cron ] && exit 101; exit 0`, "101"},
		"a policy that forbids all":            {"exit 101", "101"},
		"a policy that forbids only the two":   {`[ "$1" = cron ] || exit 101`, "0"},
		"a policy with an answer of its own":   {`[ "$1" = cron ] && exit 104; exit 0`, "104"},
		"a policy that takes part of the name": {`case "$1" in redis*) exit 101; esac; exit 0`, "0"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newPlayedMachine(t)
			m.link()
			if row.policy != "" {
				m.policy(row.policy)
			}
			m.tool("apt-get", during)
			before := append(m.files(), "/calls", "/seen")
			m.here = true
			require.NoError(t, m.install(), m.out.String())
			require.Equal(t, "create_main_cluster = false\npostgresql 101\nredis-server.service 101\ncron "+row.cron+"\n", m.read("/seen"))
			require.ElementsMatch(t, before, m.files())
			if row.policy != "" {
				require.Equal(t, "#!/bin/sh\n"+row.policy+"\n", m.read(policyFile))
			}
			require.Equal(t, strings.Join([]string{
				"apt-get install -q -y --no-install-recommends postgresql redis-server",
				"systemctl --quiet disable postgresql.service",
				"update-rc.d postgresql disable",
				"systemctl --quiet disable redis-server.service",
				"update-rc.d redis-server disable", "",
			}, "\n"), m.read("/calls"))
		})
	}
}

func TestInstallFetchesTheListsOfPackagesWhenItMust(t *testing.T) {
	m := newPlayedMachine(t)
	m.tool("apt-get", `[ "$1" = update ] && touch `+m.root+`/updated; [ -e `+m.root+`/updated ]`)
	m.here = true
	require.NoError(t, m.install(), m.out.String())
	require.Contains(t, m.read("/calls"), "recommends postgresql redis-server\napt-get update -q\napt-get install")
}

func TestFailedInstallPutsEverythingBack(t *testing.T) {
	m := newPlayedMachine(t)
	m.policy("exit 0")
	before := append(m.files(), "/calls")
	m.tool("apt-get", "exit 100")
	require.ErrorContains(t, m.install(), "exit status 100")
	require.ElementsMatch(t, before, m.files())
	require.Equal(t, "#!/bin/sh\nexit 0\n", m.read(policyFile))
}

func TestInstallThatBringsNothingSaysSo(t *testing.T) {
	m := newPlayedMachine(t)
	m.tool("apt-get", "exit 0")
	require.ErrorContains(t, m.install(), "package postgresql is installed, and postgres is still not found")
}

// A killed installation left ours in place of the machine's own policy.
func TestNextInstallPutsBackWhatAKilledOneLeft(t *testing.T) {
	m := newPlayedMachine(t)
	m.policy("exit 0")
	require.NoError(t, os.Rename(m.root+policyFile, m.root+savedPolicy))
	m.policy("exit 101 # ours")
	m.tool("apt-get", "exit 0")
	m.here = true
	require.NoError(t, m.install(), m.out.String())
	require.Equal(t, "#!/bin/sh\nexit 0\n", m.read(policyFile))
	require.NoFileExists(t, m.root+savedPolicy)
}

func TestPolicyStandsAsideWhenItsInstallationIsGone(t *testing.T) {
	m := newPlayedMachine(t)
	m.policy("exit 104")
	undo, err := installer{root: m.root}.noStart()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, undo()) })
	ended := exec.CommandContext(t.Context(), "true")
	require.NoError(t, ended.Run())
	text := strings.Replace(m.read(policyFile), "kill -0 ", "kill -0 9999", 1)
	require.NoError(t, os.WriteFile(m.root+policyFile, []byte(text), 0o755))
	var exit *exec.ExitError
	require.ErrorAs(t, exec.CommandContext(t.Context(), m.root+policyFile, "postgresql", "start").Run(), &exit)
	require.Equal(t, 104, exit.ExitCode())
}

func TestNothingMissingIsSilent(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, install(t.Context(), nil, &out))
	require.Empty(t, out.String())
}

func TestWhatTheEnvironmentNamesIsNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no redis-server there
	t.Setenv(redisVariable, "redis://elsewhere:6379/0")
	names := func(list []requirement) (names []string) {
		for _, r := range list {
			names = append(names, r.name)
		}
		return names
	}
	require.NotContains(t, names(wanted(nil)), "redis")
	require.Contains(t, names(wanted([]string{"redis"})), "redis", "what is asked for by name is")
	t.Setenv(redisVariable, "")
	require.Contains(t, names(wanted(nil)), "redis")
}

func TestOtherSystemsAreToldTheOneCommand(t *testing.T) {
	for manager, want := range map[string]string{
		"dnf": "sudo dnf install -y postgresql-server redis", "brew": "brew install postgresql redis",
		"apk": "sudo apk add postgresql redis", "": "so that both are on the PATH",
	} {
		m := &playedMachine{t: t, root: t.TempDir(), bin: t.TempDir()}
		t.Setenv("PATH", m.bin)
		if manager != "" {
			m.tool(manager, "")
		}
		err := install(context.Background(), requirements, &m.out)
		require.ErrorContains(t, err, want)
		require.Contains(t, m.out.String(), "postgres and redis are missing on this machine")
	}
}

func TestPersonWithoutRightsIsToldTheOneCommand(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	args := []string{"dev", "install", "redis"}
	require.Equal(t, "su -c '/x/nova dev install redis'", asRoot("/x/nova", args))
	require.NoError(t, os.WriteFile(filepath.Join(bin, "sudo"), []byte("#!/bin/sh\n"), 0o700))
	require.Equal(t, "sudo /x/nova dev install redis", asRoot("/x/nova", args))
}

func TestRestoreReportsEveryFailure(t *testing.T) {
	m := newPlayedMachine(t)
	restore, err := installer{root: m.root}.quieten()
	require.NoError(t, err)
	// Somebody put a folder, with something in it, in the place of our file.
	require.NoError(t, os.Remove(m.root+clusterFile))
	m.dir(clusterFile + "/theirs")
	require.Error(t, restore())
	require.NoFileExists(t, m.root+policyFile, "the rest is put back all the same")
	require.False(t, errors.Is(restore(), os.ErrNotExist))
}
