package customers_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/secret"
	"nova/sql"
)

// desk opens resets as a member of staff.
func (w *world) desk(c customers.Customer, year int, last4 string) error {
	return w.customers.OpenReset(w.t.Context(), identity.Via{Actor: staff().String(), Channel: "console"}, c.ID,
		customers.IDCheck{BirthYear: year, Last4: last4})
}

// withID is Kofi with a document.
func (w *world) withID() customers.Customer {
	w.t.Helper()
	c := w.another(1)
	w.spoil(c.ID, `update customers set birth_date = '1990-07-02' where id = $1`)
	require.NoError(w.t, w.customers.SetNumbers(w.t.Context(), staff(), c.ID, customers.Numbers{IDNumber: secret.New("9007020099")}))
	return c
}

// recorded are the acts and how they ended.
func (w *world) recorded(action string) []string {
	w.t.Helper()
	var found []string
	require.NoError(w.t, w.db.Select(w.t.Context(), &found, sql.Query{Name: "test.recorded", Text: `
		select outcome || ' ' || detail from audit_events where action = $1`}, action))
	return found
}

func (w *world) resetOpen(c customers.Customer) bool {
	w.t.Helper()
	st, err := w.identity.Status(w.t.Context(), c.Subject())
	require.NoError(w.t, err)
	return st.ResetOpen
}

func TestSupportOpensAResetForWhoShowsTheirID(t *testing.T) {
	w := newWorld(t)
	c := w.withID()
	require.Equal(t, 2, refused(t, w.desk(c, 1991, "0099"), fault.PINInvalid).Extra["attempts_left"])
	require.Equal(t, 1, refused(t, w.desk(c, 1990, "0098"), fault.PINInvalid).Extra["attempts_left"])
	require.False(t, w.resetOpen(c))
	require.NoError(t, w.desk(c, 1990, "0099"))
	require.True(t, w.resetOpen(c))
	require.ElementsMatch(t, []string{"done {}", `refused {"code":"PIN_INVALID"}`, `refused {"code":"PIN_INVALID"}`}, w.recorded("customer.id_check"))
	require.Len(t, w.recorded("pin.reset_open"), 1)
	err := w.customers.OpenReset(t.Context(), identity.Via{}, ids.New(noon), customers.IDCheck{})
	refused(t, err, fault.CustomerNotFound)
}

func TestNobodyAtADeskGuessesAnID(t *testing.T) {
	w := newWorld(t)
	c := w.withID()
	var guesses sync.WaitGroup
	codes := make(chan fault.Code, 8)
	for range cap(codes) {
		guesses.Go(func() { codes <- fault.From(w.desk(c, 1991, "0099")).Code })
	}
	guesses.Wait()
	close(codes)
	count := map[fault.Code]int{}
	for code := range codes {
		count[code]++
	}
	require.Equal(t, 2, count[fault.PINInvalid], "%v", count)
	require.Equal(t, 6, count[fault.AccountLocked])
	refused(t, w.desk(c, 1990, "0099"), fault.AccountLocked)
	require.False(t, w.resetOpen(c))
	w.clock.Advance(25 * time.Hour)
	require.NoError(t, w.desk(c, 1990, "0099"))
}

func TestNoResetIsOpenedAfterAChangeOfTheSIM(t *testing.T) {
	w := newWorld(t)
	c := w.withID()
	require.NoError(t, w.customers.ReportSIMSwap(t.Context(), staff(), customers.SIMSwap{
		MSISDN: c.MSISDN, SwappedAt: w.clock.Now(), Source: "support",
	}))
	require.Equal(t, customers.ReasonSIMChanged, fault.Reason(refused(t, w.desk(c, 1990, "0099"), fault.CodeForbidden)))
	require.False(t, w.resetOpen(c))
	require.Empty(t, w.recorded("customer.id_check"))
}

func TestAStatusIsSetWithItsReasonAndClosedStaysSo(t *testing.T) {
	w := newWorld(t)
	c := w.another(1)
	set := func(to customers.Status) error {
		return w.customers.SetStatus(t.Context(), staff(), c.ID, to, "lost handset, call 12462501009")
	}
	require.NoError(t, set(customers.Suspended))
	require.NoError(t, set(customers.Active))
	require.NoError(t, set(customers.Closed))
	refused(t, set(customers.Active), fault.InvalidState)
	require.ElementsMatch(t, []string{
		`done {"from":"active","reason":"lost handset, call ***1009","to":"closed"}`,
		`done {"from":"suspended","reason":"lost handset, call ***1009","to":"active"}`,
		`done {"from":"active","reason":"lost handset, call ***1009","to":"suspended"}`,
	}, w.recorded("customer.status"))
}
