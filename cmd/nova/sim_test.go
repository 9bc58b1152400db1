package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/channels/ussd/native"
	"nova/core/secret"
)

// TestAGatewayThatTellsTheSIMGivesAChangedOneAway: the second handset that dials as Marcia has another SIM.
func TestAGatewayThatTellsTheSIMGivesAChangedOneAway(t *testing.T) {
	w := newWorld(t)
	dial := func(session, code, imsi string) string {
		t.Helper()
		return w.native(map[string]any{
			"session_id": session, "msisdn": marcia, "service_code": code, "type": "begin", "imsi": imsi,
		})
	}
	const cashOut, first, other = "*123*2*1#", "342310009876543", "342310001111111"
	require.Equal(t, "Withdraw cash\nEnter the agent code\n0 Back\n00 Home", dial("s1", cashOut, first))
	w.Wait(time.Hour)
	held := "Your SIM was changed. To keep your money safe, cash out opens at 11:00 on 22/11. Not you? Call 100."
	require.Equal(t, held, dial("s2", cashOut, other))
	require.Equal(t, held, dial("s3", cashOut, first), "the old one is a change again")
	require.Contains(t, dial("s4", "*123*1#", first), "Send money")
	w.Wait(24 * time.Hour)
	require.Contains(t, dial("s5", cashOut, first), "Enter the agent code")
}

// native is one hop over the native gateway, with the demonstration client's token.
func (w *world) native(call map[string]any) (message string) {
	w.t.Helper()
	token, err := w.server.tokens.ClientCredentials(w.t.Context(), "demo", secret.New("demo-secret"), native.Scope)
	require.NoError(w.t, err)
	body, err := json.Marshal(call)
	require.NoError(w.t, err)
	request := httptest.NewRequest(http.MethodPost, "/v1/ussd/session", bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token.Access.Reveal())
	answer, err := w.server.app.Fiber().Test(request, -1)
	require.NoError(w.t, err)
	defer func() { _ = answer.Body.Close() }() // read whole
	var screen struct{ Message string }
	require.NoError(w.t, json.NewDecoder(answer.Body).Decode(&screen))
	require.Equal(w.t, http.StatusOK, answer.StatusCode)
	return screen.Message
}
