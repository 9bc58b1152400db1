package sessions_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/msisdn"
	"nova/core/secret"
	"nova/sessions"
	"nova/sessions/rates"
	"nova/sessions/redistest"
)

// begin loads a session of a caller's with the resume pointer, as a dial does.
func begin(t *testing.T, s *sessions.Store, id string, m msisdn.MSISDN) sessions.Loaded {
	t.Helper()
	l, err := s.Load(within(t), sessions.Key{Gateway: "africastalking", ID: id}, m, true)
	require.NoError(t, err)
	require.NoError(t, l.Problem)
	return l
}

func TestDialsAreCountedWithTheRead(t *testing.T) {
	server := redistest.Start(t)
	keys := secret.EphemeralKeyring()
	limit := rates.Limit{Name: "dials", Rate: 3, Per: time.Hour}
	s := open(t, server.URL(), sessions.Options{Keys: keys, Dials: limit})
	for i := range 3 {
		for range 5 {
			require.False(t, begin(t, s, fmt.Sprint(i), marcia).Dials.Refused, "a begin that is delivered again was counted")
		}
	}
	refused := begin(t, s, "3", marcia)
	require.True(t, refused.Dials.Refused)
	require.Positive(t, refused.Dials.RetryAfter)
	require.False(t, begin(t, s, "4", andre).Dials.Refused, "somebody else pays for it")
	l, err := s.Load(within(t), key, marcia, false)
	require.NoError(t, err)
	require.False(t, l.Dials.Refused, "a hop within a dialogue is never counted")

	t.Run("in the same round trip", func(t *testing.T) {
		r := raw(t, server.URL())
		before := r.Info(within(t), "commandstats").Val()
		require.Contains(t, before, "cmdstat_evalsha")
		require.NoError(t, r.ConfigResetStat(within(t)).Err())
		begin(t, s, "5", shanice)
		stats := r.Info(within(t), "commandstats").Val()
		require.Contains(t, stats, "cmdstat_evalsha:calls=1,")
		require.NotContains(t, stats, "cmdstat_eval:", "the script was sent once more")
	})
	t.Run("on another node of the same installation", func(t *testing.T) {
		require.True(t, begin(t, open(t, server.URL(), sessions.Options{Keys: keys, Dials: limit}), "6", marcia).Dials.Refused)
	})
}

func TestNobodyCountsDialsUnasked(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, server.URL(), sessions.Options{})
	begin(t, s, "1", marcia)
	require.NotContains(t, server.Dump(), "rate:")
}
