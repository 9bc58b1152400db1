package web_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/channels/web"
	"nova/core/fault"
)

// contract is the HTTP contract's table: one code, one status.
const contract = `
400 VALIDATION_ERROR IDEMPOTENCY_KEY_REQUIRED OTP_INVALID
401 UNAUTHORIZED INVALID_CREDENTIALS TOKEN_REUSED
403 FORBIDDEN PIN_INVALID MFA_REQUIRED DEVICE_NOT_BOUND KYC_REQUIRED CAPABILITY_MISSING
404 NOT_FOUND
409 DUPLICATE_ENTITY IDEMPOTENCY_CONFLICT IDEMPOTENCY_IN_PROGRESS INVALID_STATE ALREADY_REVERSED PERIOD_CLOSED MAKER_CHECKER_VIOLATION
410 OTP_EXPIRED QUOTE_EXPIRED
413 PAYLOAD_TOO_LARGE
415 UNSUPPORTED_MEDIA_TYPE
422 INSUFFICIENT_FUNDS LIMIT_EXCEEDED MAX_BALANCE_EXCEEDED SAME_PARTIES ACCOUNT_FROZEN ACCOUNT_CLOSED UNBALANCED_POSTING CURRENCY_MISMATCH CUSTOMER_NOT_FOUND
423 ACCOUNT_LOCKED
429 RATE_LIMIT_EXCEEDED
500 INTERNAL_SERVER_ERROR
503 SERVICE_UNAVAILABLE
`

func TestOneCodeOneStatus(t *testing.T) {
	want := map[fault.Code]int{}
	for _, line := range strings.Split(strings.TrimSpace(contract), "\n") {
		words := strings.Fields(line)
		for _, code := range words[1:] {
			want[fault.Code(code)] = map[string]int{
				"400": 400, "401": 401, "403": 403, "404": 404, "409": 409, "410": 410, "413": 413, "415": 415,
				"422": 422, "423": 423, "429": 429, "500": 500, "503": 503,
			}[words[0]]
		}
	}
	require.Len(t, fault.Codes(), len(want), "the catalogue and the contract differ")
	for _, code := range fault.Codes() {
		require.Equal(t, want[code], web.Status(code), code)
	}
	require.Equal(t, http.StatusInternalServerError, web.Status("MADE_UP"))
}

func TestFactsReachTheCallerAndDetailDoesNot(t *testing.T) {
	s := newServer(t)
	status, header, body := s.do(t, call{path: "/v1/locked", token: "good"})
	require.Equal(t, 423, status)
	require.Equal(t, "90", header.Get("Retry-After"))
	require.EqualValues(t, 90, errorBody(t, body).Details["retry_after_seconds"])
	_, header, _ = s.do(t, call{path: "/v1/locked"})
	require.Contains(t, header.Get("WWW-Authenticate"), "Bearer")
}

func TestCorrelationIDs(t *testing.T) {
	made := regexp.MustCompile(`^[A-Z2-7]{26}$`)
	rows := []struct {
		name, sent string
		kept       bool
	}{
		{"a UUID is kept", "0190c1de-5a0c-7d5e-8000-1234567890ab", true},
		{"a trace id is kept", "app/1:trace_9.z", true},
		{"none is made", "", false},
		{"a longer one than 64 is replaced", strings.Repeat("a", 65), false},
		{"spaces are replaced", "a b", false},
		{"markup is replaced", "<script>", false},
		{"what begins with a sign is replaced", "-rf", false},
		{"other alphabets are replaced", "réf", false},
	}
	s := newServer(t)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, header, _ := s.do(t, call{path: "/v1/health", header: map[string]string{"X-Correlation-ID": row.sent}})
			got := header.Get("X-Correlation-ID")
			if row.kept {
				require.Equal(t, row.sent, got)
				return
			}
			require.Regexp(t, made, got)
		})
	}
}

func FuzzCorrelationID(f *testing.F) {
	app := web.New(web.Options{})
	allowed := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$`)
	for _, seed := range []string{"", "abc", "a\tb", strings.Repeat("a", 64), "\x7f", "a/../b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		if strings.ContainsAny(sent, "\r\n\x00") {
			t.Skip("no header")
		}
		req := httptest.NewRequest(http.MethodGet, "/nothing", nil)
		req.Header.Set("X-Correlation-ID", sent)
		resp, err := app.Fiber().Test(req)
		if err != nil {
			t.Skip("not a request")
		}
		require.NoError(t, resp.Body.Close())
		require.Regexp(t, allowed, resp.Header.Get("X-Correlation-ID"))
	})
}

func TestMetricsNameRoutesAndNotPaths(t *testing.T) {
	s := newServer(t)
	s.do(t, call{method: "POST", path: "/v1/things/" + canaryNumber + "/pay", token: "good", body: `{"amount":"5"}`})
	s.do(t, call{path: "/" + canaryNumber})
	s.do(t, call{path: "/v1/" + canaryNumber})
	s.Metrics().Hop("africastalking", "continue", 0)
	w := httptest.NewRecorder()
	admin := web.NewAdmin(s.Metrics(), false)
	admin.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text := w.Body.String()
	require.Contains(t, text, `nova_http_requests_total{code="200",method="POST",route="/v1/things/:id/pay"} 1`)
	require.Contains(t, text, `nova_http_requests_total{code="404",method="",route="unmatched"} 1`)
	require.Contains(t, text, `nova_http_requests_total{code="401",method="",route="unmatched"} 1`)
	require.Contains(t, text, `nova_ussd_hops_total{gateway="africastalking",outcome="continue"} 1`)
	require.NotContains(t, text, canaryNumber)
	w = httptest.NewRecorder()
	admin.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/pprof/", nil))
	require.Equal(t, 404, w.Code, "profiles are off unless asked for")
	w = httptest.NewRecorder()
	web.NewAdmin(s.Metrics(), true).Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/pprof/", nil))
	require.Equal(t, 200, w.Code)
}

func TestDocsNeedNoNetworkButOurs(t *testing.T) {
	s := newServer(t)
	remote := regexp.MustCompile(`(?i)(src|href)\s*=\s*"(https?:)?//`)
	for _, path := range []string{"/docs", "/docs/docs.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"} {
		status, header, body := s.do(t, call{path: path})
		require.Equal(t, 200, status, path)
		policy := header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'")
		require.Contains(t, policy, "script-src 'self';")
		require.NotRegexp(t, `https?:|\*`, policy)
		if !strings.Contains(path, "bundle") {
			require.NotRegexp(t, remote, body, path)
		}
	}
	_, _, page := s.do(t, call{path: "/docs"})
	require.NotRegexp(t, `<script>|<script [^>]*>[^<]|\son[a-z]+=`, page, "the policy forbids scripts in the page")
	status, header, body := s.do(t, call{path: "/openapi.json"})
	require.Equal(t, 200, status)
	require.Equal(t, "application/openapi+json", header.Get("Content-Type"))
	require.Contains(t, body, `"openapi":"3.1.0"`)
	require.Contains(t, body, `"x-purpose":"customer.account.view"`)
}
