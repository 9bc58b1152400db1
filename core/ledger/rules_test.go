package ledger_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/outbox"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
)

func TestWrongPINChangesOnlyItsCounter(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	m.pin(from)
	c := m.send(from, to, 10)
	c.Check = check(from, "0000")
	require.Equal(t, 2, m.refused(c, fault.PINInvalid).Extra["attempts_left"])
	require.Equal(t, int64(1), m.wrong(from))
	require.Equal(t, int64(1_000), m.posted(from))
	require.Zero(t, m.count("select count(*) from transactions"))

	// The key is free: the same request with the right PIN runs.
	c.Check = check(from, "1357")
	m.must(c)
	require.Zero(t, m.wrong(from))
}

func TestThreeWrongPINsLock(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	m.pin(from)
	for range 3 {
		c := m.send(from, to, 10)
		c.Check = check(from, "0000")
		m.refused(c, fault.PINInvalid)
	}
	c := m.send(from, to, 10)
	c.Check = check(from, "1357")
	require.Equal(t, 3600, m.refused(c, fault.AccountLocked).Extra["retry_after_seconds"])
	m.clock.Advance(time.Hour)
	m.must(c)
}

func TestKeptHopCountsAWrongPINOnce(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	m.pin(from)
	c := m.send(from, to, 10)
	c.Check, c.Keep = check(from, "0000"), true
	c.RefusalNotices = []outbox.Notice{{Template: "wrong_pin", To: somebody, Language: "en",
		Args: map[string]string{"at": outbox.PlaceTime}}}
	m.refused(c, fault.PINInvalid)
	again := *c
	again.Check = check(from, "1357")
	r, err := m.submit(&again)
	require.True(t, r.Replayed)
	require.Equal(t, 2, fault.From(err).Extra["attempts_left"], "the first answer, as it was")
	require.Equal(t, int64(1), m.wrong(from))
	require.Equal(t, int64(1_000), m.posted(from))
	require.Equal(t, int64(1), m.count(`select count(*) from notices where args::jsonb->>'at' = '12:00'`), "market time")
}

func TestTwinsInOneGroupCountAWrongPINOnce(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	m.pin(from)
	wrong := m.send(from, to, 10)
	wrong.Check = check(from, "0000")
	right := *wrong
	right.Check = check(from, "1357")
	var outcomes [][]outcome
	m.together(3, func() { outcomes = storm([]*ledger.Writer{m.Writer}, []*ledger.Command{wrong, wrong, &right}, 1) })
	require.Equal(t, codeOf(outcomes[0][0].err), codeOf(outcomes[1][0].err))
	require.NoError(t, outcomes[2][0].err, "the right PIN is heard, whatever its twin typed")
	require.Equal(t, int64(10), m.posted(to))
}

func TestCheckAlone(t *testing.T) {
	m := newMarket(t)
	who := ids.New(noon)
	m.pin(who)
	m.must(&ledger.Command{Key: key(), Check: check(who, "1357"), Extra: map[string]string{"screen": "balance"}})
	m.refused(&ledger.Command{Key: key(), Check: check(who, "1358")}, fault.PINInvalid)
	m.refused(&ledger.Command{Key: key(), Check: check(ids.New(noon), "1357")}, fault.PINInvalid)
}

func TestStoredRefusalIsTheAnswerForEver(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(10), m.wallet(0)
	c := m.transfer(from, to, 50)
	c.Counters = []ledger.Count{{Subject: from, Rule: "p2p.day", Delta: 50, Cap: 40}}
	m.must(m.fund(from, 90))
	f := m.refused(c, fault.LimitExceeded)
	require.Equal(t, "p2p.day", f.Extra["rule"])
	m.clock.Advance(48 * time.Hour)
	f = m.refused(c, fault.LimitExceeded)
	require.Equal(t, map[string]any{"rule": "p2p.day", "window": "daily"}, f.Extra)
	_, found, err := m.store.Outcome(context.Background(), c.Key)
	require.True(t, found)
	require.Equal(t, fault.LimitExceeded, codeOf(err))
}

func TestPassingRefusalLeavesTheKeyFree(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	c := m.send(from, to, 50)
	c.Tiers = []ledger.TierGuard{{Account: from, Tier: 2}}
	_, err := m.submit(c)
	require.ErrorIs(t, err, ledger.ErrStale)
	require.NoError(t, m.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		return m.store.SetTierIn(ctx, tx, from, 2)
	}))
	m.must(c)
	shown := int64(99)
	c = m.send(from, to, 50)
	c.FeeShown = &shown
	m.refused(c, fault.QuoteExpired)
	shown = 100
	m.must(c)
}

func TestIntentPaysOnceWhateverItsKey(t *testing.T) {
	m := newMarket(t)
	nodes := []*ledger.Writer{m.Writer, m.writer("two", m.url)}
	from, to := m.wallet(10_000), m.wallet(0)
	intent := ids.New(noon)
	var commands []*ledger.Command
	for range 20 {
		c := m.send(from, to, 50)
		c.Transaction.Intent = intent
		commands = append(commands, c)
	}
	ran := 0
	for _, copies := range storm(nodes, commands, 1) {
		if copies[0].err == nil {
			ran++
			continue
		}
		require.Equal(t, fault.DuplicateEntity, codeOf(copies[0].err), "%v", copies[0].err)
	}
	require.Equal(t, 1, ran)
	require.Equal(t, int64(50), m.posted(to))
}

func TestClientsReferenceIsUsedOnce(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(10_000), m.wallet(0)
	first, second := m.send(from, to, 50), m.send(from, to, 50)
	for _, c := range []*ledger.Command{first, second} {
		c.Transaction.Client, c.Transaction.Reference = from, "invoice 7"
	}
	m.must(first)
	m.refused(second, fault.DuplicateEntity)
}

func TestPostingIsReversedOnce(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(10_000), m.wallet(0)
	sent := m.must(m.send(from, to, 50))
	reverse := func() *ledger.Command {
		c := m.transfer(to, from, 50)
		c.Reverses = sent.Posting
		c.Transaction = &transactions.Transaction{ID: ids.New(noon), Type: transactions.Reversal,
			Status: transactions.Completed, Channel: transactions.Console, Reverses: sent.Transaction,
			Amount: m.send(from, to, 50).Transaction.Amount}
		c.Transaction.ID = c.Posting
		c.Change = &transactions.Change{ID: sent.Transaction, From: transactions.Completed, To: transactions.Reversed,
			ReversedBy: c.Transaction.ID}
		return c
	}
	done := m.must(reverse())
	m.refused(reverse(), fault.AlreadyReversed)
	original, err := transactions.NewStore(m.db).ByID(context.Background(), sent.Transaction)
	require.NoError(t, err)
	require.Equal(t, transactions.Reversed, original.Status)
	require.Equal(t, done.Transaction, original.ReversedBy)
}

func TestTransactionIsChangedOnlyFromItsStatus(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(10_000), m.wallet(0)
	asked := m.send(from, to, 50)
	asked.Transaction.Status = transactions.PendingApproval
	asked.Lines, asked.Notices = nil, nil
	pending := m.must(asked)
	approve := func() *ledger.Command {
		c := m.transfer(from, to, 50)
		c.Posting = pending.Transaction
		c.Change = &transactions.Change{ID: pending.Transaction, From: transactions.PendingApproval, To: transactions.Completed}
		return c
	}
	var commands []*ledger.Command
	for range 10 {
		commands = append(commands, approve())
	}
	ran := 0
	for _, copies := range storm([]*ledger.Writer{m.Writer, m.writer("two", m.url)}, commands, 1) {
		if copies[0].err == nil {
			ran++
			require.Equal(t, pending.Transaction, copies[0].result.Transaction)
			continue
		}
		require.Equal(t, fault.InvalidState, codeOf(copies[0].err))
	}
	require.Equal(t, 1, ran)
	tx, err := transactions.NewStore(m.db).ByID(context.Background(), pending.Transaction)
	require.NoError(t, err)
	require.Equal(t, transactions.Completed, tx.Status)
	require.Equal(t, noon, tx.PostedAt)
}

func TestCountersTurnAtTheMarketsMidnight(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(10_000), m.wallet(0)
	// Barbados is four hours behind UTC all year.
	midnight := time.Date(2026, time.December, 1, 4, 0, 0, 0, time.UTC)
	spend := func(minor int64) *ledger.Command {
		c := m.transfer(from, to, minor)
		c.Counters = []ledger.Count{
			{Subject: from, Rule: "day", Window: clock.Daily, Delta: minor, Cap: 100},
			{Subject: from, Rule: "month", Window: clock.Monthly, Delta: minor, Cap: 150},
		}
		return c
	}
	for _, step := range []struct {
		at    time.Time
		minor int64
		code  fault.Code
	}{
		{midnight.Add(-25 * time.Hour), 100, ""},
		{midnight.Add(-25 * time.Hour), 1, fault.LimitExceeded},
		{midnight.Add(-24 * time.Hour), 51, fault.LimitExceeded}, // a new day, and the month is nearly used
		{midnight.Add(-24 * time.Hour), 50, ""},
		{midnight.Add(-time.Microsecond), 1, fault.LimitExceeded},
		{midnight, 100, ""},
		{midnight.Add(time.Hour), 1, fault.LimitExceeded},
	} {
		m.clock.Set(step.at)
		_, err := m.submit(spend(step.minor))
		require.Equal(t, step.code, codeOf(err), "%d at %s", step.minor, step.at)
	}
	require.Equal(t, int64(150), m.count("select used from counters where rule = 'month' and window_start = '2026-11-01'"))
	require.Equal(t, int64(100), m.count("select used from counters where rule = 'day' and window_start = '2026-12-01'"))
}

func TestCounterGivesBack(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	for _, step := range []struct{ delta, used int64 }{{30, 30}, {-10, 20}, {-100, 0}, {100, 100}} {
		c := m.transfer(from, to, 1)
		c.Counters = []ledger.Count{{Subject: from, Rule: "day", Delta: step.delta, Cap: 100}}
		m.must(c)
		require.Equal(t, step.used, m.count("select used from counters where subject = $1", from))
	}
}

func (m *market) place(on uuid.UUID, minor int64) uuid.UUID {
	m.t.Helper()
	h := hold(ids.New(m.clock.Now()), on, minor)
	h.ExpiresAt = m.clock.Now().Add(30 * time.Minute)
	h.CodeSealed, h.Fee = []byte("sealed"), minor/10
	m.must(&ledger.Command{Key: key(), Holds: []ledger.HoldMove{ledger.PlaceHold(h)}})
	return h.ID
}

func (m *market) redeem(id, from, to uuid.UUID, minor int64, code string) *ledger.Command {
	c := m.transfer(from, to, minor)
	c.Holds = []ledger.HoldMove{ledger.RedeemHold(id, minor, secret.New(code))}
	return c
}

func TestWithdrawalCodeFromPlaceToCapture(t *testing.T) {
	m := newMarket(t)
	wallet, float := m.wallet(10_000), m.open(ledger.Float, ledger.ZeroFloor())
	id := m.place(wallet, 6_000)
	require.Equal(t, ledger.Balance{Posted: 10_000, Held: 6_000, Available: 4_000, Currency: "BBD", Status: ledger.Active,
		Sequence: 1, BookedAt: noon}, m.balance(wallet))
	live, err := m.store.LiveHold(context.Background(), wallet, ledger.WithdrawalCode)
	require.NoError(t, err)
	require.Equal(t, []byte("sealed"), live.CodeSealed)
	require.Equal(t, int64(600), live.Fee)
	require.Zero(t, m.count("select count(*) from holds where code_hash = '483920'::bytea"), "only a keyed hash is stored")

	m.refused(m.transfer(wallet, float, 4_001), fault.InsufficientFunds)
	m.refused(m.redeem(id, wallet, float, 5_000, "000000"), fault.OTPInvalid)
	m.must(m.redeem(id, wallet, float, 5_000, rightCode))
	require.Equal(t, int64(5_000), m.balance(wallet).Available)
	live, err = m.store.LiveHold(context.Background(), wallet, ledger.WithdrawalCode)
	require.NoError(t, err)
	require.Nil(t, live)
	h, err := m.store.Hold(context.Background(), id)
	require.NoError(t, err)
	require.Equal(t, ledger.HoldCaptured, h.Status)
	require.Nil(t, h.CodeSealed, "erased at use")
	require.Equal(t, 1, h.Tries)
	m.refused(m.redeem(id, wallet, float, 1_000, rightCode), fault.InvalidState)
	m.place(wallet, 100)
}

func TestThreeWrongCodesGiveTheMoneyBack(t *testing.T) {
	m := newMarket(t)
	wallet, float := m.wallet(10_000), m.open(ledger.Float, ledger.ZeroFloor())
	id := m.place(wallet, 6_000)
	for left := 2; left >= 0; left-- {
		require.Equal(t, left, m.refused(m.redeem(id, wallet, float, 5_000, "1"), fault.OTPInvalid).Extra["attempts_left"])
	}
	require.Zero(t, m.balance(wallet).Held)
	m.refused(m.redeem(id, wallet, float, 5_000, rightCode), fault.InvalidState)
	require.Equal(t, int64(1), m.count("select count(*) from holds where status = 'released' and code_sealed is null and code_hash is null"))
}

func TestOneLiveCodeAWalletUnderRaces(t *testing.T) {
	m := newMarket(t)
	nodes := []*ledger.Writer{m.Writer, m.writer("two", m.url)}
	wallet := m.wallet(10_000)
	var commands []*ledger.Command
	for range 20 {
		commands = append(commands, &ledger.Command{Key: key(), Holds: []ledger.HoldMove{
			ledger.PlaceHold(hold(ids.New(noon), wallet, 10))}})
	}
	require.Equal(t, 1, once(t, storm(nodes, commands, 1)))
	for _, copies := range storm(nodes, commands, 1) {
		if copies[0].err != nil {
			require.Equal(t, fault.InvalidState, codeOf(copies[0].err))
		}
	}
}

func TestOldCodeEndsAndNewOneBeginsInOneCommand(t *testing.T) {
	m := newMarket(t)
	wallet := m.wallet(10_000)
	id := m.place(wallet, 6_000)
	m.must(&ledger.Command{Key: key(), Holds: []ledger.HoldMove{
		ledger.ReleaseHold(id), ledger.PlaceHold(hold(ids.New(noon), wallet, 9_000))}})
	require.Equal(t, int64(9_000), m.balance(wallet).Held)
}

func TestHoldPastItsTimeIsNotCapturedAndExpires(t *testing.T) {
	m := newMarket(t)
	wallet, float := m.wallet(10_000), m.open(ledger.Float, ledger.ZeroFloor())
	id, other := m.place(wallet, 6_000), m.place(m.wallet(500), 500)
	workers := []*ledger.Workers{
		ledger.NewWorkers(m.db, m.Writer, m.clock), ledger.NewWorkers(m.db, m.writer("two", m.url), m.clock),
	}
	n, err := workers[0].ExpireHolds(context.Background(), 10)
	require.NoError(t, err)
	require.Zero(t, n, "their time is not over")
	m.clock.Advance(30 * time.Minute)
	m.refused(m.redeem(id, wallet, float, 5_000, rightCode), fault.OTPExpired)

	ended := make(chan int, len(workers))
	for _, w := range workers {
		go func() {
			n, err := w.ExpireHolds(context.Background(), 10)
			if err != nil {
				t.Error(err)
			}
			ended <- n
		}()
	}
	require.Equal(t, 2, <-ended+<-ended, "each hold ends once")
	require.Equal(t, int64(10_000), m.balance(wallet).Available)
	for _, id := range []uuid.UUID{id, other} {
		h, err := m.store.Hold(context.Background(), id)
		require.NoError(t, err)
		require.Equal(t, ledger.HoldExpired, h.Status)
		require.Nil(t, h.CodeSealed)
	}
	m.refused(m.redeem(id, wallet, float, 5_000, rightCode), fault.OTPExpired)
}

func TestFrozenAccountKeepsStillInAllLanes(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(10_000), m.wallet(0)
	id := m.place(from, 100)
	m.must(m.send(from, to, 10))
	set := func(id uuid.UUID, s ledger.Status) error {
		return m.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
			return m.store.SetStatusIn(ctx, tx, id, s)
		})
	}
	for _, account := range []uuid.UUID{from, m.fees} {
		require.NoError(t, set(account, ledger.Frozen))
		m.refused(m.send(from, to, 10), fault.AccountFrozen)
		require.NoError(t, set(account, ledger.Active))
	}
	require.NoError(t, set(from, ledger.Closed))
	m.refused(m.send(from, to, 10), fault.AccountClosed)
	require.Equal(t, fault.InvalidState, codeOf(set(from, ledger.Active)))
	m.must(&ledger.Command{Key: key(), Holds: []ledger.HoldMove{ledger.ReleaseHold(id)}})
}

func TestManyRefusalsInOneGroupDisturbNobody(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	var commands []*ledger.Command
	for i := range 40 {
		c := m.transfer(from, to, 1)
		if i%2 == 0 {
			c = m.transfer(to, m.open(ledger.Wallet, ledger.ZeroFloor()), int64(100+i))
		}
		commands = append(commands, c)
	}
	var outcomes [][]outcome
	m.together(len(commands), func() { outcomes = storm([]*ledger.Writer{m.Writer}, commands, 1) })
	for i, copies := range outcomes {
		want := fault.Code("")
		if i%2 == 0 {
			want = fault.InsufficientFunds
		}
		require.Equal(t, want, codeOf(copies[0].err), fmt.Sprint(i))
	}
	require.Equal(t, int64(20), m.posted(to))
}
