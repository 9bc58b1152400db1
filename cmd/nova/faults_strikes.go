package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"nova/core/clock"
	"nova/sql"
	"nova/sql/daemon"
)

// perform does what the schedule says while the load runs. Each part has its own line of faults: what is late because
// a fault before it took long comes at once.
func (a *arena) perform(ctx context.Context, began time.Time, all []strike) error {
	lines := map[int][]strike{}
	for _, s := range all {
		target := s.Node
		if !s.ofNode() {
			target = len(nodeNames) + int(s.Kind)
		}
		lines[target] = append(lines[target], s)
	}
	work, ctx := errgroup.WithContext(ctx)
	for _, line := range lines {
		work.Go(func() error {
			for _, s := range line {
				idle(ctx, s.At-clock.System{}.Now().Sub(began))
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				a.say("strike: %s", s)
				if err := a.do(ctx, s); err != nil {
					return fmt.Errorf("%s: %w", strikeNames[s.Kind], err)
				}
			}
			return nil
		})
	}
	return work.Wait()
}

// do is one fault, to its end: afterwards the part runs again, or its keeper sees to it.
func (a *arena) do(ctx context.Context, s strike) error {
	switch s.Kind {
	case killNode:
		return a.nodes[s.Node].bounce(ctx, s.For)
	case stallNode:
		return a.nodes[s.Node].stall(ctx, s.For, func() {})
	case stealLane:
		return a.nodes[s.Node].stall(ctx, s.For, func() { a.ask(ctx, endLeases) })
	case killPostgres:
		return a.killPostgres()
	case cutBackend:
		a.ask(ctx, cutConnections, s.Pick%connectionsCut, 1)
	case cutBackends:
		a.ask(ctx, cutConnections, 0, nil)
	case killRedis, loseRedis:
		return a.killRedis(s.Kind == loseRedis)
	case strikeKinds:
	}
	return nil
}

// idle waits, unless ctx ends before.
func idle(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}

// connectionsCut is how deep cutBackend reaches into the connections, those at work first: one that idles is no loss.
const connectionsCut = 4

// bounce kills the node and starts it again after a while.
func (n *arenaNode) bounce(ctx context.Context, dead time.Duration) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-n.server.process.Done()
	idle(ctx, dead)
	return n.start(ctx)
}

// stall stops the node's process for a while; meanwhile happens while it stands still.
func (n *arenaNode) stall(ctx context.Context, long time.Duration, meanwhile func()) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	meanwhile()
	idle(ctx, long)
	return n.signal(syscall.SIGCONT)
}

func (n *arenaNode) signal(s syscall.Signal) error {
	if err := syscall.Kill(n.server.process.PID(), s); err != nil {
		return fmt.Errorf("send %s to node %s: %w", s, n.name, err)
	}
	return nil
}

// What is done to PostgreSQL, and through it.
var (
	// cutConnections ends connections of other clients: the one that was busy last, or the one at the place.
	cutConnections = sql.Query{Name: "faults.cut", Text: `
		select count(pg_terminate_backend(pid)) from (
			select pid from pg_stat_activity
			where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
			order by state = 'active' desc, query_start desc offset $1 limit $2) as cut`}
	// endLeases makes the lanes of the nodes at work free for the next writer that starts, as time would. A lease is
	// for 15 seconds; those of nodes long dead are left alone, or they would be taken first. A node that still runs
	// renews its own with its next group.
	endLeases = sql.Query{Name: "faults.end_leases", Text: `
		update lanes set leased_until = '-infinity' where id > 0 and leased_until > clock_timestamp() + interval '13 seconds'`}
)

// ask runs one statement on a connection of its own, which a database that is away refuses: then there is nothing to
// strike.
func (a *arena) ask(ctx context.Context, q sql.Query, args ...any) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	db, err := sql.Open(ctx, a.private.databaseURL, sql.Options{MaxOpen: 1})
	if err == nil {
		_, err = db.Exec(ctx, q, args...)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		a.say("%s: %v", q.Name, err)
	}
}

// askTime bounds a statement against a database that may be dead.
const askTime = 2 * time.Second

// killPostgres ends the postmaster. Its keeper starts it again.
func (a *arena) killPostgres() error {
	note, err := os.ReadFile(filepath.Join(a.data("postgres"), "postmaster.pid"))
	if errors.Is(err, os.ErrNotExist) {
		return nil // between two lives
	}
	if err != nil {
		return fmt.Errorf("find postgres: %w", err)
	}
	first, _, _ := strings.Cut(string(note), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return fmt.Errorf("find postgres: %w", err)
	}
	return killed(pid)
}

// killRedis ends Redis, which its keeper starts again, and perhaps what it has written.
func (a *arena) killRedis(lose bool) error {
	for _, pid := range daemon.Inside(a.data("redis")) {
		if err := killed(pid); err != nil {
			return err
		}
	}
	if !lose {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(a.data("redis"), "appendonlydir")); err != nil {
		return fmt.Errorf("lose the data of redis: %w", err)
	}
	return nil
}

// killed ends a process at once; one that has ended is as good.
func killed(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill %d: %w", pid, err)
	}
	return nil
}
