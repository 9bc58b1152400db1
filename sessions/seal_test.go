package sessions_test

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/secret"
	"nova/sessions"
	"nova/sessions/redistest"
)

// dump is all of Redis: key -> value.
func dump(t *testing.T, url string) map[string]string {
	t.Helper()
	c := raw(t, url)
	all := make(map[string]string)
	names, err := c.Keys(within(t), "*").Result()
	require.NoError(t, err)
	for _, name := range names {
		all[name], err = c.Get(within(t), name).Result()
		require.NoError(t, err)
	}
	return all
}

func TestRedisHoldsNothingInClear(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, server.URL(), sessions.Options{})
	ids := []sessions.Key{
		key,
		{Gateway: "smpp", ID: marcia.Digits()},
		{Gateway: "smpp", ID: marcia.E164() + "-20261121"},
		{Gateway: "smpp", ID: "0" + strings.TrimPrefix(marcia.Digits(), "1246")},
	}
	for _, k := range ids {
		l, err := s.Load(within(t), k, marcia, false)
		require.NoError(t, err)
		require.Nil(t, l.Session)
		_, err = s.Save(within(t), k, l, atPIN(), unfinished(), ttl)
		require.NoError(t, err)
		l, err = s.Load(within(t), k, marcia, true)
		require.NoError(t, err)
		require.Equal(t, 4, l.Session.Hop, "an id that holds the number is as good as another")
	}

	all := dump(t, server.URL())
	require.Len(t, all, len(ids)+1)
	for name, value := range all {
		for _, canary := range []string{
			"12462501001", "2501001", "12462501002", "2501002", // numbers: the caller's, the payee's
			"50.00", "Andre", "Enter PIN", "send_money", "send_pin", "payee", "customer",
		} {
			require.NotContains(t, name, canary)
			require.NotContains(t, value, canary)
		}
	}
}

func TestTamperedRecords(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, server.URL(), sessions.Options{})
	c := raw(t, server.URL())
	save(t, s, load(t, s, marcia), atPIN())
	other := sessions.Key{Gateway: "native", ID: "1"}
	l, err := s.Load(within(t), other, marcia, false)
	require.NoError(t, err)
	_, err = s.Save(within(t), other, l, atPIN(), nil, ttl)
	require.NoError(t, err)

	names := slices.Sorted(maps.Keys(dump(t, server.URL())))
	require.Len(t, names, 2)
	good, moved := dump(t, server.URL())[names[0]], dump(t, server.URL())[names[1]]
	flipped := []byte(good)
	flipped[len(flipped)-1] ^= 1

	for _, row := range []struct{ name, value string }{
		{"a bit flipped", string(flipped)},
		{"cut short", good[:len(good)-1]},
		{"the version alone", good[:16]},
		{"less than a version", good[:5]},
		{"longer than any record", strings.Repeat("x", sessions.MaxRecord+1)},
		{"moved from another key", moved},
		{"plain text", `{"flow":"send_money"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.NoError(t, c.Set(within(t), names[0], row.value, ttl).Err())
			l := load(t, s, marcia)
			require.Nil(t, l.Session)
			require.ErrorIs(t, l.Problem, sessions.ErrUnreadable)
			save(t, s, l, atPIN())
			require.NotNil(t, load(t, s, marcia).Session, "the next save takes its place")
		})
	}
}

func TestOtherKeys(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, server.URL(), sessions.Options{})
	save(t, s, load(t, s, marcia), atPIN())
	l := load(t, open(t, server.URL(), sessions.Options{}), marcia)
	require.Nil(t, l.Session)
	require.ErrorIs(t, l.Problem, sessions.ErrUnreadable)
}

// TestCallerKeyIsRotated follows a session over the day on which the caller key gets a
// second version, and the day on which the first is withdrawn.
func TestCallerKeyIsRotated(t *testing.T) {
	server := redistest.Start(t)
	dir := t.TempDir()
	require.NoError(t, secret.GenerateKeyring(dir))
	before := keyring(t, dir, func(map[int][]byte) int { return 1 })
	both := keyring(t, dir, func(keys map[int][]byte) int {
		keys[2] = []byte(strings.Repeat("k", 32))
		return 2
	})
	after := keyring(t, dir, func(keys map[int][]byte) int {
		delete(keys, 1)
		return 2
	})

	s := open(t, server.URL(), sessions.Options{Keys: before})
	save(t, s, load(t, s, marcia), &sessions.Session{Hop: 1})

	t.Run("while both stand, the session goes on", func(t *testing.T) {
		s := open(t, server.URL(), sessions.Options{Keys: both})
		_, err := s.Load(within(t), key, andre, false)
		require.ErrorIs(t, err, sessions.ErrOtherCaller)
		require.Equal(t, 1, load(t, s, marcia).Session.Hop)
	})
	t.Run("without the first it is gone", func(t *testing.T) {
		l := load(t, open(t, server.URL(), sessions.Options{Keys: after}), marcia)
		require.Nil(t, l.Session)
		require.ErrorIs(t, l.Problem, sessions.ErrUnreadable)
	})
	t.Run("unless it was saved under the second", func(t *testing.T) {
		s := open(t, server.URL(), sessions.Options{Keys: both})
		save(t, s, load(t, s, marcia), &sessions.Session{Hop: 2})
		require.Equal(t, 2, load(t, open(t, server.URL(), sessions.Options{Keys: after}), marcia).Session.Hop)
	})
}

// keyring loads dir after its caller keys were edited; edit gives the current version.
func keyring(t *testing.T, dir string, edit func(keys map[int][]byte) (current int)) *secret.Keyring {
	t.Helper()
	path := filepath.Join(dir, "caller.json")
	var file struct {
		Current int            `json:"current"`
		Keys    map[int][]byte `json:"keys"`
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &file))
	file.Current = edit(file.Keys)
	data, err = json.Marshal(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	k, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	return k
}

// TestPointerKeyIsKeyed: who reads Redis can't try all numbers against the names.
func TestPointerKeyIsKeyed(t *testing.T) {
	server := redistest.Start(t)
	for range 2 {
		s := open(t, server.URL(), sessions.Options{})
		l, err := s.Load(within(t), sessions.Key{Gateway: "native", ID: "1"}, marcia, false)
		require.NoError(t, err)
		_, err = s.Save(within(t), sessions.Key{Gateway: "native", ID: "1"}, l, atPIN(), unfinished(), ttl)
		require.NoError(t, err)
	}
	var pointers []string
	for name := range dump(t, server.URL()) {
		if hash, ok := strings.CutPrefix(name, "resume:"); ok {
			mac, err := hex.DecodeString(hash)
			require.NoError(t, err)
			require.Len(t, mac, 32)
			pointers = append(pointers, name)
		}
	}
	require.Len(t, pointers, 2, "one number under two keyrings has two names")
}
