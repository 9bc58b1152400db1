package menus_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/msisdn"
	"nova/core/payments"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/menus"
	"nova/menus/gsm7"
	"nova/sessions"
)

// nosy is a bank that somebody asks whose numbers those are. It grants so many look-ups.
type nosy struct {
	known
	menus.Payments
	granted, looked int
	saw             []string
	admit           error
}

func (n *nosy) Allow(context.Context, msisdn.MSISDN) error {
	n.granted--
	if n.granted < 0 {
		return fault.New(fault.RateLimitExceeded, "too many numbers")
	}
	return nil
}

func (n *nosy) Payee(context.Context, uuid.UUID, msisdn.MSISDN) (payments.Party, error) {
	n.looked++
	return payments.Party{}, fault.New(fault.CustomerNotFound, "nobody")
}

// people are the bank's customers, whose SIMs it sees.
type people struct {
	known
	bank *nosy
}

func (p people) Saw(_ context.Context, _ customers.Customer, imsi secret.Text) error {
	p.bank.saw = append(p.bank.saw, imsi.Reveal())
	return nil
}

func (p people) Admit(context.Context, uuid.UUID, customers.Act, transactions.Channel) error {
	return p.bank.admit
}

func (n *nosy) engine(t *testing.T) *menus.Engine {
	t.Helper()
	packs, err := menus.LoadPacks("en")
	require.NoError(t, err)
	e, err := menus.New(menus.Options{
		Packs: packs, Clock: clock.NewManual(now), Currency: "BBD", Region: "BB", Location: time.UTC, Help: "100",
		Services: menus.Services{Customers: people{bank: n}, Identity: n.known, Payments: n, Lookups: n},
	})
	require.NoError(t, err)
	return e
}

func dialled() (*sessions.Session, menus.Dial) {
	return &sessions.Session{Dialogue: ids.New(now), Hop: 1},
		menus.Dial{Root: menus.CustomerRoot, Budget: gsm7.Default, IMSI: secret.New("342310009876543")}
}

func TestWhoTriesManyNumbersIsToldNothingMore(t *testing.T) {
	n := &nosy{granted: 1}
	e := n.engine(t)
	s, d := dialled()
	e.Begin(t.Context(), s, d, nil, []string{"1"})
	require.Contains(t, e.Input(t.Context(), s, d, "2462501077").Reply.Text, "That number has no account")
	out := e.Input(t.Context(), s, d, "2462501078")
	require.Equal(t, sessions.Reply{Text: "Too many tries. Please wait a minute.", End: true}, out.Reply)
	require.Equal(t, 1, n.looked)
}

func TestTheSIMIsLookedAtOnceADial(t *testing.T) {
	n := &nosy{}
	e := n.engine(t)
	s, d := dialled()
	e.Begin(t.Context(), s, d, nil, nil)
	e.Input(t.Context(), s, d, "5")
	require.Equal(t, []string{"342310009876543"}, n.saw)
	d.IMSI = secret.Text{}
	e.Begin(t.Context(), s, d, nil, nil)
	require.Len(t, n.saw, 1, "a gateway that tells none says nothing")
}

// TestTheHourIsRoundedUp: whoever comes at the minute that they were told finds the door open.
func TestTheHourIsRoundedUp(t *testing.T) {
	for opens, want := range map[time.Duration]string{
		time.Hour: "15:00 on 21/11", time.Hour + time.Second: "15:01 on 21/11", 10 * time.Hour: "00:00 on 22/11",
	} {
		n := &nosy{admit: fault.Held(customers.ReasonPINReset, now.Add(opens))}
		s, d := dialled()
		out := n.engine(t).Begin(t.Context(), s, d, nil, []string{"1"})
		require.True(t, out.Reply.End)
		require.Contains(t, out.Reply.Text, want)
	}
}
