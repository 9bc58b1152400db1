package redistest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"nova/sql/daemon"
)

// The cluster's shape: three masters share the slots, and each has a replica.
const (
	masters  = 3
	nodes    = 2 * masters
	allSlots = 16384
)

// nodeTimeout is when a node counts as dead (milliseconds): short, so that a test of a
// fail-over is; long enough for a busy machine.
const nodeTimeout = 2000

// Nodes is a Redis Cluster of six processes.
type Nodes struct {
	t       testing.TB
	servers []*Server
}

// Cluster starts a Redis Cluster for this test and returns when all slots are served and all
// replicas hold their master's data, so that a fail-over works from the first moment.
func Cluster(t testing.TB) *Nodes {
	t.Helper()
	path := redisServer(t)
	n := &Nodes{t: t, servers: make([]*Server, nodes)}
	for i := range n.servers {
		bus, err := daemon.FreePort()
		if err != nil {
			t.Fatalf("start redis: %v", err)
		}
		n.servers[i] = start(
			t, path, "cluster-enabled yes", fmt.Sprintf("cluster-port %d", bus), fmt.Sprintf("cluster-node-timeout %d", nodeTimeout),
			// Replicas sync at once: by default a master waits 5 s for more of them, and one
			// killed before that has no replica fit to follow it.
			"repl-diskless-sync-delay 0",
		)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, step := range []func(context.Context) error{n.meet, n.share, n.follow, n.settle} {
		if err := step(ctx); err != nil {
			t.Fatalf("make a redis cluster: %v", err)
		}
	}
	return n
}

// meet introduces all nodes to the first.
func (n *Nodes) meet(ctx context.Context) error {
	first := n.servers[0]
	for _, s := range n.servers[1:] {
		bus := strings.TrimPrefix(s.settings[1], "cluster-port ")
		// CLUSTER MEET ip port cluster-bus-port.
		if err := do(ctx, first, "CLUSTER", "MEET", "127.0.0.1", s.port, bus); err != nil {
			return err
		}
	}
	return n.each(ctx, "know each other", func(ctx context.Context, c *redis.Client) (bool, error) {
		info, err := c.ClusterInfo(ctx).Result()
		return strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r", nodes)), err
	})
}

// share gives each master its third of the slots, in parallel ranges.
func (n *Nodes) share(ctx context.Context) error {
	for i, s := range n.servers[:masters] {
		from, to := i*allSlots/masters, (i+1)*allSlots/masters-1
		if err := do(ctx, s, "CLUSTER", "ADDSLOTSRANGE", from, to); err != nil {
			return err
		}
		// Different epochs from the start spare the masters their settling of equal ones.
		if err := do(ctx, s, "CLUSTER", "BUMPEPOCH"); err != nil {
			return err
		}
	}
	return nil
}

// follow makes the other three replicas.
func (n *Nodes) follow(ctx context.Context) error {
	for i, s := range n.servers[masters:] {
		master := n.servers[i].Client()
		id, err := master.ClusterMyID(ctx).Result()
		_ = master.Close() // read only
		if err != nil {
			return err
		}
		replicate := func(ctx context.Context, c *redis.Client) (bool, error) {
			// Refused until the news of the master's slots has reached this node.
			return c.ClusterReplicate(ctx, id).Err() == nil, nil
		}
		if err := until(ctx, s, "become a replica", replicate); err != nil {
			return err
		}
	}
	return nil
}

// settle waits until every node sees a working cluster and every replica is in step.
func (n *Nodes) settle(ctx context.Context) error {
	err := n.each(ctx, "see the cluster work", func(ctx context.Context, c *redis.Client) (bool, error) {
		info, err := c.ClusterInfo(ctx).Result()
		return strings.Contains(info, "cluster_state:ok"), err
	})
	if err != nil {
		return err
	}
	for _, s := range n.servers[masters:] {
		err := until(ctx, s, "hold its master's data", func(ctx context.Context, c *redis.Client) (bool, error) {
			info, err := c.Info(ctx, "replication").Result()
			return strings.Contains(info, "master_link_status:up"), err
		})
		if err != nil {
			return err
		}
	}
	epochs, err := n.epochs(ctx)
	if err != nil {
		return err
	}
	return n.each(ctx, "know all replicas and epochs", func(ctx context.Context, c *redis.Client) (bool, error) {
		list, err := c.ClusterNodes(ctx).Result()
		return strings.Count(list, "slave") == nodes-masters && agrees(list, epochs), err
	})
}

// epochs are the masters' own, by their ids. A replica that knows an older one of its master's asks in vain to follow
// it: the other masters refuse their votes, and nobody is left to tell it better.
func (n *Nodes) epochs(ctx context.Context) (map[string]string, error) {
	epochs := make(map[string]string, masters)
	for _, s := range n.servers[:masters] {
		c := s.Client()
		id, err := c.ClusterMyID(ctx).Result()
		if err == nil {
			var info string
			info, err = c.ClusterInfo(ctx).Result()
			_, rest, _ := strings.Cut(info, "cluster_my_epoch:")
			epochs[id], _, _ = strings.Cut(rest, "\r")
		}
		_ = c.Close() // read only
		if err != nil {
			return nil, fmt.Errorf("ask %s for its epoch: %w", s.Addr(), err)
		}
	}
	return epochs, nil
}

// agrees tells that a node's list (CLUSTER NODES: the id first, the epoch seventh) has the masters' own epochs.
func agrees(list string, epochs map[string]string) bool {
	right := 0
	for line := range strings.Lines(list) {
		words := strings.Fields(line)
		if len(words) > 6 && epochs[words[0]] != "" && epochs[words[0]] == words[6] {
			right++
		}
	}
	return right == len(epochs)
}

// Addrs lists the six nodes' host:port.
func (n *Nodes) Addrs() []string {
	addrs := make([]string, 0, len(n.servers))
	for _, s := range n.servers {
		addrs = append(addrs, s.Addr())
	}
	return addrs
}

// MasterOf is the node that serves the key now.
func (n *Nodes) MasterOf(key string) *Server {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: n.Addrs(), ContextTimeoutEnabled: true})
	defer func() { _ = c.Close() }() // read only
	master, err := c.MasterForKey(ctx, key)
	if err != nil {
		n.t.Fatalf("find the master of %q: %v", key, err)
	}
	for _, s := range n.servers {
		if s.Addr() == master.Options().Addr {
			return s
		}
	}
	n.t.Fatalf("the master of %q is no node of ours: %s", key, master.Options().Addr)
	return nil
}

// KillMasterOf kills the node that serves the key as kill -9 does and returns it, so that the
// test may restart it. Its replica follows some node timeouts later.
func (n *Nodes) KillMasterOf(key string) *Server {
	n.t.Helper()
	s := n.MasterOf(key)
	s.Kill()
	return s
}

// Dump writes down every key and value of every node that runs.
func (n *Nodes) Dump() string {
	n.t.Helper()
	var out strings.Builder
	for _, s := range n.servers {
		if s.running() {
			out.WriteString(s.Dump())
		}
	}
	return out.String()
}

func (s *Server) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process != nil
}

// check asks a node whether something is so; an error counts as not yet.
type check func(ctx context.Context, c *redis.Client) (bool, error)

// each waits until the check holds on every node. They are asked side by side.
func (n *Nodes) each(ctx context.Context, what string, is check) error {
	errs := make([]error, len(n.servers))
	var all sync.WaitGroup
	for i, s := range n.servers {
		all.Go(func() { errs[i] = until(ctx, s, what, is) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// until waits until the check holds on one node.
func until(ctx context.Context, s *Server, what string, is check) error {
	c := s.Client()
	defer func() { _ = c.Close() }() // nothing is unfinished
	for {
		ok, err := is(ctx, c)
		if ok && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s to %s: %w (last: %v)", s.Addr(), what, ctx.Err(), err) //nolint:errorlint // may be nil
		case <-time.After(pause):
		}
	}
}

// do runs one command on a node.
func do(ctx context.Context, s *Server, args ...any) error {
	c := s.Client()
	defer func() { _ = c.Close() }() // nothing is unfinished
	if err := c.Do(ctx, args...).Err(); err != nil {
		return fmt.Errorf("%v on %s: %w", args[:2], s.Addr(), err)
	}
	return nil
}
