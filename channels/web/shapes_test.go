package web_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/channels/web"
)

func TestSecurityHeadersStandOnEveryAnswer(t *testing.T) {
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
		"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		"X-Permitted-Cross-Domain-Policies": "none",
	}
	answers := map[string]call{
		"an answer":               {path: "/v1/deadline", token: "good"},
		"a failure":               {path: "/v1/broke", token: "good"},
		"no token":                {path: "/v1/deadline"},
		"no route":                {path: "/nothing"},
		"a panic":                 {path: "/v1/panic", token: "good"},
		"what is refused unread":  {path: "/v1/deadline", header: map[string]string{"X-Long": strings.Repeat("x", 20<<10)}},
		"a method that is no one": {method: "BREW", path: "/v1/deadline"},
	}
	for url, strict := range map[string]string{
		"": "", "http://api.example.com": "", "https://api.example.com": "max-age=31536000; includeSubDomains",
	} {
		s := newServer(t, func(o *web.Options) { o.PublicURL = url })
		for name, in := range answers {
			t.Run(name+" of "+url, func(t *testing.T) {
				_, header, _ := s.do(t, in)
				for key, value := range want {
					require.Equal(t, value, header.Get(key), key)
				}
				require.Equal(t, strict, header.Get("Strict-Transport-Security"))
				require.Empty(t, header.Get("Server"), "the server names itself")
			})
		}
	}
}

// TestAMachinesAnswersAreNeitherKeptNorGuessedAt: a gateway's proxy that kept a screen would show it to somebody else.
func TestAMachinesAnswersAreNeitherKeptNorGuessedAt(t *testing.T) {
	s := newServer(t, func(o *web.Options) {
		o.Doors = []web.Door{{Prefix: "/v1/health", Machines: true}, {Prefix: "/ussd", Machines: true}}
	})
	for _, path := range []string{"/v1/health", "/ussd/nowhere"} {
		_, header, _ := s.do(t, call{path: path})
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "no-store", header.Get("Cache-Control"), path)
	}
}

// raw sends bytes as they are and reads all that comes back until the connection ends or nothing more comes.
func (s *server) raw(t *testing.T, sent string) string {
	t.Helper()
	conn, err := net.Dial("tcp4", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }() // the server may have closed it
	_, err = io.WriteString(conn, sent)
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(answer)
}

// statuses are those of all answers in what came back.
func statuses(answer string) []string {
	var found []string
	for _, line := range strings.Split(answer, "\r\n") {
		if rest, ok := strings.CutPrefix(line[max(strings.Index(line, "HTTP/1."), 0):], "HTTP/1.1 "); ok {
			found = append(found, rest[:3])
		}
	}
	return found
}

// head is the head of a payment with further lines.
func head(lines ...string) string {
	all := append([]string{"POST /v1/things/t1/pay HTTP/1.1", "Host: h", "Authorization: Bearer good", "Content-Type: application/json"}, lines...)
	return strings.Join(all, "\r\n") + "\r\n\r\n"
}

func TestShapesThatTwoReadersCouldReadInTwoWays(t *testing.T) {
	const body = `{"amount":"5"}`
	hidden := "GET /v1/deadline HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\n\r\n"
	get := func(target string, lines ...string) string {
		all := append([]string{"GET " + target + " HTTP/1.1", "Host: h", "Authorization: Bearer good"}, lines...)
		return strings.Join(all, "\r\n") + "\r\n\r\n"
	}
	rows := []struct{ name, sent, status string }{
		{"a length and chunks", head("Content-Length: 4", "Transfer-Encoding: chunked") + "e\r\n" + body + "\r\n0\r\n\r\n" + hidden, "400"},
		{"chunks and a length", head("Transfer-Encoding: chunked", "Content-Length: 4") + "e\r\n" + body + "\r\n0\r\n\r\n" + hidden, "400"},
		{"two lengths that differ", head("Content-Length: 14", "Content-Length: 4") + body + hidden, "400"},
		{"two lengths that agree", head("Content-Length: 14", "Content-Length: 14") + body + hidden, "400"},
		{"a list of lengths", head("Content-Length: 14, 14") + body + hidden, "400"},
		{"a length with a sign", head("Content-Length: +14") + body + hidden, "400"},
		{"a length below nothing", head("Content-Length: -1") + body + hidden, "400"},
		{"a length in hexadecimal", head("Content-Length: 0xe") + body + hidden, "400"},
		{"a space before the colon", head("Content-Length : 14") + body + hidden, "400"},
		{"chunks twice", head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + "0\r\n\r\n" + hidden, "400"},
		{"another coding", head("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n" + hidden, "400"},
		{"a coding that hides", head("Transfer-Encoding: xchunked") + "0\r\n\r\n" + hidden, "400"},
		{"the coding identity", head("Transfer-Encoding: identity", "Content-Length: 14") + body + hidden, "400"},
		{"chunks for an old protocol", strings.Replace(head("Transfer-Encoding: chunked"), "HTTP/1.1", "HTTP/1.0", 1) + "0\r\n\r\n" + hidden, "400"},
		{"a chunk's length that is none", head("Transfer-Encoding: chunked") + "xyz\r\n" + body + "\r\n0\r\n\r\n" + hidden, "400"},
		{"a folded header", head("X-A: b", " Authorization: Bearer other") + hidden, "400"},
		{"a header folded by a tab", head("X-A: b", "\tc") + hidden, "400"},
		{"a header without a name", head(": b") + hidden, "400"},
		{"a header without a colon", head("nothing") + hidden, "400"},
		{"NUL in a header", head("X-A: \x00") + hidden, "400"},
		{"two hosts", get("/v1/deadline", "Host: other"), "400"},
		{"no host", "GET /v1/deadline HTTP/1.1\r\nAuthorization: Bearer good\r\n\r\n", "400"},
		{"a protocol that is none", "GET /v1/deadline HTTP/9.9\r\nHost: h\r\nAuthorization: Bearer good\r\n\r\n", "400"},
		{"HTTP/2 without TLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"},
		{"no protocol", "GET /v1/deadline\r\nHost: h\r\n\r\n", "400"},

		{"a whole URL", get("http://evil.example/v1/deadline"), "400"},
		{"an authority", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
		{"no path", get("*"), "400"},
		{"a slash in an escape", get("/v1%2fdeadline"), "400"},
		{"a slash in an escape, in capitals", get("/v1%2Fdeadline"), "400"},
		{"a backslash", get("/v1\\deadline"), "400"},
		{"a backslash in an escape", get("/v1%5cdeadline"), "400"},
		{"dots", get("/v1/x/../deadline"), "400"},
		{"dots in escapes", get("/v1/%2e%2e/deadline"), "400"},
		{"a dot", get("/v1/./deadline"), "400"},
		{"two slashes", get("/v1//deadline"), "400"},
		{"two slashes at the front", get("//v1/deadline"), "400"},
		{"a trailing dot", get("/v1/deadline."), "400"},
		{"a trailing dot in the middle", get("/v1./deadline"), "400"},
		{"NUL in an escape", get("/v1/deadline%00"), "400"},
		{"an escape that is none", get("/v1/deadline%zz"), "400"},
		{"an escape cut short", get("/v1/deadline%2"), "400"},
		{"a fragment", get("/v1/deadline#x"), "400"},
		{"a letter in an escape", get("/v1/%64eadline"), "404"},
		{"another case", get("/V1/deadline"), "404"},
		{"a parameter in the path", get("/v1/deadline;x=1"), "404"},

		{"two tokens", get("/v1/deadline", "Authorization: Bearer good"), "401"},
		{"two tokens in a header", strings.Replace(get("/v1/deadline"), "Bearer good", "Bearer good, Bearer good", 1), "401"},
		{"two types of a body", head("Content-Type: text/plain", "Content-Length: 14") + body, "400"},
		{"two idempotency keys", head("Idempotency-Key: a", "idempotency-key: b", "Content-Length: 14") + body, "400"},
		{"two correlation ids", get("/v1/deadline", "X-Correlation-ID: a", "X-Correlation-ID: b"), "400"},
		{"two devices", get("/v1/deadline", "X-Device-ID: a", "X-Device-ID: b"), "400"},
		{"two signatures", get("/v1/deadline", "Signature: a=:AA==:", "Signature: b=:AA==:"), "400"},

		{"TRACE", "TRACE /v1/deadline HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\nX-Secret: canary\r\n\r\n", "405"},
		{"a method in lower case", "get /v1/deadline HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\n\r\n", "400"},
	}
	s := newServer(t)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			answer := s.raw(t, row.sent)
			found := statuses(answer)
			require.NotEmpty(t, found, "no answer: %q", answer)
			require.Equal(t, []string{row.status}, found, answer)
			require.NotContains(t, answer, "canary")
			require.Empty(t, s.kept, "it reached a handler")
		})
	}
}

func TestPipelinedRequestsAreAnsweredInTheirOrder(t *testing.T) {
	s := newServer(t)
	one := "GET /v1/deadline HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\n\r\n"
	other := "GET /v1/deadline HTTP/1.1\r\nHost: h\r\n\r\n"
	pay := head("Content-Length: 14") + `{"amount":"5"}`
	require.Equal(t, []string{"200", "401", "200", "200"}, statuses(s.raw(t, one+other+pay+one)), "one caller's token served another's request")
}

func TestNoOtherOriginMayRead(t *testing.T) {
	s := newServer(t)
	for _, in := range []call{
		{path: "/v1/deadline", token: "good"}, {path: "/openapi.json"}, {method: "OPTIONS", path: "/v1/deadline", token: "good"},
		{method: "OPTIONS", path: "/v1/deadline"},
	} {
		in.header = map[string]string{
			"Origin": "https://evil.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization",
		}
		status, header, _ := s.do(t, in)
		for key := range header {
			require.NotContains(t, key, "Access-Control")
		}
		if in.method == "OPTIONS" {
			require.Contains(t, []int{401, 405}, status)
		}
	}
}

func TestTypesOfBodies(t *testing.T) {
	const pay = "/v1/things/t1/pay"
	for name, want := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "text/plain": 415, "application/xml": 415,
		"application/json-patch+json": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415,
		"application/json, text/plain": 415, "json": 415,
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			status, _, body := s.do(t, call{method: "POST", path: pay, token: "good", body: `{"amount":"5"}`, header: map[string]string{"Content-Type": name}})
			require.Equal(t, want, status, body)
		})
	}
}

func TestWhoSendsSlowlyIsCutOff(t *testing.T) {
	s := newServer(t, func(o *web.Options) { o.ReadTimeout = 100 * time.Millisecond })
	for name, sent := range map[string]string{
		"a head": "POST /v1/things/t1/pay HTTP/1.1\r\nHost: h\r\nAuth", "a body": head("Content-Length: 14") + `{"am`,
		"a chunk": head("Transfer-Encoding: chunked") + "e\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp4", strings.TrimPrefix(s.url, "http://"))
			require.NoError(t, err)
			defer func() { _ = conn.Close() }() // the server has closed it
			_, err = io.WriteString(conn, sent)
			require.NoError(t, err)
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
			answer, err := io.ReadAll(conn)
			require.NoError(t, err, "the connection is held open")
			require.NotContains(t, string(answer), " 200 ")
		})
	}
	require.Empty(t, s.kept)
}
