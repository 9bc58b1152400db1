package customers_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
	"nova/sql/sqltest"
)

const newPIN = "2469"

var noon = time.Date(2026, time.November, 18, 16, 0, 0, 0, time.UTC)

// world is a database in which people register.
type world struct {
	t         *testing.T
	db        *sql.DB
	clock     *clock.Manual
	identity  *identity.Service
	ledger    *ledger.Store
	customers *customers.Service
	keyring   *secret.Keyring
	hop       int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, url := sqltest.Open(t)
	w := &world{t: t, db: db, clock: clock.NewManual(noon)}
	keyring := secret.EphemeralKeyring()
	w.keyring = keyring
	credentials := identity.NewCredentials(keyring, identity.CredentialOptions{})
	own, err := ledger.OpenDB(t.Context(), url)
	require.NoError(t, err)
	writer, err := ledger.NewWriter(ledger.WriterOptions{DB: own, Clock: w.clock, Credentials: credentials, Node: "test"})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, writer.Close(ctx))
		require.NoError(t, own.Close())
	})
	w.ledger = ledger.NewStore(db, w.clock)
	w.identity = identity.New(identity.Options{
		DB: db, Writer: writer, Keys: w.ledger, Credentials: credentials, Keyring: keyring, Clock: w.clock,
	})
	w.customers = customers.New(customers.Options{
		DB: db, Ledger: w.ledger, Identity: w.identity, Keyring: keyring, Clock: w.clock, Currency: money.BBD,
	})
	return w
}

func (w *world) key(scope string) ledger.Key {
	w.hop++
	return ledger.Key{Scope: scope, Operation: "hop", Value: fmt.Sprintf("d:%d", w.hop)}
}

// self is Andre, who registers himself on his handset.
func (w *world) self() customers.Registration {
	return customers.Registration{
		Key: w.key("caller:1"), MSISDN: number(w.t, "12462501002"), FirstName: "Andre", LastName: "Clarke",
		BirthDate: "1990-07-02", IDNumber: "9007020022", Language: "fr", Channel: transactions.USSD, PIN: secret.New(newPIN),
	}
}

// byAgent is Andre, whom an operator registers with their PIN.
func (w *world) byAgent() customers.Registration {
	w.t.Helper()
	operator := identity.Subject{Kind: identity.Operator, ID: ids.New(noon)}
	require.NoError(w.t, w.db.InTx(w.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return w.identity.SetPINIn(ctx, tx, operator, secret.New("2468"))
	}))
	r := w.self()
	r.Key, r.PIN = w.key(operator.Scope()), secret.Text{}
	r.Operator, r.AgentName, r.By = operator.ID, "Oistins Corner Shop", w.identity.PIN(operator, secret.New("2468"))
	return r
}

func (w *world) count(table string) int {
	w.t.Helper()
	var n int
	err := w.db.Get(w.t.Context(), &n, sql.Query{Name: "test.count", Text: "select count(*) from " + sql.Literal(table)})
	require.NoError(w.t, err)
	return n
}

func (w *world) templates() []string {
	w.t.Helper()
	var names []string
	err := w.db.Select(w.t.Context(), &names, sql.Query{Name: "test.templates", Text: "select template from notices order by created_at, template"})
	require.NoError(w.t, err)
	return names
}

func number(t *testing.T, digits string) msisdn.MSISDN {
	t.Helper()
	m, err := msisdn.FromNetwork(digits)
	require.NoError(t, err)
	return m
}

func refused(t *testing.T, err error, code fault.Code) *fault.Error {
	t.Helper()
	require.Error(t, err)
	require.True(t, fault.Is(err, code), "want %s, got %v", code, err)
	return fault.From(err)
}

func TestSomebodyRegistersThemselvesOnce(t *testing.T) {
	w := newWorld(t)
	r := w.self()
	c, err := w.customers.Register(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, customers.Customer{
		ID: c.ID, MSISDN: r.MSISDN, FirstName: "Andre", LastName: "Clarke", BirthDate: "1990-07-02", Tier: 0,
		Status: customers.Active, KYCStatus: customers.KYCInitiated, Language: "fr", Wallet: c.Wallet,
	}, c)
	again, err := w.customers.Register(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, c, again, "the same hop")
	require.Equal(t, 1, w.count("customers"))
	require.Equal(t, []string{"sms.registered"}, w.templates())

	wallet, err := w.ledger.Account(t.Context(), c.Wallet)
	require.NoError(t, err)
	require.Equal(t, []any{"customer", c.ID.String(), ledger.Wallet, 0, int64(0), "Andre C."},
		[]any{wallet.OwnerKind, wallet.OwnerID, wallet.Product, wallet.Tier, *wallet.Floor, wallet.Name})
	require.NoError(t, w.identity.Authenticate(t.Context(), w.key(c.Scope()), w.identity.PIN(c.Subject(), secret.New(newPIN))))
	found, err := w.customers.ByMSISDN(t.Context(), r.MSISDN)
	require.NoError(t, err)
	require.Equal(t, c, found)
}

func TestAnAgentRegistersSomebodyWithoutAPIN(t *testing.T) {
	w := newWorld(t)
	c, err := w.customers.Register(t.Context(), w.byAgent())
	require.NoError(t, err)
	require.Equal(t, 1, c.Tier)
	require.Equal(t, customers.KYCVerified, c.KYCStatus)
	has, err := w.identity.HasPIN(t.Context(), c.Subject())
	require.NoError(t, err)
	require.False(t, has)
	require.Equal(t, []string{"sms.registered.agent"}, w.templates())
}

func TestRegistrationIsRefused(t *testing.T) {
	rows := []struct {
		name   string
		change func(w *world) customers.Registration
		code   fault.Code
		field  string
	}{
		{"a number that is registered", func(w *world) customers.Registration {
			r := w.self()
			r.IDNumber = "OTHER1"
			return r
		}, fault.DuplicateEntity, "msisdn"},
		{"a document that is registered", func(w *world) customers.Registration {
			r := w.self()
			r.MSISDN = number(w.t, "12462501009")
			return r
		}, fault.DuplicateEntity, "id_number"},
		{"a weak PIN", func(w *world) customers.Registration {
			r := w.self()
			r.PIN = secret.New("1111")
			return r
		}, fault.ValidationError, "pin"},
		{"the year of birth as PIN", func(w *world) customers.Registration {
			r := w.self()
			r.PIN = secret.New("1990")
			return r
		}, fault.ValidationError, "pin"},
		{"a PIN that an operator chose", func(w *world) customers.Registration {
			r := w.byAgent()
			r.PIN = secret.New(newPIN)
			return r
		}, fault.ValidationError, "pin"},
		{"an operator's wrong PIN", func(w *world) customers.Registration {
			r := w.byAgent()
			r.By = w.identity.PIN(r.By.Subject(), secret.New("8642"))
			return r
		}, fault.PINInvalid, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			_, err := w.customers.Register(t.Context(), w.self())
			require.NoError(t, err)
			r := row.change(w)
			for range 2 {
				_, err = w.customers.Register(t.Context(), r)
				f := refused(t, err, row.code)
				if row.field != "" {
					require.Contains(t, f.Fields, row.field)
				}
			}
			require.Equal(t, 1, w.count("customers"))
			require.Equal(t, 1, w.count("accounts"))
		})
	}
}

func TestAnOperatorsWrongPINIsCounted(t *testing.T) {
	w := newWorld(t)
	r := w.byAgent()
	operator := r.By.Subject()
	r.By = w.identity.PIN(operator, secret.New("8642"))
	_, err := w.customers.Register(t.Context(), r)
	refused(t, err, fault.PINInvalid)
	st, err := w.identity.Status(t.Context(), operator)
	require.NoError(t, err)
	require.Equal(t, 2, st.TriesLeft)
}

func TestParallelRegistrationsOfOneNumberMakeOneCustomer(t *testing.T) {
	w := newWorld(t)
	registrations := make([]customers.Registration, 6)
	for i := range registrations {
		registrations[i] = w.self()
	}
	failures := make([]error, len(registrations))
	var group sync.WaitGroup
	for i, r := range registrations {
		group.Go(func() { _, failures[i] = w.customers.Register(t.Context(), r) })
	}
	group.Wait()
	made := 0
	for _, err := range failures {
		if err == nil {
			made++
			continue
		}
		require.Contains(t, refused(t, err, fault.DuplicateEntity).Fields, "msisdn")
	}
	require.Equal(t, 1, made)
	require.Equal(t, 1, w.count("accounts"))
	require.Equal(t, 1, w.count("credentials"))
}

// waiting is a customer whom an agent registered, and who has yet to choose a PIN.
func (w *world) waiting() customers.Customer {
	w.t.Helper()
	c, err := w.customers.Register(w.t.Context(), w.byAgent())
	require.NoError(w.t, err)
	return c
}

func TestTheFirstPINNeedsAConfirmedIdentity(t *testing.T) {
	w := newWorld(t)
	c := w.waiting()
	confirmed := w.key(c.Scope())
	require.NoError(t, w.customers.ConfirmIdentity(t.Context(), confirmed, c.ID, 1990, "0022"))
	require.NoError(t, w.customers.ConfirmIdentity(t.Context(), confirmed, c.ID, 1990, "0022"), "the same hop")
	hop := w.key(c.Scope())
	for range 2 {
		require.NoError(t, w.customers.SetFirstPIN(t.Context(), hop, c.ID, confirmed, secret.New(newPIN)))
	}
	require.NoError(t, w.identity.Authenticate(t.Context(), w.key(c.Scope()), w.identity.PIN(c.Subject(), secret.New(newPIN))))
	require.Equal(t, []string{"sms.pin.chosen", "sms.registered.agent"}, w.templates())

	refused(t, w.customers.SetFirstPIN(t.Context(), w.key(c.Scope()), c.ID, confirmed, secret.New("9753")), fault.InvalidState)
	refused(t, w.customers.ConfirmIdentity(t.Context(), w.key(c.Scope()), c.ID, 1990, "0022"), fault.InvalidState)
}

func TestTheFirstPINIsRefusedWithoutEvidence(t *testing.T) {
	w := newWorld(t)
	c := w.waiting()
	set := func(confirmed ledger.Key, pin string) error {
		return w.customers.SetFirstPIN(t.Context(), w.key(c.Scope()), c.ID, confirmed, secret.New(pin))
	}
	refused(t, set(w.key(c.Scope()), newPIN), fault.CodeForbidden)
	wrong := w.key(c.Scope())
	refused(t, w.customers.ConfirmIdentity(t.Context(), wrong, c.ID, 1991, "0022"), fault.PINInvalid)
	refused(t, set(wrong, newPIN), fault.CodeForbidden)
	right := w.key(c.Scope())
	require.NoError(t, w.customers.ConfirmIdentity(t.Context(), right, c.ID, 1990, "0022"))
	refused(t, set(right, "1990"), fault.ValidationError)
	w.clock.Advance(11 * time.Minute)
	refused(t, set(right, newPIN), fault.CodeForbidden)
	require.Equal(t, 1, w.count("credentials"), "the operator's")
}

func TestThreeWrongAnswersLockTheQuestions(t *testing.T) {
	w := newWorld(t)
	c := w.waiting()
	ask := func(year int, last4 string) error {
		return w.customers.ConfirmIdentity(t.Context(), w.key(c.Scope()), c.ID, year, last4)
	}
	require.EqualValues(t, 2, refused(t, ask(1990, "0023"), fault.PINInvalid).Extra["attempts_left"])
	require.EqualValues(t, 1, refused(t, ask(1991, "0022"), fault.PINInvalid).Extra["attempts_left"])
	require.EqualValues(t, 24*3600, refused(t, ask(1990, "22"), fault.AccountLocked).Extra["retry_after_seconds"])
	refused(t, ask(1990, "0022"), fault.AccountLocked)
	w.clock.Advance(24 * time.Hour)
	require.NoError(t, ask(1990, "0022"))
}

func TestARepeatedHopIsOneAnswer(t *testing.T) {
	w := newWorld(t)
	c := w.waiting()
	key := w.key(c.Scope())
	for range 5 {
		err := w.customers.ConfirmIdentity(t.Context(), key, c.ID, 1990, "9999")
		require.EqualValues(t, 2, refused(t, err, fault.PINInvalid).Extra["attempts_left"])
	}
}

func TestDocumentsStandSealed(t *testing.T) {
	w := newWorld(t)
	_, err := w.customers.Register(t.Context(), w.self())
	require.NoError(t, err)
	var found int
	err = w.db.Get(t.Context(), &found, sql.Query{Name: "test.clear", Text: `
		select count(*) from customers where customers::text like '%9007020022%' or id_sealed is null or length(id_index) <> 32`})
	require.NoError(t, err)
	require.Zero(t, found)
}

func TestChangesOfACustomer(t *testing.T) {
	w := newWorld(t)
	c, err := w.customers.Register(t.Context(), w.self())
	require.NoError(t, err)
	require.NoError(t, w.customers.SetLanguage(t.Context(), c.ID, "en"))
	require.NoError(t, w.customers.SetStatus(t.Context(), identity.Subject{}, c.ID, customers.Suspended, "seen"))
	c, err = w.customers.ByID(t.Context(), c.ID)
	require.NoError(t, err)
	require.Equal(t, "en", c.Language)
	refused(t, c.Usable(), fault.AccountFrozen)
	refused(t, w.customers.SetStatus(t.Context(), identity.Subject{}, c.ID, "asleep", "seen"), fault.ValidationError)
	refused(t, w.customers.SetLanguage(t.Context(), ids.New(noon), "en"), fault.CustomerNotFound)
	_, err = w.customers.ByMSISDN(t.Context(), number(t, "12462509999"))
	refused(t, err, fault.CustomerNotFound)
}

func TestChangePINTellsTheOwner(t *testing.T) {
	w := newWorld(t)
	c, err := w.customers.Register(t.Context(), w.self())
	require.NoError(t, err)
	old := w.key(c.Scope())
	require.NoError(t, w.identity.Authenticate(t.Context(), old, w.identity.PIN(c.Subject(), secret.New(newPIN))))
	refused(t, w.customers.ChangePIN(t.Context(), w.key(c.Scope()), c.ID, old, secret.New("1990")), fault.ValidationError)
	require.NoError(t, w.customers.ChangePIN(t.Context(), w.key(c.Scope()), c.ID, old, secret.New("9753")))
	require.NoError(t, w.identity.Authenticate(t.Context(), w.key(c.Scope()), w.identity.PIN(c.Subject(), secret.New("9753"))))
	require.Equal(t, []string{"sms.pin.changed", "sms.registered"}, w.templates())
}
