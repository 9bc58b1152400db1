package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"nova/sql/daemon"
)

// execMark is the variable that tells a command and all its children which run they belong
// to: its value is the run's folder.
const execMark = "NOVA_DEV_EXEC"

// Exit statuses, as shells use them.
const (
	statusFailed   = 1
	statusNotFound = 127
	statusSignal   = 128 // and the signal's number
)

// devExecCommand is `nova dev exec`: any command, with fresh servers of its own.
func devExecCommand() *cobra.Command {
	var flush bool
	cmd := &cobra.Command{
		Use:   "exec [--flush] -- COMMAND [ARGUMENT...]",
		Short: "Run a command with a fresh PostgreSQL and Redis of its own",
		Long: "Runs a command with a fresh PostgreSQL and Redis of its own, named to it in " + databaseVariable + ",\n" +
			testDatabaseVariable + " and " + redisVariable + ". They are started again if killed, and gone, data included,\n" +
			"when the command ends. The exit status is the command's.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			// The program's context ends with a signal. Here a signal is the command's matter,
			// and the servers stay until it has ended.
			ctx := context.WithoutCancel(cmd.Context())
			status, err := runExec(ctx, args, flush, sayTo(cmd.ErrOrStderr()))
			if err != nil || status == 0 {
				return err
			}
			return exitError{code: status}
		},
	}
	cmd.Flags().BoolVar(&flush, "flush", false, "write data through to the disk, as in production (slower; for measurements)")
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// runExec runs the command between a start and a stop of the servers, and returns its status.
func runExec(ctx context.Context, args []string, flush bool, say daemon.Say) (status int, err error) {
	path, err := exec.LookPath(args[0])
	if err != nil {
		say("%v", err)
		return statusNotFound, nil
	}
	// From here on a signal ends the command, not us: there are things to put away.
	signals := make(chan os.Signal, 8) // more than anybody sends before we look
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	dir, err := daemon.Scratch(execPrefix, "postgres", "nobody")
	if err != nil {
		return statusFailed, err
	}
	j, err := hireJanitor(ctx, dir)
	if err != nil {
		return statusFailed, errors.Join(err, os.RemoveAll(dir))
	}
	defer func() { err = errors.Join(err, j.finish()) }()
	private, got, err := startUnlessSignalled(ctx, serviceOptions{
		Dir: dir, Database: true, Redis: true, Throwaway: true, Flush: flush, Say: say,
	}, signals)
	if err != nil || got != nil {
		return statusAfter(got), err
	}
	defer func() { err = errors.Join(err, private.stop()) }()
	cmd := exec.CommandContext(ctx, path, args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = execEnvironment(dir, private)
	return await(cmd, signals)
}

// startUnlessSignalled starts the servers. A signal breaks that off, and is returned.
func startUnlessSignalled(ctx context.Context, o serviceOptions, signals <-chan os.Signal) (*services, os.Signal, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		s   *services
		err error
	}
	started := make(chan outcome, 1)
	go func() {
		s, err := startServices(ctx, o)
		started <- outcome{s, err}
	}()
	select {
	case r := <-started:
		return r.s, nil, r.err
	case got := <-signals:
		cancel()
		if r := <-started; r.err == nil {
			return nil, got, r.s.stop()
		}
		return nil, got, nil
	}
}

// await runs the command to its end and returns its exit status. The first signal is passed
// on; the second one kills.
func await(cmd *exec.Cmd, signals <-chan os.Signal) (int, error) {
	cmd.SysProcAttr = daemon.Tied(syscall.SIGTERM)
	ended := make(chan error, 1)
	if err := daemon.StartTied(cmd, func(err error) { ended <- err }); err != nil {
		return statusFailed, fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	for told := false; ; told = true {
		select {
		case err := <-ended:
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				return statusFailed, fmt.Errorf("run %s: %w", cmd.Path, err)
			}
			return statusOf(cmd.ProcessState), nil
		case got := <-signals:
			pass(cmd.Process, got, told)
		}
	}
}

// pass hands a signal on. Ctrl-C on a terminal reaches the command by itself, and a second
// copy would count as impatience there.
func pass(p *os.Process, got os.Signal, again bool) {
	switch {
	case again:
		_ = p.Kill() // it may have ended meanwhile; its end is noticed
	case got == syscall.SIGINT && atTerminal():
	default:
		_ = p.Signal(got) // as above
	}
}

// statusOf is a command's exit status as a shell would tell it.
func statusOf(state *os.ProcessState) int {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return statusSignal + int(ws.Signal())
	}
	return state.ExitCode()
}

// statusAfter is the status of a run that a signal broke off.
func statusAfter(got os.Signal) int {
	if s, ok := got.(syscall.Signal); ok {
		return statusSignal + int(s)
	}
	return statusFailed
}

// execEnvironment is ours, with the servers named in it.
func execEnvironment(dir string, s *services) []string {
	set := []string{
		execMark + "=" + dir,
		databaseVariable + "=" + s.databaseURL,
		testDatabaseVariable + "=" + s.databaseURL,
		redisVariable + "=" + s.redisURL,
	}
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return slices.ContainsFunc(set, func(ours string) bool {
			name, _, _ := strings.Cut(ours, "=")
			return strings.HasPrefix(entry, name+"=")
		})
	})
	return append(env, set...)
}

// execPrefix begins the name of a run's folder.
const execPrefix = "nova-exec-"

// isExecDir reports that the folder is one that a run made; nothing else may be removed.
func isExecDir(dir string) bool {
	return filepath.IsAbs(dir) && strings.HasPrefix(filepath.Base(dir), execPrefix)
}
