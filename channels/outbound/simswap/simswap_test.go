package simswap_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/channels/outbound/simswap"
	"nova/core/clock"
	"nova/core/customers"
	"nova/core/msisdn"
	"nova/core/secret"
)

var _ customers.SIMSwaps = (*simswap.Client)(nil)

var noon = time.Date(2026, 11, 18, 16, 0, 0, 0, time.UTC)

// operator answers as a test says, by path.
type operator struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]string
	status  int
	asked   []string
	token   string
	calls   atomic.Int64
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	o := &operator{answers: map[string]string{}, status: http.StatusOK}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.calls.Add(1)
		o.mu.Lock()
		defer o.mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		o.asked, o.token = append(o.asked, r.Method+" "+r.URL.Path+" "+string(body)), r.Header.Get("Authorization")
		w.WriteHeader(o.status)
		_, _ = io.WriteString(w, o.answers[r.URL.Path]) // the client's end of it is what is tested
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *operator) client(t *testing.T, now clock.Clock) *simswap.Client {
	t.Helper()
	c, err := simswap.New(simswap.Options{URL: o.URL, Token: secret.New("opaque"), Period: 24 * time.Hour, Clock: now})
	require.NoError(t, err)
	return c
}

func number(t *testing.T, digits string) msisdn.MSISDN {
	t.Helper()
	m, err := msisdn.FromNetwork(digits)
	require.NoError(t, err)
	return m
}

const (
	date  = "/sim-swap/v1/retrieve-date"
	check = "/sim-swap/v1/check"
)

func TestAnswers(t *testing.T) {
	rows := []struct {
		name    string
		status  int
		answers map[string]string
		at      time.Time
		found   bool
		fails   string
		asked   []string
	}{
		{"a change and its time", 200, map[string]string{date: `{"latestSimChange":"2026-11-18T10:27:08.312-04:00"}`},
			time.Date(2026, 11, 18, 14, 27, 8, 312_000_000, time.UTC), true, "", []string{`POST ` + date + ` {"phoneNumber":"+12462501001"}`}},
		{"no date, and none in the period", 200, map[string]string{date: `{"latestSimChange":null}`, check: `{"swapped":false}`},
			time.Time{}, false, "", []string{`POST ` + date + ` {"phoneNumber":"+12462501001"}`, `POST ` + check + ` {"maxAge":24,"phoneNumber":"+12462501001"}`}},
		{"one in the period, and not when", 200, map[string]string{date: `{}`, check: `{"swapped":true}`}, noon, true, "", nil},
		{"no number of theirs", 404, map[string]string{date: `{"code":"IDENTIFIER_NOT_FOUND"}`}, time.Time{}, false, "", nil},
		{"not applicable", 422, nil, time.Time{}, false, "", nil},
		{"a token that is over", 401, nil, time.Time{}, false, "answered 401", nil},
		{"too many calls", 429, nil, time.Time{}, false, "answered 429", nil},
		{"broken", 503, nil, time.Time{}, false, "answered 503", nil},
		{"elsewhere", 307, nil, time.Time{}, false, "answered 307", nil},
		{"no JSON", 200, map[string]string{date: `+12462501001`}, time.Time{}, false, "no JSON of this API", nil},
		{"a check without an answer", 200, map[string]string{date: `{}`, check: `{}`}, time.Time{}, false, "without swapped", nil},
		{"an answer without an end", 200, map[string]string{date: `{"x":"` + string(make([]byte, 64<<10))}, time.Time{}, false, "no JSON", nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			o := newOperator(t)
			o.status, o.answers = row.status, row.answers
			at, found, err := o.client(t, clock.NewManual(noon)).SwappedAt(t.Context(), number(t, "12462501001"))
			if row.fails != "" {
				require.ErrorContains(t, err, row.fails)
				require.NotContains(t, err.Error(), "2501001", "no number is told")
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.found, found)
			require.True(t, row.at.Equal(at), "%s", at)
			require.Equal(t, "Bearer opaque", o.token)
			if row.asked != nil {
				require.Equal(t, row.asked, o.asked)
			}
		})
	}
}

func TestAnAnswerIsRememberedForAMinute(t *testing.T) {
	o := newOperator(t)
	now := clock.NewManual(noon)
	o.answers = map[string]string{date: `{"latestSimChange":"2026-11-18T10:00:00Z"}`}
	c := o.client(t, now)
	ask := func(digits string) {
		t.Helper()
		_, found, err := c.SwappedAt(t.Context(), number(t, digits))
		require.NoError(t, err)
		require.True(t, found)
	}
	ask("12462501001")
	ask("12462501001")
	require.EqualValues(t, 1, o.calls.Load())
	ask("12462501002")
	require.EqualValues(t, 2, o.calls.Load())
	now.Advance(time.Minute)
	ask("12462501001")
	require.EqualValues(t, 3, o.calls.Load())
}

// Whoever has fallen silent is not asked again at once: people do not wait for each of their errands.
func TestASilentOperatorIsLeftAlone(t *testing.T) {
	o := newOperator(t)
	o.status = http.StatusServiceUnavailable
	c := o.client(t, clock.NewManual(noon))
	for range 9 {
		_, _, err := c.SwappedAt(t.Context(), number(t, "12462501001"))
		require.Error(t, err, "a failure is not remembered as an answer")
	}
	require.EqualValues(t, 5, o.calls.Load())
}

func TestNobodyWaitsLongerThanTheTimeout(t *testing.T) {
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(release) })
	c, err := simswap.New(simswap.Options{URL: slow.URL, Timeout: 20 * time.Millisecond, Clock: clock.NewManual(noon)})
	require.NoError(t, err)
	_, _, err = c.SwappedAt(t.Context(), number(t, "12462501001"))
	require.Error(t, err)
}

// TestARedirectIsNotFollowed: neither the number nor the token goes where an answer points.
func TestARedirectIsNotFollowed(t *testing.T) {
	elsewhere := newOperator(t)
	elsewhere.answers = map[string]string{date: `{"latestSimChange":null}`, check: `{"swapped":false}`}
	for _, status := range []int{301, 302, 303, 307, 308} {
		here := httptest.NewServer(http.RedirectHandler(elsewhere.URL+date, status))
		c, err := simswap.New(simswap.Options{URL: here.URL, Token: secret.New("opaque"), Clock: clock.NewManual(noon)})
		require.NoError(t, err)
		_, _, err = c.SwappedAt(t.Context(), number(t, "12462501001"))
		here.Close()
		require.Error(t, err, "%d", status)
	}
	require.Zero(t, elsewhere.calls.Load())
}

func TestTheURLIsSafe(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://api.operator.example": true, "https://api.operator.example/camara": true, "http://127.0.0.1:8081": true,
		"http://api.operator.example": false, "api.operator.example": false, "ftp://x": false, "": false,
	} {
		_, err := simswap.New(simswap.Options{URL: address, Clock: clock.NewManual(noon)})
		require.Equal(t, ok, err == nil, "%q: %v", address, err)
	}
}
