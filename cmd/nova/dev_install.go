package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"nova/sessions/redislocal"
	"nova/sql/daemon"
	"nova/sql/pglocal"
)

// requirement is something that Nova runs on and does not bring along.
type requirement struct {
	name string // as an argument of `nova dev install`
	// packages and units are Debian's and Ubuntu's; what is no service has no unit.
	packages, unit string
	// variable names a server of that kind to use instead.
	variable string
	missing  func() bool
}

var requirements = []requirement{
	{
		name: "postgres", packages: "postgresql", unit: "postgresql", variable: databaseVariable,
		missing: func() bool { _, err := pglocal.Find(""); return err != nil },
	},
	{
		name: "redis", packages: "redis-server", unit: "redis-server", variable: redisVariable,
		missing: func() bool { _, err := redislocal.Find(); return err != nil },
	},
}

// elsewhereCommands are the one command to type where there is no apt-get, by the package
// manager that is there.
var elsewhereCommands = []struct{ manager, command string }{
	{"dnf", "sudo dnf install -y postgresql-server redis"},
	{"yum", "sudo yum install -y postgresql-server redis"},
	{"zypper", "sudo zypper install -y postgresql-server redis"},
	{"pacman", "sudo pacman -S --needed postgresql redis"},
	{"apk", "sudo apk add postgresql redis"},
	{"brew", "brew install postgresql redis"},
}

// devInstallCommand is `nova dev install`: what Nova runs on, installed where it is missing.
func devInstallCommand() *cobra.Command {
	var names []string
	for _, p := range append(slices.Clone(requirements), testTools...) {
		names = append(names, p.name)
	}
	return &cobra.Command{
		Use:   "install [" + strings.Join(names, "] [") + "]",
		Short: "Install PostgreSQL and redis-server where they are missing",
		Long: "Installs the PostgreSQL server and redis-server with apt-get where they are missing, as root or through\n" +
			"sudo. Their own services stay off: no cluster is created, nothing is started, nothing starts at boot.\n" +
			"Without arguments, a kind of server that " + databaseVariable + " or " + redisVariable + " names is not installed.\n" +
			"Chromium is for tests of pages, and installed only where it is named.",
		ValidArgs: names,
		Args:      cobra.OnlyValidArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
			defer stop()
			if err := install(ctx, wanted(args), cmd.ErrOrStderr()); err != nil {
				return err
			}
			return installTools(ctx, wantedTools(args), cmd.ErrOrStderr())
		},
	}
}

// wanted lists the parts that are named, or else needed, and missing.
func wanted(names []string) []requirement {
	var list []requirement
	for _, p := range requirements {
		needed := slices.Contains(names, p.name) || len(names) == 0 && os.Getenv(p.variable) == ""
		if needed && p.missing() {
			list = append(list, p)
		}
	}
	return list
}

// install installs the parts, or says what to type.
func install(ctx context.Context, list []requirement, out io.Writer) error {
	if len(list) == 0 {
		return nil
	}
	say := sayTo(out)
	args := []string{"dev", "install"}
	for _, p := range list {
		args = append(args, p.name)
	}
	say("%s missing on this machine", strings.Join(args[2:], " and ")+map[bool]string{true: " is", false: " are"}[len(list) == 1])
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New(elsewhere())
	}
	if os.Geteuid() == 0 {
		return installer{out: out, say: say}.install(ctx, list)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if exec.CommandContext(ctx, "sudo", "-n", "true").Run() != nil {
		return fmt.Errorf("run this once, then try again:\n  %s", asRoot(self, args))
	}
	say("installing as root, through sudo")
	if err := run(ctx, out, nil, "sudo", append([]string{"-n", self}, args...)...); err != nil {
		return err
	}
	return allThere(list)
}

// allThere says which of the parts is still not there.
func allThere(list []requirement) error {
	for _, p := range list {
		if p.missing() {
			return fmt.Errorf("package %s is installed, and %s is still not found", p.packages, p.name)
		}
	}
	return nil
}

// asRoot is the command that does it as root.
func asRoot(self string, args []string) string {
	line := self + " " + strings.Join(args, " ")
	if _, err := exec.LookPath("sudo"); err != nil {
		return "su -c '" + line + "'"
	}
	return "sudo " + line
}

// elsewhere says what to type where there is no apt-get.
func elsewhere() string {
	for _, e := range elsewhereCommands {
		if _, err := exec.LookPath(e.manager); err == nil {
			return "run this once, then try again:\n  " + e.command
		}
	}
	return "install a PostgreSQL server (14 or newer) and redis-server, so that both are on the PATH, then try again"
}

// run runs a command to its end. An interrupt is passed on, and its end awaited: what is cut
// off in the middle of an installation leaves the machine's packages in disorder.
func run(ctx context.Context, out io.Writer, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}

// installer installs with apt-get, as root.
type installer struct {
	// root is put before the paths of files that are changed for the time being; empty but in
	// tests.
	root string
	out  io.Writer
	say  daemon.Say
}

// install installs the packages with their services off, and leaves everything else of the
// machine as it was.
func (i installer) install(ctx context.Context, list []requirement) (err error) {
	restore, err := i.quieten()
	defer func() { err = errors.Join(err, restore()) }()
	if err != nil {
		return err
	}
	packages := make([]string, 0, len(list))
	for _, p := range list {
		packages = append(packages, p.packages)
	}
	i.say("installing %s with apt-get (services stay off)", strings.Join(packages, " and "))
	if err := i.apt(ctx, packages); err != nil {
		return err
	}
	for _, p := range list {
		if p.unit != "" {
			i.disable(ctx, p.unit)
		}
	}
	if err := allThere(list); err != nil {
		return err
	}
	i.say("installed %s", strings.Join(packages, " and "))
	return nil
}

// apt installs the packages. Lists of packages that are missing or old are fetched when it
// fails without.
func (i installer) apt(ctx context.Context, packages []string) error {
	env := []string{"DEBIAN_FRONTEND=noninteractive"}
	get := append([]string{"install", "-q", "-y", "--no-install-recommends"}, packages...)
	if first := run(ctx, i.out, env, "apt-get", get...); first == nil || ctx.Err() != nil {
		return first
	}
	i.say("fetching today's lists of packages")
	if err := run(ctx, i.out, env, "apt-get", "update", "-q"); err != nil {
		return err
	}
	return run(ctx, i.out, env, "apt-get", get...)
}

// disable keeps the unit from starting at boot. Machines without one of these tools have
// nothing for it to switch off.
func (i installer) disable(ctx context.Context, unit string) {
	for _, command := range [][]string{{"systemctl", "--quiet", "disable", unit + ".service"}, {"update-rc.d", unit, "disable"}} {
		if _, err := exec.LookPath(command[0]); err != nil {
			continue
		}
		if err := run(ctx, i.out, nil, command[0], command[1:]...); err != nil {
			i.say("%s may start by itself at boot: %v", unit, err)
		}
	}
}
