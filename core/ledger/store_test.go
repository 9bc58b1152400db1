package ledger_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/sql"
)

func TestPostInIsAtomicWithItsCallersRows(t *testing.T) {
	m := newMarket(t)
	poster, from, to := m.poster(), m.wallet(1_000), m.wallet(0)
	c := m.send(from, to, 100)
	post := func(fail error) (r ledger.Result, err error) {
		err = m.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) (err error) {
			if r, err = poster.PostIn(ctx, tx, c); err != nil {
				return err
			}
			return fail
		})
		return r, err
	}
	broken := errors.New("the caller's own row")
	_, err := post(broken)
	require.ErrorIs(t, err, broken)
	require.Equal(t, int64(1_000), m.posted(from))
	r, err := post(nil)
	require.NoError(t, err)
	require.False(t, r.Replayed)
	require.Len(t, r.Receipt, 6)
	require.Equal(t, int64(800), m.posted(from))
	again, err := post(nil)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Equal(t, r.Receipt, again.Receipt)
	replay, err := m.submit(c)
	require.NoError(t, err)
	require.True(t, replay.Replayed, "the writer knows PostIn's keys")
	require.Equal(t, int64(1), m.count("select count(*) from postings where lane = 0"))
}

func TestPostInDoesNotWaitForEver(t *testing.T) {
	m := newMarket(t)
	poster, from, to := m.poster(), m.wallet(1_000), m.wallet(0)
	unlock := m.lockRow("select 1 from balances where account_id = $1 for update", from)
	defer unlock()
	err := m.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := poster.PostIn(ctx, tx, m.transfer(from, to, 1))
		return err
	})
	require.Equal(t, fault.ServiceUnavailable, codeOf(err))
}

func TestClaimedKeyOfAnotherPackage(t *testing.T) {
	m := newMarket(t)
	k, body := key(), [32]byte{1}
	claim := func(body [32]byte, settle *ledger.Stored) (stored *ledger.Stored, err error) {
		err = m.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) (err error) {
			if stored, err = m.store.ClaimIn(ctx, tx, k, body); err != nil || stored != nil {
				return err
			}
			if settle == nil {
				return errors.New("rolled back")
			}
			return m.store.SettleIn(ctx, tx, k, *settle)
		})
		return stored, err
	}
	_, err := claim(body, nil)
	require.Error(t, err, "a rolled back claim leaves nothing")
	refusal, err := ledger.EncodeRefusal(fault.New(fault.DuplicateEntity, "x").Field("msisdn", "is registered").With("attempts_left", 2))
	require.NoError(t, err)
	stored, err := claim(body, &refusal)
	require.NoError(t, err)
	require.Nil(t, stored)
	stored, err = claim(body, nil)
	require.NoError(t, err)
	f := fault.From(stored.Refusal())
	require.Equal(t, fault.DuplicateEntity, f.Code)
	require.Equal(t, map[string]string{"msisdn": "is registered"}, f.Fields)
	require.Equal(t, map[string]any{"attempts_left": 2}, f.Extra)
	require.Equal(t, noon, stored.CreatedAt)
	_, err = claim([32]byte{2}, nil)
	require.Equal(t, fault.IdempotencyConflict, codeOf(err))
	found, err := m.store.Stored(context.Background(), k)
	require.NoError(t, err)
	require.Equal(t, stored, found)
}

func TestWithdrawnKeyNeverRuns(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	c := m.transfer(from, to, 1)
	_, found, err := m.store.Outcome(context.Background(), c.Key)
	require.NoError(t, err)
	require.False(t, found)
	withdrawn, err := m.store.WithdrawOf(context.Background(), c.Key.Digest())
	require.NoError(t, err)
	require.True(t, withdrawn)
	m.refused(c, fault.InvalidState)
	withdrawn, err = m.store.Withdraw(context.Background(), c.Key)
	require.NoError(t, err)
	require.True(t, withdrawn, "it still is")

	ran := m.transfer(from, to, 1)
	r := m.must(ran)
	withdrawn, err = m.store.Withdraw(context.Background(), ran.Key)
	require.NoError(t, err)
	require.False(t, withdrawn)
	told, found, err := m.store.OutcomeOf(context.Background(), ran.Key.Digest())
	require.NoError(t, err)
	require.True(t, found)
	told.Replayed, r.Booked = false, nil
	require.Equal(t, r, told)
}

func TestResultIsStoredWhole(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	c := m.send(from, to, 100)
	c.Extra = map[string]string{"payee": `Andre "C." Ünal`, "empty": ""}
	h := hold(ids.New(noon), from, 50)
	c.Holds = []ledger.HoldMove{ledger.PlaceHold(h)}
	r := m.must(c)
	require.Equal(t, []uuid.UUID{h.ID}, r.Holds)
	require.Equal(t, int64(750), r.Available[from])
	require.Equal(t, int64(800), r.Balances[from])
	told, _, err := m.store.Outcome(context.Background(), c.Key)
	require.NoError(t, err)
	told.Replayed, r.Booked = false, nil
	require.Equal(t, r, told)
	require.LessOrEqual(t, m.count("select max(length(result))::bigint from idempotency_keys"), int64(400))
}

func TestEntriesArePagedBySequence(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	for i := range 5 {
		m.must(m.transfer(from, to, int64(i+1)))
	}
	page := func(p ledger.Page) (sequences []int64) {
		p.Account = to
		entries, err := m.store.Entries(context.Background(), p)
		require.NoError(t, err)
		for _, e := range entries {
			sequences = append(sequences, e.Sequence)
			require.Equal(t, e.Sequence*(e.Sequence+1)/2, e.BalanceAfter)
			require.Equal(t, ledger.Credit, e.Side)
		}
		return sequences
	}
	require.Equal(t, []int64{5, 4}, page(ledger.Page{Limit: 2}))
	require.Equal(t, []int64{3, 2}, page(ledger.Page{Before: 4, Limit: 2}))
	require.Equal(t, []int64{3, 4, 5}, page(ledger.Page{After: 2, Limit: 9}))
	r := m.must(m.send(from, to, 1))
	lines, err := m.store.EntriesOf(context.Background(), r.Posting)
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{from, to, m.fees, m.tax},
		[]uuid.UUID{lines[0].Account, lines[1].Account, lines[2].Account, lines[3].Account})
}

func TestAccountsAreFoundAndOpenedOnce(t *testing.T) {
	m := newMarket(t)
	open := func(a ledger.Account) error {
		return m.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error { return m.store.OpenIn(ctx, tx, a) })
	}
	a := ledger.Account{ID: ids.New(noon), OwnerKind: "customer", OwnerID: "c1", Product: ledger.Wallet, Currency: money.BBD,
		Floor: ledger.ZeroFloor(), Tier: 1, Name: "Andre", Metadata: map[string]string{"a": "b"}}
	require.NoError(t, open(a))
	found, err := m.store.AccountOf(context.Background(), ledger.Owned{OwnerKind: "customer", OwnerID: "c1", Product: ledger.Wallet, Currency: money.BBD})
	require.NoError(t, err)
	a.Status, a.OpenedBy, a.OpenedAt = ledger.Active, ledger.OpenedByNova, noon
	require.Equal(t, a, found)
	second := a
	second.ID = ids.New(noon)
	require.Equal(t, fault.DuplicateEntity, codeOf(open(second)))
	second.OpenedBy = "client"
	require.NoError(t, open(second), "a client's accounts repeat as it likes")
	second.Product = "purse"
	require.Equal(t, fault.ValidationError, codeOf(open(second)))
	_, err = m.store.Account(context.Background(), ids.New(noon))
	require.Equal(t, fault.NotFound, codeOf(err))
	_, err = m.store.Balance(context.Background(), ids.New(noon))
	require.Equal(t, fault.NotFound, codeOf(err))
}

func TestBooksRefuseChanges(t *testing.T) {
	m := newMarket(t)
	m.must(m.transfer(m.wallet(10), m.wallet(0), 1))
	_, err := ledger.NewWorkers(m.db, m.Writer, m.clock).MakePartitions(context.Background())
	require.NoError(t, err)
	for _, text := range []string{
		"update entries set minor = 1", "delete from entries", "truncate entries",
		"update entries_y2026m11 set minor = 1", "delete from entries_y2026m11", "truncate entries_y2026m11",
		"truncate entries_rest", "update postings set narration = 'x'", "delete from postings", "truncate postings",
	} {
		require.ErrorContains(t, m.exec(text), "append-only", text)
	}
}

func TestPartitionsAreMadeAndTheRestMovesIn(t *testing.T) {
	m := newMarket(t)
	workers := ledger.NewWorkers(m.db, m.Writer, m.clock)
	from, to := m.wallet(1_000), m.wallet(0)
	for range 3 {
		m.must(m.transfer(from, to, 1))
	}
	m.clock.Set(time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC))
	m.must(m.transfer(from, to, 1))
	m.clock.Set(noon)
	rest := m.count("select count(*) from entries_rest")
	require.Equal(t, int64(10), rest)
	moved, err := workers.MakePartitions(context.Background())
	require.NoError(t, err)
	require.Equal(t, rest, moved)
	require.Zero(t, m.count("select count(*) from entries_rest"))
	require.Equal(t, int64(2), m.count("select count(*) from entries_y2026m12"))
	require.Equal(t, int64(5), m.count("select count(*) from pg_inherits where inhparent = 'entries'::regclass"))
	m.must(m.transfer(from, to, 1))
	require.Zero(t, m.count("select count(*) from entries_rest"))
	moved, err = workers.MakePartitions(context.Background())
	require.NoError(t, err)
	require.Zero(t, moved)
	_, err = workers.Summarize(context.Background())
	require.NoError(t, err)
	for _, index := range []string{"entries_y2026m11_booked_at_idx", "entries_rest_booked_at_idx"} {
		require.Zero(t, m.count("select brin_summarize_new_values($1::regclass)", index), "nothing is left of %s", index)
	}
	m.clock.Set(time.Date(2027, time.June, 1, 0, 0, 0, 0, time.UTC))
	m.must(m.transfer(from, to, 1))
	require.Equal(t, int64(2), m.count("select count(*) from entries_rest"), "money does not wait for a partition")
	require.ErrorContains(t, m.exec("delete from entries_rest"), "append-only", "the rest is guarded again")
}

func TestCheckNamesTheFirstBreach(t *testing.T) {
	for text, want := range map[string]string{
		"update balances set posted = posted + 1 where posted = 10":                                "sum of its entries",
		"update balances set held = 5 where posted = 10":                                           "held by active holds",
		"update entries set minor = minor + 1 where minor = 3 and credit":                          "every posting balances: posting",
		"update entries set balance_after = 0 where minor = 3 and credit":                          "was changed",
		"delete from entries where minor = 3":                                                      "every posting balances",
		"delete from postings where id = (select posting_id from entries where minor = 3 limit 1)": "has no postings",
		"update entries set booked_at = booked_at + interval '1 second' where minor = 3":           "every posting balances",
		"update entries set minor = minor + 1 where minor in (3, 13)":                              "was changed; it has the postings",
		"update postings set narration = 'gift'":                                                   "was changed; it has the postings",
		"update transactions set receipt = 'AAAAAA'":                                               "was changed; it has the postings",
		"insert into entries select account_id, gen_random_uuid(), sequence + 1, minor, balance_after, booked_at, lane, line, credit from entries where minor = 3": "entry has its posting",
		"update entries e set minor = o.minor from entries o where e.minor in (3, 13) and o.minor in (3, 13) and e.minor <> o.minor":                               "was changed",
		"delete from seals where lane > 0 and seal = 1":                 "is missing",
		"update seals set hash = root where lane > 0 and seal = 2":      "does not follow",
		"update lanes set head = 'x' where seal > 0":                    "ends with another seal",
		"update lanes set sealed = sealed - 1 where seal > 0":           "closes no group",
		"update periods set closed_through = '2026-11-01'":              "closed days follow",
		"update balances set sequence = sequence + 1 where posted = 10": "sum of its entries",
		"update balances set booked_at = now() where posted = 10":       "sum of its entries",
		"update idempotency_keys set code = null":                       "has its outcome",
		"update postings set place = 7 where lane > 0 and seal = 1":     "groups are whole",
		"update transactions set id = intent_id":                        "was changed",
		"insert into postings select gen_random_uuid(), id, 0, booked_at, value_date, lane, place, currency from postings where lane > 0 and seal = 1":    "groups are whole",
		"insert into postings select gen_random_uuid(), null, seal, booked_at, value_date, 99, place, currency from postings where lane > 0 and seal = 1": "groups are whole",
	} {
		t.Run(text, func(t *testing.T) { breach(t, text, want) })
	}
}

// breach damages the books behind the triggers' back, as a superuser can.
func breach(t *testing.T, text, want string) {
	t.Helper()
	m := newMarket(t)
	m.must(m.transfer(m.wallet(13), m.wallet(0), 3))
	m.must(m.send(m.wallet(1_000), m.wallet(0), 5))
	tx, err := m.db.Begin(context.Background())
	require.NoError(t, err)
	for _, s := range []string{"set local session_replication_role = replica", "alter table balances drop constraint balances_floor", text} {
		_, err = tx.Exec(context.Background(), sql.Query{Name: "test", Text: s})
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
	report, err := m.store.Check(context.Background())
	require.NoError(t, err)
	require.Contains(t, report.Breach, want)
	m.broken = true
}
