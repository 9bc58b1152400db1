package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"nova/sql/daemon"
)

// janitor is a process that outlives a run of `nova dev exec` by a moment, kill -9 included,
// ends what the run left running and removes its folder. It does the same after a run that
// ended by itself, so that there is one way of cleaning up.
type janitor struct {
	cmd *exec.Cmd
	// leash is a pipe that nobody writes to: it ends when we do.
	leash io.Closer
}

// hireJanitor starts the janitor of the run in dir.
func hireJanitor(ctx context.Context, dir string) (*janitor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "dev", "janitor", dir)
	// Its own session, so that what is sent to our terminal or group does not reach it; and
	// not our environment, so that it does not take itself for part of another run.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.Dir = "/"
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the janitor's leash: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the janitor: %w", err)
	}
	return &janitor{cmd: cmd, leash: leash}, nil
}

// finish lets the janitor clean up and waits for it.
func (j *janitor) finish() error {
	_ = j.leash.Close() // Wait tells what matters
	if err := j.cmd.Wait(); err != nil {
		return fmt.Errorf("clean up: %w", err)
	}
	return nil
}

// devJanitorCommand is what hireJanitor starts.
func devJanitorCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "janitor DIR",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
			if !isExecDir(args[0]) {
				return fmt.Errorf("%q is no folder of nova dev exec", args[0])
			}
			// The end of the leash, in whatever way, is the sign to begin.
			_, _ = io.Copy(io.Discard, os.Stdin)
			return cleanUp(args[0])
		},
	}
}

// cleanUp ends whatever belongs to the run and removes its folder. The servers go by
// themselves, by the kernel's signal; here they only get the time, and then no more of it.
func cleanUp(dir string) error {
	polite := daemon.Farewell{{Signal: syscall.SIGTERM, Wait: 2 * time.Second}}
	_, marked := daemon.EndMarked(execMark+"="+dir, polite)
	fast := daemon.Farewell{{Signal: syscall.SIGINT, Wait: 5 * time.Second}}
	_, database := daemon.Evict(filepath.Join(dir, "postgres", "data"), fast)
	_, redis := daemon.Evict(filepath.Join(dir, "redis", "data"), polite)
	return errors.Join(marked, database, redis, os.RemoveAll(dir))
}
