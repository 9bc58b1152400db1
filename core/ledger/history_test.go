package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/sql"
)

func TestBalancesAndSpansOfThePast(t *testing.T) {
	m := newMarket(t)
	wallet := m.wallet(0)
	var after []int64 // the balance after each posting, a minute apart
	for i := range 37 {
		m.must(m.fund(wallet, int64(i+1)))
		after = append(after, m.posted(wallet))
		m.clock.Advance(time.Minute)
	}
	ctx := t.Context()
	for i := range after {
		at := noon.Add(time.Duration(i) * time.Minute)
		b, err := m.store.BalanceAt(ctx, wallet, at)
		require.NoError(t, err)
		require.Equal(t, after[i], b.Posted, "as of posting %d", i)
		require.EqualValues(t, i+1, b.Sequence)
		b, err = m.store.BalanceAt(ctx, wallet, at.Add(-time.Microsecond))
		require.NoError(t, err)
		require.EqualValues(t, i, b.Sequence, "just before posting %d", i)
	}
	span, err := m.store.Span(ctx, wallet, noon.Add(10*time.Minute), noon.Add(20*time.Minute))
	require.NoError(t, err)
	require.Equal(t, after[9], span.Opening)
	require.Equal(t, after[19], span.Closing)
	require.EqualValues(t, 10, span.Entries)
	require.Len(t, span.Lanes, 1)
	page, err := m.store.EntriesOfSpan(ctx, wallet, span.Lanes[0], 0, 4)
	require.NoError(t, err)
	require.Len(t, page, 4)
	require.EqualValues(t, 11, page[0].Sequence)
	rest, err := m.store.EntriesOfSpan(ctx, wallet, span.Lanes[0], page[3].Sequence, 100)
	require.NoError(t, err)
	require.Len(t, rest, 6)
	require.Equal(t, span.Closing, rest[5].BalanceAfter)

	everything, err := m.store.Span(ctx, m.trust, noon.Add(-time.Hour), noon.Add(37*time.Minute-settling))
	require.NoError(t, err)
	require.EqualValues(t, 37*38/2, everything.Closing)
	require.Zero(t, everything.Opening)
}

// settling is longer than what the ledger calls unsettled.
const settling = 10 * time.Second

func TestThePastEndsFiveSecondsAgo(t *testing.T) {
	m := newMarket(t)
	wallet := m.wallet(100)
	_, err := m.store.BalanceAt(t.Context(), wallet, noon.Add(-4*time.Second))
	require.Equal(t, "must be more than 5 seconds ago", fault.From(err).Fields["as_of"])
	_, err = m.store.Span(t.Context(), wallet, noon.Add(-time.Hour), noon)
	require.Equal(t, "must be more than 5 seconds ago", fault.From(err).Fields["to"])
	_, err = m.store.Span(t.Context(), wallet, noon, noon)
	require.Equal(t, "must be after from", fault.From(err).Fields["to"])
	_, err = m.store.BalanceAt(t.Context(), ids.New(noon), noon.Add(-time.Hour))
	require.True(t, fault.Is(err, fault.NotFound))
	_, err = m.store.Span(t.Context(), ids.New(noon), noon.Add(-time.Hour), noon.Add(-time.Minute))
	require.True(t, fault.Is(err, fault.NotFound))
}

func TestWhatWasHeldAtATime(t *testing.T) {
	m := newMarket(t)
	wallet := m.wallet(1000)
	h := ledger.Hold{ID: ids.New(noon), Account: wallet, Kind: "test", Minor: 300, ExpiresAt: noon.Add(time.Hour)}
	m.clock.Advance(time.Minute)
	place := m.command()
	place.Posting, place.Holds = ids.New(noon), []ledger.HoldMove{ledger.PlaceHold(h)}
	m.must(place)
	m.clock.Advance(time.Minute)
	release := m.command()
	release.Holds = []ledger.HoldMove{ledger.ReleaseHold(h.ID)}
	m.must(release)
	m.clock.Advance(time.Minute)
	for minute, held := range []int64{0, 300, 0} {
		b, err := m.store.BalanceAt(t.Context(), wallet, noon.Add(time.Duration(minute)*time.Minute+time.Second))
		require.NoError(t, err)
		require.Equal(t, held, b.Held, "in minute %d", minute)
		require.Equal(t, 1000-held, b.Available)
	}
}

func TestAPostingIsReadWithItsHashAndReversedOnce(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(10_000), m.wallet(0)
	c := m.send(from, to, 5_000)
	c.Metadata = map[string]string{"order": "été 7"}
	r := m.must(c)
	p, err := m.store.Posting(t.Context(), c.Posting)
	require.NoError(t, err)
	require.Equal(t, p, *r.Booked, "the first answer has the posting as it stands")
	require.Nil(t, m.must(c).Booked, "a replay is read")
	require.Equal(t, c.Metadata, p.Metadata)
	require.Len(t, p.Entries, 4)
	require.Equal(t, money.BBD, p.Currency)
	var root []byte
	seal := sql.Query{Name: "test", Text: "select root from seals where lane = $1 and seal = $2"}
	require.NoError(t, m.db.Get(t.Context(), &root, seal, p.Lane, p.Seal))
	require.Equal(t, root, p.Hash[:], "the only posting of its group is its tree's root")

	reverse := func() (*ledger.Command, error) {
		c, err := m.store.Reversal(t.Context(), p.ID)
		if err == nil {
			fresh := m.command()
			c.Key, c.Body, c.Posting = fresh.Key, fresh.Body, fresh.Posting
		}
		return c, err
	}
	first, err := reverse()
	require.NoError(t, err)
	second, err := reverse()
	require.NoError(t, err)
	m.must(first)
	m.refused(second, fault.AlreadyReversed)
	_, err = reverse()
	require.True(t, fault.Is(err, fault.AlreadyReversed))
	_, err = m.store.Reversal(t.Context(), first.Posting)
	require.True(t, fault.Is(err, fault.InvalidState), "a reversal is not reversed")
	require.EqualValues(t, 10_000, m.posted(from))
	require.Zero(t, m.posted(to)+m.posted(m.fees)+m.posted(m.tax))
	reversed, err := m.store.Posting(context.Background(), p.ID)
	require.NoError(t, err)
	require.Equal(t, first.Posting, reversed.ReversedBy)
}
