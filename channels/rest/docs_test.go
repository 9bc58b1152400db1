package rest_test

import (
	"net"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"nova/channels/web/browsertest"
)

// browse serves the API on a port of its own, and opens one of its pages.
func browse(t *testing.T, path, ready string) (*browsertest.Page, string) {
	t.Helper()
	a := newAPI(t, 1)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- a.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, a.Fiber().ShutdownWithTimeout(time.Second))
		require.NoError(t, <-served)
	})
	base := "http://" + listener.Addr().String() + "/"
	p := browsertest.Open(t)
	p.Do(chromedp.Navigate(base+path), chromedp.WaitVisible(chromedp.CSS(ready)))
	return p, base
}

// TestTheAPIsPage opens /docs as a person does: every operation is listed, one opens, nothing is blocked or broken,
// and nothing is asked of any other machine.
func TestTheAPIsPage(t *testing.T) {
	p, base := browse(t, "docs", ".opblock")
	listed := browsertest.Ask(p, chromedp.Evaluate[[]string](
		`[...document.querySelectorAll(".opblock")].map(o => o.querySelector(".opblock-summary-method").innerText + " " +
			o.querySelector(".opblock-summary-path").innerText.replaceAll("\u200b", ""))`))
	require.ElementsMatch(t, operations(t), listed)
	require.Equal(t, "Nova API", browsertest.Ask(p, chromedp.Title()))
	p.Shoot("docs")

	p.Do(
		chromedp.Click(chromedp.CSS(`.opblock-summary-path[data-path="/v1/oauth/token"] a`)),
		chromedp.WaitVisible(chromedp.CSS(".opblock.is-open .responses-table")),
	)
	opened := browsertest.Ask(p, chromedp.Text(chromedp.CSS(".opblock.is-open")))
	for _, want := range []string{"grant_type", "client_secret", "200", "401", "INVALID_CREDENTIALS"} {
		require.Contains(t, opened, want)
	}
	require.Empty(t, p.Nameless())
	p.Shoot("docs-operation")

	p.Do(
		chromedp.Click(chromedp.CSS(`.opblock-summary-path[data-path="/v1/health"] a`)),
		chromedp.Click(chromedp.CSS(".opblock.is-open[id*=health] .try-out__btn")),
		chromedp.Click(chromedp.CSS(".opblock.is-open[id*=health] .execute")),
		chromedp.WaitVisible(chromedp.CSS(".opblock.is-open[id*=health] .live-responses-table")),
	)
	answer := browsertest.Ask(p, chromedp.Text(chromedp.CSS(".opblock.is-open[id*=health] .live-responses-table")))
	require.Contains(t, answer, `"status": "available"`, "the page calls the API that it came from")
	p.Clean(base)
}

// operations are the document's, as the page writes them.
func operations(t *testing.T) []string {
	t.Helper()
	var list []string
	for path, item := range newAPI(t, 1).API().OpenAPI().Paths {
		for _, op := range operationsOf(item) {
			list = append(list, op.Method+" "+path)
		}
	}
	require.NotEmpty(t, list)
	return list
}
