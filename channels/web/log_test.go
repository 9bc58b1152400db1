package web_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"nova/channels/web"
	"nova/core/fault"
)

func TestTheLogHidesWhatLooksLikeANumber(t *testing.T) {
	rows := []struct {
		name  string
		value any
		want  string
	}{
		{"a number in E.164", "+12462501002", "+***1002"},
		{"a number in a sentence", "caller 12462501002 again", "caller ***1002 again"},
		{"two numbers", "12462501001,12462501002", "***1001,***1002"},
		{"a number in a driver's error", errors.New(`key (msisdn)=(12462501002) exists`), "key (msisdn)=(***1002) exists"},
		{"a UUID keeps its digits", "01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000001"},
		{"an id keeps its digits", "txn_123456789012", "txn_123456789012"},
		{"an amount keeps its digits", "12345678.50", "12345678.50"},
		{"a count keeps its digits", 12462501002, "12462501002"},
		{"no digits", "plain", "plain"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var b bytes.Buffer
			web.NewLogger(&b, slog.LevelInfo, "text").Info("x", "value", row.value)
			require.Contains(t, b.String(), row.want)
			if row.want == "plain" {
				return
			}
			if text, ok := row.value.(string); ok && text != row.want {
				require.NotContains(t, b.String(), text)
			}
		})
	}
}

func TestTheLogIsJSONInUTC(t *testing.T) {
	var b bytes.Buffer
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.FixedZone("AST", -4*3600))
	web.NewLogger(&b, slog.LevelInfo, "json").Info("x", "at", at)
	require.Contains(t, b.String(), `"at":"2026-11-21T14:00:00Z"`)
}

func TestTheLogHidesNumbersWhereverTheyStand(t *testing.T) {
	const number = "12462501002"
	for name, write := range map[string]func(*slog.Logger){
		"in the message":       func(l *slog.Logger) { l.Info("no customer " + number) },
		"in a group":           func(l *slog.Logger) { l.Info("x", slog.Group("a", slog.Group("b", slog.String("c", number)))) },
		"in a fault":           func(l *slog.Logger) { l.Info("x", "fault", fault.New(fault.NotFound, "no customer %s", number)) },
		"on every line":        func(l *slog.Logger) { l.With("caller", number).Info("x") },
		"on a line of a group": func(l *slog.Logger) { l.WithGroup("a").With("caller", number).Info("x") },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			write(web.NewLogger(&b, slog.LevelInfo, "json"))
			require.Contains(t, b.String(), "***1002")
			require.NotContains(t, b.String(), number)
		})
	}
}

func TestADoorThatWritesItsOwnLinesGetsNoSecondOne(t *testing.T) {
	for path, wanted := range map[string]bool{
		"/ussd/answered": false, "/ussd/refused": true, "/ussd/broken": true, "/ussd/nowhere": true, "/elsewhere": true,
	} {
		t.Run(path, func(t *testing.T) {
			var b lockedBuffer
			app := web.New(web.Options{
				Logger: web.NewLogger(&b, slog.LevelInfo, "json"), Doors: []web.Door{{Prefix: "/ussd", OwnLog: true}},
			})
			for route, answer := range map[string]fiber.Handler{
				"/ussd/answered": func(c *fiber.Ctx) error { return c.SendString("CON") },
				"/ussd/refused":  func(c *fiber.Ctx) error { return c.SendStatus(http.StatusForbidden) },
				"/ussd/broken":   func(*fiber.Ctx) error { return errors.New("broken") },
				"/elsewhere":     func(c *fiber.Ctx) error { return c.SendString("ok") },
			} {
				app.Handle(http.MethodGet, route, web.Open("test"), answer)
			}
			answer, err := app.Fiber().Test(httptest.NewRequest(http.MethodGet, path, http.NoBody))
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, wanted, strings.Contains(b.String(), `"msg":"request"`), b.String())
		})
	}
}
