package payments_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/agents"
	"nova/core/approvals"
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
	"nova/core/secret"
	"nova/core/tariffs"
	"nova/core/transactions"
	"nova/sql"
	"nova/sql/sqltest"
)

// The people of each test's world, and their PINs. A PIN here is also the canary that no column may show.
const (
	marciaPIN  = "871357"
	andrePIN   = "871358"
	shanicePIN = "871359"
	clerkPIN   = "872468"
)

// world is a market of its own: a database, a clock that stands still, and a few people with money.
type world struct {
	t            *testing.T
	db           *sql.DB
	url          string
	clock        *clock.Manual
	location     *time.Location
	keyring      *secret.Keyring
	credentials  ledger.Credentials
	writer       *ledger.Writer
	ledger       *ledger.Store
	transactions *transactions.Store
	promises     *transactions.Promises
	identity     *identity.Service
	customers    *customers.Service
	agents       *agents.Service
	payments     *payments.Service
	poster       *ledger.Poster
	effects      approvals.Registry
	approvals    *approvals.Service
	books        payments.Books

	marcia, andre, shanice customers.Customer
	clerk                  agents.Operator
	market                 agents.Merchant

	hop int
}

// noon is a Wednesday, so that day, week and month all have room on both sides.
var noon = time.Date(2026, time.November, 18, 16, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	t.Helper()
	db, url := sqltest.Open(t)
	w := &world{t: t, db: db, url: url, clock: clock.NewManual(noon), keyring: secret.EphemeralKeyring()}
	w.location = place(t)
	w.ledger = ledger.NewStore(db, w.clock)
	books, err := payments.OpenBooks(t.Context(), db, w.ledger, money.BBD, w.clock)
	require.NoError(t, err)
	w.books = books
	w.transactions = transactions.NewStore(db)
	w.promises = transactions.NewPromises(db)
	credentials := identity.NewCredentials(w.keyring, identity.CredentialOptions{})
	w.credentials = credentials
	w.writer = startWriter(w, credentials)
	w.poster = ledger.NewPoster(ledger.PosterOptions{
		Clock: w.clock, Credentials: credentials, Location: w.location, Codes: w.keyring.PINPepper, DrawFees: w.drawFees(),
	})
	w.effects = approvals.Registry{}
	w.approvals = approvals.New(db, w.clock, w.effects)
	w.identity = identity.New(identity.Options{
		DB: db, Writer: w.writer, Keys: w.ledger, Credentials: credentials, Keyring: w.keyring, Clock: w.clock,
	})
	w.customers = customers.New(customers.Options{
		DB: db, Ledger: w.ledger, Identity: w.identity, Keyring: w.keyring, Clock: w.clock, Currency: money.BBD,
	})
	w.agents = agents.New(agents.Options{
		DB: db, Ledger: w.ledger, Identity: w.identity, Clock: w.clock, Currency: money.BBD,
	})
	w.payments = w.service(read(t, "../../configs/tariffs.yaml"))
	w.effects[payments.KindReversal] = w.payments.ReversalEffect()
	w.effects[payments.KindAdjustment] = w.payments.AdjustmentEffect()
	w.people()
	return w
}

// service is the payments service with a price list, so that a test can change prices between quote and order.
func (w *world) service(priceList string) *payments.Service {
	w.t.Helper()
	return payments.New(w.options(priceList, read(w.t, "../../configs/limits.yaml")))
}

// options are what a payments service of this world is made of, with its price list and limits.
func (w *world) options(priceList, bounds string) payments.Options {
	w.t.Helper()
	prices, err := tariffs.Parse([]byte(priceList))
	require.NoError(w.t, err)
	rules, err := limits.Parse([]byte(bounds))
	require.NoError(w.t, err)
	return payments.Options{
		DB: w.db, Writer: w.writer, Poster: w.poster, Approvals: w.approvals, Ledger: w.ledger,
		Transactions: w.transactions, Promises: w.promises,
		Customers: w.customers, Agents: w.agents, Identity: w.identity, Tariffs: prices, Limits: rules,
		Keyring: w.keyring, Clock: w.clock, Location: w.location, Currency: money.BBD, Books: w.books,
	}
}

// people makes Marcia (T1, 200.00), Andre (T1, nothing), Shanice (T2, 1,000.00), an agent (5,000.00) and a market.
func (w *world) people() {
	w.marcia = w.customer("Marcia", "12462501001", 1, marciaPIN)
	w.andre = w.customer("Andre", "12462501002", 1, andrePIN)
	w.shanice = w.customer("Shanice", "12462501003", 2, shanicePIN)
	ctx := w.t.Context()
	agent, err := w.agents.CreateAgent(ctx, agents.NewAgent{
		Code: "100011", Type: agents.Ordinary, LegalName: "Oistins Corner Shop", TradingName: "Oistins Corner Shop",
	})
	require.NoError(w.t, err)
	outlet, err := w.agents.CreateOutlet(ctx, agents.NewOutlet{
		Agent: agent.ID, Code: "100011-1", Name: "Oistins", TimeZone: "America/Barbados",
	})
	require.NoError(w.t, err)
	w.clerk, err = w.agents.CreateOperator(ctx, agents.NewOperator{
		Outlet: outlet.ID, MSISDN: number(w.t, "12462500011"), Name: "Oistins", Role: agents.Owner, Language: "en",
		PIN: secret.New(clerkPIN),
	})
	require.NoError(w.t, err)
	w.market, err = w.agents.CreateMerchant(ctx, "500001", "Cheapside Market")
	require.NoError(w.t, err)
	w.deposit(w.marcia.Wallet, 200_00)
	w.deposit(w.shanice.Wallet, 1_000_00)
	w.deposit(w.clerk.Agent.Float, 5_000_00)
}

func (w *world) customer(first, digits string, tier int, pin string) customers.Customer {
	w.t.Helper()
	c, err := w.customers.Create(w.t.Context(), customers.NewCustomer{
		MSISDN: number(w.t, digits), FirstName: first, LastName: "Clarke", BirthDate: "1990-07-02",
		IDNumber: "ID" + digits, Language: "en", Tier: tier, PIN: secret.New(pin),
	})
	require.NoError(w.t, err)
	return c
}

// deposit is money that was brought to the bank.
func (w *world) deposit(account uuid.UUID, minor int64) {
	w.t.Helper()
	key := ledger.Key{Scope: "house:nova", Operation: "deposit", Value: uuid.NewString()}
	_, err := w.writer.Submit(w.t.Context(), &ledger.Command{
		Key: key, Body: key.Digest(), Currency: money.BBD, Posting: ids.New(w.clock.Now()), Narration: "deposit",
		Lines: []ledger.Line{
			{Account: w.books.Trust, Side: ledger.Debit, Minor: minor},
			{Account: account, Side: ledger.Credit, Minor: minor},
		},
	})
	require.NoError(w.t, err)
}

// order is a confirmation on a new hop with a new intent.
func (w *world) order(sub identity.Subject, pin string, fee int64) payments.Order {
	w.hop++
	scope := "cus:"
	if sub.Kind == identity.Operator {
		scope = "opr:"
	}
	return payments.Order{
		Key:    ledger.Key{Scope: scope + sub.ID.String(), Operation: "confirm", Value: fmt.Sprintf("dialogue:%d", w.hop)},
		Intent: ids.New(w.clock.Now()), Proof: w.identity.PIN(sub, secret.New(pin)), FeeShown: bbd(fee),
		Channel: transactions.USSD,
	}
}

func (w *world) key(scope string) ledger.Key {
	w.hop++
	return ledger.Key{Scope: scope, Operation: "hop", Value: fmt.Sprintf("dialogue:%d", w.hop)}
}

// send is Marcia's 50.00 to Andre.
func (w *world) send() payments.SendOrder {
	return payments.SendOrder{
		Order: w.order(w.marcia.Subject(), marciaPIN, 1_00), From: w.marcia.ID, To: w.andre.ID, Amount: bbd(50_00),
	}
}

func (w *world) cashIn(minor int64) payments.CashInOrder {
	return payments.CashInOrder{
		Order: w.order(w.clerk.Subject(), clerkPIN, 0), Operator: w.clerk.ID, To: w.andre.ID, Amount: bbd(minor),
	}
}

// posted is an account's booked balance in minor units.
func (w *world) posted(account uuid.UUID) int64 {
	w.t.Helper()
	b, err := w.ledger.Balance(w.t.Context(), account)
	require.NoError(w.t, err)
	return b.Posted
}

func (w *world) held(account uuid.UUID) int64 {
	w.t.Helper()
	b, err := w.ledger.Balance(w.t.Context(), account)
	require.NoError(w.t, err)
	return b.Held
}

// balances are the booked balances that a test states before and after.
func (w *world) balances() map[string]int64 {
	return map[string]int64{
		"marcia": w.posted(w.marcia.Wallet), "andre": w.posted(w.andre.Wallet), "shanice": w.posted(w.shanice.Wallet),
		"float": w.posted(w.clerk.Agent.Float), "commission": w.posted(w.clerk.Agent.Commission),
		"market": w.posted(w.market.Account), "income": w.posted(w.books.FeeIncome), "tax": w.posted(w.books.TaxPayable),
		"expense": w.posted(w.books.CommissionExpense), "trust": w.posted(w.books.Trust),
	}
}

// moved asserts what changed since before, account by account, and that nothing else did.
func (w *world) moved(before map[string]int64, want map[string]int64) {
	w.t.Helper()
	got := map[string]int64{}
	for name, now := range w.balances() {
		if now != before[name] {
			got[name] = now - before[name]
		}
	}
	require.Equal(w.t, want, got)
}

// notices are the templates queued for a number, with their arguments.
func (w *world) notices(to msisdn.MSISDN) []notice {
	w.t.Helper()
	var rows []notice
	err := w.db.Select(w.t.Context(), &rows, sql.Query{Name: "test.notices", Text: `
		select template, args, sealed from notices where msisdn = $1 order by created_at, template`}, to)
	require.NoError(w.t, err)
	return rows
}

type notice struct {
	Template string `db:"template"`
	Args     string `db:"args"`
	Sealed   []byte `db:"sealed"`
}

func (w *world) templates(to msisdn.MSISDN) []string {
	var names []string
	for _, n := range w.notices(to) {
		names = append(names, n.Template)
	}
	return names
}

func number(t *testing.T, digits string) msisdn.MSISDN {
	t.Helper()
	m, err := msisdn.FromNetwork(digits)
	require.NoError(t, err)
	return m
}

func bbd(minor int64) money.Amount { return money.Of(minor, money.BBD) }

func ask(minor int64) payments.Ask {
	return payments.Ask{Amount: bbd(minor), Channel: transactions.USSD}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func place(t *testing.T) *time.Location {
	t.Helper()
	at, err := time.LoadLocation("America/Barbados")
	require.NoError(t, err)
	return at
}

// refused asserts the code of a refusal and returns the fault.
func refused(t *testing.T, err error, code fault.Code) *fault.Error {
	t.Helper()
	require.Error(t, err)
	require.True(t, fault.Is(err, code), "want %s, got %v", code, err)
	return fault.From(err)
}

// drawFees puts the fees of overdraft draws where all fees go.
func (w *world) drawFees() ledger.DrawFees {
	return ledger.DrawFees{
		Income: w.books.FeeIncome, Tax: w.books.TaxPayable, TaxBPS: func(time.Time) (int64, error) { return 1750, nil },
	}
}

func startWriter(w *world, credentials ledger.Credentials) *ledger.Writer {
	w.t.Helper()
	db, err := ledger.OpenDB(w.t.Context(), w.url)
	require.NoError(w.t, err)
	writer, err := ledger.NewWriter(ledger.WriterOptions{
		DB: db, Clock: w.clock, Credentials: credentials, Location: w.location, Codes: w.keyring.PINPepper,
		DrawFees: w.drawFees(), Node: "test",
	})
	require.NoError(w.t, err)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(w.t, writer.Close(ctx))
		require.NoError(w.t, db.Close())
	})
	return writer
}
