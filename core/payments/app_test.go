package payments_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/money"
	"nova/core/payments"
	"nova/core/secret"
	"nova/sql"
)

// asApp is a send as an app confirms it: by its device's signature, at the price list's fee, under its request's hash.
func (w *world) asApp() payments.SendOrder {
	o := w.send()
	o.Proof, o.FeeShown, o.AtTariff, o.Body = w.identity.Signature(w.marcia.Subject()), money.Amount{}, true, [32]byte{1}
	return o
}

func TestAnAppsOrderAgreesToThePriceListAndIsSigned(t *testing.T) {
	w := newWorld(t)
	o := w.asApp()
	o.Note = "rent"
	r, err := w.payments.Send(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, bbd(1_00), r.Fee)
	var note string
	require.NoError(t, w.db.Get(t.Context(), &note, sql.Query{
		Name: "test.note", Text: `select metadata from postings where id = $1`,
	}, r.Transaction))
	require.JSONEq(t, `{"note":"rent"}`, note)

	again, err := w.payments.Send(t.Context(), o)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	o.Body = [32]byte{2}
	_, err = w.payments.Send(t.Context(), o)
	refused(t, err, fault.IdempotencyConflict)

	theirs := w.asApp()
	theirs.Proof = w.identity.Signature(w.andre.Subject())
	_, err = w.payments.Send(t.Context(), theirs)
	refused(t, err, fault.CodeForbidden)
}

// An app that has shown no fee of a draw has nobody's agreement to it.
func TestAnAppsOrderDrawsOnNoOverdraft(t *testing.T) {
	w := newWorld(t)
	w.lend()
	o := w.asApp()
	o.Amount = bbd(250_00)
	_, err := w.payments.Send(t.Context(), o)
	refused(t, err, fault.QuoteExpired)
	o = w.asApp()
	o.Amount = bbd(199_00)
	_, err = w.payments.Send(t.Context(), o)
	require.NoError(t, err, "her own money suffices, so nothing of the refused one has moved")
}

// The same request may bring the right PIN after a wrong one; the wrong one counts.
func TestAWrongPINOfAnAppIsNotKeptUnderItsKey(t *testing.T) {
	w := newWorld(t)
	o := w.asApp()
	o.Proof = w.identity.PIN(w.marcia.Subject(), secret.New("864209"))
	_, err := w.payments.Send(t.Context(), o)
	require.Equal(t, map[string]any{"attempts_left": 2}, refused(t, err, fault.PINInvalid).Extra)
	o.Proof = w.identity.PIN(w.marcia.Subject(), secret.New(marciaPIN))
	_, err = w.payments.Send(t.Context(), o)
	require.NoError(t, err)
}
