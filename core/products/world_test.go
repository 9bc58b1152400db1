package products_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/limits"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/payments"
	"nova/core/products"
	"nova/core/secret"
	"nova/core/tariffs"
	"nova/core/transactions"
	"nova/sql"
	"nova/sql/sqltest"
)

const (
	marciaPIN = "871357"
	andrePIN  = "871358"
)

// noon is a Wednesday in Barbados, in the middle of a month.
var noon = time.Date(2026, time.November, 18, 16, 0, 0, 0, time.UTC)

// world is a market of its own: a database, a clock that stands still, Marcia (T1, 200.00) and Andre (T1, nothing).
type world struct {
	t         *testing.T
	db        *sql.DB
	clock     *clock.Manual
	location  *time.Location
	writer    *ledger.Writer
	ledger    *ledger.Store
	identity  *identity.Service
	customers *customers.Service
	products  *products.Service
	options   products.Options
	books     payments.Books

	marcia, andre customers.Customer

	hop int
}

func newWorld(t *testing.T) *world { return newWorldIn(t, "America/Barbados", noon) }

func newWorldIn(t *testing.T, zone string, now time.Time) *world {
	t.Helper()
	db, url := sqltest.Open(t)
	w := &world{t: t, db: db, clock: clock.NewManual(now)}
	var err error
	w.location, err = time.LoadLocation(zone)
	require.NoError(t, err)
	keyring := secret.EphemeralKeyring()
	w.ledger = ledger.NewStore(db, w.clock)
	w.books, err = payments.OpenBooks(t.Context(), db, w.ledger, money.BBD, w.clock)
	require.NoError(t, err)
	credentials := identity.NewCredentials(keyring, identity.CredentialOptions{})
	w.startWriter(url, credentials, keyring)
	w.identity = identity.New(identity.Options{
		DB: db, Writer: w.writer, Keys: w.ledger, Credentials: credentials, Keyring: keyring, Clock: w.clock,
	})
	w.customers = customers.New(customers.Options{
		DB: db, Ledger: w.ledger, Identity: w.identity, Keyring: keyring, Clock: w.clock, Currency: money.BBD,
	})
	w.options = products.Options{
		DB: db, Writer: w.writer, Ledger: w.ledger, Payments: w.payments(keyring), Customers: w.customers,
		Clock: w.clock, Location: w.location, Currency: money.BBD, Books: w.books,
	}
	w.products = products.New(w.options)
	w.marcia, w.andre = w.customer("Marcia", "12462501001", marciaPIN), w.customer("Andre", "12462501002", andrePIN)
	w.bring(w.marcia.Wallet, 200_00)
	return w
}

// limitsAlways are the same limits at all times.
type limitsAlways struct{ book *limits.Book }

func (l limitsAlways) At(time.Time) (*limits.Book, error) { return l.book, nil }

func (w *world) payments(keyring *secret.Keyring) *payments.Service {
	w.t.Helper()
	prices, err := tariffs.Parse(read(w.t, "../../configs/tariffs.yaml"))
	require.NoError(w.t, err)
	rules, err := limits.Parse(read(w.t, "../../configs/limits.yaml"))
	require.NoError(w.t, err)
	return payments.New(payments.Options{
		DB: w.db, Writer: w.writer, Ledger: w.ledger, Transactions: transactions.NewStore(w.db),
		Promises: transactions.NewPromises(w.db), Customers: w.customers, Identity: w.identity, Tariffs: prices,
		Limits: limitsAlways{rules}, Keyring: keyring, Clock: w.clock, Location: w.location, Currency: money.BBD, Books: w.books,
	})
}

func (w *world) startWriter(url string, credentials ledger.Credentials, keyring *secret.Keyring) {
	w.t.Helper()
	own, err := ledger.OpenDB(w.t.Context(), url)
	require.NoError(w.t, err)
	w.writer, err = ledger.NewWriter(ledger.WriterOptions{
		DB: own, Clock: w.clock, Credentials: credentials, Location: w.location, Codes: keyring.PINPepper, Node: "test",
		DrawFees: ledger.DrawFees{
			Income: w.books.FeeIncome, Tax: w.books.TaxPayable, TaxBPS: func(time.Time) (int64, error) { return 1750, nil },
		},
	})
	require.NoError(w.t, err)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(w.t, w.writer.Close(ctx))
		require.NoError(w.t, own.Close())
	})
}

func (w *world) customer(first, digits, pin string) customers.Customer {
	w.t.Helper()
	number, err := msisdn.FromNetwork(digits)
	require.NoError(w.t, err)
	c, err := w.customers.Create(w.t.Context(), customers.NewCustomer{
		MSISDN: number, FirstName: first, LastName: "Clarke", BirthDate: "1990-07-02", IDNumber: "ID" + digits,
		Language: "en", Tier: 1, PIN: secret.New(pin),
	})
	require.NoError(w.t, err)
	return c
}

// bring is money that was brought to the bank, or taken from it.
func (w *world) bring(account uuid.UUID, minor int64) {
	w.t.Helper()
	require.NoError(w.t, w.submit(account, minor))
}

func (w *world) submit(account uuid.UUID, minor int64) error {
	sides := [2]ledger.Side{ledger.Debit, ledger.Credit}
	if minor < 0 {
		sides, minor = [2]ledger.Side{ledger.Credit, ledger.Debit}, -minor
	}
	key := ledger.Key{Scope: "house:nova", Operation: "bring", Value: uuid.NewString()}
	_, err := w.writer.Submit(w.t.Context(), &ledger.Command{
		Key: key, Body: key.Digest(), Currency: money.BBD, Posting: ids.New(w.clock.Now()), Narration: "bring",
		Lines: []ledger.Line{
			{Account: w.books.Trust, Side: sides[0], Minor: minor}, {Account: account, Side: sides[1], Minor: minor},
		},
	})
	return err
}

// order is a confirmation on a new hop with a new intent.
func (w *world) order(c customers.Customer, pin string, fee int64) payments.Order {
	w.hop++
	return payments.Order{
		Key:    ledger.Key{Scope: c.Scope(), Operation: "confirm", Value: fmt.Sprintf("dialogue:%d", w.hop)},
		Intent: ids.New(w.clock.Now()), Proof: w.identity.PIN(c.Subject(), secret.New(pin)), FeeShown: bbd(fee),
		Channel: transactions.USSD,
	}
}

// product makes "basic": 2.50% from today, with a minimum.
func (w *world) product(minimum int64) products.Product {
	w.t.Helper()
	p, err := w.products.SetTerms(w.t.Context(), products.NewTerms{
		Code: "basic", Name: "Nova Savings", Currency: money.BBD,
		Terms: products.Terms{RateBPS: 250, Minimum: bbd(minimum)},
	})
	require.NoError(w.t, err)
	return p
}

func (w *world) depositOrder(minor int64) products.DepositOrder {
	return products.DepositOrder{Order: w.order(w.marcia, marciaPIN, 0), Customer: w.marcia.ID, Amount: bbd(minor)}
}

// save deposits on Marcia's savings, and returns the account.
func (w *world) save(minor int64) uuid.UUID {
	w.t.Helper()
	_, err := w.products.Deposit(w.t.Context(), w.depositOrder(minor))
	require.NoError(w.t, err)
	saved, err := w.products.Savings(w.t.Context(), w.marcia.ID)
	require.NoError(w.t, err)
	return saved.Account
}

func (w *world) withdraw(minor int64) error {
	_, err := w.products.Withdraw(w.t.Context(), products.WithdrawOrder{
		Order: w.order(w.marcia, marciaPIN, 0), Customer: w.marcia.ID, Amount: bbd(minor),
	})
	return err
}

// grant gives Marcia a line of 100.00: 2% a draw, 36.50% a year, for thirty days.
func (w *world) grant() products.Overdraft {
	w.t.Helper()
	line, err := w.products.GrantLine(w.t.Context(), w.newLine())
	require.NoError(w.t, err)
	return line
}

func (w *world) newLine() products.NewLine {
	return products.NewLine{
		Account: w.marcia.Wallet, Limit: bbd(100_00), FeeBPS: 200, RateBPS: 3650,
		ExpiresAt: w.clock.Now().Add(30 * 24 * time.Hour), By: "test",
	}
}

func (w *world) draw(minor, fee int64) (payments.Receipt, error) {
	return w.products.Draw(w.t.Context(), products.DrawOrder{
		Order: w.order(w.marcia, marciaPIN, fee), Customer: w.marcia.ID, Amount: bbd(minor),
	})
}

func (w *world) repay(minor int64) (payments.Receipt, error) {
	return w.products.Repay(w.t.Context(), products.RepayOrder{
		Order: w.order(w.marcia, marciaPIN, 0), Customer: w.marcia.ID, Amount: bbd(minor),
	})
}

func (w *world) credit() products.Credit {
	w.t.Helper()
	credit, err := w.products.Credit(w.t.Context(), w.marcia.ID)
	require.NoError(w.t, err)
	return credit
}

// posted is an account's booked balance in minor units.
func (w *world) posted(account uuid.UUID) int64 {
	w.t.Helper()
	b, err := w.ledger.Balance(w.t.Context(), account)
	require.NoError(w.t, err)
	return b.Posted
}

// work is a round of the worker.
func (w *world) work() {
	w.t.Helper()
	_, err := w.products.Accrue(w.t.Context())
	require.NoError(w.t, err)
	_, err = w.products.PostInterest(w.t.Context())
	require.NoError(w.t, err)
}

// noonOf moves the clock to midday of a date in the market.
func (w *world) noonOf(day clock.Day) { w.clock.Set(day.Start(w.location).Add(12 * time.Hour)) }

// number reads one figure of the database.
func (w *world) number(statement string, args ...any) int64 {
	w.t.Helper()
	var n int64
	require.NoError(w.t, w.db.Get(w.t.Context(), &n, sql.Query{Name: "test.number", Text: statement}, args...))
	return n
}

// messages are what was told to Marcia: the templates, in order.
func (w *world) messages() []string {
	w.t.Helper()
	var names []string
	require.NoError(w.t, w.db.Select(w.t.Context(), &names, sql.Query{Name: "test.messages", Text: `
		select template from notices where msisdn = $1 order by created_at, template`}, w.marcia.MSISDN))
	return names
}

func bbd(minor int64) money.Amount { return money.Of(minor, money.BBD) }

func ask(minor int64) payments.Ask {
	return payments.Ask{Amount: bbd(minor), Channel: transactions.USSD}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// refused asserts the code of a refusal, and the field that it names.
func refused(t *testing.T, err error, code fault.Code, field string) {
	t.Helper()
	require.Error(t, err)
	require.True(t, fault.Is(err, code), "want %s, got %v", code, err)
	if field != "" {
		require.Contains(t, fault.From(err).Fields, field)
	}
}
