package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/channels/rest"
	"nova/channels/web"
	"nova/core/clock"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/policy"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
	"nova/sql/sqltest"
)

// What cmd hands over.
var (
	_ rest.Ledger       = (*ledger.Store)(nil)
	_ rest.Transactions = (*transactions.Store)(nil)
	_ rest.Tokens       = (*identity.Tokens)(nil)
)

// realAPI is the API over PostgreSQL, with a client and one wallet that received 200.00 and sent 50.00.
func realAPI(t *testing.T) (*api, uuid.UUID, uuid.UUID) {
	t.Helper()
	db, url := sqltest.Open(t)
	a := &api{log: &bytes.Buffer{}, clock: clock.NewManual(now)}
	keyring := secret.EphemeralKeyring()
	clients := identity.NewClients(db, keyring, a.clock)
	_, _, err := clients.Create(t.Context(), identity.NewClient{
		Name: "demo", Secret: secret.New(demoSecret), Scopes: rest.Scopes(), Purposes: purposes(),
	})
	require.NoError(t, err)
	tokens := identity.NewTokens(identity.TokenOptions{
		Clients: clients, Signer: secret.EphemeralSigner(), Clock: a.clock, Issuer: "nova", Audience: "nova",
	})
	a.App = web.New(web.Options{Logger: web.NewLogger(a.log, slog.LevelInfo, "json"), Tokens: tokens})
	rest.Mount(a.App, rest.Options{
		Tokens: tokens, Ledger: ledger.NewStore(db, a.clock), Transactions: transactions.NewStore(db), Pages: keyring.Body,
		Clock: a.clock, Health: rest.NewHealth(rest.HealthOptions{
			Clock: a.clock, Checks: []rest.Check{{Name: "postgres", Probe: db.Ping, Vital: true}},
		}),
	})
	wallet, txn := move50(t, db, url, a.clock)
	a.clock.Advance(time.Hour)
	return a, wallet, txn
}

func purposes() []string {
	var all []string
	for _, p := range policy.Purposes() {
		all = append(all, string(p))
	}
	return all
}

// move50 opens a wallet and the trust account, pays in 200.00 and takes out 50.00 with a transaction.
func move50(t *testing.T, db *sql.DB, url string, c *clock.Manual) (wallet, txn uuid.UUID) {
	t.Helper()
	store := ledger.NewStore(db, c)
	wallet, trust := ids.New(c.Now()), ids.New(c.Now())
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for _, account := range []ledger.Account{
			{ID: wallet, OwnerKind: "customer", OwnerID: "c1", Product: ledger.Wallet, Currency: "BBD", Status: ledger.Active, Floor: ledger.ZeroFloor(), OpenedAt: c.Now()},
			{ID: trust, OwnerKind: "nova", OwnerID: "nova", Product: ledger.Trust, Currency: "BBD", Status: ledger.Active, OpenedAt: c.Now()},
		} {
			if err := store.OpenIn(ctx, tx, account); err != nil {
				return err
			}
		}
		return nil
	}))
	pool, err := ledger.OpenDB(t.Context(), url)
	require.NoError(t, err)
	writer, err := ledger.NewWriter(ledger.WriterOptions{DB: pool, Clock: c})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, writer.Close(context.Background()))
		require.NoError(t, pool.Close())
	})
	txn = ids.New(c.Now())
	for i, command := range []*ledger.Command{
		{Lines: []ledger.Line{{Account: trust, Side: ledger.Debit, Minor: 20000}, {Account: wallet, Side: ledger.Credit, Minor: 20000}}},
		{
			Lines: []ledger.Line{{Account: wallet, Side: ledger.Debit, Minor: 5000}, {Account: trust, Side: ledger.Credit, Minor: 5000}},
			Transaction: &transactions.Transaction{
				ID: txn, Type: transactions.CashOut, Status: transactions.Completed, Amount: money.Of(5000, "BBD"),
				Fee: money.Of(0, "BBD"), Tax: money.Of(0, "BBD"), Commission: money.Of(0, "BBD"), Channel: transactions.USSD,
				From: transactions.Party{Account: wallet, Name: "Marcia B."}, CreatedAt: c.Now(),
			},
		},
	} {
		c.Advance(time.Minute)
		command.Key = ledger.Key{Scope: "test", Operation: "move", Value: string(rune('a' + i))}
		command.Posting, command.Currency = ids.New(c.Now()), "BBD"
		if command.Transaction != nil {
			command.Posting = txn
		}
		_, err := writer.Submit(t.Context(), command)
		require.NoError(t, err)
	}
	return wallet, txn
}

func TestTheAPIOverPostgreSQL(t *testing.T) {
	a, marcia, txn := realAPI(t)
	status, _, body := a.do(t, request{Method: "POST", Path: "/v1/oauth/token",
		Form: "grant_type=client_credentials&client_id=demo&client_secret=" + demoSecret})
	require.Equal(t, 200, status, string(body))
	var token rest.TokenBody
	require.NoError(t, json.Unmarshal(body, &token))
	require.Equal(t, 600, token.ExpiresIn)

	read := func(path string, into any) {
		t.Helper()
		status, _, body := a.do(t, request{Method: "GET", Path: path, Token: token.AccessToken})
		require.Equal(t, 200, status, string(body))
		require.NoError(t, json.Unmarshal(body, into))
	}
	var balance struct {
		Posted, Available rest.Amount
		Version           int
	}
	read(wallet(marcia)+"/balance", &balance)
	require.Equal(t, rest.Amount{Amount: "150.00", Currency: "BBD"}, balance.Posted)
	require.Equal(t, "150.00", balance.Available.Amount)
	require.Equal(t, 2, balance.Version)
	read(wallet(marcia)+"/balance?as_of="+escape(now.Add(90*time.Second).Format(time.RFC3339)), &balance)
	require.Equal(t, "200.00", balance.Posted.Amount, "before the second posting")

	var list struct {
		Data []struct {
			TxnID, Direction string
			ID               string      `json:"txn_id"`
			Balance          rest.Amount `json:"balance_after"`
		}
		Next string `json:"next_page_token"`
	}
	read(wallet(marcia)+"/transactions?page_size=1", &list)
	require.Equal(t, ids.Format(ids.Transaction, txn), list.Data[0].ID)
	require.Equal(t, "150.00", list.Data[0].Balance.Amount)
	read(wallet(marcia)+"/transactions?page_size=1&page_token="+list.Next, &list)
	require.Equal(t, "credit", list.Data[0].Direction)
	require.Equal(t, "200.00", list.Data[0].Balance.Amount)

	var fact struct {
		Status  string
		Receipt string `json:"receipt_number"`
	}
	read("/v1/txns/"+ids.Format(ids.Transaction, txn), &fact)
	require.Equal(t, "completed", fact.Status)
	require.Len(t, fact.Receipt, 6)

	a.clock.Advance(11 * time.Minute)
	status, _, _ = a.do(t, request{Method: "GET", Path: wallet(marcia) + "/balance", Token: token.AccessToken})
	require.Equal(t, 401, status, "the token has expired")
	require.NotContains(t, a.log.String(), demoSecret)
	require.NotContains(t, a.log.String(), token.AccessToken)
}
