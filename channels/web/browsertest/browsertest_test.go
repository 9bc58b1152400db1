package browsertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"nova/channels/web/browsertest"
)

// show serves one page and opens it in a browser.
func show(t *testing.T, policy, html string) (*browsertest.Page, string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		_, _ = fmt.Fprint(w, "<!doctype html><html lang=en><title>x</title><link rel=icon href=data:,>"+html+"<p id=end>end</p>")
	}))
	t.Cleanup(server.Close)
	p := browsertest.Open(t)
	p.Do(chromedp.Navigate(server.URL+"/"), chromedp.WaitVisible(chromedp.ID("end")))
	return p, server.URL + "/"
}

const open = "default-src * 'unsafe-inline' data:"

func TestAGoodPageIsClean(t *testing.T) {
	p, base := show(t, "default-src 'none'; img-src data:", "<main><button>Go</button></main>")
	p.Clean(base)
	require.Empty(t, p.Nameless())
	require.Equal(t, "x", browsertest.Ask(p, chromedp.Title()))
}

func TestWhatIsWrongIsNoted(t *testing.T) {
	for name, row := range map[string]struct{ policy, html, want string }{
		"an error in the console":     {open, "<script>console.error('canary', 1)</script>", "canary"},
		"an exception":                {open, "<script>throw new Error('canary')</script>", "canary"},
		"a promise that nobody keeps": {open, "<script>Promise.reject(new Error('canary'))</script>", "canary"},
		"a script in a strict page":   {"default-src 'none'", "<script>1</script>", "script-src"},
		"a style in a strict page":    {"default-src 'none'", "<p style='color:red'>x", "style-src"},
		"a file that is not there":    {open, "<img alt=x src=/nothing>", "404"},
		"another machine":             {open, "<img alt=x src=http://elsewhere.example/x.png>", "ERR_NAME_NOT_RESOLVED"},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := show(t, row.policy, row.html)
			require.Eventually(t, func() bool {
				return strings.Contains(strings.Join(p.Faults(), "\n"), row.want)
			}, 10*time.Second, 20*time.Millisecond, "noted: %q", p.Faults())
		})
	}
}

func TestARequestThatLeavesIsNotedEvenWhereThePolicyAllowsIt(t *testing.T) {
	p, base := show(t, open, "<img alt=x src=http://elsewhere.example/x.png><script>new WebSocket('ws://other.example/')</script>")
	require.Eventually(t, func() bool { return len(p.Elsewhere(base)) == 2 }, 10*time.Second, 20*time.Millisecond)
	require.ElementsMatch(t, []string{"http://elsewhere.example/x.png", "ws://other.example/"}, p.Elsewhere(base))
}

func TestAButtonWithoutANameIsFound(t *testing.T) {
	p, _ := show(t, open, "<button></button><button aria-label=Go></button><a href=/x></a><label>N <input></label><input>")
	require.ElementsMatch(t, []string{"button", "link", "textbox"}, p.Nameless())
}
