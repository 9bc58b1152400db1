package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"nova/channels/web"
	"nova/core/fault"
	"nova/core/policy"
	"nova/sessions/rates"
)

// ledgerOfCalls is a Counter that gives nothing back, and remembers how often it was asked.
type ledgerOfCalls struct {
	mu    sync.Mutex
	used  map[string]int
	trips int
	asks  []rates.Ask
}

func (l *ledgerOfCalls) Take(_ context.Context, asks ...rates.Ask) rates.Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used == nil {
		l.used = map[string]int{}
	}
	l.trips++
	l.asks = asks
	for _, a := range asks {
		key := a.Limit.Name + " " + a.Value
		if l.used[key]++; !a.Limit.IsZero() && l.used[key] > a.Limit.Rate {
			return rates.Answer{Refused: true, Limit: a.Limit.Name, RetryAfter: 1500 * time.Millisecond}
		}
	}
	return rates.Answer{}
}

// names lists the limits that the last call was counted against.
func (l *ledgerOfCalls) names() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for _, a := range l.asks {
		names = append(names, a.Limit.Name)
	}
	return strings.Join(names, " ")
}

func (l *ledgerOfCalls) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trips
}

func limitedServer(t *testing.T, calls int) (*server, *ledgerOfCalls) {
	t.Helper()
	counter := &ledgerOfCalls{}
	return newServer(t, func(o *web.Options) { o.Rates, o.CallsPerMinute = counter, calls }), counter
}

func TestTooManyCallsAreRefusedWithTheTimeToWait(t *testing.T) {
	s, _ := limitedServer(t, 3)
	for range 3 {
		status, _, _ := s.do(t, call{method: "POST", path: "/v1/things/t/pay", token: "good", body: `{"amount":"5"}`})
		require.Equal(t, 200, status)
	}
	for range 2 {
		status, header, body := s.do(t, call{method: "POST", path: "/v1/things/t/pay", token: "good", body: `{"amount":"5"}`})
		require.Equal(t, 429, status)
		require.Equal(t, "2", header.Get("Retry-After"), "a second and a half are two begun seconds")
		e := errorBody(t, body)
		require.Equal(t, fault.RateLimitExceeded, e.Code)
		require.EqualValues(t, 2, e.Details["retry_after_seconds"])
	}
	require.Len(t, s.kept, 3, "a refused call reached its handler")
	status, _, _ := s.do(t, call{path: "/v1/health"})
	require.Equal(t, 200, status, "health is asked by whoever decides where requests go")
	w := httptest.NewRecorder()
	web.NewAdmin(s.Metrics(), false).Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Contains(t, w.Body.String(), `nova_http_rate_limited_total{limit="default.address"} 2`)
}

func TestEveryRequestIsCountedOnceInOneRoundTrip(t *testing.T) {
	rows := []struct {
		name string
		in   call
		want string
	}{
		{"a call", call{path: "/v1/deadline", token: "good"}, "default.address default.caller"},
		{"an operation", call{path: "/v1/broke", token: "good"}, "default.address default.caller"},
		{"a call from a bound device", call{path: "/v1/deadline", token: "device"}, "default.address default.caller default.device"},
		{"no token", call{path: "/v1/deadline"}, "default.address"},
		{"a wrong token", call{path: "/v1/deadline", token: canaryToken}, "default.address"},
		{"a path without a route", call{path: "/v1/nothing", token: "good"}, "default.address default.caller"},
		{"a path outside the API", call{path: "/nothing"}, "default.address"},
		{"a method that the path lacks", call{method: "DELETE", path: "/v1/broke", token: "good"}, "default.address default.caller"},
		{"a caller without the purpose", call{path: "/v1/broke", token: "purposeless"}, "default.address default.caller"},
		{"the contract", call{path: "/openapi.json"}, "default.address"},
	}
	s, counter := limitedServer(t, 1000)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			before := counter.asked()
			s.do(t, row.in)
			require.Equal(t, 1, counter.asked()-before)
			require.Equal(t, row.want, counter.names())
		})
	}
}

func TestRequestsWithoutARouteAreRefusedToo(t *testing.T) {
	for name, in := range map[string]call{
		"no token": {path: "/v1/deadline"}, "no route": {path: "/nothing"}, "no method": {method: "DELETE", path: "/openapi.json"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := limitedServer(t, 1)
			first, _, _ := s.do(t, in)
			require.Contains(t, []int{401, 404, 405}, first)
			second, header, _ := s.do(t, in)
			require.Equal(t, 429, second)
			require.NotEmpty(t, header.Get("Retry-After"))
		})
	}
}

// classed is an app with a route of every class, which counts the name that its body would hold.
func classed(t *testing.T, o web.Options) *server {
	t.Helper()
	s := &server{App: web.New(o)}
	for _, class := range []web.Rate{web.RateSignIn, web.RateOTP, web.RateLookup, web.RateUpload, web.RateGateway} {
		path := "/" + string(class)
		web.Register(s.App, web.Operation{
			Operation: huma.Operation{OperationID: path, Method: http.MethodGet, Path: path},
			Access:    web.Open("test").Limited(class),
		}, func(ctx context.Context, in *struct {
			Name string `query:"name"`
		}) (*payAnswer, error) {
			return &payAnswer{}, web.Allow(ctx, in.Name)
		})
	}
	web.Register(s.App, web.Operation{
		Operation: huma.Operation{OperationID: "v1", Method: http.MethodGet, Path: "/v1/lookup"},
		Access:    web.Needs(policy.CustomerAccountView, "wallets.read").Limited(web.RateLookup),
	}, func(context.Context, *struct{}) (*payAnswer, error) { return &payAnswer{}, nil })
	s.listen(t)
	return s
}

func TestAClassHasItsLimitsBesideTheDefaults(t *testing.T) {
	counter := &ledgerOfCalls{}
	s := classed(t, web.Options{Rates: counter, CallsPerMinute: 100_000, Tokens: tokens{}})
	rows := []struct {
		class web.Rate
		most  int // by one name, where a name counts
	}{
		{web.RateSignIn, 60}, {web.RateOTP, 30}, {web.RateLookup, 30},
	}
	for _, row := range rows {
		t.Run(string(row.class), func(t *testing.T) {
			path := "/" + string(row.class) + "?name="
			for range row.most {
				status, _, _ := s.do(t, call{path: path + "a"})
				require.Equal(t, 200, status)
			}
			status, _, body := s.do(t, call{path: path + "a"})
			require.Equal(t, 429, status, "one name was guessed at too often")
			require.NotContains(t, body, `"a"`)
			status, _, _ = s.do(t, call{path: path + "b"})
			require.Equal(t, 200, status, "another name pays for it")
		})
	}
	t.Run("who looks up many names", func(t *testing.T) {
		for range 30 {
			status, _, _ := s.do(t, call{path: "/v1/lookup", token: "good"})
			require.Equal(t, 200, status)
		}
		status, _, _ := s.do(t, call{path: "/v1/lookup", token: "good"})
		require.Equal(t, 429, status)
	})
	t.Run("from one address", func(t *testing.T) {
		refused := 0
		for range 120 {
			if status, _, _ := s.do(t, call{path: "/lookup"}); status == 429 {
				refused++
			}
		}
		require.Positive(t, refused)
	})
	t.Run("a gateway's hops", func(t *testing.T) {
		before := counter.asked()
		for range 3 {
			status, _, _ := s.do(t, call{path: "/gateway"})
			require.Equal(t, 200, status)
		}
		require.Equal(t, before, counter.asked(), "a hop costs a round trip more")
	})
	require.NoError(t, web.Allow(t.Context(), "outside a request"))
}

func TestADoorHasItsOwnLimit(t *testing.T) {
	for _, row := range []struct {
		name  string
		limit rates.Limit
		want  []int
	}{
		{"none unless configured", rates.Limit{}, []int{200, 200, 200}},
		{"one that is configured", rates.Limit{Name: "gateway.address", Rate: 2, Per: time.Minute}, []int{200, 200, 299}},
	} {
		t.Run(row.name, func(t *testing.T) {
			counter := &ledgerOfCalls{}
			app := web.New(web.Options{Rates: counter, CallsPerMinute: 1, Doors: []web.Door{{
				Prefix: "/ussd", Limit: &row.limit,
				Sorry: func(c *fiber.Ctx, err error) error {
					if !fault.Is(err, fault.RateLimitExceeded) {
						return errors.New("not the reason")
					}
					return c.Status(299).SendString("END Too many.")
				},
			}}})
			app.Handle(http.MethodGet, "/ussd/x", web.Open("test"), func(c *fiber.Ctx) error { return c.SendString("CON") })
			for _, want := range row.want {
				resp, err := app.Fiber().Test(httptest.NewRequest(http.MethodGet, "/ussd/x", nil))
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				require.Equal(t, want, resp.StatusCode)
			}
		})
	}
}

func TestACallerIsFoundBehindTrustedProxiesOnly(t *testing.T) {
	rows := []struct {
		name, forwarded string
		trusted         []string
		want            string
	}{
		{"nobody is trusted", "203.0.113.9", nil, "127.0.0.1/32"},
		{"another is trusted", "203.0.113.9", []string{"10.0.0.0/8"}, "127.0.0.1/32"},
		{"our proxy is trusted", "203.0.113.9", []string{"127.0.0.1"}, "203.0.113.9/32"},
		{"what stands before the last is hearsay", "198.51.100.1, 203.0.113.9", []string{"127.0.0.1"}, "203.0.113.9/32"},
		{"a chain of our proxies", "203.0.113.9, 10.1.1.1", []string{"127.0.0.1", "10.0.0.0/8"}, "203.0.113.9/32"},
		{"an IPv6 customer has a whole network", "2001:db8:1:2:3:4:5:6", []string{"127.0.0.1"}, "2001:db8:1:2::/64"},
		{"nonsense counts as the proxy's own", "unknown", []string{"127.0.0.1"}, "127.0.0.1/32"},
		{"a chain without an end counts as the proxy's own", strings.Repeat("10.1.1.1, ", 32) + "203.0.113.9", []string{"127.0.0.1"}, "127.0.0.1/32"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			proxies, err := web.ParseNetworks(row.trusted)
			require.NoError(t, err)
			counter := &ledgerOfCalls{}
			s := newServer(t, func(o *web.Options) { o.Rates, o.CallsPerMinute, o.Proxies = counter, 10, proxies })
			s.do(t, call{path: "/v1/deadline", token: "good", header: map[string]string{"X-Forwarded-For": row.forwarded}})
			require.Equal(t, row.want, counter.asks[0].Value)
		})
	}
	_, err := web.ParseNetworks([]string{"10.0.0.0/8", "x", "10.0.0.0/99"})
	require.ErrorContains(t, err, `"x" is neither`)
	require.ErrorContains(t, err, `"10.0.0.0/99" is neither`)
}
