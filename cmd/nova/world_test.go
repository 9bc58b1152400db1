package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/channels/sms"
	"nova/channels/sms/console"
	"nova/configs"
	"nova/core/clock"
	"nova/core/customers"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/menus/menutest"
	"nova/sessions/redistest"
	"nova/sql/sqltest"
)

// noon is a Saturday in Barbados, ten in the morning.
var noon = time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)

// world is a whole server with the demonstration's data, on a database and a Redis of its own, and one handset.
type world struct {
	t      *testing.T
	clock  *clock.Manual
	server *server
	inbox  *console.Sender
	outbox *sms.Worker

	dials   int
	caller  string
	code    string
	session string
	inputs  []string
}

var _ menutest.World = (*world)(nil)

// newWorld is a world, as configured for the demonstration but for what change does.
func newWorld(t *testing.T, change ...func(*configs.Config)) *world {
	t.Helper()
	_, database := sqltest.Open(t)
	config := configs.Default(configs.Development)
	config.DatabaseURL, config.RedisURL = secret.New(database), secret.New(redistest.Start(t).URL())
	config.KeysDir, config.CheckpointsDir = t.TempDir(), t.TempDir()
	for _, do := range change {
		do(&config)
	}
	w := &world{t: t, clock: clock.NewManual(noon)}
	p, err := open(t.Context(), config, slog.New(slog.DiscardHandler), w.clock)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.close(context.Background())) })
	_, err = ledger.NewWorkers(p.db, p.writer, w.clock).MakePartitions(t.Context())
	require.NoError(t, err)
	require.NoError(t, p.seed(t.Context()))
	w.server, err = newServer(p)
	require.NoError(t, err)
	w.inbox = console.New(slog.New(slog.DiscardHandler))
	w.outbox = sms.NewWorker(sms.Options{
		Outbox: p.outbox, Renderer: p.engine, Sender: w.inbox, Unseal: w.server.unseal, Region: config.Region, Clock: w.clock,
		Poll: time.Hour,
	})
	return w
}

// Dial opens a dialogue as Africa's Talking does: what lies beyond the short code is the first text.
func (w *world) Dial(caller, dialled string) string {
	w.dials++
	w.caller, w.session = caller, "walk-"+strconv.Itoa(w.dials)
	parts := strings.Split(strings.Trim(dialled, "*#"), "*")
	w.code, w.inputs = "*"+parts[0]+"#", parts[1:]
	return w.hop()
}

func (w *world) Key(input string) string {
	w.inputs = append(w.inputs, input)
	return w.hop()
}

func (w *world) Again() string { return w.hop() }

// Drop does nothing: a network that loses a dialogue tells nobody.
func (w *world) Drop() {}

// Wait lets time pass, in which a node looks for new rule books again and again.
func (w *world) Wait(d time.Duration) {
	w.clock.Advance(d)
	require.NoError(w.t, w.server.tariffs.Load(w.t.Context()))
	require.NoError(w.t, w.server.limits.Load(w.t.Context()))
}

// happenings are what others do to a customer, and issued what support does to an operator.
var happenings = map[string]func(w *world, c customers.Customer) error{
	"reset opened": func(w *world, c customers.Customer) error {
		return w.server.identity.OpenReset(w.t.Context(), c.Subject(), identity.Via{Actor: officer.String()})
	},
	"sim changed": func(w *world, c customers.Customer) error {
		return w.server.customers.ReportSIMSwap(w.t.Context(), officer, customers.SIMSwap{
			MSISDN: c.MSISDN, SwappedAt: w.clock.Now(), Source: "operator",
		})
	},
	"ussd blocked": func(w *world, c customers.Customer) error {
		return w.server.customers.BlockUSSD(w.t.Context(), c.Subject(), c.ID)
	},
	"ussd unblocked": func(w *world, c customers.Customer) error {
		return w.server.customers.UnblockUSSD(w.t.Context(), c.Subject(), c.ID, transactions.App)
	},
	"suspended": func(w *world, c customers.Customer) error {
		return w.server.customers.SetStatus(w.t.Context(), identity.Subject{}, c.ID, customers.Suspended, "seen")
	},
}

// officer is a member of staff.
var officer = identity.Subject{Kind: identity.Staff, ID: uuid.MustParse("0197d3a0-0000-7000-8000-000000000001")}

// issued is a happening with the PIN behind it.
const issued = "pin issued "

// Happen does to the person behind a number what the walk says.
func (w *world) Happen(caller, what string) {
	number, err := msisdn.Parse(caller, "BB")
	require.NoError(w.t, err)
	if pin, ok := strings.CutPrefix(what, issued); ok {
		o, err := w.server.agents.OperatorByMSISDN(w.t.Context(), number)
		require.NoError(w.t, err)
		require.NoError(w.t, w.server.agents.IssuePIN(w.t.Context(), officer, o.ID, secret.New(pin)))
		return
	}
	happening := happenings[what]
	require.NotNil(w.t, happening, what)
	c, err := w.server.customers.ByMSISDN(w.t.Context(), number)
	require.NoError(w.t, err)
	require.NoError(w.t, happening(w, c))
}

// hop is one callback.
func (w *world) hop() string {
	form := url.Values{
		"sessionId": {w.session}, "phoneNumber": {w.caller}, "serviceCode": {w.code}, "text": {strings.Join(w.inputs, "*")},
	}
	request := httptest.NewRequest(http.MethodPost, "/ussd/africastalking/demo", strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := w.server.app.Fiber().Test(request, -1)
	require.NoError(w.t, err)
	defer func() { _ = answer.Body.Close() }() // read whole
	body, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	require.Equal(w.t, http.StatusOK, answer.StatusCode)
	return string(body)
}

func (w *world) Holds(caller, account string) string {
	ctx := w.t.Context()
	number, err := msisdn.Parse(caller, "BB")
	require.NoError(w.t, err)
	var id uuid.UUID
	switch account {
	case "wallet", "savings", "owed":
		c, err := w.server.customers.ByMSISDN(ctx, number)
		require.NoError(w.t, err)
		id = w.account(c, account)
	default:
		o, err := w.server.agents.OperatorByMSISDN(ctx, number)
		require.NoError(w.t, err)
		id = map[string]uuid.UUID{"float": o.Agent.Float, "commission": o.Agent.Commission}[account]
	}
	b, err := w.server.ledger.Balance(ctx, id)
	require.NoError(w.t, err)
	return amount(b.Available).Format()
}

// account is one of a customer's own, or the one that keeps what they owe.
func (w *world) account(c customers.Customer, account string) uuid.UUID {
	ctx := w.t.Context()
	switch account {
	case "savings":
		saved, err := w.server.products.Savings(ctx, c.ID)
		require.NoError(w.t, err)
		return saved.Account
	case "owed":
		credit, err := w.server.products.Credit(ctx, c.ID)
		require.NoError(w.t, err)
		return credit.Receivable
	default:
		return c.Wallet
	}
}

// SMS sends what waits and reads the newest message to the caller.
func (w *world) SMS(caller string) string {
	number, err := msisdn.Parse(caller, "BB")
	require.NoError(w.t, err)
	_, err = w.outbox.Once(w.t.Context())
	require.NoError(w.t, err)
	newest := ""
	for _, m := range w.inbox.Sent() {
		if m.To == number {
			newest = m.Text.Reveal()
		}
	}
	return newest
}
