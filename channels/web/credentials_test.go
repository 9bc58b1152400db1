package web_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestATokenCountsInItsHeaderAlone: what stands in a URL stands in histories and in logs of proxies, and what stands in a cookie
// is sent along by a browser that nobody asked.
func TestATokenCountsInItsHeaderAlone(t *testing.T) {
	for name, in := range map[string]call{
		"in the query":       {path: "/v1/deadline?access_token=device"},
		"in a cookie":        {path: "/v1/deadline", header: map[string]string{"Cookie": "access_token=device; Authorization=Bearer device"}},
		"in the body":        {method: "POST", path: "/v1/things/t1/pay", body: `{"amount":"5","access_token":"device"}`},
		"for a proxy":        {path: "/v1/deadline", header: map[string]string{"Proxy-Authorization": "Bearer device"}},
		"in a header of old": {path: "/v1/deadline", header: map[string]string{"X-Access-Token": "device", "X-Auth-Token": "device"}},
		"without its scheme": {path: "/v1/deadline", header: map[string]string{"Authorization": "device"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			status, _, body := s.do(t, in)
			require.Equal(t, http.StatusUnauthorized, status, body)
			require.Empty(t, s.kept, "it reached a handler")
			require.NotContains(t, s.log.String(), "device")
		})
	}
}

// TestNoAnswerSetsACookie: without cookies no other page can make a browser act for whoever is signed in.
func TestNoAnswerSetsACookie(t *testing.T) {
	s := newServer(t)
	for _, in := range []call{
		{path: "/v1/deadline", token: "good"}, {path: "/v1/deadline"}, {path: "/v1/broke", token: "good"}, {path: "/docs"},
		{path: "/openapi.json"}, {path: "/nothing"}, {path: "/v1/health", header: map[string]string{"Cookie": "a=b"}},
	} {
		_, header, _ := s.do(t, in)
		require.Empty(t, header.Values("Set-Cookie"), in.path)
	}
}
