package sessions

import (
	"context"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"
)

const (
	// maxConvoy bounds the hops whose commands travel together: their records are some 30 KiB.
	maxConvoy = 64
	// convoyTime bounds one journey, the client's own retry included. Each hop waits no longer than it may.
	convoyTime = 2 * (poolWait + 2*wait)
)

// convoy takes the commands of many hops to Redis and back in one round trip: what queued while the last one was
// under way. There is no timer, so a lone hop goes at once, and a busy server spares most of the system calls that
// its hops would need one by one, on both sides. It is safe for use by many goroutines.
type convoy struct {
	client *redis.Client

	mu    sync.Mutex
	queue []*passenger
	away  bool
}

// passenger is the commands of one hop. They are the convoy's until done is closed.
type passenger struct {
	commands []redis.Cmder
	done     chan struct{}
}

// carry returns nil when every command holds its answer or its error. If ctx ends first, the commands must not be
// looked at any more, and whether Redis has run them is not known.
func (c *convoy) carry(ctx context.Context, commands ...redis.Cmder) error {
	p := &passenger{commands: commands, done: make(chan struct{})}
	c.mu.Lock()
	c.queue = append(c.queue, p)
	if !c.away {
		c.away = true
		go c.travel()
	}
	c.mu.Unlock()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for redis: %w", ctx.Err())
	}
}

// travel goes to Redis until nobody waits.
func (c *convoy) travel() {
	for batch := c.board(); len(batch) > 0; batch = c.board() {
		c.journey(batch)
	}
}

func (c *convoy) board() []*passenger {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.queue), maxConvoy)
	batch := c.queue[:n:n]
	c.queue = c.queue[n:]
	c.away = n > 0
	return batch
}

func (c *convoy) journey(batch []*passenger) {
	ctx, cancel := context.WithTimeout(context.Background(), convoyTime)
	defer cancel()
	pipe := c.client.Pipeline()
	for _, p := range batch {
		for _, command := range p.commands {
			_ = pipe.Process(ctx, command) // only notes it
		}
	}
	_, _ = pipe.Exec(ctx) // each command holds its own error
	for _, p := range batch {
		close(p.done)
	}
}

// run has Redis do the commands. A Cluster's go one hop by one: they lie on several nodes, and a dead one must not
// keep the hops of the others waiting.
func (s *Store) run(ctx context.Context, commands ...redis.Cmder) error {
	if s.convoy != nil {
		return s.convoy.carry(ctx, commands...)
	}
	if len(commands) == 1 {
		_ = s.redis.Process(ctx, commands[0]) // it holds its own error
		return nil
	}
	pipe := s.redis.Pipeline()
	for _, command := range commands {
		_ = pipe.Process(ctx, command) // only notes it
	}
	_, _ = pipe.Exec(ctx) // each command holds its own error
	return nil
}
