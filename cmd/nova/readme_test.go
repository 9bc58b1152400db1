package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/sql/sqltest"
)

// repository is where this package's tests find the whole.
const repository = "../.."

// printedAddress is where the README's server listens, and the one thing that is replaced in its
// commands.
const printedAddress = "localhost:8080"

// TestTheREADMEsCommandsWork does what a newcomer does who copies the README's commands, on a
// server of the test's own.
func TestTheREADMEsCommandsWork(t *testing.T) {
	needServers(t)
	readme := readDocument(t, "README.md")
	s := newDevServer(t)
	t.Cleanup(s.tellWhenFailed)
	s.start()
	root := filepath.Dir(s.bin)
	require.NoError(t, os.Mkdir(filepath.Join(root, "bin"), 0o755))
	require.NoError(t, os.Symlink(s.bin, filepath.Join(root, "bin", "nova")))

	said := readme.session(t, "session")
	require.Greater(t, len(said), 3)
	// "Send the last call again: the same screen comes back, and nothing moves."
	said = append(said, said[len(said)-1])
	converse(t, root, s.addr, said)
	converse(t, root, s.addr, readme.session(t, "core"))
	converse(t, root, s.addr, readme.session(t, "app"))

	for _, p := range append(readme.phones(t, s.addr), s.banner(t, root)...) {
		out, err := shell(t, root, p.command+" --keys "+p.keys)
		require.NoError(t, err, "%s: %s", p.command, out)
		require.Contains(t, out, p.want, p.command)
	}
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGINT))
	require.NoError(t, s.cmd.Wait(), "Ctrl-C ends it well")
}

// exchange is a command as the README prints it, and what it prints.
type exchange struct{ command, answer string }

// separator stands between the answers of a session that is run here.
const separator = "--- end of an answer ---"

// converse runs the commands in one shell and compares their answers, in which "..." stands for
// anything within a line.
func converse(t *testing.T, dir, addr string, list []exchange) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		sqltest.Missing(t, "curl", "apt-get install curl")
	}
	script := "set -e\n"
	for _, e := range list {
		script += strings.ReplaceAll(e.command, printedAddress, addr) + "\necho '" + separator + "'\n"
	}
	require.Contains(t, script, addr)
	out, err := shell(t, dir, script)
	require.NoError(t, err, out)
	answers := strings.Split(out, separator)
	require.Len(t, answers, len(list)+1)
	for i, e := range list {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(e.answer), regexp.QuoteMeta("..."), ".+")
		require.Regexp(t, "^"+pattern+"$", strings.TrimSpace(answers[i]), e.command)
	}
}

// shell runs a command as a newcomer's shell does.
func shell(t *testing.T, dir, command string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// session is what stands between the README's marks of a name.
func (d document) session(t *testing.T, name string) []exchange {
	t.Helper()
	var list []exchange
	for _, line := range strings.Split(d.between(t, name), "\n") {
		command, ok := strings.CutPrefix(line, "$ ")
		switch {
		case ok:
			list = append(list, exchange{command: command})
		case strings.HasPrefix(line, "```"):
		case len(list) > 0:
			last := &list[len(list)-1]
			last.answer = strings.TrimSpace(last.answer + "\n" + line)
		}
	}
	return list
}

// phoned is a line that picks up a handset, with the keys that are pressed on it here.
type phoned struct{ command, keys, want string }

// pressed says what is tried on a handset that dials a code. Marcia has sent 51.00 of her 200.00
// by then.
var pressed = map[string]phoned{
	"*123#": {keys: "5,1,1357", want: "Balance BBD 149.00"},
	"*124#": {keys: "3,1,2468", want: "5,000.00"},
}

// phones are the lines of `nova phone` in the text; one that begins with its flags goes on from
// the one before.
func (d document) phones(t *testing.T, addr string) []phoned {
	t.Helper()
	var list []phoned
	for _, span := range d.spans() {
		if strings.HasPrefix(span, "--msisdn ") {
			span = "bin/nova phone " + span
		}
		if !strings.HasPrefix(span, "bin/nova phone ") {
			continue
		}
		list = append(list, pressing(t, span+" --server "+addr))
	}
	require.Len(t, list, len(pressed))
	return list
}

// pressing is a line of `nova phone` with what is pressed after it.
func pressing(t *testing.T, command string) phoned {
	t.Helper()
	code := regexp.MustCompile(`--dial '([^']+)'`).FindStringSubmatch(command)
	require.NotNil(t, code, "%s dials nothing", command)
	p, known := pressed[code[1]]
	require.True(t, known, "%s: say here what to press", command)
	return phoned{command: command, keys: p.keys, want: p.want}
}

// banner tries what the server's start-up ends with: the call, the page and, given back, the
// handset.
func (s *devServer) banner(t *testing.T, root string) []phoned {
	t.Helper()
	const indent = "\n  "
	command := func(begins string) string {
		_, rest, found := strings.Cut(s.out.String(), indent+begins)
		require.True(t, found, begins)
		line, _, _ := strings.Cut(rest, "\n")
		return begins + line
	}
	out, err := shell(t, root, command("curl "))
	require.NoError(t, err, out)
	require.Contains(t, out, "CON ")
	require.Contains(t, out, "1 Send money")
	out, err = shell(t, root, "curl -sf "+command("http://"))
	require.NoError(t, err, out)
	require.Contains(t, out, "<title>Nova API</title>")
	return []phoned{pressing(t, command("bin/nova phone "))}
}
