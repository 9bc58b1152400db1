package rest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/channels/rest"
)

func TestHealth(t *testing.T) {
	rows := []struct {
		name   string
		change func(*api)
		code   int
		status string
	}{
		{"all parts work", func(*api) {}, 200, "available"},
		{"a part fails that is not vital", func(a *api) { a.probes["redis"] = errors.New("gone") }, 200, "degraded"},
		{"a vital part fails", func(a *api) { a.probes["postgres"] = errors.New("password " + canarySecret) }, 503, "unavailable"},
		{"the server is shutting down", func(a *api) { a.drain = true }, 503, "unavailable"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := newAPI(t, 1)
			row.change(a)
			status, _, body := a.do(t, request{Method: "GET", Path: "/v1/health"})
			require.Equal(t, row.code, status)
			var got rest.HealthBody
			require.NoError(t, json.Unmarshal(bytes.ReplaceAll(body, []byte(`"time":"2026-11-21T14:00:00.123Z",`), nil), &got))
			require.Equal(t, row.status, got.Status)
			require.Len(t, got.Checks, 3)
			require.NotContains(t, string(body), canarySecret)
		})
	}
	t.Run("an answer stands for a second", func(t *testing.T) {
		a := newAPI(t, 1)
		a.do(t, request{Method: "GET", Path: "/v1/health"})
		a.probes["postgres"] = errors.New("gone")
		status, _, _ := a.do(t, request{Method: "GET", Path: "/v1/health"})
		require.Equal(t, 200, status)
		a.clock.Advance(time.Second)
		status, _, _ = a.do(t, request{Method: "GET", Path: "/v1/health"})
		require.Equal(t, 503, status)
	})
}
