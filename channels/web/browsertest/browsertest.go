// Package browsertest gives tests a real browser: a headless Chromium with a profile of its own,
// gone when the test ends. It knows nothing of the pages that it shows.
//
// Its one big rule: what a person would not see is not overlooked. A message of error in the
// console, a violation of the page's policy, a failed load and every request that leaves this
// machine is noted, whoever caused it, and Clean tells. Names of other machines do not even
// resolve.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"nova/sql/sqltest"
)

const (
	// patience bounds a whole test in the browser; it is used up only when something is wrong.
	patience = 90 * time.Second
	// stepPatience bounds one step.
	stepPatience = 20 * time.Second
	pause        = 20 * time.Millisecond
	// Width and height of the window: a small laptop's.
	width, height = 1280, 800
	// quality of a screenshot: 100 is a PNG.
	quality = 100
)

// ShotsVariable names the folder that screenshots are kept in; without it none is.
const ShotsVariable = "NOVA_TEST_SCREENSHOTS"

// Programs are the names that Chromium goes by; `make test` installs it where none is there.
func Programs() []string { return []string{"chromium", "chromium-browser", "google-chrome"} }

// Find gives the path of the installed Chromium; "" where there is none.
func Find() string {
	for _, name := range Programs() {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Page is one tab. It is for one goroutine.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	faults   []string
	requests []string
}

// Open starts a browser for the test, and gives an empty page.
func Open(t testing.TB) *Page {
	t.Helper()
	path := Find()
	if path == "" {
		sqltest.Missing(t, "Chromium", "`make test`, which installs it")
	}
	p := &Page{t: t}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, flags(path, profile(t))...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx, chromedp.WithListener(p.note))
	t.Cleanup(closeTab)
	p.ctx = ctx
	// The browser lives as long as the context of the first step: that one has no time-out.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	if _, err := chromedp.Call(ctx, audits.Enable, cdp.Empty{}); err != nil {
		t.Fatalf("ask for the browser's findings: %v", err)
	}
	return p
}

// profile is the browser's folder. Its path is short, unlike t.TempDir's: sockets lie in it.
func profile(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "browsertest-")
	if err != nil {
		t.Fatalf("make the browser's folder: %v", err)
	}
	t.Cleanup(func() {
		// The browser has ended; a process of it that ends a little later may still write.
		err := os.RemoveAll(dir)
		for end := time.After(stepPatience); err != nil; err = os.RemoveAll(dir) {
			select {
			case <-end:
				t.Errorf("remove the browser's folder: %v", err)
				return
			case <-time.After(pause):
			}
		}
	})
	return dir
}

// flags start Chromium without a window, without its own traffic, and without a way to other
// machines. All that it writes lies in the profile.
func flags(path, profile string) []chromedp.ExecAllocatorOption {
	options := append(
		chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.WindowSize(width, height), chromedp.DisableGPU,
		chromedp.Env("HOME="+profile, "TMPDIR="+profile, "XDG_CONFIG_HOME="+profile, "XDG_CACHE_HOME="+profile),
		// Its sandbox needs rights that neither root nor a container has; it sees our own pages only.
		chromedp.NoSandbox,
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"),
	)
	for _, off := range []string{"disable-quic", "disable-component-update", "disable-domain-reliability", "no-pings"} {
		options = append(options, chromedp.Flag(off, true))
	}
	return options
}

// Do takes the steps, one after the other. A step that does not succeed ends the test.
func (p *Page) Do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepPatience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("in the browser: %v; it noted %q", err, p.Faults())
	}
}

// Ask takes a step that has an answer.
func Ask[T any](p *Page, step chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepPatience)
	defer cancel()
	answer, err := chromedp.Run(ctx, step)
	if err != nil {
		p.t.Fatalf("in the browser: %v; it noted %q", err, p.Faults())
	}
	return answer
}

// Shoot keeps a picture of the whole page, where ShotsVariable says so, for people to look at.
func (p *Page) Shoot(name string) {
	p.t.Helper()
	picture := Ask(p, chromedp.FullScreenshot(quality))
	dir := os.Getenv(ShotsVariable)
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600); err != nil {
		p.t.Fatalf("keep a screenshot: %v", err)
	}
}

// Clean fails the test if the browser noted a fault, or asked for anything but URLs that begin
// with base ("http://127.0.0.1:8080/") and data within the page.
func (p *Page) Clean(base string) {
	p.t.Helper()
	for _, fault := range p.Faults() {
		p.t.Errorf("the browser noted: %s", fault)
	}
	for _, strange := range p.Elsewhere(base) {
		p.t.Errorf("the page asked for %s", strange)
	}
}

// operated are the roles that a person operates; each needs a name that a screen reader can say.
var operated = map[string]bool{
	"button": true, "link": true, "textbox": true, "combobox": true, "checkbox": true, "radio": true, "searchbox": true,
}

// Nameless lists what a person operates and a screen reader cannot name, as the browser sees it.
func (p *Page) Nameless() []string {
	p.t.Helper()
	tree := Ask(p, func(ctx context.Context, t *chromedp.Target) (accessibility.GetFullAXTreeResult, error) {
		return cdp.Call(ctx, t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	})
	var found []string
	for _, node := range tree.Nodes {
		if role := text(node.Role); !node.Ignored && operated[role] && text(node.Name) == "" {
			found = append(found, role)
		}
	}
	return found
}
