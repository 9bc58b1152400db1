package sessions_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"nova/core/msisdn"
	"nova/core/secret"
	"nova/sessions"
)

func TestMain(m *testing.M) {
	sessions.LogTo(slog.New(slog.DiscardHandler)) // dead servers are part of these tests
	goleak.VerifyTestMain(m)
}

// ttl outlives every test that does not wait for it.
const ttl = time.Minute

// deadline is generous: a test that needs it hangs.
const deadline = 10 * time.Second

var (
	key   = sessions.Key{Gateway: "africastalking", ID: "ATUid_e9d0662dea3f3db658e79d9b62f7900c"}
	began = time.Date(2026, 11, 21, 10, 31, 0, 123000, time.UTC)

	marcia  = caller("+12462501001")
	andre   = caller("12462501002")
	shanice = caller("12462501003")
)

func caller(number string) msisdn.MSISDN {
	m, err := msisdn.FromNetwork(number)
	if err != nil {
		panic(err)
	}
	return m
}

// open makes a store with keys of its own unless o brings some.
func open(t testing.TB, url string, o sessions.Options) *sessions.Store {
	t.Helper()
	o.URL = secret.New(url)
	if o.Keys == nil {
		o.Keys = secret.EphemeralKeyring()
	}
	s, err := sessions.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// raw is a client beside the store, to look at Redis and to tamper with it.
func raw(t testing.TB, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	require.NoError(t, err)
	o.PipelinePoolSize = -1
	c := redis.NewClient(o)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	return ctx
}

func load(t testing.TB, s *sessions.Store, m msisdn.MSISDN) sessions.Loaded {
	t.Helper()
	l, err := s.Load(within(t), key, m, true)
	require.NoError(t, err)
	return l
}

// save writes where nobody is in the way.
func save(t testing.TB, s *sessions.Store, l sessions.Loaded, next *sessions.Session) {
	t.Helper()
	winner, err := s.Save(within(t), key, l, next, nil, ttl)
	require.NoError(t, err)
	require.Nil(t, winner)
}

// atPIN is a session as it stands on the PIN screen of the longest errand.
func atPIN() *sessions.Session {
	return &sessions.Session{
		Dialogue: uuid.MustParse("019ac3f4-0000-7000-8000-0123456789ab"),
		Began:    began,
		Root:     "customer", Flow: "send_money", Screen: "send_pin",
		Stack:  []string{"home", "send_number", "send_amount"},
		Values: map[string]string{"payee": "12462501002", "amount": "50.00", "name": "Andre C.", "fee": "1.00"},
		Hop:    4, Read: 21, Seq: 5, Tries: 1, Page: 2,
		Language: "en", Menu: "2026-11-21.1",
		Reply: sessions.Reply{Text: "Send BBD 50.00\nto Andre C. 246 250 1002\n" +
			"Fee 1.00 Total 51.00\nEnter PIN to send\n0 Back\n00 Home", End: true},
		Ended:    true,
		InputMAC: []byte("0123456789abcdef"), Opening: []byte("fedcba9876543210"),
		AnsweredAt: began.Add(time.Minute),
	}
}

func unfinished() *sessions.Resume {
	return &sessions.Resume{
		Dialogue: uuid.MustParse("019ac3f4-0000-7000-8000-0123456789ab"),
		Flow:     "send_money", Screen: "send_pin", Stack: []string{"home"},
		Values:   map[string]string{"payee": "12462501002"},
		Intent:   uuid.MustParse("019ac3f4-0000-7000-8000-0123456789ac"),
		At:       began,
		Language: "fr",
	}
}
