package sessions_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"nova/core/secret"
	"nova/sessions"
	"nova/sessions/redistest"
)

// hopWorkers hop at once; bareSize is what the PIN screen's record takes, seal included.
const (
	hopWorkers = 64
	bareSize   = 414
)

// BenchmarkHop measures one hop's Load and Save against a bare GET and EVALSHA of the
// same size and script, in turns.
func BenchmarkHop(b *testing.B) {
	server := redistest.Start(b)
	store, err := sessions.Open(sessions.Options{URL: secret.New(server.URL()), Keys: secret.EphemeralKeyring()})
	require.NoError(b, err)
	defer func() { _ = store.Close() }()
	bare := newBare(b, server.URL())
	var gone atomic.Int64

	hop := func(worker int) {
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
		defer cancel()
		key := sessions.Key{Gateway: "africastalking", ID: fmt.Sprintf("ATUid_%032d", worker)}
		l, err := store.Load(ctx, key, marcia, false)
		if err == nil {
			next := l.Session
			if next == nil {
				next = atPIN()
			}
			next.Hop++
			_, err = store.Save(ctx, key, l, next, nil, time.Minute)
		}
		if err != nil {
			gone.Add(1)
		}
	}
	plain := func(worker int) {
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
		defer cancel()
		if err := bare.hop(ctx, fmt.Sprintf("{africastalking:ATUid_%032d}bare", worker)); err != nil {
			gone.Add(1)
		}
	}
	var spent [2]time.Duration
	const slice = hopWorkers * 64
	b.ResetTimer()
	for n := 0; n < b.N; n += slice {
		spent[0] += timed(slice, plain)
		spent[1] += timed(slice, hop)
	}
	require.Zero(b, gone.Load())
	rounds := float64((b.N + slice - 1) / slice * slice)
	b.ReportMetric(rounds/spent[0].Seconds(), "bare/s")
	b.ReportMetric(rounds/spent[1].Seconds(), "hops/s")
	b.ReportMetric(spent[0].Seconds()/spent[1].Seconds(), "ratio")
}

func timed(n int, f func(int)) time.Duration {
	var wg sync.WaitGroup
	start := time.Now()
	for w := range hopWorkers {
		wg.Go(func() {
			for range n / hopWorkers {
				f(w)
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

type bare struct {
	client *redis.Client
	sha    string
	value  []byte
}

func newBare(b testing.TB, url string) *bare {
	o, err := redis.ParseURL(url)
	require.NoError(b, err)
	o.PoolSize, o.MaxActiveConns = 64, 64
	o.ContextTimeoutEnabled = true
	o.PipelinePoolSize = -1
	c := redis.NewClient(o)
	b.Cleanup(func() { _ = c.Close() })
	sha, err := c.ScriptLoad(context.Background(),
		`
local version = redis.call('GETRANGE', KEYS[1], 0, 15)
if version == ARGV[2] then
	return 1
end
if version ~= ARGV[1] and version ~= '' then
	return redis.call('GET', KEYS[1])
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
`).Result()
	require.NoError(b, err)
	return &bare{client: c, sha: sha, value: make([]byte, bareSize)}
}

func (b *bare) hop(ctx context.Context, key string) error {
	stored, err := b.client.Get(ctx, key).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	return b.client.EvalSha(ctx, b.sha, []string{key}, stored[:min(16, len(stored))], "other", b.value, 60000).Err()
}
