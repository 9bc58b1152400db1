package ussdtest

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/sessions"
)

// tick is how often what must happen soon is looked for.
const tick = 10 * time.Millisecond

// copies of one hop are sent at once.
const copies = 8

// overLong is more than any handset sends and any text holds.
const overLong = 5000

// tries are what every gateway must stand.
var tries = []struct {
	name string
	run  func(t *testing.T, s *server)
}{
	{"a begin that comes again shows the same screen", redeliveredBegin},
	{"a hop that comes again shows the same screen", redeliveredHop},
	{"a last hop that comes again moves nothing again", redeliveredLast},
	{"copies in parallel get one screen and move once", parallel},
	{"a typed star is part of the value", typedStar},
	{"an empty input asks again", emptyInput},
	{"inputs dialled ahead are fed", dialledAhead},
	{"what is dialled past a secret is not fed", dialledPastSecret},
	{"another caller sees nothing of a session", otherCaller},
	{"a session that is lost in the middle", lostMiddle},
	{"a session that is lost after the PIN moves nothing again", lostAfterPIN},
	{"a bad number is not decoded", badNumber},
	{"a call without a session is not decoded", noSession},
	{"an over-long input gets a screen", overLongInput},
	{"a slow core before the command is taken", slowBefore},
	{"a slow core after the command was taken", slowAfter},
	{"a PIN stands nowhere", canary},
	{"with Redis gone, a polite end whose reference is in the log", redisGone},
}

// walk dials and types n of the keys.
func (s *server) walk(t testing.TB, session string, n int) (Hop, sessions.Reply) {
	t.Helper()
	h := Hop{Session: session, Caller: s.b.Caller, Code: s.b.Code}
	reply := s.tell(t, h)
	require.False(t, reply.End, "the home ends: %q", reply.Text)
	for _, key := range s.b.Keys[:n] {
		h, reply = s.key(t, h, key)
	}
	return h, reply
}

// key types one input.
func (s *server) key(t testing.TB, h Hop, input string) (Hop, sessions.Reply) {
	t.Helper()
	h.Inputs = append(append([]string{}, h.Inputs...), input)
	return h, s.tell(t, h)
}

// toSecret is how many keys lead to the PIN.
func (s *server) toSecret() int { return len(s.b.Keys) - 1 }

func (s *server) pin() string { return s.b.Keys[len(s.b.Keys)-1] }

// moved fails unless exactly n moves were made since before.
func (s *server) moved(t testing.TB, before, n int) {
	t.Helper()
	require.Equal(t, before+n, s.b.Moves(t), "moves of money")
}

func redeliveredBegin(t *testing.T, s *server) {
	h, first := s.walk(t, s.session(), 0)
	require.Equal(t, first, s.tell(t, h))
	_, next := s.key(t, h, s.b.Keys[0])
	require.NotEqual(t, first, next, "the dialogue goes on")
}

func redeliveredHop(t *testing.T, s *server) {
	for n := 1; n <= s.toSecret(); n++ {
		h, reply := s.walk(t, s.session(), n)
		require.Equal(t, reply, s.tell(t, h), "after %d keys", n)
	}
}

func redeliveredLast(t *testing.T, s *server) {
	before := s.b.Moves(t)
	h, reply := s.walk(t, s.session(), len(s.b.Keys))
	require.True(t, reply.End, "the result ends: %q", reply.Text)
	require.Equal(t, reply, s.tell(t, h))
	s.moved(t, before, 1)
}

func parallel(t *testing.T, s *server) {
	before := s.b.Moves(t)
	h := Hop{Session: s.session(), Caller: s.b.Caller, Code: s.b.Code}
	reply := s.together(t, h)
	for _, key := range s.b.Keys {
		require.False(t, reply.End, "%q", reply.Text)
		h.Inputs = append(append([]string{}, h.Inputs...), key)
		reply = s.together(t, h)
	}
	require.True(t, reply.End, "%q", reply.Text)
	s.moved(t, before, 1)
}

// together tells copies of a hop at once: all must get the same screen.
func (s *server) together(t *testing.T, h Hop) sessions.Reply {
	t.Helper()
	replies := make([]sessions.Reply, copies)
	var all sync.WaitGroup
	for i := range replies {
		all.Go(func() { replies[i] = s.tell(t, h) })
	}
	all.Wait()
	for _, reply := range replies {
		require.Equal(t, replies[0], reply)
	}
	return replies[0]
}

func typedStar(t *testing.T, s *server) {
	h, asked := s.walk(t, s.session(), s.b.Numeric)
	h, again := s.key(t, h, s.b.Keys[s.b.Numeric]+"*50")
	require.False(t, again.End)
	require.NotEqual(t, asked, again, "a reason stands before the same screen")
	_, next := s.key(t, h, s.b.Keys[s.b.Numeric])
	_, want := s.walk(t, s.session(), s.b.Numeric+1)
	require.Equal(t, want, next, "the star and what follows were one value, refused")
}

func emptyInput(t *testing.T, s *server) {
	h, asked := s.walk(t, s.session(), s.b.Numeric)
	h, again := s.key(t, h, "")
	require.False(t, again.End, "%q", again.Text)
	if !s.d.BlankIsBegin {
		require.NotEqual(t, asked, again, "a reason stands before the same screen")
	}
	_, next := s.key(t, h, s.b.Keys[s.b.Numeric])
	require.NotEqual(t, again, next, "the dialogue goes on")
	require.False(t, next.End)
}

func dialledAhead(t *testing.T, s *server) {
	_, want := s.walk(t, s.session(), s.toSecret())
	h := Hop{Session: s.session(), Caller: s.b.Caller, Code: s.b.Code, Ahead: s.b.Keys[:s.toSecret()]}
	require.Equal(t, want, s.tell(t, h))
	before := s.b.Moves(t)
	_, reply := s.key(t, h, s.pin())
	require.True(t, reply.End)
	s.moved(t, before, 1)
}

func dialledPastSecret(t *testing.T, s *server) {
	before := s.b.Moves(t)
	h := Hop{Session: s.session(), Caller: s.b.Caller, Code: s.b.Code, Ahead: s.b.Keys}
	reply := s.tell(t, h)
	require.True(t, reply.End, "%q", reply.Text)
	require.Equal(t, reply, s.tell(t, h), "and again")
	s.moved(t, before, 0)
}

func otherCaller(t *testing.T, s *server) {
	h, asked := s.walk(t, s.session(), s.toSecret())
	thief := h
	thief.Caller = s.b.Other
	before := s.b.Moves(t)
	_, reply := s.key(t, thief, s.pin())
	require.True(t, reply.End)
	require.NotContains(t, reply.Text, asked.Text)
	s.moved(t, before, 0)
	require.Equal(t, asked, s.tell(t, h), "the session's own caller loses nothing")
}

func lostMiddle(t *testing.T, s *server) {
	n := s.toSecret()
	h, _ := s.walk(t, s.session(), n-1)
	s.redis.Flush()
	_, reply := s.key(t, h, s.b.Keys[n-1])
	if !s.d.Cumulative {
		require.True(t, reply.End)
		return
	}
	s.redis.Flush()
	_, want := s.walk(t, s.session(), n)
	require.Equal(t, want, reply, "a cumulative text leads back to where it was")
}

func lostAfterPIN(t *testing.T, s *server) {
	before := s.b.Moves(t)
	h, _ := s.walk(t, s.session(), len(s.b.Keys))
	s.redis.Flush()
	again := s.tell(t, h)
	require.True(t, again.End, "%q", again.Text)
	_, beyond := s.key(t, h, "1")
	require.True(t, beyond.End, "%q", beyond.Text)
	s.moved(t, before, 1)
}

func badNumber(t *testing.T, s *server) {
	for _, caller := range []string{"MTN", "", "123456", "1234567890123456", "1246250100x"} {
		a := s.send(t, s.path, s.d.Express(Hop{Session: s.session(), Caller: caller, Code: s.b.Code}))
		require.Equal(t, http.StatusBadRequest, a.code, "caller %q: %s", caller, a.body)
		if caller != "" {
			require.NotContains(t, string(a.body), caller, "what was sent is not repeated")
		}
	}
}

func noSession(t *testing.T, s *server) {
	a := s.send(t, s.path, s.d.Express(Hop{Caller: s.b.Caller, Code: s.b.Code}))
	require.Equal(t, http.StatusBadRequest, a.code, "%s", a.body)
}

func overLongInput(t *testing.T, s *server) {
	before := s.b.Moves(t)
	for _, size := range []int{183, overLong} {
		h, _ := s.walk(t, s.session(), s.b.Numeric)
		_, reply := s.key(t, h, strings.Repeat("7", size))
		require.NotEmpty(t, reply.Text)
	}
	s.moved(t, before, 0)
}

// tooSlow is longer than the gateway waits.
func (s *server) tooSlow() time.Duration { return 2 * s.terms.Deadline }

// timed tells the PIN to a slow core and fails if the screen comes later than the
// gateway waits. Then core is quick again.
func (s *server) timed(t *testing.T, before, after time.Duration) (Hop, sessions.Reply) {
	t.Helper()
	h, _ := s.walk(t, s.session(), s.toSecret())
	s.b.Slow(before, after)
	defer s.b.Slow(0, 0)
	began := time.Now() //nolint:forbidigo // real time is what is tested
	h, reply := s.key(t, h, s.pin())
	require.Less(t, time.Since(began), s.terms.Deadline)
	require.True(t, reply.End, "%q", reply.Text)
	return h, reply
}

func slowBefore(t *testing.T, s *server) {
	if s.b.Slow == nil {
		return // this backend can't be slowed down
	}
	before := s.b.Moves(t)
	h, reply := s.timed(t, s.tooSlow(), 0)
	require.Equal(t, reply, s.tell(t, h), "the same hop again")
	s.moved(t, before, 0)
}

func slowAfter(t *testing.T, s *server) {
	if s.b.Slow == nil {
		return
	}
	before := s.b.Moves(t)
	h, reply := s.timed(t, 0, s.tooSlow())
	require.Equal(t, reply, s.tell(t, h), "the same hop again")
	require.Eventually(t, func() bool { return s.b.Moves(t) > before }, patience, tick, "what was taken is done")
	s.moved(t, before, 1)
}

func canary(t *testing.T, s *server) {
	h, _ := s.walk(t, s.session(), s.toSecret())
	h, wrong := s.key(t, h, s.b.Canary)
	require.False(t, wrong.End, "a wrong PIN may be typed again: %q", wrong.Text)
	require.NotContains(t, wrong.Text, s.b.Canary)
	s.search(t, "Redis", s.redis.Dump())
	_, reply := s.key(t, h, s.pin())
	require.True(t, reply.End)
	s.search(t, "Redis", s.redis.Dump())
	s.searchLogs(t)
	if s.b.Dump != nil {
		require.NotContains(t, s.b.Dump(t), s.b.Canary, "a PIN is in the database")
	}
}

// referenceText is a reference on a screen.
var referenceText = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{6}\b`)

func redisGone(t *testing.T, s *server) {
	h, _ := s.walk(t, s.session(), s.toSecret())
	before := s.b.Moves(t)
	s.redis.Kill()
	defer s.redis.Restart()
	for _, call := range []Hop{h, {Session: s.session(), Caller: s.b.Caller, Code: s.b.Code}} {
		reply := s.tell(t, call)
		require.True(t, reply.End, "%q", reply.Text)
		ref := referenceText.FindString(reply.Text)
		require.NotEmpty(t, ref, "no reference in %q", reply.Text)
		require.Contains(t, s.logs.String(), ref)
	}
	s.moved(t, before, 0)
}
