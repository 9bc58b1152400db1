package transactions_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/transactions"
	"nova/sql"
	"nova/sql/sqltest"
)

var noon = time.Date(2026, time.November, 21, 16, 0, 0, 0, time.UTC)

func bbd(minor int64) money.Amount { return money.Of(minor, money.BBD) }

func full(receipt string) transactions.Transaction {
	return transactions.Transaction{
		ID: ids.New(noon), Intent: ids.New(noon), Receipt: receipt, Type: transactions.CashOut,
		Status: transactions.PendingApproval, Amount: bbd(10_000), Fee: bbd(100), Tax: bbd(18), Commission: bbd(50),
		From:    transactions.Party{Account: ids.New(noon), Owner: ids.New(noon), Name: `Marcia "M" B.`},
		To:      transactions.Party{Account: ids.New(noon), Owner: ids.New(noon), Name: "Oistins"},
		Channel: transactions.USSD, Agent: ids.New(noon), Operator: ids.New(noon), Outlet: ids.New(noon),
		Client: ids.New(noon), Reference: "r", Tariff: "v1", Reverses: ids.New(noon),
		ReversedBy: ids.New(noon), Tier: 2, CreatedAt: noon, PostedAt: noon.Add(time.Second),
	}
}

func insert(t *testing.T, db *sql.DB, all ...transactions.Transaction) {
	t.Helper()
	require.NoError(t, db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		return transactions.InsertIn(ctx, tx, all)
	}))
}

func change(db *sql.DB, all ...transactions.Change) error {
	return db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		return transactions.ChangeIn(ctx, tx, all)
	})
}

func TestTransactionComesBackAsItWas(t *testing.T) {
	db, _ := sqltest.Open(t)
	store := transactions.NewStore(db)
	one, bare := full("7K3M9Q"), transactions.Transaction{ID: ids.New(noon), Receipt: "2", Type: transactions.P2P,
		Status: transactions.Completed, Amount: bbd(0), Fee: bbd(0), Tax: bbd(0), Commission: bbd(0),
		Channel: transactions.App, CreatedAt: noon}
	insert(t, db)
	insert(t, db, one, bare)
	for name, find := range map[string]func() (transactions.Transaction, error){
		"id":      func() (transactions.Transaction, error) { return store.ByID(t.Context(), one.ID) },
		"intent":  func() (transactions.Transaction, error) { return store.ByIntent(t.Context(), one.Intent) },
		"receipt": func() (transactions.Transaction, error) { return store.ByReceipt(t.Context(), "7K3M9Q") },
	} {
		got, err := find()
		require.NoError(t, err, name)
		require.Equal(t, one, got, name)
	}
	got, err := store.ByID(t.Context(), bare.ID)
	require.NoError(t, err)
	require.Equal(t, bare, got)
	byID, err := store.ByIDs(t.Context(), []uuid.UUID{one.ID, ids.New(noon)})
	require.NoError(t, err)
	require.Equal(t, map[uuid.UUID]transactions.Transaction{one.ID: one}, byID)
	_, err = store.ByIntent(t.Context(), ids.New(noon))
	require.True(t, fault.Is(err, fault.NotFound))
	total, err := one.TotalDebited()
	require.NoError(t, err)
	require.Equal(t, bbd(10_100), total)
}

func TestChangeAppliesOnlyFromItsStatus(t *testing.T) {
	db, _ := sqltest.Open(t)
	store := transactions.NewStore(db)
	one := full("1")
	one.PostedAt, one.ReversedBy = time.Time{}, uuid.Nil
	insert(t, db, one)
	require.NoError(t, change(db))
	done := transactions.Change{ID: one.ID, From: transactions.PendingApproval, To: transactions.Completed,
		PostedAt: noon}
	require.NoError(t, change(db, done))
	require.True(t, fault.Is(change(db, done), fault.InvalidState))
	got, err := store.ByID(t.Context(), one.ID)
	require.NoError(t, err)
	one.Status, one.PostedAt = transactions.Completed, noon
	require.Equal(t, one, got)
}

func TestPromisesAreKeptTillSettled(t *testing.T) {
	db, _ := sqltest.Open(t)
	promises := transactions.NewPromises(db)
	to, err := msisdn.FromNetwork("12462501001")
	require.NoError(t, err)
	made := make([]transactions.Promise, 300)
	all := make([]*transactions.Promise, len(made))
	for i := range made {
		at := noon.Add(time.Duration(i) * time.Second)
		made[i] = transactions.Promise{Intent: ids.New(at), Key: [32]byte{1, 2}, To: to, Language: "en",
			Type: transactions.P2P, Amount: bbd(5_000), PayeeName: "Andre C.", CreatedAt: at}
		all[i] = &made[i]
	}
	require.NoError(t, transactions.PromiseIn(t.Context(), db, all))
	require.NoError(t, transactions.PromiseIn(t.Context(), db, all[:1]), "the same promise again is one promise")
	due, err := promises.Overdue(t.Context(), noon.Add(2*time.Second), 10)
	require.NoError(t, err)
	require.Equal(t, made[:2], due)
	require.NoError(t, promises.Settle(t.Context(), made[0].Intent, made[0].Key))
	require.NoError(t, promises.Settle(t.Context(), made[1].Intent, made[1].Key))
	require.NoError(t, promises.Settle(t.Context(), made[2].Intent, [32]byte{9}), "a promise of another try stays")
	due, err = promises.Overdue(t.Context(), noon.Add(3*time.Second), 10)
	require.NoError(t, err)
	require.Equal(t, made[2:3], due)
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return transactions.SettleIn(ctx, tx, made[2].Intent, made[2].Key)
	}))
}
