package sessions_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/sessions"
	"nova/sessions/redistest"
)

func TestRedisKilledAndBack(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, server.URL(), sessions.Options{})
	require.NoError(t, s.Ping(within(t)))
	l := load(t, s, marcia)
	save(t, s, l, atPIN())

	server.Kill()
	_, err := s.Load(within(t), key, marcia, true)
	require.True(t, fault.Is(err, fault.ServiceUnavailable), "%v", err)
	_, err = s.Load(within(t), key, marcia, false)
	require.True(t, fault.Is(err, fault.ServiceUnavailable), "%v", err)
	_, err = s.Save(within(t), key, l, atPIN(), unfinished(), ttl)
	require.True(t, fault.Is(err, fault.ServiceUnavailable), "%v", err)
	require.True(t, fault.Is(s.Ping(within(t)), fault.ServiceUnavailable))

	server.Restart()
	require.Eventually(t, func() bool { return s.Ping(within(t)) == nil }, 5*time.Second, 10*time.Millisecond)
	require.Nil(t, load(t, s, marcia).Session, "a Redis without persistence forgets")
	save(t, s, load(t, s, marcia), atPIN())
	require.NotNil(t, load(t, s, marcia).Session)
}

// TestBlackHole: a server that takes connections and never answers. Nothing but our
// own time-outs ends the wait.
func TestBlackHole(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() }) // the backlog accepts; nobody ever reads

	const slack = 250 * time.Millisecond
	for _, url := range []string{"redis://" + l.Addr().String(), "redis://" + l.Addr().String() + "/?cluster=true"} {
		s := open(t, url, sessions.Options{})
		for _, allowed := range []time.Duration{20 * time.Millisecond, 150 * time.Millisecond} {
			for _, withResume := range []bool{false, true} {
				ctx, cancel := context.WithTimeout(context.Background(), allowed)
				began := time.Now() //nolint:forbidigo // measures a real wait
				_, err := s.Load(ctx, key, marcia, withResume)
				took := time.Since(began)
				cancel()
				require.True(t, fault.Is(err, fault.ServiceUnavailable), "%v", err)
				require.Less(t, took, allowed+slack, "%s, deadline %v", url, allowed)
			}
		}
	}

	t.Run("and without any deadline our own ends it", func(t *testing.T) {
		s := open(t, "redis://"+l.Addr().String(), sessions.Options{})
		began := time.Now() //nolint:forbidigo // measures a real wait
		_, err := s.Load(context.Background(), key, marcia, false)
		require.True(t, fault.Is(err, fault.ServiceUnavailable), "%v", err)
		require.Less(t, time.Since(began), 2*time.Second)
	})
}

// TestSilentRedis: it answered once and then hangs, so that a connection is open.
func TestSilentRedis(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, server.URL(), sessions.Options{})
	l := load(t, s, marcia)
	require.NoError(t, raw(t, server.URL()).Do(within(t), "CLIENT", "PAUSE", "700", "ALL").Err())

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	began := time.Now() //nolint:forbidigo // measures a real wait
	_, err := s.Save(ctx, key, l, atPIN(), nil, ttl)
	require.True(t, fault.Is(err, fault.ServiceUnavailable), "%v", err)
	require.Less(t, time.Since(began), 300*time.Millisecond)

	t.Run("and what was unknown is settled by saving again", func(t *testing.T) {
		require.Eventually(t, func() bool { return s.Ping(within(t)) == nil }, 5*time.Second, 10*time.Millisecond)
		winner, err := s.Save(within(t), key, l, atPIN(), nil, ttl)
		require.NoError(t, err)
		if winner != nil {
			require.Equal(t, atPIN().Reply, winner.Reply)
		}
		require.Equal(t, atPIN().Reply, load(t, s, marcia).Session.Reply)
	})
}

func TestCancelled(t *testing.T) {
	s := open(t, redistest.Start(t).URL(), sessions.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Load(ctx, key, marcia, true)
	require.True(t, fault.Is(err, fault.ServiceUnavailable), "%v", err)
	require.ErrorIs(t, err, context.Canceled)
}
