package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/ledger"
)

func TestSendMovesMoneyWithAllThatBelongsToIt(t *testing.T) {
	m := newMarket(t)
	marcia, andre := m.wallet(20_000), m.wallet(0)
	m.pin(marcia)
	c := m.send(marcia, andre, 5_000)
	c.Check = check(marcia, "1357")
	c.Counters = []ledger.Count{{Subject: marcia, Rule: "p2p.day", Delta: 5_000, Cap: 50_000}}
	r := m.must(c)

	require.Equal(t, int64(14_900), m.posted(marcia))
	require.Equal(t, int64(5_000), m.posted(andre))
	require.Equal(t, int64(82), m.posted(m.fees))
	require.Equal(t, int64(18), m.posted(m.tax))
	require.Equal(t, int64(14_900), r.Balances[marcia])
	require.Equal(t, c.Posting, r.Posting)
	require.Len(t, r.Receipt, 6)
	require.Equal(t, int64(1), m.count("select count(*) from transactions where receipt = $1 and id = $2", r.Receipt, r.Posting))
	require.Equal(t, int64(2), m.count("select count(*) from notices where transaction_id = $1", r.Transaction))
	require.Equal(t, int64(1), m.count(`select count(*) from notices where args::jsonb->>'balance' = '149.00'
		and args::jsonb->>'ref' = $1`, r.Receipt))
	require.Equal(t, int64(5_000), m.count("select used from counters where subject = $1", marcia))

	again := m.must(c)
	require.True(t, again.Replayed)
	again.Replayed, r.Booked = false, nil // the posting is told once, and not stored
	require.Equal(t, r, again)
	require.Equal(t, int64(14_900), m.posted(marcia))
}
