package sessions

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// versionSize is the length of the version in front of a sealed record.
const versionSize = 16

// swap is the compare-and-set. It writes the record ARGV[3], whose version is ARGV[2],
// for ARGV[4] milliseconds if the version in Redis is still ARGV[1] (empty: no record),
// and otherwise gives back the record that is there. It reads the version
// alone, so that only a loss copies a whole record.
//
// Two cases count as written. The version in Redis is our own: our first sending was
// applied and its answer lost. There is no record though one was read: it expired in
// between, or a fail-over forgot it; what we write is whole, and refusing it would
// hide from the person what has just been done.
var swap = redis.NewScript(`
local version = redis.call('GETRANGE', KEYS[1], 0, 15)
if version == ARGV[2] then
	return 1
end
if version ~= ARGV[1] and version ~= '' then
	return redis.call('GET', KEYS[1])
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
`)

// write is one compare-and-set and, in the same pipeline, what goes with it.
type write struct {
	key      string
	expected string // the version that must be there, empty for none
	record   []byte // version and seal
	ttl      time.Duration
	pointer  *pointer // nil: leave it
}

// pointer is a change of a resume pointer.
type pointer struct {
	key    string
	sealed []byte // nil: delete
	ttl    time.Duration
}

// send does the write and gives the record that was in its way, nil if it is done.
// aside is what became of the pointer, which decides nothing.
func (s *Store) send(ctx context.Context, w write) (stored []byte, aside, err error) {
	args := []any{w.expected, w.record[:versionSize], w.record, w.ttl.Milliseconds()}
	done := redis.NewCmd(ctx, append([]any{"evalsha", swap.Hash(), 1, w.key}, args...)...)
	if w.pointer == nil {
		err = s.run(ctx, done)
	} else {
		changed := w.pointer.command(ctx)
		if err = s.run(ctx, done, changed); err == nil {
			aside = changed.Err()
		}
	}
	if err != nil {
		return nil, nil, err
	}
	if redis.HasErrorPrefix(done.Err(), "NOSCRIPT") {
		// The node has not seen the script yet: it is new, restarted or was flushed.
		// EVAL goes to that very node and teaches it.
		done = swap.Eval(ctx, s.redis, []string{w.key}, args...)
	}
	stored, err = blocked(done)
	return stored, aside, err
}

func (p *pointer) command(ctx context.Context) redis.Cmder {
	if p.sealed == nil {
		return redis.NewIntCmd(ctx, "del", p.key)
	}
	return redis.NewStatusCmd(ctx, "set", p.key, p.sealed, "px", p.ttl.Milliseconds())
}

// blocked reads the script's answer.
func blocked(done *redis.Cmd) ([]byte, error) {
	answer, err := done.Result()
	if err != nil {
		return nil, err
	}
	switch a := answer.(type) {
	case int64:
		return nil, nil
	case string:
		return []byte(a), nil
	default:
		return nil, fmt.Errorf("compare-and-set answered %T", answer)
	}
}
