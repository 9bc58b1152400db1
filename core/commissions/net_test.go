package commissions_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/agents"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/sql"
)

// owe opens what the agent owes and writes so much on it.
func (w *world) owe(minor int64) uuid.UUID {
	w.t.Helper()
	id := ids.New(w.clock.Now())
	require.NoError(w.t, w.db.InTx(w.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return w.ledger.OpenIn(ctx, tx, ledger.Account{
			ID: id, OwnerKind: agents.AgentOwnerKind, OwnerID: w.agent.ID.String(), Product: ledger.AgentReceivable,
			Currency: money.BBD, Floor: ledger.ZeroFloor(),
		})
	}))
	require.NoError(w.t, w.post(id, w.expense, minor))
	return id
}

func (w *world) posted(account uuid.UUID) int64 {
	w.t.Helper()
	b, err := w.ledger.Balance(w.t.Context(), account)
	require.NoError(w.t, err)
	return b.Posted
}

func (w *world) key() ledger.Key {
	return ledger.Key{Scope: "agt:" + w.agent.ID.String(), Operation: "payout", Value: uuid.NewString()}
}

// standing is what may be paid out and what is owed.
func (w *world) standing() [2]int64 {
	w.t.Helper()
	e, err := w.commissions.Earned(w.t.Context(), w.agent.ID)
	require.NoError(w.t, err)
	return [2]int64{e.Available.Minor, e.Owed.Minor}
}

func TestNettingGoesAsFarAsTheCommissionDoes(t *testing.T) {
	rows := []struct {
		name                   string
		earned, owed           int64
		payable, netted, after int64
	}{
		{"more earned than owed", 100, 30, 70, 30, 0},
		{"as much", 30, 30, 0, 30, 0},
		{"less", 20, 30, 0, 20, 10},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.earn(row.earned)
			receivable := w.owe(row.owed)
			require.Equal(t, [2]int64{row.payable, row.owed}, w.standing())
			key := w.key()
			for range 2 {
				netted, err := w.commissions.Net(t.Context(), key, w.agent.ID)
				require.NoError(t, err)
				require.Equal(t, money.Of(row.netted, money.BBD), netted, "once, and the first answer again")
			}
			require.Equal(t, row.after, w.posted(receivable))
			require.Equal(t, row.earned-row.netted, w.posted(w.agent.Commission))
			require.Equal(t, [2]int64{row.payable, row.after}, w.standing())
		})
	}
}

func TestNothingOwedIsNotNetted(t *testing.T) {
	w := newWorld(t)
	w.earn(50)
	netted, err := w.commissions.Net(t.Context(), w.key(), w.agent.ID)
	require.NoError(t, err)
	require.Zero(t, netted.Minor)
	_, err = w.commissions.Net(t.Context(), w.key(), ids.New(lateOctober))
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	require.Equal(t, [2]int64{50, 0}, w.standing())
}

// Whoever nets at the same moment, and whatever a reversal takes meanwhile, no more goes to the debt than it is.
func TestNettingUnderRaces(t *testing.T) {
	const many = 12
	w := newWorld(t)
	w.earn(100)
	receivable := w.owe(80)
	var running sync.WaitGroup
	for range many {
		running.Go(func() {
			if _, err := w.commissions.Net(t.Context(), w.key(), w.agent.ID); err != nil {
				t.Errorf("net: %v", err)
			}
		})
		running.Go(func() {
			err := w.post(w.agent.Commission, w.expense, 2)
			if err != nil && !fault.Is(err, fault.InsufficientFunds) {
				t.Errorf("take back: %v", err)
			}
		})
	}
	running.Wait()
	left, owed := w.posted(w.agent.Commission), w.posted(receivable)
	require.GreaterOrEqual(t, left, int64(0))
	require.GreaterOrEqual(t, owed, int64(0))
	require.Zero(t, left*owed, "what is owed and could be paid was paid")
}
