package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/ids"
	"nova/core/msisdn"
)

// call is one request of the demonstration's client.
func (w *world) call(method, path, token, body string) (int, map[string]any) {
	w.t.Helper()
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := w.server.app.Fiber().Test(request, -1)
	require.NoError(w.t, err)
	defer func() { _ = answer.Body.Close() }() // read whole
	text, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	var read map[string]any
	require.NoError(w.t, json.Unmarshal(text, &read), "%s", text)
	return answer.StatusCode, read
}

func (w *world) token() string {
	w.t.Helper()
	status, answer := w.call(http.MethodPost, "/v1/oauth/token", "",
		`{"grant_type":"client_credentials","client_id":"`+demoClient+`","client_secret":"`+demoSecret+`"}`)
	require.Equal(w.t, http.StatusOK, status, "%v", answer)
	return answer["access_token"].(string)
}

// TestWhatAClientConfiguresACustomerDials: a line and new terms over HTTP, the handset that goes by them, and the
// workers that pay and charge for it. Afterwards the books are right.
func TestWhatAClientConfiguresACustomerDials(t *testing.T) {
	w := newWorld(t)
	number, err := msisdn.Parse(marcia, "BB")
	require.NoError(t, err)
	c, err := w.server.customers.ByMSISDN(t.Context(), number)
	require.NoError(t, err)
	account := ids.Format(ids.Account, c.Wallet)

	const lines, savings = "/v1/core/overdraft-lines", "/v1/core/savings-products"
	status, line := w.call(http.MethodPost, lines, w.token(), `{"account_id":"`+account+`","limit":{"amount":"100.00","currency":"BBD"},
		"fee_bps":200,"annual_rate_bps":3650,"expires_at":"2026-12-20T00:00:00Z"}`)
	require.Equal(t, http.StatusCreated, status, "%v", line)
	status, terms := w.call(http.MethodPost, savings, w.token(), `{"code":"`+demoSavings+`","currency":"BBD","annual_rate_bps":3650}`)
	require.Equal(t, http.StatusCreated, status, "%v", terms)
	require.Equal(t, "2026-11-22", terms["effective_from"])
	status, listed := w.call(http.MethodGet, savings, w.token(), "")
	require.Equal(t, http.StatusOK, status)
	require.Len(t, listed["data"], 2, "the terms in force and those to come")

	w.underFour("2", "1", "100", "1357") // saves 100.00
	w.underFour("4", "50", "1357")       // borrows 50.00 at 1.00
	w.Wait(24 * time.Hour)
	for range 2 {
		w.Wait(5 * 24 * time.Hour)
		w.work()
	}
	// The ten days of November: on 51.00 a thousandth each; on 100.00 one day at 2.50% and nine at 36.50%.
	require.Equal(t, "51.51", w.Holds(marcia, "owed"))
	require.Equal(t, "90.90", w.Holds(marcia, "savings"), "all but the minimum")
	told := w.told(marcia)
	require.Contains(t, told, "Interest BBD 0.51 for 11/2026 is added to what you owe, now 51.51.")
	require.Contains(t, told, "Interest BBD 0.90 for 11/2026 on Nova Savings. Savings 100.90.")

	status, line = w.call(http.MethodPatch, lines, w.token(), `{"account_id":"`+account+`","status":"suspended"}`)
	require.Equal(t, http.StatusOK, status, "%v", line)
	require.Equal(t, "END You can borrow nothing now. Repay first, or call 100.", w.underFour("4"))
	w.Wait(30 * 24 * time.Hour)
	status, listed = w.call(http.MethodGet, lines+"?account_id="+account, w.token(), "")
	require.Equal(t, http.StatusOK, status)
	require.Len(t, listed["data"], 1)

	report, err := w.server.ledger.Check(context.Background())
	require.NoError(t, err)
	require.Empty(t, report.Breach)
}

// underFour walks Marcia through an errand under 4 and returns the last screen.
func (w *world) underFour(keys ...string) string {
	screen := w.Dial(marcia, "*123#")
	for _, key := range append([]string{"4"}, keys...) {
		screen = w.Key(key)
	}
	return screen
}

// told are all messages to a caller, without their receipts.
func (w *world) told(caller string) (texts []string) {
	w.t.Helper()
	w.SMS(caller) // sends what waits
	number, err := msisdn.Parse(caller, "BB")
	require.NoError(w.t, err)
	for _, m := range w.inbox.Sent() {
		if m.To == number {
			_, text, _ := strings.Cut(m.Text.Reveal(), " ")
			texts = append(texts, text)
		}
	}
	return texts
}

// work is a round of the workers that keep products.
func (w *world) work() {
	w.t.Helper()
	_, err := w.server.products.ExpireLines(w.t.Context(), linesAtOnce)
	require.NoError(w.t, err)
	_, err = w.server.products.Accrue(w.t.Context())
	require.NoError(w.t, err)
	_, err = w.server.products.PostInterest(w.t.Context())
	require.NoError(w.t, err)
}
