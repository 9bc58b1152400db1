package rest_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/channels/rest"
	"nova/core/ids"
	"nova/core/money"
)

func wallet(id uuid.UUID) string { return "/v1/wallets/" + ids.Format(ids.Wallet, id) }

type page struct {
	Data []struct {
		PostingID string `json:"posting_id"`
	} `json:"data"`
	HasMore bool   `json:"has_more"`
	Next    string `json:"next_page_token"`
}

// walk reads a list to its end and returns the posting ids.
func (a *api) walk(t *testing.T, query string) (postings []string, pages int) {
	t.Helper()
	next := ""
	for {
		status, _, body := a.do(t, request{Method: "GET", Path: wallet(marcia) + "/transactions?" + query + next, Token: "all"})
		require.Equal(t, 200, status, string(body))
		var p page
		require.NoError(t, json.Unmarshal(body, &p))
		for _, line := range p.Data {
			postings = append(postings, line.PostingID)
		}
		pages++
		require.Equal(t, p.HasMore, p.Next != "")
		if !p.HasMore {
			return postings, pages
		}
		next = "&page_token=" + p.Next
	}
}

func TestPagesAreWholeAndInOrder(t *testing.T) {
	const entries = 730
	at := func(i int) string { return now.Add(time.Duration(i-entries) * time.Hour).Format(time.RFC3339) }
	rows := []struct {
		name, query string
		want        int
		pages       int
	}{
		{"fifty by default", "", 730, 15},
		{"as many as asked for", "page_size=100", 730, 8},
		{"one by one", "page_size=1&from=" + at(721), 10, 10},
		{"an exact multiple leaves no empty page", "page_size=73", 730, 10},
		{"by type", "page_size=100&type=cashin", 243, 3},
		{"a type that nothing has", "type=interest", 0, 1},
		{"to leaves out the moment itself", "page_size=100&to=" + now.Truncate(time.Hour).Format(time.RFC3339), 729, 8},
		{"before everything", "to=" + at(-10), 0, 1},
		{"a period", "from=" + at(11) + "&to=" + at(21), 10, 1},
	}
	a := newAPI(t, entries)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			postings, pages := a.walk(t, row.query)
			require.Len(t, postings, row.want)
			require.Equal(t, row.pages, pages)
			require.True(t, slices.IsSortedFunc(postings, func(x, y string) int { return strings.Compare(y, x) }), "not newest first")
			require.Len(t, slices.Compact(slices.Clone(postings)), row.want, "a line came twice")
		})
	}
}

func TestABalanceOfThePast(t *testing.T) {
	a := newAPI(t, 730)
	rows := []struct {
		name    string
		at      time.Time
		version int64
	}{
		{"at an entry's own moment", now.Add(-100 * time.Hour), 630},
		{"just before an entry", now.Add(-100*time.Hour - time.Microsecond), 629},
		{"at the first entry", now.Add(-729 * time.Hour), 1},
		{"before everything", now.Add(-730 * time.Hour), 0},
		{"six seconds ago", now.Add(-6 * time.Second), 729},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			path := wallet(marcia) + "/balance?as_of=" + escape(row.at.Format(time.RFC3339Nano))
			status, _, body := a.do(t, request{Method: "GET", Path: path, Token: "all"})
			require.Equal(t, 200, status, string(body))
			var got rest.BalanceSet
			require.NoError(t, json.Unmarshal(bytes.ReplaceAll(body, []byte(`"as_of":"`+row.at.Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z")+`",`), nil), &got), string(body))
			require.Equal(t, row.version, got.Version)
			want := int64(0)
			if row.version > 0 {
				want = a.books.entries[marcia][row.version-1].BalanceAfter
			}
			require.Equal(t, money.Of(want, "BBD").String(), got.Posted.Amount)
			require.Equal(t, got.Posted, got.Available)
			require.Nil(t, got.Overdraft, "what a line gave in the past is not known")
		})
	}
	for _, late := range []time.Duration{-4 * time.Second, 0, time.Hour} {
		path := wallet(marcia) + "/balance?as_of=" + escape(now.Add(late).Format(time.RFC3339Nano))
		status, _, body := a.do(t, request{Method: "GET", Path: path, Token: "all"})
		require.Equal(t, 400, status, string(body))
	}
}

func TestAFilterThatMatchesLittleDoesNotReadTheWholeAccount(t *testing.T) {
	a := newAPI(t, 5000)
	_, pages := a.walk(t, "type=interest")
	require.Equal(t, 3, pages, "each page looks at a bounded number of entries")
}

func TestPageTokensAreBoundToTheirList(t *testing.T) {
	a := newAPI(t, 200)
	first := request{Method: "GET", Path: wallet(marcia) + "/transactions?page_size=10", Token: "all"}
	_, _, body := a.do(t, first)
	var p page
	require.NoError(t, json.Unmarshal(body, &p))
	rows := []struct{ name, path string }{
		{"another wallet", wallet(andre) + "/transactions?page_token=" + p.Next},
		{"another filter", wallet(marcia) + "/transactions?type=p2p&page_token=" + p.Next},
		{"another period", wallet(marcia) + "/transactions?from=2026-01-01T00:00:00Z&page_token=" + p.Next},
		{"a token with one character changed", wallet(marcia) + "/transactions?page_token=" + flip(p.Next)},
		{"a token cut short", wallet(marcia) + "/transactions?page_token=" + p.Next[1:]},
		{"a number", wallet(marcia) + "/transactions?page_token=10"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			status, _, body := a.do(t, request{Method: "GET", Path: row.path, Token: "all"})
			require.Equal(t, 400, status)
			require.Contains(t, string(body), `"page_token":"was not given for this list"`)
		})
	}
	status, _, _ := a.do(t, request{Method: "GET", Path: wallet(marcia) + "/transactions?page_size=20&page_token=" + p.Next, Token: "all"})
	require.Equal(t, 200, status, "another page size goes on from the same place")
}

func flip(s string) string {
	if s[5] == 'A' {
		return s[:5] + "B" + s[6:]
	}
	return s[:5] + "A" + s[6:]
}

func FuzzPageToken(f *testing.F) {
	t := &testing.T{}
	a := newAPI(t, 20)
	for _, seed := range []string{"", "AAAA", "AAAAAQAAAAAAAAAKAAAAAAAAAAAAAAAAAAAAAA", "%00", "..", strings.Repeat("A", 128)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		path := wallet(marcia) + "/transactions?page_token=" + escape(token)
		status, _, body := a.do(t, request{Method: "GET", Path: path, Token: "all"})
		if token == "" {
			require.Equal(t, 200, status)
			return
		}
		require.Equal(t, 400, status, "a made-up token was taken: %s", body)
	})
}
