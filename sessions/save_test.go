package sessions_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/sessions"
	"nova/sessions/redistest"
)

// TestOneHopWins sends copies of one hop at once, again and again, also as the very
// first hop of a session.
func TestOneHopWins(t *testing.T) {
	s := open(t, redistest.Start(t).URL(), sessions.Options{})
	const rounds, copies = 20, 16
	for round := range rounds {
		l := load(t, s, marcia)
		winners := make([]*sessions.Session, copies)
		errs := make([]error, copies)
		var wg sync.WaitGroup
		for i := range copies {
			wg.Go(func() {
				next := &sessions.Session{Hop: round + 1, Reply: sessions.Reply{Text: fmt.Sprintf("%d by %d", round, i)}}
				winners[i], errs[i] = s.Save(within(t), key, l, next, nil, ttl)
			})
		}
		wg.Wait()

		stored := load(t, s, marcia).Session
		won := -1
		for i := range copies {
			require.NoError(t, errs[i])
			if winners[i] == nil {
				require.Equal(t, -1, won, "round %d has one winner", round)
				won = i
			} else {
				require.Equal(t, stored, winners[i], "round %d: losers are handed what is stored", round)
			}
		}
		require.NotEqual(t, -1, won, "round %d has a winner", round)
		require.Equal(t, fmt.Sprintf("%d by %d", round, won), stored.Reply.Text)
	}
}

// TestReplyLost drops the connection after Redis has applied a Save and before its
// answer is seen.
func TestReplyLost(t *testing.T) {
	server := redistest.Start(t)
	for _, row := range []struct {
		name   string
		resume *sessions.Resume
	}{{"alone", nil}, {"with a resume pointer", unfinished()}} {
		t.Run(row.name, func(t *testing.T) {
			p := dropping(t, server.Addr())
			s := open(t, p.url, sessions.Options{Prefix: strings.ReplaceAll(row.name, " ", "")})
			save(t, s, load(t, s, marcia), &sessions.Session{Hop: 1})
			l := load(t, s, marcia)
			l.Session.Hop++

			p.armed.Store(true)
			winner, err := s.Save(within(t), key, l, l.Session, row.resume, ttl)
			require.NoError(t, err)
			require.Nil(t, winner, "our own write is no loss")
			require.False(t, p.armed.Load(), "the answer was dropped")
			require.Equal(t, 2, load(t, s, marcia).Session.Hop)
		})
	}
}

// dropper forwards bytes to Redis. Once armed, it lets one more answer come and
// closes that connection instead of passing it on.
type dropper struct {
	url   string
	armed atomic.Bool
}

func dropping(t *testing.T, addr string) *dropper {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := &dropper{url: "redis://" + l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { d.serve(client, addr) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return d
}

func (d *dropper) serve(client net.Conn, addr string) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", addr) //nolint:noctx // the test's own proxy on localhost
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		copyUntil(server, client, func() bool { return false })
		_ = server.Close()
	})
	copyUntil(client, server, func() bool { return d.armed.CompareAndSwap(true, false) })
	_ = client.Close()
}

func copyUntil(to, from net.Conn, drop func() bool) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil || drop() {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func TestSaveAgainAfterAnUnknownOutcome(t *testing.T) {
	s := open(t, redistest.Start(t).URL(), sessions.Options{})
	l := load(t, s, marcia)
	save(t, s, l, atPIN())
	winner, err := s.Save(within(t), key, l, atPIN(), nil, ttl)
	require.NoError(t, err)
	require.Equal(t, atPIN().Reply, winner.Reply, "the one in the way is our own, with our own reply")
}

func TestScriptIsTaughtAgain(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, server.URL(), sessions.Options{})
	for hop, resume := range []*sessions.Resume{nil, unfinished(), {}, nil} {
		require.NoError(t, raw(t, server.URL()).ScriptFlush(within(t)).Err())
		l := load(t, s, marcia)
		winner, err := s.Save(within(t), key, l, &sessions.Session{Hop: hop}, resume, ttl)
		require.NoError(t, err)
		require.Nil(t, winner)
		after := load(t, s, marcia)
		require.Equal(t, hop, after.Session.Hop)
		require.Equal(t, hop == 1, after.Resume != nil, "the pointer is written in the same turn")
	}
}

// TestOlderRecordComesBack plays a fail-over to a replica that had not seen the last
// saves yet.
func TestOlderRecordComesBack(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, server.URL(), sessions.Options{})
	c := raw(t, server.URL())
	save(t, s, load(t, s, marcia), &sessions.Session{Hop: 1})
	names, err := c.Keys(within(t), "*").Result()
	require.NoError(t, err)
	old, err := c.Get(within(t), names[0]).Result()
	require.NoError(t, err)
	save(t, s, load(t, s, marcia), &sessions.Session{Hop: 2})
	l := load(t, s, marcia)

	for name, found := range map[string]func() error{
		"older":      func() error { return c.Set(within(t), names[0], old, ttl).Err() },
		"none":       func() error { return c.Del(within(t), names[0]).Err() },
		"empty":      func() error { return c.Set(within(t), names[0], "", ttl).Err() },
		"too short":  func() error { return c.Set(within(t), names[0], "short", ttl).Err() },
		"unreadable": func() error { return c.Set(within(t), names[0], strings.Repeat("?", 200), ttl).Err() },
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, found())
			winner, err := s.Save(within(t), key, l, &sessions.Session{Hop: 3}, nil, ttl)
			require.NoError(t, err)
			require.Nil(t, winner, "no hop was first")
			require.Equal(t, 3, load(t, s, marcia).Session.Hop)
		})
	}
}

func TestTimeToLive(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, server.URL(), sessions.Options{ResumeTTL: 100 * time.Millisecond})
	_, err := s.Save(within(t), key, load(t, s, marcia), atPIN(), unfinished(), 100*time.Millisecond)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		l := load(t, s, marcia)
		return l.Session == nil && l.Resume == nil
	}, 5*time.Second, 10*time.Millisecond)

	t.Run("each save prolongs it", func(t *testing.T) {
		_, err := s.Save(within(t), key, load(t, s, marcia), atPIN(), nil, time.Second)
		require.NoError(t, err)
		save(t, s, load(t, s, marcia), atPIN())
		names, err := raw(t, server.URL()).Keys(within(t), "{*").Result()
		require.NoError(t, err)
		left, err := raw(t, server.URL()).PTTL(within(t), names[0]).Result()
		require.NoError(t, err)
		require.Greater(t, left, ttl/2)
	})
}

func TestPointerThatCanNotBeWritten(t *testing.T) {
	server := redistest.Start(t)
	var mishaps atomic.Int64
	s := open(t, server.URL(), sessions.Options{Mishap: func(_ context.Context, err error) {
		if fault.Is(err, fault.ServiceUnavailable) {
			mishaps.Add(1)
		}
	}})
	// A user of Redis who may not write pointers stands for a pointer's own node that
	// is down.
	admin := raw(t, server.URL())
	require.NoError(t, admin.Do(within(t), "ACL", "SETUSER", "default", "resetkeys", "~{*", "%R~resume:*").Err())
	l := load(t, s, marcia)
	winner, err := s.Save(within(t), key, l, &sessions.Session{Hop: 1}, unfinished(), ttl)
	require.NoError(t, err)
	require.Nil(t, winner)
	require.EqualValues(t, 1, mishaps.Load())

	require.NoError(t, admin.Do(within(t), "ACL", "SETUSER", "default", "resetkeys", "~{*").Err())
	l = load(t, s, marcia)
	require.Equal(t, 1, l.Session.Hop, "the session is not harmed")
	require.Error(t, l.Problem)
	require.NotErrorIs(t, l.Problem, sessions.ErrUnreadable)
}
