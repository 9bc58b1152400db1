package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/secret"
	"nova/sql"
)

func statement(text string) sql.Query { return sql.Query{Name: "test", Text: text} }

// authorised is the key of a hop on which the old PIN was found right.
func (w *world) authorised() ledger.Key {
	w.t.Helper()
	key := w.key()
	require.NoError(w.t, w.identity.Authenticate(w.t.Context(), key, w.identity.PIN(w.person, secret.New(rightPIN))))
	return key
}

func (w *world) told() int {
	w.t.Helper()
	var n int
	require.NoError(w.t, w.db.Get(w.t.Context(), &n, statement(`select count(*) from notices where template = 'sms.pin.changed'`)))
	return n
}

func TestChangePIN(t *testing.T) {
	w := newWorld(t)
	change := w.change(w.authorised(), "2469")
	for range 3 { // however often the hop is delivered
		require.NoError(t, w.identity.ChangePIN(t.Context(), change))
	}
	require.NoError(t, w.try("2469"))
	refused(t, w.try(rightPIN), fault.PINInvalid)
	require.Equal(t, 1, w.told())
}

func TestChangePINNeedsEvidence(t *testing.T) {
	rows := []struct {
		name string
		make func(w *world) identity.PINChange
		code fault.Code
	}{
		{"no earlier step", func(w *world) identity.PINChange { return w.change(w.key(), "2469") }, fault.CodeForbidden},
		{"a wrong PIN before", func(w *world) identity.PINChange {
			key := w.key()
			refused(w.t, w.identity.Authenticate(w.t.Context(), key, w.identity.PIN(w.person, secret.New(wrongPIN))), fault.PINInvalid)
			return w.change(key, "2469")
		}, fault.CodeForbidden},
		{"another step than a PIN", func(w *world) identity.PINChange {
			key := w.key()
			_, err := w.identity.Once(w.t.Context(), key, w.identity.Body("x"),
				func(context.Context, *sql.Tx) (map[string]string, error) { return nil, nil })
			require.NoError(w.t, err)
			return w.change(key, "2469")
		}, fault.CodeForbidden},
		{"a step of eleven minutes ago", func(w *world) identity.PINChange {
			key := w.authorised()
			w.clock.Advance(11 * time.Minute)
			return w.change(key, "2469")
		}, fault.CodeForbidden},
		{"the PIN was changed meanwhile, in another dialogue", func(w *world) identity.PINChange {
			key := w.authorised()
			w.clock.Advance(time.Second)
			w.set("8253")
			return w.change(key, "2469")
		}, fault.CodeForbidden},
		{"locked meanwhile", func(w *world) identity.PINChange {
			key := w.authorised()
			for range 3 {
				require.Error(w.t, w.try(wrongPIN))
			}
			return w.change(key, "2469")
		}, fault.AccountLocked},
		{"a weak PIN", func(w *world) identity.PINChange { return w.change(w.authorised(), "1234") }, fault.ValidationError},
		{"the PIN in use", func(w *world) identity.PINChange { return w.change(w.authorised(), rightPIN) }, fault.ValidationError},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			change := row.make(w)
			before := w.row()
			refused(t, w.identity.ChangePIN(t.Context(), change), row.code)
			require.Equal(t, before.Sealed, w.row().Sealed)
			require.Zero(t, w.told())
		})
	}
}

func TestAnothersEvidenceUnderOnesOwnScopeIsNone(t *testing.T) {
	w := newWorld(t)
	mine := w.authorised()
	victim := identity.Subject{Kind: identity.Customer, ID: ids.New(noon)}
	w.person = victim
	w.set("2469")
	change := w.change(mine, "9753")
	change.Key.Scope = mine.Scope // a caller who names somebody else's row
	refused(t, w.identity.ChangePIN(t.Context(), change), fault.CodeForbidden)
}

func TestCheckNew(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.identity.CheckNew(t.Context(), w.person, secret.New("2469"), 1985))
	for _, pin := range []string{"1111", "1985", rightPIN} {
		f := refused(t, w.identity.CheckNew(t.Context(), w.person, secret.New(pin), 1985), fault.ValidationError)
		require.Contains(t, f.Fields, "pin")
	}
}
