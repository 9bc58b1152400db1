package rates_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/secret"
	"nova/sessions/rates"
	"nova/sessions/redistest"
)

// busy is a limit of which some calls are counted ahead: 100 a second, 400 at once.
func busy() rates.Limit {
	return rates.Limit{Name: "busy", Rate: 6_000, Per: time.Minute, Burst: 400}
}

// TestABusyCallerCostsFewRoundTrips: and the first and the last call are counted like all others.
func TestABusyCallerCostsFewRoundTrips(t *testing.T) {
	l, d, _, _ := standing(t, redistest.Start(t))
	const calls = 300
	l.Take(t.Context(), by(hour("x", 10), "a")) // teaches the script
	before := d.trips.Load()
	require.Equal(t, calls, granted(t, l, calls, by(busy(), "192.0.2.7")))
	require.EqualValues(t, calls/5, d.trips.Load()-before, "five calls at once")
	slow := d.trips.Load()
	require.Equal(t, 3, granted(t, l, 3, by(rates.Limit{Name: "slow", Rate: 60, Per: time.Minute}, "192.0.2.7")))
	require.Equal(t, slow+3, d.trips.Load(), "who calls seldom is asked about each time")
	guarded := busy()
	guarded.Name, guarded.Guard = "guarded", true
	require.Equal(t, 3, granted(t, l, 3, by(guarded, "192.0.2.7")))
	require.Equal(t, slow+6, d.trips.Load(), "guesses are counted one by one")
}

// TestTheWholeLimitIsGrantedAndNoMore: what is left when there is no room for some is granted one by one.
func TestTheWholeLimitIsGrantedAndNoMore(t *testing.T) {
	l := open(t, redistest.Start(t).URL(), secret.EphemeralKeyring())
	began := time.Now()
	passed := granted(t, l, 900, by(busy(), "192.0.2.7"))
	most := 400 + int(time.Since(began)/(10*time.Millisecond)) + 1
	require.GreaterOrEqual(t, passed, 400)
	require.LessOrEqual(t, passed, most)
}

// TestManyNodesThatCountAheadGrantNoMore: what each keeps was counted.
func TestManyNodesThatCountAheadGrantNoMore(t *testing.T) {
	server, keys := redistest.Start(t), secret.EphemeralKeyring()
	nodes := []*rates.Limiter{open(t, server.URL(), keys), open(t, server.URL(), keys), open(t, server.URL(), keys)}
	var passed atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for w := range 24 {
		wg.Go(func() {
			for range 100 {
				// On a busy machine Redis may be too late for a call, which is then no matter of this test.
				if a := nodes[w%len(nodes)].Take(t.Context(), by(busy(), "192.0.2.7")); !a.Refused && !a.Alone {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.Positive(t, passed.Load())
	require.LessOrEqual(t, passed.Load(), int64(400+time.Since(began)/(10*time.Millisecond)+1))
}

// TestWhatWasCountedAheadIsNotKeptForLong: a caller cannot save it up.
func TestWhatWasCountedAheadIsNotKeptForLong(t *testing.T) {
	l, d, now, _ := standing(t, redistest.Start(t))
	l.Take(t.Context(), by(hour("x", 10), "a")) // teaches the script
	before := d.trips.Load()
	require.Equal(t, 1, granted(t, l, 1, by(busy(), "192.0.2.7")))
	now.Advance(time.Second)
	require.Equal(t, 1, granted(t, l, 1, by(busy(), "192.0.2.7")))
	require.EqualValues(t, 2, d.trips.Load()-before)
}
