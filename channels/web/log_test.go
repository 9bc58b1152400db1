package web_test

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/channels/web"
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
