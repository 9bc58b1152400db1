// Package rates counts calls in Redis and says when somebody has had enough of them. It
// knows neither HTTP nor handsets: whoever asks names a limit and whom it counts for.
//
// A limit is a bucket: Burst calls at once, and Rate more in each Per. It is kept as one
// time, the moment at which the bucket is full again (the generic cell rate algorithm,
// after ITU-T I.371), by Redis' own clock, so that nodes need not agree on theirs. All limits
// of one caller lie in one slot and are counted by one script, all or none; those of several
// callers travel in one round trip.
//
// # When Redis is gone
//
// Then each node counts for itself, in a memory of bounded size, until Redis answers
// again. A limit that stands against guessing grants a node a share only. So nothing is ever
// let through uncounted, and nothing that is cheap is refused for Redis' sake.
//
// Its one rule: no number, address or token leaves the process. Keys are keyed hashes.
package rates

import (
	"context"
	"encoding/hex"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"nova/core/clock"
	"nova/core/secret"
)

const (
	// patience bounds the wait for Redis: counting must not cost a call its deadline. A
	// healthy Redis answers within 1 ms.
	patience = 150 * time.Millisecond
	// pause is how long Redis is left alone after it failed; then one call tries it again.
	pause = time.Second
	// hashBytes of a keyed hash name a caller: enough that no two ever meet.
	hashBytes = 16
	// onceBytes of a keyed hash name a call, of one caller and for a moment only.
	onceBytes = 8
	// repeatWindow is how long the same call again costs nothing: gateways repeat theirs
	// within seconds.
	repeatWindow = 10 * time.Second
)

// Limit is how often something may be done. The zero value limits nothing.
type Limit struct {
	// Name stands in keys, logs and metrics: "sign_in.number".
	Name string
	// Rate calls are granted anew in each Per.
	Rate int
	Per  time.Duration
	// Burst calls may come at once; 0: Rate of them.
	Burst int
	// Guard: the limit stands against guessing and searching. Without Redis one node
	// grants no more than a share of it.
	Guard bool
}

// IsZero reports whether nothing is limited.
func (l Limit) IsZero() bool { return l.Rate <= 0 || l.Per <= 0 }

// interval is the time in which one call is granted; never zero.
func (l Limit) interval() time.Duration {
	return max(l.Per/time.Duration(l.Rate), time.Microsecond).Truncate(time.Microsecond)
}

// capacity is the time in which an empty bucket fills.
func (l Limit) capacity() time.Duration {
	if l.Burst > 0 {
		return l.interval() * time.Duration(l.Burst)
	}
	return l.interval() * time.Duration(l.Rate)
}

// Ask is one limit, and whom it counts for.
type Ask struct {
	Limit Limit
	// Kind and Value name the caller: "address" and "192.0.2.7". They leave the process
	// as one keyed hash.
	Kind, Value string
	// Once, where given, names the call: it costs nothing again while it was the caller's
	// last one, for 10 seconds. Limits of one caller take that of the first.
	Once string
}

// Answer is what became of a call. The zero value grants it.
type Answer struct {
	Refused bool
	// Limit is the name of the one that refused; the longest wait wins.
	Limit string
	// RetryAfter is when a call would be granted.
	RetryAfter time.Duration
	// Remaining is how many more calls would be granted at once, by the tightest limit that was asked;
	// -1 where none was.
	Remaining int
	// Alone: Redis did not answer, and this node counted for itself.
	Alone bool
}

// Redis runs commands in as few round trips as their keys allow. Each holds its own
// answer afterwards; an error means that none does.
type Redis interface {
	Run(ctx context.Context, commands ...redis.Cmder) error
	// Failed is told of a failure, so that a Cluster may be looked at anew.
	Failed(err error)
}

// Options are what a Limiter is made of.
type Options struct {
	Redis Redis
	// Hash makes the keyed hashes: the keyring's Caller.
	Hash *secret.MAC
	// Prefix stands before every key, where installations share a Redis.
	Prefix string
	// Clock is the node's own, for when Redis is gone; nil: the machine's.
	Clock clock.Clock
	// Mishap, where given, is told once of each time that Redis stops answering.
	Mishap func(ctx context.Context, err error)
}

// Limiter counts. It is safe for use by many goroutines.
type Limiter struct {
	o Options
	// silent is when Redis is tried again, in microseconds; 0: it answers.
	silent atomic.Int64
	own    buckets
	ahead  ahead
}

// New makes a limiter. Redis is called at the first use.
func New(o Options) *Limiter {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Mishap == nil {
		o.Mishap = func(context.Context, error) {}
	}
	return &Limiter{o: o}
}

// Take counts one call against all limits asked for, in one round trip, and says whether it
// may go on. Of a caller who calls often some calls are counted ahead, and then most need no
// round trip. What one limit refuses is not counted by the caller's others. It never fails: see
// the package's comment.
func (l *Limiter) Take(ctx context.Context, asks ...Ask) Answer {
	groups := grouped(asks)
	now := l.o.Clock.Now()
	groups = slices.DeleteFunc(groups, func(g group) bool { return g.ahead() > 1 && l.ahead.use(l.key(&g), now) })
	for i := range groups {
		groups[i].calls = groups[i].ahead()
	}
	answer := l.ask(ctx, groups)
	if !answer.Refused || answer.Alone {
		return answer
	}
	// There may be room for one where there is none for some.
	if slices.ContainsFunc(groups, func(g group) bool { return g.refused && g.calls == 1 }) {
		return answer
	}
	groups = slices.DeleteFunc(groups, func(g group) bool { return !g.refused })
	for i := range groups {
		groups[i].calls = 1
	}
	return l.ask(ctx, groups)
}

// ask counts calls of some callers.
func (l *Limiter) ask(ctx context.Context, groups []group) Answer {
	b := l.prepare(ctx, groups)
	commands := b.Commands()
	if len(commands) == 0 {
		return b.Answer(ctx, nil)
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return b.Answer(ctx, l.o.Redis.Run(limited, commands...))
}

// key is a single limit of a caller, as Redis has it.
func (l *Limiter) key(g *group) string { return l.name(g.asks[0]) + g.asks[0].Limit.Name }

// mayAsk tells whether Redis is worth a call; after a failure only one caller a pause finds
// out.
func (l *Limiter) mayAsk() bool {
	until := l.silent.Load()
	if until == 0 {
		return true
	}
	now := l.o.Clock.Now()
	return now.UnixMicro() >= until && l.silent.CompareAndSwap(until, now.Add(pause).UnixMicro())
}

// failed leaves Redis alone for a while.
func (l *Limiter) failed(ctx context.Context, err error) {
	l.o.Redis.Failed(err)
	if l.silent.Swap(l.o.Clock.Now().Add(pause).UnixMicro()) == 0 {
		l.o.Mishap(ctx, err)
	}
}

// name is a caller's part of a key, in braces: Redis Cluster keeps all limits of one caller
// in one slot.
func (l *Limiter) name(a Ask) string {
	return l.o.Prefix + "rate:{" + l.hash(hashBytes, a.Kind, a.Value) + "}:"
}

// once names a call, "" for one that is always counted.
func (l *Limiter) once(a Ask) string {
	if a.Once == "" {
		return ""
	}
	return l.hash(onceBytes, "once", a.Once)
}

// hash is part of a keyed hash. The current key is always there; were it not, all callers would
// count as one, which lets nobody through too often.
func (l *Limiter) hash(n int, parts ...string) string {
	list := [][]byte{[]byte("rates")}
	for _, part := range parts {
		list = append(list, []byte(part))
	}
	sum, err := l.o.Hash.Sum(l.o.Hash.Current(), list...)
	if err != nil {
		return "nobody"
	}
	return hex.EncodeToString(sum[:n])
}
