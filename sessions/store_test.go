package sessions_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/secret"
	"nova/sessions"
	"nova/sessions/redistest"
)

func TestSaveThenLoad(t *testing.T) {
	server := redistest.Start(t)

	t.Run("an unknown session is absent, not an error", func(t *testing.T) {
		l := load(t, open(t, server.URL(), sessions.Options{Prefix: t.Name()[:8]}), marcia)
		require.Nil(t, l.Session)
		require.Nil(t, l.Resume)
		require.Empty(t, l.Version)
		require.NoError(t, l.Problem)
	})

	t.Run("every field comes back", func(t *testing.T) {
		s := open(t, server.URL(), sessions.Options{Prefix: "fields:"})
		want := atPIN()
		winner, err := s.Save(within(t), key, load(t, s, marcia), want, unfinished(), ttl)
		require.NoError(t, err)
		require.Nil(t, winner)
		l := load(t, s, marcia)
		require.Empty(t, cmp.Diff(want, l.Session))
		require.Empty(t, cmp.Diff(unfinished(), l.Resume))
		require.NotZero(t, l.Session.Caller)
	})

	t.Run("a zero session comes back as one", func(t *testing.T) {
		s := open(t, server.URL(), sessions.Options{Prefix: "zero:"})
		next := &sessions.Session{}
		save(t, s, load(t, s, marcia), next)
		require.Empty(t, cmp.Diff(next, load(t, s, marcia).Session))
	})

	t.Run("each save stands on the one before", func(t *testing.T) {
		s := open(t, server.URL(), sessions.Options{Prefix: "chain:"})
		for hop := range 5 {
			l := load(t, s, marcia)
			next := l.Session
			if next == nil {
				next = &sessions.Session{Values: map[string]string{}}
			}
			require.Equal(t, hop, next.Hop)
			next.Hop++
			save(t, s, l, next)
		}
	})

	t.Run("installations with other prefixes do not meet", func(t *testing.T) {
		keys := secret.EphemeralKeyring()
		one := open(t, server.URL(), sessions.Options{Prefix: "one:", Keys: keys})
		two := open(t, server.URL(), sessions.Options{Prefix: "two:", Keys: keys})
		save(t, one, load(t, one, marcia), atPIN())
		require.Nil(t, load(t, two, marcia).Session)
	})
}

func TestResume(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, server.URL(), sessions.Options{ResumeTTL: time.Hour})
	write := func(t *testing.T, r *sessions.Resume) {
		winner, err := s.Save(within(t), key, load(t, s, marcia), atPIN(), r, ttl)
		require.NoError(t, err)
		require.Nil(t, winner)
	}
	other := sessions.Key{Gateway: "native", ID: "77"}

	write(t, unfinished())
	t.Run("it is found from another session of the same caller", func(t *testing.T) {
		l, err := s.Load(within(t), other, marcia, true)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(unfinished(), l.Resume))
	})
	t.Run("it is not read unasked", func(t *testing.T) {
		l, err := s.Load(within(t), other, marcia, false)
		require.NoError(t, err)
		require.Nil(t, l.Resume)
	})
	t.Run("another caller has none", func(t *testing.T) {
		l, err := s.Load(within(t), other, andre, true)
		require.NoError(t, err)
		require.Nil(t, l.Resume)
	})
	t.Run("a save without one leaves it", func(t *testing.T) {
		write(t, nil)
		require.NotNil(t, load(t, s, marcia).Resume)
	})
	t.Run("it has its own time to live", func(t *testing.T) {
		c := raw(t, server.URL())
		keys, err := c.Keys(within(t), "resume:*").Result()
		require.NoError(t, err)
		require.Len(t, keys, 1)
		left, err := c.PTTL(within(t), keys[0]).Result()
		require.NoError(t, err)
		require.Greater(t, left, ttl)
		require.LessOrEqual(t, left, time.Hour)
	})
	t.Run("a zero one deletes it", func(t *testing.T) {
		write(t, &sessions.Resume{})
		require.Nil(t, load(t, s, marcia).Resume)
	})
	t.Run("an altered one is absent and reported", func(t *testing.T) {
		write(t, unfinished())
		c := raw(t, server.URL())
		keys, err := c.Keys(within(t), "resume:*").Result()
		require.NoError(t, err)
		require.NoError(t, c.SetRange(within(t), keys[0], 20, "x").Err())
		l := load(t, s, marcia)
		require.Nil(t, l.Resume)
		require.ErrorIs(t, l.Problem, sessions.ErrUnreadable)
		require.NotNil(t, l.Session, "the session is not harmed")
	})
}

func TestOtherCaller(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, server.URL(), sessions.Options{})
	_, err := s.Save(within(t), key, load(t, s, marcia), atPIN(), unfinished(), ttl)
	require.NoError(t, err)

	l, err := s.Load(within(t), key, andre, true)
	require.ErrorIs(t, err, sessions.ErrOtherCaller)
	require.Nil(t, l.Session)
	require.Nil(t, l.Resume, "the pointer asked for is the asker's own, who has none")
	require.True(t, fault.Is(err, fault.CodeForbidden))

	t.Run("the session goes on for its own caller", func(t *testing.T) {
		require.NotNil(t, load(t, s, marcia).Session)
	})
	t.Run("losing to another caller shows nothing", func(t *testing.T) {
		fresh := sessions.Key{Gateway: "native", ID: "recycled"}
		early, err := s.Load(within(t), fresh, andre, false)
		require.NoError(t, err)
		first, err := s.Load(within(t), fresh, marcia, false)
		require.NoError(t, err)
		_, err = s.Save(within(t), fresh, first, atPIN(), nil, ttl)
		require.NoError(t, err)
		winner, err := s.Save(within(t), fresh, early, atPIN(), nil, ttl)
		require.ErrorIs(t, err, sessions.ErrOtherCaller)
		require.Nil(t, winner)
	})
	t.Run("a recycled id can begin anew, and then refuses the first caller", func(t *testing.T) {
		save(t, s, l, &sessions.Session{Hop: 1})
		again, err := s.Load(within(t), key, andre, false)
		require.NoError(t, err)
		require.Equal(t, 1, again.Session.Hop)
		_, err = s.Load(within(t), key, marcia, false)
		require.ErrorIs(t, err, sessions.ErrOtherCaller)
	})
}

func TestKeysAreLimited(t *testing.T) {
	s := open(t, redistest.Start(t).URL(), sessions.Options{})
	for _, row := range []struct {
		name string
		key  sessions.Key
		ok   bool
	}{
		{"the longest id", sessions.Key{Gateway: "g", ID: strings.Repeat("x", sessions.MaxID)}, true},
		{"the longest id, all escaped", sessions.Key{Gateway: "g", ID: strings.Repeat("}", sessions.MaxID)}, true},
		{"one byte too long", sessions.Key{Gateway: "g", ID: strings.Repeat("x", sessions.MaxID+1)}, false},
		{"no id", sessions.Key{Gateway: "g"}, false},
		{"no gateway", sessions.Key{ID: "x"}, false},
		{"gateway too long", sessions.Key{Gateway: strings.Repeat("g", 33), ID: "x"}, false},
		{"zero bytes and spaces", sessions.Key{Gateway: "g", ID: "\x00 \r\n{}*:%"}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			l, err := s.Load(within(t), row.key, marcia, false)
			if !row.ok {
				require.True(t, fault.Is(err, fault.ValidationError), "%v", err)
				return
			}
			require.NoError(t, err)
			_, err = s.Save(within(t), row.key, l, atPIN(), nil, ttl)
			require.NoError(t, err)
		})
	}
}

func TestKeysNeverMeet(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, server.URL(), sessions.Options{})
	keys := []sessions.Key{
		{Gateway: "a", ID: "b:c"}, {Gateway: "a:b", ID: "c"}, {Gateway: "a", ID: "b%3Ac"}, {Gateway: "a", ID: "b}c"},
		{Gateway: "a", ID: "b"}, {Gateway: "a", ID: "B"}, {Gateway: "a", ID: "#"}, {Gateway: "a", ID: "b{c"},
	}
	for i, k := range keys {
		l, err := s.Load(within(t), k, marcia, false)
		require.NoError(t, err)
		require.Nil(t, l.Session, "%v met another key", k)
		_, err = s.Save(within(t), k, l, &sessions.Session{Hop: i}, nil, ttl)
		require.NoError(t, err)
	}
	names, err := raw(t, server.URL()).Keys(within(t), "*").Result()
	require.NoError(t, err)
	require.Len(t, names, len(keys))
	for _, name := range names {
		require.Equal(t, 0, strings.IndexByte(name, '{'), "%s has one hash tag", name)
		require.Equal(t, len(name)-1, strings.IndexByte(name, '}'), "%s has one hash tag", name)
	}
}

func TestSessionsAreLimited(t *testing.T) {
	s := open(t, redistest.Start(t).URL(), sessions.Options{})
	many := make(map[string]string)
	for range sessions.MaxValues + 1 {
		many[uuid.NewString()] = ""
	}
	deep := make([]string, sessions.MaxStack+1)
	for _, row := range []struct {
		name   string
		next   sessions.Session
		resume *sessions.Resume
	}{
		{"too many values", sessions.Session{Values: many}, nil},
		{"too many screens", sessions.Session{Stack: deep}, nil},
		{"too large", sessions.Session{Reply: sessions.Reply{Text: strings.Repeat("x", sessions.MaxRecord)}}, nil},
		{"pointer with too many values", sessions.Session{}, &sessions.Resume{Values: many}},
		{"pointer with too many screens", sessions.Session{}, &sessions.Resume{Stack: deep}},
		{"pointer too large", sessions.Session{}, &sessions.Resume{Flow: strings.Repeat("x", sessions.MaxRecord)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := s.Save(within(t), key, load(t, s, marcia), &row.next, row.resume, ttl)
			require.True(t, fault.Is(err, fault.PayloadTooLarge), "%v", err)
			l := load(t, s, marcia)
			require.Nil(t, l.Session, "nothing was written")
			require.Nil(t, l.Resume, "nothing was written")
		})
	}

	t.Run("as much as is allowed", func(t *testing.T) {
		delete(many, firstOf(many))
		full := &sessions.Session{Values: many, Stack: deep[1:]}
		save(t, s, load(t, s, marcia), full)
		require.Empty(t, cmp.Diff(full, load(t, s, marcia).Session))
	})
}

func firstOf(m map[string]string) string {
	for k := range m {
		return k
	}
	return ""
}

func TestSaveIsOfItsOwnLoad(t *testing.T) {
	s := open(t, redistest.Start(t).URL(), sessions.Options{})
	l := load(t, s, marcia)
	_, err := s.Save(within(t), sessions.Key{Gateway: "native", ID: "1"}, l, atPIN(), nil, ttl)
	require.Error(t, err, "loaded under another key")
	_, err = s.Save(within(t), key, sessions.Loaded{}, atPIN(), nil, ttl)
	require.Error(t, err, "never loaded")
	_, err = s.Save(within(t), key, l, atPIN(), nil, 0)
	require.Error(t, err, "no time to live")
	require.Nil(t, load(t, s, marcia).Session)
}
