package customers_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/core/transactions"
)

// provider is an operator's API that tells of SIM swaps as a test says.
type provider struct {
	at    time.Time
	found bool
	err   error
}

func (p provider) SwappedAt(context.Context, msisdn.MSISDN) (time.Time, bool, error) {
	return p.at, p.found, p.err
}

// with makes the service anew with other options.
func (w *world) with(change func(o *customers.Options)) {
	o := customers.Options{
		DB: w.db, Ledger: w.ledger, Identity: w.identity, Keyring: w.keyring, Clock: w.clock, Currency: money.BBD,
	}
	change(&o)
	w.customers = customers.New(o)
}

func (w *world) admit(c customers.Customer, act customers.Act) error {
	return w.customers.Admit(w.t.Context(), c.ID, act, transactions.USSD)
}

// TestAChangedSIMHolds: what a thief of a SIM wants waits, and nothing else does.
func TestAChangedSIMHolds(t *testing.T) {
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	silent := errors.New("no answer")
	const local, none = time.Hour, time.Duration(0)
	rows := []struct {
		name     string
		local    time.Duration // ago; 0: nothing is known here
		provider *provider
		silence  customers.Silence
		opens    time.Time
		code     fault.Code
	}{
		{"nothing is known", none, nil, "", time.Time{}, ""},
		{"a report", local, nil, "", ago(local).Add(24 * time.Hour), fault.CodeForbidden},
		{"a report of the day before", 24 * time.Hour, nil, "", time.Time{}, ""},
		{"a minute before it opens", 24*time.Hour - time.Minute, nil, "", noon.Add(time.Minute), fault.CodeForbidden},
		{"the provider alone knows", none, &provider{at: ago(time.Hour), found: true}, "", ago(time.Hour).Add(24 * time.Hour), fault.CodeForbidden},
		{"the provider knows of an old one", none, &provider{at: ago(25 * time.Hour), found: true}, "", time.Time{}, ""},
		{"the provider knows none", none, &provider{}, "", time.Time{}, ""},
		{"the provider knows none, a report does", local, &provider{}, "", ago(local).Add(24 * time.Hour), fault.CodeForbidden},
		{"the provider is silent", none, &provider{err: silent}, customers.SilenceLocal, time.Time{}, ""},
		{"the provider is silent, a report is not", local, &provider{err: silent}, "", ago(local).Add(24 * time.Hour), fault.CodeForbidden},
		{"the provider is silent, and that refuses", none, &provider{err: silent}, customers.SilenceRefuse, time.Time{}, fault.ServiceUnavailable},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			c := w.another(1)
			heard := 0
			w.with(func(o *customers.Options) {
				if row.provider != nil {
					o.SIMs, o.Silence = row.provider, row.silence
				}
				o.Mishap = func(context.Context, error) { heard++ }
			})
			if row.local != none {
				w.swapped(c, ago(row.local))
			}
			for _, act := range []customers.Act{customers.CashOut, customers.ProveByAnswers, customers.RaiseLimit} {
				err := w.admit(c, act)
				if row.code == "" {
					require.NoError(t, err)
					continue
				}
				refused(t, err, row.code)
				opens, _ := fault.OpensAt(err)
				require.True(t, row.opens.Equal(opens), "it opens at %s, want %s", opens, row.opens)
			}
			require.NoError(t, w.admit(c, customers.Look))
			require.NoError(t, w.admit(c, customers.PayOut))
			require.Equal(t, row.provider != nil && row.provider.err != nil && row.code == "", heard > 0, "who runs this is told")
		})
	}
}

func (w *world) swapped(c customers.Customer, at time.Time) {
	w.t.Helper()
	require.NoError(w.t, w.customers.ReportSIMSwap(w.t.Context(), staff(), customers.SIMSwap{
		MSISDN: c.MSISDN, SwappedAt: at, Source: "operator's feed",
	}))
}

func TestWhatTheProviderToldHoldsWhileItIsSilent(t *testing.T) {
	w := newWorld(t)
	c := w.another(1)
	p := &provider{at: noon.Add(-time.Hour), found: true}
	w.with(func(o *customers.Options) { o.SIMs = p })
	refused(t, w.admit(c, customers.CashOut), fault.CodeForbidden)
	p.found, p.err = false, errors.New("no answer")
	refused(t, w.admit(c, customers.CashOut), fault.CodeForbidden)
}

func TestTheNewestReportStays(t *testing.T) {
	w := newWorld(t)
	c := w.another(1)
	w.swapped(c, noon.Add(-time.Hour))
	w.swapped(c, noon.Add(-30*time.Hour))
	found, err := w.customers.ByMSISDN(t.Context(), c.MSISDN)
	require.NoError(t, err)
	require.True(t, found.SIMSwappedAt.Equal(noon.Add(-time.Hour)))
}

// A number may be reported before anybody registers it.
func TestAReportWaitsForItsCustomer(t *testing.T) {
	w := newWorld(t)
	w.swapped(customers.Customer{MSISDN: number(t, "12462600001")}, noon.Add(-time.Hour))
	refused(t, w.admit(w.another(1), customers.CashOut), fault.CodeForbidden)
}

func TestAReportIsRefused(t *testing.T) {
	good := customers.SIMSwap{MSISDN: number(t, "12462600001"), SwappedAt: noon, Source: "feed"}
	rows := []struct {
		name   string
		by     identity.Subject
		change func(s *customers.SIMSwap)
		code   fault.Code
		field  string
	}{
		{"no number", staff(), func(s *customers.SIMSwap) { s.MSISDN = msisdn.MSISDN{} }, fault.ValidationError, "msisdn"},
		{"no time", staff(), func(s *customers.SIMSwap) { s.SwappedAt = time.Time{} }, fault.ValidationError, "swapped_at"},
		{"a time ahead", staff(), func(s *customers.SIMSwap) { s.SwappedAt = noon.Add(time.Hour) }, fault.ValidationError, "swapped_at"},
		{"no source", staff(), func(s *customers.SIMSwap) { s.Source = "" }, fault.ValidationError, "source"},
		{"by a customer", identity.Subject{Kind: identity.Customer, ID: ids.New(noon)}, func(*customers.SIMSwap) {}, fault.CodeForbidden, ""},
	}
	w := newWorld(t)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			swap := good
			row.change(&swap)
			f := refused(t, w.customers.ReportSIMSwap(t.Context(), row.by, swap), row.code)
			if row.field != "" {
				require.Contains(t, f.Fields, row.field)
			}
			require.Zero(t, w.count("sim_swaps"))
		})
	}
}

func TestAnotherIMSIIsAChangedSIM(t *testing.T) {
	w := newWorld(t)
	c := w.another(1)
	saw := func(imsi string) {
		t.Helper()
		require.NoError(t, w.customers.Saw(t.Context(), c, secret.New(imsi)))
	}
	for _, imsi := range []string{"", "no IMSI", "12", "342310009876543", "342310009876543"} {
		saw(imsi)
		require.NoError(t, w.admit(c, customers.CashOut), "%q", imsi)
	}
	w.clock.Advance(time.Hour)
	saw("342310001111111")
	refused(t, w.admit(c, customers.CashOut), fault.CodeForbidden)
	w.clock.Advance(24 * time.Hour)
	saw("342310001111111")
	require.NoError(t, w.admit(c, customers.CashOut))
}

func TestParallelDialsWithANewSIMAreOneChange(t *testing.T) {
	w := newWorld(t)
	c := w.another(1)
	require.NoError(t, w.customers.Saw(t.Context(), c, secret.New("342310009876543")))
	failures := make([]error, 6)
	var group sync.WaitGroup
	for i := range failures {
		group.Go(func() { failures[i] = w.customers.Saw(t.Context(), c, secret.New("342310001111111")) })
	}
	group.Wait()
	require.NoError(t, errors.Join(failures...))
	require.Equal(t, 1, w.count("sim_swaps"))
	require.Equal(t, 1, w.count("sim_cards"))
	refused(t, w.admit(c, customers.CashOut), fault.CodeForbidden)
}

// TestTheOwnerBlocksUSSD: who holds the SIM is kept out, whatever they want; other channels go on.
func TestTheOwnerBlocksUSSD(t *testing.T) {
	w := newWorld(t)
	c, stranger := w.another(1), w.another(2)
	ctx := t.Context()
	refused(t, w.customers.BlockUSSD(ctx, stranger.Subject(), c.ID), fault.CodeForbidden)
	require.NoError(t, w.admit(c, customers.Look))
	for range 2 {
		require.NoError(t, w.customers.BlockUSSD(ctx, c.Subject(), c.ID))
	}
	for _, act := range []customers.Act{customers.Look, customers.PayOut, customers.CashOut} {
		require.Equal(t, customers.ReasonUSSDBlocked, fault.Reason(refused(t, w.admit(c, act), fault.CodeForbidden)))
		require.NoError(t, w.customers.Admit(ctx, c.ID, act, transactions.App))
	}
	refused(t, w.customers.UnblockUSSD(ctx, c.Subject(), c.ID, transactions.USSD), fault.CodeForbidden)
	refused(t, w.customers.UnblockUSSD(ctx, stranger.Subject(), c.ID, transactions.App), fault.CodeForbidden)
	require.Error(t, w.admit(c, customers.Look))
	require.NoError(t, w.customers.UnblockUSSD(ctx, c.Subject(), c.ID, transactions.App))
	require.NoError(t, w.admit(c, customers.Look))
	require.Equal(t, []string{"sms.ussd.blocked", "sms.ussd.unblocked"}, w.templates(), "a block that stands is told once")
}

func TestASuspendedCustomerMayNothing(t *testing.T) {
	w := newWorld(t)
	c := w.another(1)
	for _, row := range []struct {
		status customers.Status
		code   fault.Code
	}{{customers.Suspended, fault.AccountFrozen}, {customers.Closed, fault.AccountClosed}} {
		require.NoError(t, w.customers.SetStatus(t.Context(), identity.Subject{}, c.ID, row.status, "seen"))
		for _, act := range []customers.Act{customers.Look, customers.PayOut, customers.CashOut, customers.ProveByAnswers, customers.RaiseLimit} {
			refused(t, w.admit(c, act), row.code)
		}
	}
	refused(t, w.admit(customers.Customer{ID: ids.New(noon)}, customers.Look), fault.CustomerNotFound)
}

func TestATierIsRaisedByOthersAndWaitsForTheSIM(t *testing.T) {
	w := newWorld(t)
	c := w.another(1)
	tier := func() int {
		t.Helper()
		found, err := w.customers.ByID(t.Context(), c.ID)
		require.NoError(t, err)
		wallet, err := w.ledger.Account(t.Context(), c.Wallet)
		require.NoError(t, err)
		require.Equal(t, found.Tier, wallet.Tier)
		return found.Tier
	}
	w.swapped(c, noon.Add(-time.Hour))
	refused(t, w.customers.SetTier(t.Context(), staff(), c.ID, 2), fault.CodeForbidden)
	refused(t, w.customers.SetTier(t.Context(), c.Subject(), c.ID, 0), fault.CodeForbidden)
	refused(t, w.customers.SetTier(t.Context(), staff(), c.ID, 4), fault.ValidationError)
	require.Equal(t, 1, tier())
	require.NoError(t, w.customers.SetTier(t.Context(), staff(), c.ID, 0), "less may go out at once")
	require.Equal(t, 0, tier())
	w.clock.Advance(24 * time.Hour)
	require.NoError(t, w.customers.SetTier(t.Context(), staff(), c.ID, 2))
	require.Equal(t, 2, tier())
}
