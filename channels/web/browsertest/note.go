package browsertest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// Faults lists what the browser complained about so far.
func (p *Page) Faults() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.faults)
}

// Elsewhere lists the requests so far that went neither to base nor to data within the page.
func (p *Page) Elsewhere(base string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var strange []string
	for _, url := range p.requests {
		if !strings.HasPrefix(url, base) && !strings.HasPrefix(url, "data:") && !strings.HasPrefix(url, "blob:") && url != "about:blank" {
			strange = append(strange, url)
		}
	}
	return strange
}

// note takes every event of the page. It is called on the goroutine that reads them.
func (p *Page) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	case *network.EventWebSocketCreated:
		p.requests = append(p.requests, e.URL)
	case *network.EventLoadingFailed:
		p.faultf("a load failed: %s %s", e.ErrorText, e.BlockedReason)
	case *runtime.EventExceptionThrown:
		p.faultf("exception: %s", exception(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			p.faultf("console.%s: %s", e.Type, said(e.Args))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			p.faultf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		if policy := e.Issue.Details.ContentSecurityPolicyIssueDetails; policy != nil {
			p.faultf("policy: %s is violated by %q", policy.ViolatedDirective, policy.BlockedURL)
		}
	}
}

// faultf notes a fault; p.mu is held.
func (p *Page) faultf(format string, args ...any) {
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

func exception(details *runtime.ExceptionDetails) string {
	if details.Exception != nil && details.Exception.Description != "" {
		return details.Exception.Description
	}
	return details.Text
}

// said is what a call of the console said.
func said(args []*runtime.RemoteObject) string {
	words := make([]string, 0, len(args))
	for _, arg := range args {
		word := arg.Description
		if word == "" {
			word = string(arg.Value)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// text reads a value of the accessibility tree; "" where there is none.
func text(value *accessibility.Value) string {
	if value == nil {
		return ""
	}
	var s string
	if err := json.Unmarshal([]byte(value.Value), &s); err != nil {
		return ""
	}
	return s
}
