package sessions_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nova/core/msisdn"
	"nova/sessions"
	"nova/sessions/redistest"
)

// failover is the longest wait for a Cluster of which one master died: it takes some
// four seconds on an idle machine.
const failover = 60 * time.Second

// TestCluster shares one Cluster between promises that leave it whole, and kills a
// master last.
func TestCluster(t *testing.T) {
	nodes := redistest.Cluster(t)
	s := open(t, clusterURL(nodes), sessions.Options{})

	t.Run("session and pointer in different slots", func(t *testing.T) { testSlots(t, s, nodes) })
	t.Run("NOSCRIPT on every node", func(t *testing.T) { testNoScript(t, s, nodes) })
	t.Run("ASK and MOVED", func(t *testing.T) { testMovingSlot(t, s, nodes) })
	t.Run("the master dies in the middle of a dialogue", func(t *testing.T) { testMasterDies(t, s, nodes) })
}

func clusterURL(nodes *redistest.Nodes) string {
	return "redis://" + strings.Join(nodes.Addrs(), ",")
}

// recordName is where Redis keeps a session of these tests.
func recordName(k sessions.Key) string { return "{" + k.Gateway + ":" + k.ID + "}" }

// spread gives sessions until each of the three masters has one.
func spread(nodes *redistest.Nodes) map[string]sessions.Key {
	found := make(map[string]sessions.Key)
	for i := 0; len(found) < 3; i++ {
		k := sessions.Key{Gateway: "native", ID: strconv.Itoa(i)}
		found[nodes.MasterOf(recordName(k)).Addr()] = k
	}
	return found
}

func testSlots(t *testing.T, s *sessions.Store, nodes *redistest.Nodes) {
	for _, k := range spread(nodes) {
		for hop := range 3 {
			l, err := s.Load(within(t), k, marcia, true)
			require.NoError(t, err)
			require.NoError(t, l.Problem)
			require.Equal(t, hop > 0, l.Resume != nil)
			_, err = s.Save(within(t), k, l, &sessions.Session{Hop: hop}, unfinished(), ttl)
			require.NoError(t, err)
		}
		l, err := s.Load(within(t), k, marcia, true)
		require.NoError(t, err)
		_, err = s.Save(within(t), k, l, &sessions.Session{}, &sessions.Resume{}, ttl)
		require.NoError(t, err)
	}
}

func testNoScript(t *testing.T, s *sessions.Store, nodes *redistest.Nodes) {
	for _, resume := range []*sessions.Resume{nil, unfinished()} {
		for addr, k := range spread(nodes) {
			require.NoError(t, raw(t, "redis://"+addr).ScriptFlush(within(t)).Err())
			l, err := s.Load(within(t), k, andre, false)
			if err != nil {
				require.ErrorIs(t, err, sessions.ErrOtherCaller)
			}
			winner, err := s.Save(within(t), k, l, &sessions.Session{Hop: 9}, resume, ttl)
			require.NoError(t, err)
			require.Nil(t, winner)
		}
	}
}

// testMovingSlot moves a session's slot from one master to another, and uses the
// session at every stage through a client that knows only the old place.
func testMovingSlot(t *testing.T, s *sessions.Store, nodes *redistest.Nodes) {
	places := spread(nodes)
	addrs := slices.Sorted(maps.Keys(places))
	k, from, to := places[addrs[0]], raw(t, "redis://"+addrs[0]), raw(t, "redis://"+addrs[1])
	ctx := within(t)
	slot, err := from.ClusterKeySlot(ctx, recordName(k)).Result()
	require.NoError(t, err)
	fromID, toID := from.ClusterMyID(ctx).Val(), to.ClusterMyID(ctx).Val()

	l, err := s.Load(ctx, k, shanice, true)
	require.ErrorIs(t, err, sessions.ErrOtherCaller)
	hop := 0
	step := func(stage string) {
		hop++
		winner, err := s.Save(within(t), k, l, &sessions.Session{Hop: hop}, unfinished(), ttl)
		require.NoError(t, err, stage)
		require.Nil(t, winner, stage)
		l, err = s.Load(within(t), k, shanice, true)
		require.NoError(t, err, stage)
		require.Equal(t, hop, l.Session.Hop, stage)
	}
	step("before")
	require.NoError(t, to.Do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", fromID).Err())
	require.NoError(t, from.Do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", toID).Err())
	step("still at the old place")
	host, port, _ := strings.Cut(addrs[1], ":")
	moved, err := from.ClusterGetKeysInSlot(ctx, int(slot), 10).Result()
	require.NoError(t, err)
	for _, name := range moved {
		require.NoError(t, from.Migrate(ctx, host, port, name, 0, time.Second).Err())
	}
	step("ASK: the key has gone, the slot has not")
	for _, c := range []*redis.Client{to, from} {
		require.NoError(t, c.Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", toID).Err())
	}
	step("MOVED: the slot has gone")
}

// hopper is one dialogue: every hop saves values that tell which hop they are of.
type hopper struct {
	store  *sessions.Store
	key    sessions.Key
	caller msisdn.MSISDN
	resume *sessions.Resume

	tried   atomic.Int64 // the last hop that was begun
	saved   atomic.Int64 // the last hop whose Save returned
	found   atomic.Int64 // the hop that the last Load saw
	missing atomic.Int64 // how often the session was absent
}

// hop loads, checks that nothing is mixed, and saves the next state. It runs in
// goroutines, so it asserts and does not require.
func (h *hopper) hop(t *testing.T) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	l, err := h.store.Load(ctx, h.key, h.caller, h.resume != nil)
	if err != nil {
		return false // nobody serves the slot
	}
	h.found.Store(0)
	if l.Session == nil {
		h.missing.Add(1)
	} else {
		h.found.Store(int64(l.Session.Hop))
		assert.Equal(t, state(l.Session.Hop, h.caller), l.Session.Values, "a session is whole")
	}
	assert.NotErrorIs(t, l.Problem, sessions.ErrUnreadable)
	assert.LessOrEqual(t, h.found.Load(), h.tried.Load(), "nothing comes from nowhere")
	next := h.tried.Add(1)
	winner, err := h.store.Save(ctx, h.key, l, &sessions.Session{
		Hop: int(next), Values: state(int(next), h.caller),
	}, h.resume, ttl)
	if winner != nil { // an earlier Save of ours that timed out and was applied late
		assert.Equal(t, state(winner.Hop, h.caller), winner.Values, "a winner is whole")
		return false
	}
	if err == nil {
		h.saved.Store(next)
	}
	return err == nil
}

func state(hop int, m msisdn.MSISDN) map[string]string {
	return map[string]string{"hop": strconv.Itoa(hop), "amount": fmt.Sprintf("%d.00", hop), "who": m.Masked()}
}

// run hops until the test closes the returned function.
func run(t *testing.T, hoppers []*hopper) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	for _, h := range hoppers {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					h.hop(t)
				}
			}
		})
	}
	return func() { close(done); wg.Wait() }
}

func testMasterDies(t *testing.T, s *sessions.Store, nodes *redistest.Nodes) {
	// A store of its own, used with pointers only: its client must learn of the
	// fail-over from pipelines.
	calm := &hopper{
		store: open(t, clusterURL(nodes), sessions.Options{}), caller: marcia, resume: unfinished(),
		key: sessions.Key{Gateway: "native", ID: "victim"},
	}
	for range 5 {
		require.True(t, calm.hop(t))
	}
	master := nodes.MasterOf(recordName(calm.key))
	// What is known to have reached the replica must be intact afterwards.
	require.EqualValues(t, 1, raw(t, master.URL()).Wait(within(t), 1, 5*time.Second).Val())

	// These go on at full speed on the same master, so that its death meets them at
	// every point of a hop.
	var busy []*hopper
	for i := 0; len(busy) < 8; i++ {
		k := sessions.Key{Gateway: "busy", ID: strconv.Itoa(i)}
		if nodes.MasterOf(recordName(k)).Addr() == master.Addr() {
			busy = append(busy, &hopper{store: s, key: k, caller: andre})
		}
	}
	defer run(t, busy)()
	eachSaves(t, busy, 20)

	nodes.KillMasterOf(recordName(calm.key))
	require.Eventually(t, func() bool { return calm.hop(t) }, failover, 50*time.Millisecond)
	require.GreaterOrEqual(t, calm.found.Load(), int64(5), "the replica had it, so it goes on where it was")
	require.EqualValues(t, 1, calm.missing.Load(), "absent before its first hop only")

	eachSaves(t, busy, 20)
	for _, h := range busy {
		require.LessOrEqual(t, h.missing.Load(), int64(2), "absent before the first hop, and once more at most")
	}
}

// eachSaves waits until every hopper has saved n more hops.
func eachSaves(t *testing.T, hoppers []*hopper, n int64) {
	t.Helper()
	for _, h := range hoppers {
		goal := h.tried.Load() + n
		require.Eventually(t, func() bool { return h.saved.Load() >= goal }, failover, 5*time.Millisecond)
	}
}
