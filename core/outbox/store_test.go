package outbox_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/ids"
	"nova/core/msisdn"
	"nova/core/outbox"
	"nova/sql"
	"nova/sql/sqltest"
)

var noon = time.Date(2026, time.November, 21, 16, 0, 0, 0, time.UTC)

type box struct {
	t     *testing.T
	db    *sql.DB
	clock *clock.Manual
	*outbox.Store
}

func newBox(t *testing.T) *box {
	t.Helper()
	db, _ := sqltest.Open(t)
	c := clock.NewManual(noon)
	return &box{t: t, db: db, clock: c, Store: outbox.NewStore(db, c)}
}

func notice(t *testing.T, dedupe string) outbox.Notice {
	t.Helper()
	to, err := msisdn.FromNetwork("12462501001")
	require.NoError(t, err)
	return outbox.Notice{
		ID: ids.New(noon), Template: "sent", To: to, Language: "fr", Args: map[string]string{"name": `Zoë "Z" O'Neil\`},
		Sealed: []byte{0, 1, 255}, Transaction: ids.New(noon), Dedupe: dedupe,
	}
}

func (b *box) enqueue(notices ...outbox.Notice) {
	b.t.Helper()
	require.NoError(b.t, b.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		return outbox.EnqueueIn(ctx, tx, notices, b.clock.Now())
	}))
}

func (b *box) claim(n int) []outbox.Claimed {
	b.t.Helper()
	claimed, err := b.Claim(context.Background(), n, time.Minute)
	require.NoError(b.t, err)
	return claimed
}

func TestNoticeComesBackAsItWas(t *testing.T) {
	b := newBox(t)
	n := notice(t, "once")
	b.enqueue(n)
	b.enqueue()
	claimed := b.claim(10)
	require.Equal(t, []outbox.Claimed{{Notice: n, Attempt: 1, ClaimedUntil: noon.Add(time.Minute), CreatedAt: noon}}, claimed)
	require.Empty(t, b.claim(10), "it is leased")
	require.NoError(t, b.Sent(t.Context(), n.ID, "provider-1"))
	b.clock.Advance(time.Hour)
	require.Empty(t, b.claim(10))
	var sealed int
	require.NoError(t, b.db.Get(t.Context(), &sealed, sql.Query{Name: "test", Text: "select count(*) from notices where sealed is not null"}))
	require.Zero(t, sealed, "the secret is erased with the sending")
}

func TestDedupeWritesOnce(t *testing.T) {
	b := newBox(t)
	first, second := notice(t, "same"), notice(t, "same")
	free, other := notice(t, ""), notice(t, "")
	b.enqueue(first, free)
	b.enqueue(second, free, other)
	claimed := b.claim(10)
	require.Len(t, claimed, 3)
	require.Empty(t, claimed[1].Dedupe)
}

func TestRolledBackTransactionTellsNobody(t *testing.T) {
	b := newBox(t)
	err := b.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		require.NoError(t, outbox.EnqueueIn(ctx, tx, []outbox.Notice{notice(t, "")}, noon))
		return errors.New("no money moved")
	})
	require.Error(t, err)
	require.Empty(t, b.claim(10))
}

func TestSendersNeverShareANotice(t *testing.T) {
	b := newBox(t)
	notices := make([]outbox.Notice, 200)
	for i := range notices {
		notices[i] = notice(t, "")
	}
	b.enqueue(notices...)
	var mu sync.Mutex
	seen := map[string]int{}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for {
				claimed, err := b.Claim(context.Background(), 7, time.Minute)
				if err != nil || len(claimed) == 0 {
					return
				}
				mu.Lock()
				for _, c := range claimed {
					seen[c.ID.String()]++
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	require.LessOrEqual(t, len(seen), 200)
	for _, c := range b.claim(500) {
		seen[c.ID.String()]++ // what the others skipped while it was locked
	}
	require.Len(t, seen, 200)
	for id, n := range seen {
		require.Equal(t, 1, n, id)
	}
}

func TestDeadSendersNoticeIsDueAgain(t *testing.T) {
	b := newBox(t)
	b.enqueue(notice(t, ""))
	require.Len(t, b.claim(1), 1)
	b.clock.Advance(time.Minute)
	again := b.claim(1)
	require.Len(t, again, 1)
	require.Equal(t, 2, again[0].Attempt)
}

func TestRetryWaitsAndGivesUpInTheEnd(t *testing.T) {
	b := newBox(t)
	n := notice(t, "")
	b.enqueue(n)
	for attempt := 1; attempt <= outbox.MaxAttempts; attempt++ {
		claimed := b.claim(1)
		require.Len(t, claimed, 1)
		require.Equal(t, attempt, claimed[0].Attempt)
		wait := outbox.Backoff(attempt)
		require.NoError(t, b.Retry(t.Context(), n.ID, wait, strings.Repeat("é", 500)))
		b.clock.Advance(wait - time.Microsecond)
		require.Empty(t, b.claim(1))
		b.clock.Advance(time.Microsecond)
	}
	require.Empty(t, b.claim(1))
	counts, err := b.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, outbox.Counts{Failed: 1}, counts)
}

func TestGiveUpFailsWhatNobodyReported(t *testing.T) {
	b := newBox(t)
	b.enqueue(notice(t, ""), notice(t, ""))
	for range outbox.MaxAttempts {
		require.Len(t, b.claim(1), 1)
		b.clock.Advance(time.Minute)
	}
	claimed := b.claim(10)
	require.NotEmpty(t, claimed)
	require.NoError(t, b.Fail(t.Context(), claimed[0].ID, "unreachable"))
	b.clock.Advance(24 * time.Hour)
	for range outbox.MaxAttempts {
		b.claim(10)
		b.clock.Advance(time.Minute)
	}
	n, err := b.GiveUp(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	counts, err := b.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(2), counts.Failed)
}

func TestCountsNameTheOldest(t *testing.T) {
	b := newBox(t)
	b.enqueue(notice(t, ""))
	b.clock.Advance(time.Hour)
	b.enqueue(notice(t, ""))
	counts, err := b.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, outbox.Counts{Queued: 2, Oldest: noon}, counts)
}

func TestBackoffDoublesUpToItsBound(t *testing.T) {
	require.Equal(t, 15*time.Second, outbox.Backoff(1))
	require.Equal(t, 30*time.Second, outbox.Backoff(2))
	require.Equal(t, 4*time.Hour, outbox.Backoff(100))
}
