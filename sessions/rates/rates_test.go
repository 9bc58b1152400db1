package rates_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"nova/core/clock"
	"nova/core/secret"
	"nova/sessions"
	"nova/sessions/rates"
	"nova/sessions/redistest"
)

func TestMain(m *testing.M) {
	sessions.LogTo(slog.New(slog.DiscardHandler)) // dead servers are part of these tests
	goleak.VerifyTestMain(m)
}

// hour grants so slowly that nothing comes back during a test.
func hour(name string, calls int) rates.Limit {
	return rates.Limit{Name: name, Rate: calls, Per: time.Hour}
}

func by(limit rates.Limit, value string) rates.Ask {
	return rates.Ask{Limit: limit, Kind: "address", Value: value}
}

// open is a limiter on a store's connections, as a node has it.
func open(t testing.TB, url string, keys *secret.Keyring) *rates.Limiter {
	t.Helper()
	s, err := sessions.Open(sessions.Options{URL: secret.New(url), Keys: keys})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s.Rates()
}

// direct is Redis without a store, counting round trips.
type direct struct {
	client *redis.Client
	trips  atomic.Int64
	failed atomic.Int64
}

func (d *direct) Run(ctx context.Context, commands ...redis.Cmder) error {
	d.trips.Add(1)
	pipe := d.client.Pipeline()
	for _, command := range commands {
		_ = pipe.Process(ctx, command) // only notes it
	}
	_, _ = pipe.Exec(ctx) // each command holds its own error
	return nil
}

func (d *direct) Failed(error) { d.failed.Add(1) }

// standing is a limiter whose own clock stands still.
func standing(t testing.TB, server *redistest.Server) (*rates.Limiter, *direct, *clock.Manual, *atomic.Int64) {
	t.Helper()
	d := &direct{client: server.Client()}
	t.Cleanup(func() { require.NoError(t, d.client.Close()) })
	now := clock.NewManual(time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC))
	var mishaps atomic.Int64
	return rates.New(rates.Options{
		Redis: d, Hash: secret.EphemeralKeyring().Caller, Clock: now,
		Mishap: func(context.Context, error) { mishaps.Add(1) },
	}), d, now, &mishaps
}

// granted calls n times and counts what was granted.
func granted(t testing.TB, l *rates.Limiter, n int, asks ...rates.Ask) int {
	t.Helper()
	count := 0
	for range n {
		if a := l.Take(t.Context(), asks...); !a.Refused {
			count++
		}
	}
	return count
}

func TestNeverMoreThanTheLimitHoweverManyNodesAsk(t *testing.T) {
	server, keys := redistest.Start(t), secret.EphemeralKeyring()
	nodes := []*rates.Limiter{open(t, server.URL(), keys), open(t, server.URL(), keys), open(t, server.URL(), keys)}
	const calls, workers = 100, 48
	var passed, refused atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for range 10 {
				a := nodes[w%len(nodes)].Take(t.Context(), by(hour("x", calls), "192.0.2.7"))
				require.False(t, a.Alone)
				if a.Refused {
					refused.Add(1)
				} else {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, calls, passed.Load())
	require.EqualValues(t, workers*10-calls, refused.Load())
	require.False(t, nodes[0].Take(t.Context(), by(hour("x", calls), "192.0.2.8")).Refused, "somebody else pays for it")
}

func TestTheAnswerTellsWhenAndHowMany(t *testing.T) {
	l := open(t, redistest.Start(t).URL(), secret.EphemeralKeyring())
	limit := rates.Limit{Name: "x", Rate: 60, Per: time.Hour, Burst: 3}
	for left := 2; left >= 0; left-- {
		a := l.Take(t.Context(), by(limit, "a"))
		require.False(t, a.Refused)
		require.Equal(t, left, a.Remaining)
	}
	a := l.Take(t.Context(), by(limit, "a"))
	require.True(t, a.Refused)
	require.Equal(t, "x", a.Limit)
	require.Zero(t, a.Remaining)
	require.InDelta(t, time.Minute, a.RetryAfter, float64(10*time.Second))

	unlimited := l.Take(t.Context(), by(rates.Limit{}, "a"))
	require.Equal(t, rates.Answer{Remaining: -1}, unlimited)
}

func TestWhatWasUsedComesBack(t *testing.T) {
	l := open(t, redistest.Start(t).URL(), secret.EphemeralKeyring())
	limit := rates.Limit{Name: "x", Rate: 20, Per: time.Second, Burst: 1}
	require.False(t, l.Take(t.Context(), by(limit, "a")).Refused)
	began := time.Now()
	require.Eventually(t, func() bool { return !l.Take(t.Context(), by(limit, "a")).Refused }, 5*time.Second, time.Millisecond)
	require.GreaterOrEqual(t, time.Since(began), 40*time.Millisecond, "refused calls are not counted, and none is granted early")
}

func TestLimitsOfOneCallerCountAllOrNone(t *testing.T) {
	l := open(t, redistest.Start(t).URL(), secret.EphemeralKeyring())
	tight, loose := by(hour("tight", 1), "a"), by(hour("loose", 10), "a")
	require.False(t, l.Take(t.Context(), tight, loose).Refused)
	for range 5 {
		a := l.Take(t.Context(), loose, tight)
		require.True(t, a.Refused)
		require.Equal(t, "tight", a.Limit)
	}
	require.Equal(t, 8, l.Take(t.Context(), loose).Remaining, "a refused call was counted")
}

func TestManyLimitsAreOneRoundTrip(t *testing.T) {
	l, d, _, _ := standing(t, redistest.Start(t))
	l.Take(t.Context(), by(hour("x", 10), "a")) // teaches the script
	before := d.trips.Load()
	a := l.Take(t.Context(), by(hour("x", 10), "a"), by(hour("y", 3), "a"), by(hour("x", 10), "b"), by(hour("z", 1), "c"))
	require.False(t, a.Refused)
	require.Zero(t, a.Remaining, "the tightest limit is told")
	require.EqualValues(t, 1, d.trips.Load()-before)
}

func TestARepeatCostsNothing(t *testing.T) {
	server, keys := redistest.Start(t), secret.EphemeralKeyring()
	l := open(t, server.URL(), keys)
	ask := func(once string) rates.Ask {
		a := by(hour("x", 2), "a")
		a.Once = once
		return a
	}
	var wg sync.WaitGroup
	var refused atomic.Int64
	for range 32 {
		wg.Go(func() {
			if l.Take(t.Context(), ask("first")).Refused {
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	require.Zero(t, refused.Load(), "copies in flight were counted")
	require.False(t, l.Take(t.Context(), ask("second")).Refused)
	require.False(t, l.Take(t.Context(), ask("second")).Refused)
	require.True(t, l.Take(t.Context(), ask("third")).Refused)
	require.True(t, l.Take(t.Context(), ask("")).Refused)
	require.False(t, l.Take(t.Context(), ask("second")).Refused, "who is over the limit may still repeat")
}

func TestRedisDiesAndComesBack(t *testing.T) {
	server := redistest.Start(t)
	l, d, now, mishaps := standing(t, server)
	open, guard := by(hour("open", 8), "a"), by(rates.Limit{Name: "guard", Rate: 8, Per: time.Hour, Guard: true}, "a")
	require.Equal(t, 3, granted(t, l, 3, open, guard))

	server.Kill()
	require.True(t, l.Take(t.Context(), by(hour("other", 1), "z")).Alone)
	require.Equal(t, 8, granted(t, l, 20, open), "one node grants the limit, and no more")
	require.Equal(t, 2, granted(t, l, 20, guard), "of what stands against guessing it grants a quarter")
	trips := d.trips.Load()
	require.EqualValues(t, 1, trips-3-1, "a Redis that failed is left alone") // three calls and the script's text before
	require.EqualValues(t, 1, mishaps.Load())
	now.Advance(30 * time.Minute)
	require.Equal(t, 4, granted(t, l, 20, open), "half an hour brings half of it back")
	require.Equal(t, 1, granted(t, l, 20, guard))

	server.Restart()
	now.Advance(2 * time.Second)
	a := l.Take(t.Context(), open)
	require.False(t, a.Alone, "Redis is asked again")
	require.False(t, a.Refused)
	require.EqualValues(t, 1, mishaps.Load(), "one outage is told once")
}

func TestAlone(t *testing.T) {
	server := redistest.Start(t)
	l, _, now, _ := standing(t, server)
	server.Kill()
	t.Run("parallel calls get no more than the limit", func(t *testing.T) {
		var passed atomic.Int64
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				if !l.Take(t.Context(), by(hour("x", 10), "a")).Refused {
					passed.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 10, passed.Load())
	})
	t.Run("all or none", func(t *testing.T) {
		tight, loose := by(hour("tight", 1), "b"), by(hour("loose", 10), "b")
		require.Equal(t, 1, granted(t, l, 5, tight, loose))
		require.Equal(t, 8, l.Take(t.Context(), loose).Remaining)
	})
	t.Run("a repeat costs nothing", func(t *testing.T) {
		ask := by(hour("once", 1), "c")
		ask.Once = "call"
		require.Equal(t, 5, granted(t, l, 5, ask))
		ask.Once = "another"
		require.Zero(t, granted(t, l, 5, ask))
	})
	t.Run("a full memory lets nobody through uncounted", func(t *testing.T) {
		limit := rates.Limit{Name: "flood", Rate: 5, Per: time.Minute}
		const memory = 50_000
		for i := range memory {
			l.Take(t.Context(), by(limit, fmt.Sprint(i)))
		}
		fresh := 0
		for i := range 100 {
			fresh += granted(t, l, 1, by(limit, fmt.Sprint("fresh", i)))
		}
		require.LessOrEqual(t, fresh, 5, "callers without room share one bucket")
		require.Equal(t, 4, granted(t, l, 20, by(limit, "7")), "who has a bucket keeps it")
		now.Advance(2 * time.Minute)
		require.Equal(t, 5, granted(t, l, 20, by(limit, "late")), "what is full again makes room")
	})
}

func TestAClockThatWasSetBackLocksNobodyOut(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.URL(), secret.EphemeralKeyring())
	limit := rates.Limit{Name: "x", Rate: 10, Per: 10 * time.Second}
	l.Take(t.Context(), by(limit, "a"))
	client := server.Client()
	defer func() { require.NoError(t, client.Close()) }()
	keys, err := client.Keys(t.Context(), "rate:*").Result()
	require.NoError(t, err)
	require.Len(t, keys, 1)
	require.NoError(t, client.Set(t.Context(), keys[0], "99999999999999999 99999999999999999 ", 0).Err())
	a := l.Take(t.Context(), by(limit, "a"))
	require.True(t, a.Refused)
	require.LessOrEqual(t, a.RetryAfter, time.Second)
	require.NoError(t, client.Set(t.Context(), keys[0], "nonsense", 0).Err())
	require.False(t, l.Take(t.Context(), by(limit, "a")).Refused)
}

func TestKeysExpireAndShowNobody(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.URL(), secret.EphemeralKeyring())
	ask := by(rates.Limit{Name: "x", Rate: 1000, Per: time.Second}, "12462501001")
	ask.Once = "session-of-12462501001"
	l.Take(t.Context(), ask)
	require.NotContains(t, server.Dump(), "12462501001")
	require.Eventually(t, func() bool { return !strings.Contains(server.Dump(), "rate:") }, 5*time.Second, 5*time.Millisecond)
}

// TestBlackHole: a server that takes connections and never answers.
func TestBlackHole(t *testing.T) {
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = hole.Close() }) // the backlog accepts; nobody ever reads
	l := open(t, "redis://"+hole.Addr().String(), secret.EphemeralKeyring())
	began := time.Now()
	require.Equal(t, 5, granted(t, l, 100, by(hour("x", 5), "a")))
	require.Less(t, time.Since(began), time.Second, "each call waits for a server that is known to be silent")
}

func TestACallerWhoGivesUpIsNoOutage(t *testing.T) {
	server := redistest.Start(t)
	l, d, _, mishaps := standing(t, server)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.True(t, l.Take(ctx, by(hour("x", 5), "a")).Alone)
	require.Zero(t, mishaps.Load())
	require.Zero(t, d.failed.Load())
	require.False(t, l.Take(t.Context(), by(hour("x", 5), "a")).Alone)
}

func TestCluster(t *testing.T) {
	nodes := redistest.Cluster(t)
	l := open(t, "redis://"+strings.Join(nodes.Addrs(), ","), secret.EphemeralKeyring())
	const callers = 12 // enough that each of three masters has some
	asks := make([]rates.Ask, 0, 2*callers)
	for i := range callers {
		asks = append(asks, by(hour("x", 3), fmt.Sprint(i)), by(hour("y", 9), fmt.Sprint(i)))
	}
	for left := 2; left >= 0; left-- {
		a := l.Take(t.Context(), asks...)
		require.False(t, a.Alone)
		require.False(t, a.Refused)
		require.Equal(t, left, a.Remaining)
	}
	a := l.Take(t.Context(), asks...)
	require.True(t, a.Refused)
	require.Equal(t, "x", a.Limit)
	require.Equal(t, 5, l.Take(t.Context(), by(hour("y", 9), "0")).Remaining, "refused by one limit, counted by another")

	for _, key := range []string{"a", "b", "c"} {
		nodes.KillMasterOf(key)
	}
	require.Eventually(t, func() bool { return l.Take(t.Context(), by(hour("z", 1000), "0")).Alone }, 5*time.Second, time.Millisecond)
	require.Less(t, granted(t, l, 2000, by(hour("w", 7), "0")), 8)
}

func TestScriptsThatAreForgottenAreTaughtAgain(t *testing.T) {
	server := redistest.Start(t)
	l, _, _, mishaps := standing(t, server)
	require.Equal(t, 2, granted(t, l, 2, by(hour("x", 3), "a"), by(hour("x", 3), "b")))
	client := server.Client()
	defer func() { require.NoError(t, client.Close()) }()
	require.NoError(t, client.ScriptFlush(t.Context()).Err())
	a := l.Take(t.Context(), by(hour("x", 3), "a"), by(hour("x", 3), "b"))
	require.False(t, a.Alone)
	require.Zero(t, a.Remaining)
	require.Zero(t, mishaps.Load())
}

// broken answers what no script of ours does.
type broken struct{ direct }

func (b *broken) Run(ctx context.Context, commands ...redis.Cmder) error { return errors.New("no way") }

func TestARedisThatCantBeAskedIsGone(t *testing.T) {
	b := &broken{}
	l := rates.New(rates.Options{Redis: b, Hash: secret.EphemeralKeyring().Caller})
	require.Equal(t, 3, granted(t, l, 10, by(hour("x", 3), "a")))
	require.EqualValues(t, 1, b.failed.Load())
}

// BenchmarkTake is what counting costs an API call: two callers' limits, from many calls at once.
func BenchmarkTake(b *testing.B) {
	l := open(b, redistest.Start(b).URL(), secret.EphemeralKeyring())
	minute := rates.Limit{Name: "x", Rate: 1_000_000, Per: time.Minute}
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if a := l.Take(context.Background(), by(minute, "a"), by(minute, "b")); a.Alone {
				b.Error("not counted in Redis")
			}
		}
	})
}
