package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Log sizes: enough to find out what happened, little enough to forget about.
const (
	maxLog  = 16 << 20
	logTail = 2 << 10
)

// Command says how to start a server.
type Command struct {
	Path string
	Args []string
	// Env is the whole environment: nothing of ours is inherited, because PGPORT or LC_ALL
	// would change what the server does.
	Env   []string
	Stdin string
	As    Account
	// Log is the file that output is added to.
	Log string
	// Orphaned is the signal that the kernel sends the server when we are gone, kill -9
	// included (on Linux).
	Orphaned syscall.Signal
}

// Process is a server that was started.
type Process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
	err  error // written before done is closed
}

// Start starts the server. It does not wait until the server is ready.
func Start(c Command) (*Process, error) {
	out, err := openLog(c.Log, c.As)
	if err != nil {
		return nil, err
	}
	// A server outlives any one request's context; Stop ends it.
	cmd := exec.CommandContext(context.Background(), c.Path, c.Args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = c.Env, out, out
	cmd.Stdin = strings.NewReader(c.Stdin)
	// The user may be unable to enter our own folder, and a server should not hold it.
	cmd.Dir = "/"
	cmd.SysProcAttr = attributes(c)
	p := &Process{cmd: cmd, log: c.Log, done: make(chan struct{})}
	err = StartTied(cmd, func(err error) {
		p.err = err
		close(p.done)
	})
	_ = out.Close() // the child has its own copy
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	return p, nil
}

// StartTied starts a command whose SysProcAttr asks the kernel for a signal when we die, and
// calls ended with what Wait returns. That signal follows the thread that started the child,
// not the process: so the thread waits here as long as the child lives.
func StartTied(cmd *exec.Cmd, ended func(error)) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this function
		err := cmd.Start()
		started <- err
		if err == nil {
			ended(cmd.Wait())
		}
	}()
	return <-started
}

// PID is the process' number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended says how the process ended; call it after Done.
func (p *Process) Ended() string {
	if p.err == nil {
		return "exit status 0"
	}
	return p.err.Error()
}

// Failure describes a server that ended before it was ready: how it ended, and the last
// lines of its log.
func (p *Process) Failure() error {
	tail, err := lastOf(p.log)
	if err != nil {
		return fmt.Errorf("%s ended (%s), and its log cannot be read: %w", p.cmd.Path, p.Ended(), err)
	}
	return fmt.Errorf("%s ended (%s); the end of %s:\n%s", p.cmd.Path, p.Ended(), p.log, tail)
}

// Stop ends the process by the farewell's steps and returns when it is gone.
func (p *Process) Stop(f Farewell) error {
	for _, step := range f.steps() {
		if err := p.cmd.Process.Signal(step.Signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("send %s to %s: %w", step.Signal, p.cmd.Path, err)
		}
		select {
		case <-p.done:
			return nil
		case <-time.After(step.Wait):
		}
	}
	return fmt.Errorf("process %d (%s) does not end", p.PID(), p.cmd.Path)
}

// Run runs a short command to its end and returns what it printed.
func Run(ctx context.Context, c Command) (string, error) {
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	var out bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = c.Env, &out, &out, "/"
	cmd.Stdin = strings.NewReader(c.Stdin)
	cmd.SysProcAttr = attributes(c)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("run %s: %w: %s", c.Path, err, bytes.TrimSpace(out.Bytes()))
	}
	return out.String(), nil
}

// canUse tries, as the account, to enter, list and write the folder. Trying is exact where
// reading permission bits is not: access lists, read-only mounts, folders above.
func (a Account) canUse(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), afterKill)
	defer cancel()
	_, err := Run(ctx, Command{
		Path: "/bin/sh", As: a,
		Args: []string{"-c", `cd -- "$1" && [ -r . ] && [ -w . ]`, "sh", dir},
	})
	if err != nil {
		return fmt.Errorf("folder %s cannot be used: %w", dir, err)
	}
	return nil
}

// openLog opens the log to add to it. A long one is put aside first: the log before the
// last is not worth its room.
func openLog(path string, as Account) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("put the long log aside: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if err := as.Own(path); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

// lastOf is the end of a log.
func lastOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // read only
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	from := max(0, info.Size()-logTail)
	text, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	return strings.TrimSpace(string(text)), err
}
