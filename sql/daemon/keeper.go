package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Waits before a dead server is started again: at once, for a killed one is missed by
// everybody, then slower and slower, for one that cannot start should not eat the machine.
const (
	firstWait = 50 * time.Millisecond
	lastWait  = 5 * time.Second
	steady    = 20 * time.Second // after so long, a death is a new matter
)

// Say takes a line for the person at the terminal.
type Say func(format string, args ...any)

// launchTries is how many ports are tried when others take them before the server does.
const launchTries = 5

// Service is a server to keep running.
type Service struct {
	Name  string
	Place Place // locked by the caller
	// Launch starts the server on the port and returns when it is ready. When ctx is done, or
	// on an error, it leaves nothing running.
	Launch   func(ctx context.Context, port int) (*Process, error)
	Farewell Farewell
	Say      Say
}

// Keeper keeps one server running until it is stopped.
type Keeper struct {
	service Service
	port    int
	cancel  context.CancelFunc
	done    chan struct{}
	err     error // of the last stop; written before done is closed
	pid     atomic.Int64
}

// Keep starts the server, and from then on starts it again whenever it dies, always on the
// port of its first start. What an earlier launcher left running at the place is ended first.
// The context bounds the first start only.
func Keep(ctx context.Context, s Service) (*Keeper, error) {
	k := &Keeper{service: s, done: make(chan struct{})}
	p, err := k.launchFirst(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Place.keepPort(k.port); err != nil {
		return nil, errors.Join(err, p.Stop(s.Farewell))
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	k.cancel = cancel
	k.pid.Store(int64(p.PID()))
	go k.run(own, p)
	return k, nil
}

// launchFirst launches on the port noted at an earlier start, or on another when somebody has
// taken it. Only here may the port change: afterwards others know it.
func (k *Keeper) launchFirst(ctx context.Context) (*Process, error) {
	for try := 1; ; try++ {
		port, changed, err := k.service.Place.pickPort()
		if err != nil {
			return nil, err
		}
		if changed {
			k.service.Say("%s: its port was taken by another program; it is now %d", k.service.Name, port)
		}
		k.port = port
		p, err := k.launch(ctx)
		if err == nil || Free(port) || try == launchTries {
			return p, err
		}
	}
}

// launch clears the place and starts the server. A killed server's children may be finishing
// still; until they are gone the files are theirs.
func (k *Keeper) launch(ctx context.Context) (*Process, error) {
	data := k.service.Place.Data()
	n, err := Evict(data, k.service.Farewell)
	if err != nil {
		return nil, fmt.Errorf("end the server left over in %s: %w", data, err)
	}
	if n > 0 {
		k.service.Say("%s: ended what was left running in %s", k.service.Name, data)
	}
	return k.service.Launch(ctx, k.port)
}

// Port is where the server listens on 127.0.0.1.
func (k *Keeper) Port() int { return k.port }

// PID is the number of the process that serves now, or served last.
func (k *Keeper) PID() int { return int(k.pid.Load()) }

// Stop ends the server and returns when it is gone. It may be called more than once.
func (k *Keeper) Stop() error {
	k.cancel()
	<-k.done
	return k.err
}

// run watches one process after the other.
func (k *Keeper) run(ctx context.Context, p *Process) {
	defer close(k.done)
	wait := firstWait
	for p != nil {
		died, wasSteady := k.watch(ctx, p)
		if !died {
			k.err = p.Stop(k.service.Farewell)
			return
		}
		if wasSteady {
			wait = firstWait
		}
		k.service.Say("%s died (%s); starting it again", k.service.Name, p.Ended())
		p, wait = k.relaunch(ctx, wait)
	}
}

// watch returns when the process has died, or is to be stopped.
func (k *Keeper) watch(ctx context.Context, p *Process) (died, wasSteady bool) {
	age := time.NewTimer(steady)
	defer age.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, wasSteady
		case <-p.Done():
			return true, wasSteady
		case <-age.C:
			wasSteady = true
		}
	}
}

// relaunch tries until the server runs again, or nil when it is to be stopped.
func (k *Keeper) relaunch(ctx context.Context, wait time.Duration) (*Process, time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return nil, wait
		case <-time.After(wait):
		}
		wait = min(2*wait, lastWait)
		p, err := k.launch(ctx)
		if err == nil {
			k.pid.Store(int64(p.PID()))
			k.service.Say("%s runs again", k.service.Name)
			return p, wait
		}
		if ctx.Err() != nil {
			return nil, wait
		}
		k.service.Say("%s does not start, trying again in %s: %v", k.service.Name, wait, err)
	}
}
