package ussd_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/channels/ussd"
	"nova/sessions"
	"nova/sessions/rates"
)

// dialling limits a caller to three dials.
func dialling(o *sessions.Options) {
	o.Dials = rates.Limit{Name: "dials", Rate: 3, Per: time.Hour}
}

// session names the gateway's session of a call.
func session(id string) func(*ussd.Request) {
	return func(q *ussd.Request) { q.SessionID = id }
}

func TestWhoDialsTooOftenIsEndedPolitely(t *testing.T) {
	r := newRig(t, nil, dialling)
	for i := range 3 {
		home(t, r.hop(ussd.Begin, "", session(fmt.Sprint("s", i))))
	}
	sorry(t, r, r.hop(ussd.Begin, "", session("s3")))
	require.Equal(t, 1, r.logged("RATE_LIMIT_EXCEEDED"))
	kept, err := r.store.Load(t.Context(), sessions.Key{Gateway: gateway, ID: "s3"}, marcia, false)
	require.NoError(t, err)
	require.Nil(t, kept.Session, "a refused dial left a session behind")
	home(t, r.hop(ussd.Begin, "", session("s4"), func(q *ussd.Request) { q.MSISDN = andre }))

	t.Run("and may go on with what is open", func(t *testing.T) {
		require.Contains(t, r.hop(ussd.Continue, "1", session("s2")).Text, "Enter number")
	})
}

func TestARepeatedHopCostsNothing(t *testing.T) {
	r := newRig(t, nil, dialling)
	for range 20 {
		home(t, r.hop(ussd.Begin, "", session("s0")))
	}
	r.pass()
	screen := r.hop(ussd.Continue, "1", session("s0"))
	for range 20 {
		require.Equal(t, screen, r.hop(ussd.Continue, "1", session("s0")))
	}
	home(t, r.hop(ussd.Begin, "", session("s1")))
	home(t, r.hop(ussd.Begin, "", session("s2")))
	sorry(t, r, r.hop(ussd.Begin, "", session("s3")))
	home(t, r.hop(ussd.Begin, "", session("s2")))
}
