package customers_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/secret"
)

// forgetful is Kofi, who has forgotten his PIN; support has opened a reset.
func (w *world) forgetful() customers.Customer {
	w.t.Helper()
	c := w.another(1)
	w.spoil(c.ID, `update customers set birth_date = '1990-07-02' where id = $1`)
	require.NoError(w.t, w.customers.SetNumbers(w.t.Context(), staff(), c.ID, customers.Numbers{IDNumber: secret.New("9007020099")}))
	require.NoError(w.t, w.identity.OpenReset(w.t.Context(), c.Subject(), identity.Via{Actor: staff().String()}))
	return c
}

// proved answers the questions.
func (w *world) proved(c customers.Customer) ledger.Key {
	w.t.Helper()
	key := w.key(c.Scope())
	require.NoError(w.t, w.customers.ConfirmIdentity(w.t.Context(), key, c.ID, 1990, "0099"))
	return key
}

func TestAResetSetsAPINOnceAndHoldsMoneyOut(t *testing.T) {
	w := newWorld(t)
	c := w.forgetful()
	confirmed := w.proved(c)
	require.NoError(t, w.admit(c, customers.PayOut))
	refused(t, w.customers.SetFirstPIN(t.Context(), w.key(c.Scope()), c.ID, confirmed, secret.New(newPIN)), fault.ValidationError)
	hop := w.key(c.Scope())
	for range 2 {
		require.NoError(t, w.customers.SetFirstPIN(t.Context(), hop, c.ID, confirmed, secret.New("7406")))
	}
	require.NoError(t, w.identity.Authenticate(t.Context(), w.key(c.Scope()), w.identity.PIN(c.Subject(), secret.New("7406"))))
	require.Equal(t, []string{"sms.pin.reset"}, w.templates())

	refused(t, w.customers.SetFirstPIN(t.Context(), w.key(c.Scope()), c.ID, confirmed, secret.New("8061")), fault.InvalidState)
	refused(t, w.customers.ConfirmIdentity(t.Context(), w.key(c.Scope()), c.ID, 1990, "0099"), fault.InvalidState)
	for _, act := range []customers.Act{customers.PayOut, customers.CashOut} {
		require.Equal(t, customers.ReasonPINReset, fault.Reason(refused(t, w.admit(c, act), fault.CodeForbidden)))
	}
	require.NoError(t, w.admit(c, customers.Look))
	w.clock.Advance(4 * time.Hour)
	require.NoError(t, w.admit(c, customers.CashOut))
}

func TestAChangedPINHoldsNothing(t *testing.T) {
	w := newWorld(t)
	c := w.another(1)
	key := w.key(c.Scope())
	require.NoError(t, w.identity.Authenticate(t.Context(), key, w.identity.PIN(c.Subject(), secret.New(newPIN))))
	require.NoError(t, w.customers.ChangePIN(t.Context(), w.key(c.Scope()), c.ID, key, secret.New("7406")))
	require.NoError(t, w.admit(c, customers.PayOut))
}

// TestAResetIsRefused: nothing of it changes the PIN.
func TestAResetIsRefused(t *testing.T) {
	rows := []struct {
		name string
		try  func(w *world, c customers.Customer) error
		code fault.Code
	}{
		{"after a day", func(w *world, c customers.Customer) error {
			w.clock.Advance(24 * time.Hour)
			return w.customers.ConfirmIdentity(t.Context(), w.key(c.Scope()), c.ID, 1990, "0099")
		}, fault.InvalidState},
		{"between the questions and the PIN, at the end of the day", func(w *world, c customers.Customer) error {
			w.clock.Advance(24*time.Hour - time.Minute)
			confirmed := w.proved(c)
			w.clock.Advance(time.Minute)
			return w.customers.SetFirstPIN(t.Context(), w.key(c.Scope()), c.ID, confirmed, secret.New("7406"))
		}, fault.InvalidState},
		{"without the answers", func(w *world, c customers.Customer) error {
			return w.customers.SetFirstPIN(t.Context(), w.key(c.Scope()), c.ID, w.key(c.Scope()), secret.New("7406"))
		}, fault.CodeForbidden},
		{"with a wrong answer", func(w *world, c customers.Customer) error {
			return w.customers.ConfirmIdentity(t.Context(), w.key(c.Scope()), c.ID, 1991, "0099")
		}, fault.PINInvalid},
		{"with another one's answers", func(w *world, c customers.Customer) error {
			return w.customers.SetFirstPIN(t.Context(), w.key(c.Scope()), w.another(2).ID, w.proved(c), secret.New("7406"))
		}, fault.CodeForbidden},
		{"on a changed SIM", func(w *world, c customers.Customer) error {
			confirmed := w.proved(c)
			w.swapped(c, w.clock.Now())
			return w.customers.SetFirstPIN(t.Context(), w.key(c.Scope()), c.ID, confirmed, secret.New("7406"))
		}, fault.CodeForbidden},
		{"where the owner has blocked USSD", func(w *world, c customers.Customer) error {
			confirmed := w.proved(c)
			require.NoError(w.t, w.customers.BlockUSSD(t.Context(), c.Subject(), c.ID))
			return w.customers.SetFirstPIN(t.Context(), w.key(c.Scope()), c.ID, confirmed, secret.New("7406"))
		}, fault.CodeForbidden},
		{"nobody opened one", func(w *world, _ customers.Customer) error {
			return w.customers.ConfirmIdentity(t.Context(), w.key("cus:x"), w.another(2).ID, 1985, "0099")
		}, fault.InvalidState},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			c := w.forgetful()
			refused(t, row.try(w, c), row.code)
			require.NoError(t, w.identity.Authenticate(t.Context(), w.key(c.Scope()), w.identity.PIN(c.Subject(), secret.New(newPIN))), "the old PIN")
		})
	}
}

func TestTwoDialsUseAResetOnce(t *testing.T) {
	w := newWorld(t)
	c := w.forgetful()
	confirmed := w.proved(c)
	keys := make([]ledger.Key, 6)
	for i := range keys {
		keys[i] = w.key(c.Scope())
	}
	failures := make([]error, len(keys))
	var group sync.WaitGroup
	for i, key := range keys {
		group.Go(func() {
			failures[i] = w.customers.SetFirstPIN(t.Context(), key, c.ID, confirmed, secret.New([]string{"7406", "8061"}[i%2]))
		})
	}
	group.Wait()
	set := 0
	for _, err := range failures {
		if err == nil {
			set++
			continue
		}
		require.True(t, fault.Is(err, fault.InvalidState) || fault.Is(err, fault.ValidationError), "%v", errors.Join(failures...))
	}
	require.Equal(t, 1, set)
}
