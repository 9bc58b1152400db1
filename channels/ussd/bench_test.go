package ussd_test

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"nova/channels/ussd"
	"nova/channels/ussd/africastalking"
	"nova/channels/web"
	"nova/core/clock"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/menus"
	"nova/sessions"
)

// still is a menu of one screen.
type still struct{ reply sessions.Reply }

func (m still) Begin(context.Context, *sessions.Session, menus.Dial, *sessions.Resume, []string) menus.Outcome {
	return menus.Outcome{Reply: m.reply}
}

func (m still) Input(context.Context, *sessions.Session, menus.Dial, string) menus.Outcome {
	return menus.Outcome{Reply: m.reply}
}

func (m still) Sorry(string, error, string) sessions.Reply { return m.reply }
func (m still) DialAgain(string) sessions.Reply            { return m.reply }
func (still) Version() string                              { return "still" }

// shelf keeps sessions in memory, so that what is measured is the pipeline.
type shelf struct{ kept sync.Map }

func (s *shelf) Load(_ context.Context, key sessions.Key, _ msisdn.MSISDN, _ bool) (sessions.Loaded, error) {
	if v, ok := s.kept.Load(key); ok {
		return sessions.Loaded{Session: v.(*sessions.Session)}, nil //nolint:forcetypeassert // Save alone stores
	}
	return sessions.Loaded{}, nil
}

func (s *shelf) Save(
	_ context.Context, key sessions.Key, _ sessions.Loaded, next *sessions.Session, _ *sessions.Resume, _ time.Duration,
) (*sessions.Session, error) {
	next.Hop = 1 // a dialogue without end
	s.kept.Store(key, next)
	return nil, nil
}

// nowhere takes log lines and drops them, after they were made.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkHop is a callback through Fiber, door, decoder, pipeline and log, without
// menus and Redis.
func BenchmarkHop(b *testing.B) {
	p, err := ussd.New(ussd.Options{
		Engine: still{reply: sessions.Reply{Text: "Nova\n1 Send money\n2 Withdraw cash\n3 Pay\n4 Savings and credit\n5 My account"}}, Sessions: &shelf{},
		Hash: secret.EphemeralKeyring().Caller, Clock: clock.System{}, Log: slog.New(slog.NewJSONHandler(nowhere{}, nil)),
		Gateways: []ussd.Terms{{
			Name: "africastalking", Codes: map[string]menus.Root{"*123#": menus.CustomerRoot}, Countries: []string{ussd.AnyCountry},
		}},
	})
	require.NoError(b, err)
	door, err := ussd.NewDoor(ussd.DoorOptions{Token: secret.New("demo")})
	require.NoError(b, err)
	app := fiberApp{fiber.New(fiber.Config{Immutable: true})}
	require.NoError(b, ussd.Mount(app, p, []ussd.Gateway{{Door: door, Turn: africastalking.Gateway{}}}))
	handler := app.Handler()
	var c fasthttp.RequestCtx
	c.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.ParseIP("127.0.0.1")}, nil)
	c.Request.SetRequestURI("/ussd/africastalking/demo")
	c.Request.Header.SetMethod(fiber.MethodPost)
	c.Request.Header.SetContentType(fiber.MIMEApplicationForm)
	text := []byte("sessionId=s1&phoneNumber=%2B12462501001&serviceCode=%2A123%23&networkCode=99999&text=")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		text = strconv.AppendInt(text[:85], int64(i), 10)
		c.Request.SetBody(text)
		c.Response.Reset()
		handler(&c)
	}
	require.Equal(b, fiber.StatusOK, c.Response.StatusCode())
}

// fiberApp is a bare Fiber app that takes routes.
type fiberApp struct{ *fiber.App }

func (a fiberApp) Handle(method, pattern string, _ web.Access, handler fiber.Handler) {
	a.Add(method, pattern, handler)
}
