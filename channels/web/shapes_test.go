package web_test

import (
	"strings"
	"testing"

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
