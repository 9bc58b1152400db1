package ledger_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/transactions"
	"nova/sql"
)

// promised is a transfer whose outcome is promised by SMS.
func (m *market) promised(from, to uuid.UUID, minor int64) *ledger.Command {
	c := m.send(from, to, minor)
	c.Promise = &transactions.Promise{
		Intent: c.Transaction.Intent, Key: c.Key.Digest(), To: somebody, Language: "en", Type: transactions.P2P,
		Amount: c.Transaction.Amount, PayeeName: "Andre C.", CreatedAt: m.clock.Now(),
	}
	return c
}

// TestPromiseIsCommittedBeforeTheMoneyMoves: whoever looks at any moment sees no transaction without its promise.
func TestPromiseIsCommittedBeforeTheMoneyMoves(t *testing.T) {
	m := newMarket(t)
	wallets := m.wallets(10, 10_000)
	var commands []*ledger.Command
	for i := range 200 {
		commands = append(commands, m.promised(wallets[i%10], wallets[(i+3)%10], 10))
		commands = append(commands, m.transfer(wallets[i%10], wallets[(i+1)%10], 10))
	}
	done := make(chan struct{})
	var looks sync.WaitGroup
	looks.Go(func() {
		for {
			broken := m.count(`select count(*) from transactions t
				where not exists (select from promises p where p.intent_id = t.intent_id)`)
			if broken != 0 {
				t.Errorf("%d transactions without their promise", broken)
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	ran := once(t, storm([]*ledger.Writer{m.Writer, m.writer("two", m.url)}, commands, 2))
	close(done)
	looks.Wait()
	require.Equal(t, 400, ran)
	require.Equal(t, int64(200), m.count("select count(*) from promises"))
}

func TestMalformedPromiseFailsAlone(t *testing.T) {
	m := newMarket(t)
	wallets := m.wallets(10, 10_000)
	var commands []*ledger.Command
	for i := range 40 {
		commands = append(commands, m.promised(wallets[i%10], wallets[(i+1)%10], 10))
	}
	commands[7].Promise.PayeeName = "not \xff UTF-8"
	for i, copies := range storm([]*ledger.Writer{m.Writer}, commands, 1) {
		if i == 7 {
			require.Equal(t, fault.InternalServerError, codeOf(copies[0].err))
			continue
		}
		require.NoError(t, copies[0].err)
	}
	require.Equal(t, int64(39), m.count("select count(*) from transactions"))
}

// TestNothingRunsWhilePromisesCannotBeStored: the caller gives up, is told so for certain, and is right for ever.
func TestNothingRunsWhilePromisesCannotBeStored(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	tx, err := m.db.Begin(context.Background())
	require.NoError(t, err)
	_, err = tx.Exec(context.Background(), sql.Query{Name: "test.hold", Text: "lock table promises in access exclusive mode"})
	require.NoError(t, err)
	c := m.promised(from, to, 10)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err = m.Submit(ctx, c)
	require.Equal(t, fault.ServiceUnavailable, codeOf(err))
	tx.Rollback()
	m.must(m.promised(from, to, 20))
	require.Equal(t, int64(20), m.posted(to))
	_, found, err := m.store.Outcome(context.Background(), c.Key)
	require.NoError(t, err)
	require.False(t, found)
}

func TestIntentPromisedTwiceAtOnce(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(10_000), m.wallet(0)
	intent := ids.New(noon)
	var commands []*ledger.Command
	for range 20 {
		c := m.promised(from, to, 10)
		c.Transaction.Intent, c.Promise.Intent = intent, intent
		commands = append(commands, c)
	}
	ran := 0
	m.together(len(commands), func() {
		for _, copies := range storm([]*ledger.Writer{m.Writer}, commands, 1) {
			if copies[0].err == nil {
				ran++
				continue
			}
			require.Equal(t, fault.DuplicateEntity, codeOf(copies[0].err))
		}
	})
	require.Equal(t, 1, ran)
	require.Equal(t, int64(1), m.count("select count(*) from promises"))
}

func TestPostInKeepsNoPromises(t *testing.T) {
	m := newMarket(t)
	c := m.promised(m.wallet(1_000), m.wallet(0), 10)
	err := m.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := m.poster().PostIn(ctx, tx, c)
		return err
	})
	require.ErrorContains(t, err, "promise")
}
