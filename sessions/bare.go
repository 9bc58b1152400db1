package sessions

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"nova/core/msisdn"
	"nova/core/secret"
)

// Bare is what a hop costs in Redis and nothing else: a read, and the same compare-and-set of a record of the same
// size, which it neither seals nor understands. It is the ceiling that `nova bench` holds real hops against.
type Bare struct {
	redis  redis.UniversalClient
	record []byte
	hops   atomic.Uint64
}

// bareTTL is that of a real session.
const bareTTL = 3 * time.Minute

// OpenBare connects as Open does. size is that of the records that it will write, version included.
func OpenBare(url secret.Text, size int) (*Bare, error) {
	client, err := connect(Options{URL: url})
	if err != nil {
		return nil, err
	}
	return &Bare{redis: client, record: make([]byte, max(size, versionSize))}, nil
}

// Close gives back the connections.
func (b *Bare) Close() error { return b.redis.Close() }

// Hop is the two round trips. The name is the record's.
func (b *Bare) Hop(ctx context.Context, name string) error {
	stored, err := absent(b.redis.Get(ctx, name))
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	record := make([]byte, len(b.record))
	binary.BigEndian.PutUint64(record, b.hops.Add(1)) // a version of its own
	done := swap.EvalSha(ctx, b.redis, []string{name},
		versionOf(stored), record[:versionSize], record, bareTTL.Milliseconds())
	if redis.HasErrorPrefix(done.Err(), "NOSCRIPT") {
		done = swap.Eval(ctx, b.redis, []string{name},
			versionOf(stored), record[:versionSize], record, bareTTL.Milliseconds())
	}
	if _, err := blocked(done); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// RecordSize tells how many bytes a session takes in Redis. The session id must not hold its caller's number.
func RecordSize(ctx context.Context, url secret.Text, key Key) (int, error) {
	client, err := connect(Options{URL: url})
	if err != nil {
		return 0, err
	}
	defer func() { _ = client.Close() }() // nothing is unfinished
	name, err := (&Store{}).recordKey(key, msisdn.MSISDN{}, caller{})
	if err != nil {
		return 0, err
	}
	size, err := client.StrLen(ctx, name).Result()
	return int(size), err
}
