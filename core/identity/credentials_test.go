package identity_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/secret"
)

func TestARightPINIsRight(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.try(rightPIN))
	require.Equal(t, identity.Status{HasPIN: true, TriesLeft: 3}, w.status())
}

func TestWrongPINsLockAndTheLockEnds(t *testing.T) {
	w := newWorld(t)
	require.EqualValues(t, 2, refused(t, w.try(wrongPIN), fault.PINInvalid).Extra["attempts_left"])
	require.EqualValues(t, 1, refused(t, w.try(wrongPIN), fault.PINInvalid).Extra["attempts_left"])
	require.EqualValues(t, 3600, refused(t, w.try(wrongPIN), fault.AccountLocked).Extra["retry_after_seconds"])
	require.Equal(t, identity.Status{HasPIN: true, LockedUntil: noon.Add(time.Hour)}, w.status())

	w.clock.Advance(59*time.Minute + 30*time.Second)
	require.EqualValues(t, 30, refused(t, w.try(rightPIN), fault.AccountLocked).Extra["retry_after_seconds"], "even the right one")
	w.clock.Advance(30 * time.Second)
	require.Equal(t, identity.Status{HasPIN: true, TriesLeft: 3}, w.status())
	require.EqualValues(t, 2, refused(t, w.try(wrongPIN), fault.PINInvalid).Extra["attempts_left"], "all tries again")
	require.NoError(t, w.try(rightPIN))
}

func TestARightPINForgetsTheWrongOnes(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		refused(t, w.try(wrongPIN), fault.PINInvalid)
		refused(t, w.try(wrongPIN), fault.PINInvalid)
		require.NoError(t, w.try(rightPIN))
	}
}

func TestParallelGuessesNeverPassThree(t *testing.T) {
	w := newWorld(t)
	nodes := []*identity.Service{w.identity}
	for range 2 { // each with a writer of its own: only the row's lock stands between them
		w.with(w.keyring)
		nodes = append(nodes, w.identity)
	}
	failures := make([]error, 60)
	var group sync.WaitGroup
	for i := range failures {
		key, proof := w.key(), w.identity.PIN(w.person, secret.New(wrongPIN))
		group.Go(func() { failures[i] = nodes[i%len(nodes)].Authenticate(t.Context(), key, proof) })
	}
	group.Wait()
	compared := 0
	for _, err := range failures {
		if fault.Is(err, fault.PINInvalid) {
			compared++
			continue
		}
		refused(t, err, fault.AccountLocked)
	}
	require.Equal(t, 2, compared, "the third wrong PIN locks, and nothing is compared after it")
	refused(t, w.try(rightPIN), fault.AccountLocked)
}

func TestARepeatedHopIsOneGuess(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	for range 5 {
		err := w.identity.Authenticate(t.Context(), key, w.identity.PIN(w.person, secret.New(wrongPIN)))
		require.EqualValues(t, 2, refused(t, err, fault.PINInvalid).Extra["attempts_left"])
	}
	require.Equal(t, 2, w.status().TriesLeft)
}

func TestSomebodyWithoutAPIN(t *testing.T) {
	w := newWorld(t)
	w.person = identity.Subject{Kind: identity.Customer, ID: ids.New(noon)}
	refused(t, w.try(rightPIN), fault.InvalidState)
	has, err := w.identity.HasPIN(t.Context(), w.person)
	require.NoError(t, err)
	require.False(t, has)
}

func TestASealedPINBelongsToItsRow(t *testing.T) {
	w := newWorld(t)
	stolen := w.row().Sealed
	w.person = identity.Subject{Kind: identity.Customer, ID: ids.New(noon)}
	w.set("2469")
	_, err := w.db.Exec(t.Context(), statement(`update credentials set sealed = $1 where subject_id = $2`), stolen, w.person.ID)
	require.NoError(t, err)
	refused(t, w.try(rightPIN), fault.InternalServerError)
}

func TestTheSamePINLooksDifferentEveryTime(t *testing.T) {
	w := newWorld(t)
	first, err := w.keyring.PINKek.Open(w.row().Sealed, "credentials|sealed|"+w.person.ID.String())
	require.NoError(t, err)
	require.Len(t, first, 32)
	require.NotContains(t, string(first), rightPIN)
	w.set(rightPIN)
	second, err := w.keyring.PINKek.Open(w.row().Sealed, "credentials|sealed|"+w.person.ID.String())
	require.NoError(t, err)
	require.NotEqual(t, first, second)
}

func TestThePepperMovesWithTheNextRightPIN(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	w.with(keys(t, dir, "", nil))
	w.set(rightPIN)
	w.with(keys(t, dir, "pin_pepper.json", func(old []byte) []byte {
		var file struct {
			Current int            `json:"current"`
			Keys    map[int]string `json:"keys"`
		}
		require.NoError(t, json.Unmarshal(old, &file))
		file.Current, file.Keys[2] = 2, base64.StdEncoding.EncodeToString([]byte(strings.Repeat("new pepper", 4)[:32]))
		rotated, err := json.Marshal(file)
		require.NoError(t, err)
		return rotated
	}))
	require.Equal(t, 1, w.row().Pepper)
	refused(t, w.try(wrongPIN), fault.PINInvalid)
	require.Equal(t, 1, w.row().Pepper, "a wrong PIN moves nothing")
	require.NoError(t, w.try(rightPIN))
	require.Equal(t, 2, w.row().Pepper)
	require.NoError(t, w.try(rightPIN))
	require.Equal(t, 3, w.status().TriesLeft)
}

func TestRewrapMovesEveryPINToTheCurrentKEK(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	w.with(keys(t, dir, "", nil))
	w.set(rightPIN)
	before := w.row()
	w.with(keys(t, dir, "pin_kek.json", func(old []byte) []byte { return withSecondKey(t, old) }))
	require.NoError(t, w.try(rightPIN), "the old key still opens")
	moved, err := w.identity.Rewrap(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, moved)
	after := w.row()
	require.NotEqual(t, before.KEK, after.KEK)
	require.Equal(t, before.Pepper, after.Pepper)
	require.NoError(t, w.try(rightPIN))
	moved, err = w.identity.Rewrap(t.Context())
	require.NoError(t, err)
	require.Zero(t, moved)
}

// withSecondKey adds the key of another keyring to a keyset and makes it the primary one.
func withSecondKey(t *testing.T, old []byte) []byte {
	t.Helper()
	type keyset struct {
		Primary json.Number       `json:"primaryKeyId"`
		Keys    []json.RawMessage `json:"key"`
	}
	var mine, other keyset
	require.NoError(t, json.Unmarshal(old, &mine))
	dir := t.TempDir()
	keys(t, dir, "pin_kek.json", func(fresh []byte) []byte {
		require.NoError(t, json.Unmarshal(fresh, &other))
		return fresh
	})
	mine.Primary, mine.Keys = other.Primary, append(mine.Keys, other.Keys...)
	rotated, err := json.Marshal(mine)
	require.NoError(t, err)
	return rotated
}
