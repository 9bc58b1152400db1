package bank_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/bank"
	"nova/core/clock"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/limits"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
	"nova/sql/sqltest"
)

// noon is a Wednesday in the market's middle of the day.
var noon = time.Date(2026, time.November, 18, 16, 0, 0, 0, time.UTC)

// world is a bank of its own with two clients. Acme has a trust account, and two wallets of which Ann's has 100.00.
type world struct {
	t         *testing.T
	db        *sql.DB
	url       string
	clock     *clock.Manual
	location  *time.Location
	writer    *ledger.Writer
	ledger    *ledger.Store
	customers *customers.Service
	limits    *limits.Book
	bank      *bank.Service

	acme, rival      uuid.UUID
	trust, ann, ben  ledger.Account
	keys, references int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, url := sqltest.Open(t)
	w := &world{t: t, db: db, url: url, clock: clock.NewManual(noon)}
	var err error
	w.location, err = time.LoadLocation("America/Barbados")
	require.NoError(t, err)
	keyring := secret.EphemeralKeyring()
	credentials := identity.NewCredentials(keyring, identity.CredentialOptions{})
	w.ledger = ledger.NewStore(db, w.clock)
	w.writer = w.startWriter(credentials)
	service := identity.New(identity.Options{
		DB: db, Writer: w.writer, Keys: w.ledger, Credentials: credentials, Keyring: keyring, Clock: w.clock,
	})
	w.customers = customers.New(customers.Options{
		DB: db, Ledger: w.ledger, Identity: service, Keyring: keyring, Clock: w.clock, Currency: money.BBD,
	})
	rules, err := os.ReadFile("../../configs/limits.yaml")
	require.NoError(t, err)
	w.limits, err = limits.Parse(rules)
	require.NoError(t, err)
	w.bank = w.newBank(w.writer)
	w.acme, w.rival = w.client(keyring, "acme"), w.client(keyring, "rival")
	w.trust = w.open(w.acme, ledger.Trust, "business", "acme")
	w.ann, w.ben = w.open(w.acme, ledger.Wallet, "customer", "ann"), w.open(w.acme, ledger.Wallet, "customer", "ben")
	_, err = w.bank.Post(t.Context(), w.order(), w.posting(debit(w.trust, 100_00), credit(w.ann, 100_00)))
	require.NoError(t, err)
	return w
}

// newBank is the service as a node has it, on the node's writer.
func (w *world) newBank(writer bank.Writer) *bank.Service {
	return bank.New(bank.Options{
		DB: w.db, Writer: writer, Ledger: w.ledger, Transactions: transactions.NewStore(w.db), Customers: w.customers,
		Limits: w.limits, Clock: w.clock, Location: w.location, Books: w.ledger,
	})
}

func (w *world) startWriter(credentials ledger.Credentials) *ledger.Writer {
	w.t.Helper()
	pool, err := ledger.OpenDB(w.t.Context(), w.url)
	require.NoError(w.t, err)
	writer, err := ledger.NewWriter(ledger.WriterOptions{
		DB: pool, Clock: w.clock, Credentials: credentials, Location: w.location, Node: "test",
	})
	require.NoError(w.t, err)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(w.t, writer.Close(ctx))
		require.NoError(w.t, pool.Close())
	})
	return writer
}

func (w *world) client(keyring *secret.Keyring, name string) uuid.UUID {
	w.t.Helper()
	c, _, err := identity.NewClients(w.db, keyring, w.clock).Create(w.t.Context(), identity.NewClient{Name: name})
	require.NoError(w.t, err)
	return c.ID
}

func (w *world) open(client uuid.UUID, p ledger.Product, ownerType, owner string) ledger.Account {
	w.t.Helper()
	a, err := w.bank.Open(w.t.Context(), client, bank.NewAccount{
		OwnerType: ownerType, OwnerID: owner, Product: p, Currency: money.BBD, Name: owner,
	})
	require.NoError(w.t, err)
	return a.Account
}

// customer is one of Nova's own, in a tier.
func (w *world) customer(digits string, tier int) customers.Customer {
	w.t.Helper()
	number, err := msisdn.FromNetwork(digits)
	require.NoError(w.t, err)
	c, err := w.customers.Create(w.t.Context(), customers.NewCustomer{
		MSISDN: number, FirstName: "Marcia", LastName: "Brathwaite", BirthDate: "1985-03-14", IDNumber: "ID" + digits,
		Language: "en", Tier: tier, PIN: secret.New("871357"),
	})
	require.NoError(w.t, err)
	return c
}

// order is Acme's, with a key of its own.
func (w *world) order() bank.Order { return w.orderOf(w.acme) }

func (w *world) orderOf(client uuid.UUID) bank.Order {
	w.keys++
	return bank.Order{
		Client: client, Key: ledger.Key{Scope: "cli:" + client.String(), Operation: "test", Value: fmt.Sprint(w.keys)},
		Body: [32]byte{byte(w.keys)},
	}
}

// posting has a reference of its own.
func (w *world) posting(entries ...bank.Entry) bank.NewPosting {
	w.references++
	return bank.NewPosting{Entries: entries, Narration: "test", Reference: fmt.Sprint("R", w.references)}
}

func (w *world) balance(a ledger.Account) ledger.Balance {
	w.t.Helper()
	b, err := w.ledger.Balance(w.t.Context(), a.ID)
	require.NoError(w.t, err)
	return b
}

// rows are fingerprints of all that a refusal must leave as it is.
func (w *world) rows() string {
	w.t.Helper()
	var sum string
	require.NoError(w.t, w.db.Get(w.t.Context(), &sum, sql.Query{Name: "test.rows", Text: `
		select md5(concat((select string_agg(x::text, ',' order by x.id) from accounts x),
			(select string_agg(x::text, ',' order by x.account_id, x.lane) from balances x),
			(select string_agg(x::text, ',' order by x.id) from postings x),
			(select string_agg(x::text, ',' order by x.account_id, x.sequence) from entries x),
			(select string_agg(x::text, ',' order by x.id) from holds x),
			(select string_agg(x::text, ',' order by x.id) from transactions x),
			(select string_agg(x::text, ',' order by x.client_id, x.account_id) from grants x)))`}))
	return sum
}

// sound asserts that the books are right.
func (w *world) sound() {
	w.t.Helper()
	report, err := w.ledger.Check(w.t.Context())
	require.NoError(w.t, err)
	require.Empty(w.t, report.Breach)
}

func bbd(minor int64) money.Amount { return money.Of(minor, money.BBD) }

func debit(a ledger.Account, minor int64) bank.Entry {
	return bank.Entry{Account: a.ID, Side: ledger.Debit, Amount: bbd(minor)}
}

func credit(a ledger.Account, minor int64) bank.Entry {
	return bank.Entry{Account: a.ID, Side: ledger.Credit, Amount: bbd(minor)}
}

// refused asserts the code of a refusal, and the field that it names ("" for none).
func refused(t *testing.T, err error, code fault.Code, field string) {
	t.Helper()
	require.Error(t, err)
	require.True(t, fault.Is(err, code), "want %s, got %v", code, err)
	if field != "" {
		require.Contains(t, fault.From(err).Fields, field, "%v", err)
	}
}

func someID() uuid.UUID { return ids.New(noon) }
