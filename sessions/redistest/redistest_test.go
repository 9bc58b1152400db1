package redistest_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"nova/sessions/redistest"
)

// patience bounds every wait; it is used up only when something is wrong.
const (
	patience = 30 * time.Second
	pause    = 20 * time.Millisecond
)

func client(t *testing.T, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	require.NoError(t, err)
	c := redis.NewClient(o)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func TestEachTestHasAServerOfItsOwn(t *testing.T) {
	one, two := redistest.Start(t), redistest.Start(t)
	require.NoError(t, client(t, one.URL()).Set(t.Context(), "k", "v", 0).Err())
	require.ErrorIs(t, client(t, two.URL()).Get(t.Context(), "k").Err(), redis.Nil)
}

func TestKilledServerComesBackEmptyOnTheSamePort(t *testing.T) {
	s := redistest.Start(t)
	c := client(t, s.URL())
	require.NoError(t, c.Set(t.Context(), "k", "v", 0).Err())
	s.Kill()
	require.Error(t, c.Ping(t.Context()).Err())
	s.Restart()
	require.ErrorIs(t, c.Get(t.Context(), "k").Err(), redis.Nil)
}

func TestDumpShowsEveryKeyAndValueOfEveryType(t *testing.T) {
	s := redistest.Start(t)
	c := client(t, s.URL())
	ctx := t.Context()
	require.NoError(t, c.Set(ctx, "a-string", "canary1", 0).Err())
	require.NoError(t, c.HSet(ctx, "a-hash", "canary2", "canary3").Err())
	require.NoError(t, c.RPush(ctx, "a-list", "canary4").Err())
	require.NoError(t, c.SAdd(ctx, "a-set", "canary5").Err())
	require.NoError(t, c.ZAdd(ctx, "a-zset", redis.Z{Score: 1, Member: "canary6"}).Err())
	require.NoError(t, c.XAdd(ctx, &redis.XAddArgs{Stream: "a-stream", Values: []string{"canary7", "canary8"}}).Err())
	dump := s.Dump()
	for _, want := range []string{
		"a-string", "a-hash", "a-list", "a-set", "a-zset", "a-stream",
		"canary1", "canary2", "canary3", "canary4", "canary5", "canary6", "canary7", "canary8",
	} {
		require.Contains(t, dump, want)
	}
	s.Flush()
	require.Empty(t, s.Dump())
}

func TestClusterServesAKeyAfterItsMasterIsKilledAtOnce(t *testing.T) {
	n := redistest.Cluster(t)
	require.Len(t, n.Addrs(), 6)
	c := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: n.Addrs(), ContextTimeoutEnabled: true,
		// A refused connection alone does not make the client ask for the new master.
		ClusterStateReloadInterval: pause,
	})
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	const key = "{gateway:session}"
	require.NoError(t, c.Set(t.Context(), key, "canary", 0).Err())
	require.EqualValues(t, 1, waitForReplica(t, c, key))

	killed := n.KillMasterOf(key)
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		value, err := c.Get(ctx, key).Result()
		return err == nil && value == "canary"
	}, patience, pause)
	require.NotEqual(t, killed.Addr(), n.MasterOf(key).Addr())
	require.Contains(t, n.Dump(), "canary")
}

// waitForReplica returns when the key's master knows its writes to stand on its replica.
func waitForReplica(t *testing.T, c *redis.ClusterClient, key string) int64 {
	t.Helper()
	master, err := c.MasterForKey(t.Context(), key)
	require.NoError(t, err)
	n, err := master.Wait(t.Context(), 1, patience).Result()
	require.NoError(t, err)
	return n
}
