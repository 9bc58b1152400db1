package rest_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/channels/rest"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/reports"
	"nova/core/transactions"
)

// history is Ann's account in memory: an entry a minute since the beginning of the month, each with a fact but the first.
type history struct {
	entries []ledger.StatementEntry
	facts   map[uuid.UUID]transactions.Transaction
	// broken fails the reading behind this many entries; 0 never does.
	broken int
}

var (
	monthBegins = time.Date(2026, 11, 1, 4, 0, 0, 0, time.UTC)
	barbados    = time.FixedZone("AST", -4*60*60)
)

func newHistory(n int) *history {
	h := &history{facts: map[uuid.UUID]transactions.Transaction{}}
	balance := int64(0)
	for i := 1; i <= n; i++ {
		e := ledger.StatementEntry{
			Entry: ledger.Entry{
				Account: annsWallet, Posting: nth(txnBase, i%60_000), Sequence: int64(i), Side: ledger.Debit, Minor: 1_50,
				BookedAt: monthBegins.Add(time.Duration(i) * time.Second),
			},
			ValueDate: "2026-11-01", Reference: fmt.Sprintf("INV-%d", i),
		}
		switch i {
		case 1:
			e.Narration, e.Minor, e.Side = "opening balance 😀", 1_000_000_00, ledger.Credit
		case 2:
			e.Narration = `=HYPERLINK("http://example.org","click")`
		default:
			e.Transaction = e.Posting
			h.facts[e.Posting] = transactions.Transaction{
				ID: e.Posting, Type: transactions.P2P, Receipt: ids.Receipt(uint64(i)), //nolint:gosec // a small number
				From: transactions.Party{Account: annsWallet, Name: "Ann B."}, To: transactions.Party{Name: "Zoë Œuvrard-Müller"},
			}
		}
		balance += map[ledger.Side]int64{ledger.Credit: e.Minor, ledger.Debit: -e.Minor}[e.Side]
		e.BalanceAfter = balance
		h.entries = append(h.entries, e)
	}
	return h
}

// Span is what the ledger's store would find in its one lane.
func (h *history) Span(_ context.Context, account uuid.UUID, from, to time.Time) (ledger.Span, error) {
	s := ledger.Span{Account: account, From: from, To: to}
	lane := ledger.LaneSpan{First: 1}
	for _, e := range h.entries {
		if e.BookedAt.Before(from) {
			s.Opening, lane.First = e.BalanceAfter, e.Sequence+1
		}
		if e.BookedAt.Before(to) {
			s.Closing, lane.Last = e.BalanceAfter, e.Sequence
		}
	}
	s.Entries = lane.Last - lane.First + 1
	lane.Opening, lane.Closing, s.Lanes = s.Opening, s.Closing, []ledger.LaneSpan{lane}
	return s, nil
}

func (h *history) EntriesOfSpan(_ context.Context, _ uuid.UUID, lane ledger.LaneSpan, after int64, n int) (
	[]ledger.StatementEntry, error,
) {
	if h.broken > 0 && after >= int64(h.broken) {
		return nil, errors.New("the database is gone")
	}
	return h.entries[after:min(after+int64(n), lane.Last)], nil
}

func (h *history) ByIDs(_ context.Context, wanted []uuid.UUID) (map[uuid.UUID]transactions.Transaction, error) {
	return h.facts, nil
}

func statementsOver(h *history, a *api) *reports.Statements {
	return reports.NewStatements(reports.StatementOptions{Books: h, Facts: h, Clock: a.clock, Location: barbados})
}

// ask asks for a statement of Ann's November.
func (a *api) ask(t *testing.T, format string, more map[string]any) (int, http.Header, []byte) {
	t.Helper()
	body := map[string]any{
		"account_id": ids.Format(ids.Account, annsWallet), "from": "2026-11-01", "to": "2026-11-20", "format": format,
	}
	for name, value := range more {
		body[name] = value
	}
	text, err := json.Marshal(body)
	require.NoError(t, err)
	return a.do(t, request{Method: "POST", Path: "/v1/core/statements", Token: "all", JSON: text})
}

func withHistory(t *testing.T, n int) (*api, *history) {
	t.Helper()
	a := newAPI(t, 1)
	*a.history = *newHistory(n)
	return a, a.history
}

// TestStatementsOfARealBank: a client's own account in every format, and nobody else's.
func TestStatementsOfARealBank(t *testing.T) {
	w := newCoreWorld(t)
	w.clock.Advance(time.Minute)
	ask := func(token, account, format string) (int, string) {
		body := fmt.Sprintf(`{"account_id":%q,"from":"2026-11-21","to":"2026-11-21","format":%q}`, account, format)
		status, _, text := w.do(t, request{Method: "POST", Path: "/v1/core/statements", Token: token, JSON: []byte(body)})
		return status, string(text)
	}
	status, text := ask(w.acme, w.ann, "json")
	require.Equal(t, 200, status, text)
	var page struct {
		Opening, Closing rest.Amount
		Entries          []struct {
			Balance rest.Amount `json:"balance_after"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(text), &page))
	require.Equal(t, []string{"0.00", "100.00"}, []string{page.Opening.Amount, page.Closing.Amount})
	require.Len(t, page.Entries, 1)
	require.Equal(t, page.Closing, page.Entries[0].Balance)
	status, text = ask(w.acme, w.trust, "csv")
	require.Equal(t, 200, status, text)
	require.Contains(t, text, "closing,,,,,,,,,,101.00,0.00,101.00,BBD\r\n")
	status, text = ask(w.acme, w.trust, "pdf")
	require.Equal(t, 200, status)
	require.Contains(t, pdfWords(t, []byte(text)), "101.00")
	for _, format := range []string{"json", "csv", "pdf"} {
		status, text = ask(w.rival, w.ann, format)
		require.Equal(t, 404, status, text)
		require.NotContains(t, text, "100")
	}
}

func TestPagesOfAStatementTieOverHTTP(t *testing.T) {
	a, h := withHistory(t, 7)
	var all []rest.StatementEntry
	var token, balance string
	for range 4 {
		status, _, text := a.ask(t, "json", map[string]any{"page_size": 2, "page_token": token})
		require.Equal(t, 200, status, string(text))
		var page struct {
			Opening     rest.Amount `json:"opening"`
			Closing     rest.Amount `json:"closing"`
			PageOpening rest.Amount `json:"page_opening"`
			PageClosing rest.Amount `json:"page_closing"`
			Entries     []struct {
				Sequence  string      `json:"reference"`
				Balance   rest.Amount `json:"balance_after"`
				PostingID string      `json:"posting_id"`
			}
			HasMore bool   `json:"has_more"`
			Next    string `json:"next_page_token"`
		}
		require.NoError(t, json.Unmarshal(text, &page))
		if token == "" {
			balance = page.Opening.Amount
		}
		require.Equal(t, balance, page.PageOpening.Amount)
		for _, e := range page.Entries {
			all = append(all, rest.StatementEntry{PostingID: e.PostingID})
			balance = e.Balance.Amount
		}
		require.Equal(t, balance, page.PageClosing.Amount)
		require.Equal(t, page.HasMore, page.Next != "")
		if token = page.Next; token == "" {
			require.Equal(t, page.Closing.Amount, balance)
		}
	}
	require.Empty(t, token)
	require.Len(t, all, len(h.entries))
	for i, e := range all {
		require.Equal(t, ids.Format(ids.Posting, h.entries[i].Posting), e.PostingID)
	}
}

func TestATokenIsForTheStatementThatItWasGivenFor(t *testing.T) {
	a, _ := withHistory(t, 7)
	_, _, text := a.ask(t, "json", map[string]any{"page_size": 2})
	var page struct {
		Next string `json:"next_page_token"`
	}
	require.NoError(t, json.Unmarshal(text, &page))
	status, _, _ := a.ask(t, "json", map[string]any{"page_token": page.Next})
	require.Equal(t, 200, status, "another page size is another cut of the same statement")
	forged := []byte(page.Next)
	forged[3] ^= 1
	for name, more := range map[string]map[string]any{
		"forged":            {"page_token": string(forged)},
		"cut":               {"page_token": page.Next[:46]},
		"of another list":   {"page_token": page.Next[46:]},
		"no token":          {"page_token": "x"},
		"another period":    {"page_token": page.Next, "to": "2026-11-19"},
		"the same moment":   {"page_token": page.Next, "from": "2026-11-01T04:00:00Z"},
		"of a download":     {"page_token": page.Next, "format": "csv"},
		"too long a token":  {"page_token": strings.Repeat("a", 161)},
		"a foreign account": {"page_token": page.Next, "account_id": ids.Format(ids.Account, bensWallet)},
	} {
		status, _, text := a.ask(t, "json", more)
		if name == "a foreign account" {
			require.Equal(t, 404, status, string(text))
			continue
		}
		require.Equal(t, 400, status, "%s: %s", name, text)
		require.Contains(t, string(text), "page_token", name)
	}
}

func TestAStatementAsCSV(t *testing.T) {
	const n = 2_100 // several chunks
	a, h := withHistory(t, n)
	status, header, text := a.ask(t, "csv", nil)
	require.Equal(t, 200, status, string(text))
	require.Equal(t, "text/csv; charset=utf-8", header.Get("Content-Type"))
	require.Contains(t, header.Get("Content-Disposition"), `.csv"`)
	require.Equal(t, n+3, strings.Count(string(text), "\r\n"), "RFC 4180 ends lines so")
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	require.NoError(t, err)
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	require.Equal(t, "'"+h.entries[1].Narration, rows[3][column["narration"]], "no spreadsheet runs what a client wrote")
	require.Equal(t, "Zoë Œuvrard-Müller", rows[4][column["counterparty"]])
	require.Equal(t, "p2p", rows[4][column["type"]])
	require.Equal(t, "2026-11-01T04:00:03.000Z", rows[4][column["booked_at"]])
	require.Equal(t, "1.50", rows[4][column["debit"]])
	opening, closing := rows[1], rows[len(rows)-1]
	require.Equal(t, []string{"opening", "0.00"}, []string{opening[0], opening[column["balance"]]})
	require.Equal(t, []string{"closing", "3148.50", "1000000.00", "996851.50"}, []string{
		closing[0], closing[column["debit"]], closing[column["credit"]], closing[column["balance"]],
	})
	require.Equal(t, rows[len(rows)-2][column["balance"]], closing[column["balance"]])
}

func TestADownloadThatBreaksIsNotTakenForTheWhole(t *testing.T) {
	a, h := withHistory(t, 1_200)
	h.broken = 500
	body := fmt.Sprintf(`{"account_id":%q,"from":"2026-11-01","to":"2026-11-20","format":"csv"}`, ids.Format(ids.Account, annsWallet))
	req := httptest.NewRequest("POST", "/v1/core/statements", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer all")
	resp, err := a.Fiber().Test(req, 5000)
	if err == nil {
		defer func() { require.NoError(t, resp.Body.Close()) }()
		_, err = io.ReadAll(resp.Body)
	}
	require.Error(t, err)
}

func TestADownloadThatCannotBeginIsAFailure(t *testing.T) {
	for _, format := range []string{"csv", "pdf"} {
		a, h := withHistory(t, 3)
		h.entries[2].Minor++ // the lines no longer lead to the closing balance
		status, header, text := a.ask(t, format, nil)
		require.Equal(t, 500, status, format)
		require.Equal(t, "application/json", header.Get("Content-Type"))
		require.Contains(t, string(text), "INTERNAL_SERVER_ERROR")
	}
}

func TestADownloadHasAMostOfEntries(t *testing.T) {
	a, _ := withHistory(t, 5_001)
	status, _, text := a.ask(t, "pdf", nil)
	require.Equal(t, 400, status)
	require.JSONEq(t, `{"to":"makes a statement of 5001 entries, and this format has at most 5000"}`, details(t, text))
	status, _, _ = a.ask(t, "csv", nil)
	require.Equal(t, 200, status)
}

func details(t *testing.T, text []byte) string {
	t.Helper()
	var body struct{ Details json.RawMessage }
	require.NoError(t, json.Unmarshal(text, &body))
	return string(body.Details)
}

func TestAStatementAsPDF(t *testing.T) {
	a, _ := withHistory(t, 60)
	status, header, text := a.ask(t, "pdf", nil)
	require.Equal(t, 200, status)
	require.Equal(t, "application/pdf", header.Get("Content-Type"))
	if at := os.Getenv("NOVA_KEEP_PDF"); at != "" {
		require.NoError(t, os.WriteFile(at, text, 0o600))
	}
	words := pdfWords(t, text)
	for _, want := range []string{
		"Statement of account", ids.Format(ids.Account, annsWallet), "1 Nov 2026 00:00 AST to 21 Nov 2026 00:00 AST",
		"opening balance ?", "Transfer, Zoë Œuvrard-Müller", ids.Receipt(3) + " · INV-3", "Brought forward", "Page 2 of 3",
		"Totals and closing balance",
	} {
		require.Contains(t, words, want)
	}
	// 59 debits of 1.50 after the opening balance.
	require.Equal(t, []string{"88.50", "1,000,000.00", "999,911.50"}, after(words, "Totals and closing balance", 3))
	require.Equal(t, []string{"999,911.50"}, after(words, "Closing balance", 1))
}

// after are the words that follow a word.
func after(words []string, word string, n int) []string {
	for i := range words {
		if words[i] == word && i+n < len(words) {
			return words[i+1 : i+1+n]
		}
	}
	return nil
}

var (
	pdfStream = regexp.MustCompile(`(?s)stream\r?\n(.*?)\r?\nendstream`)
	pdfText   = regexp.MustCompile(`(?s)\(((?:[^()\\]|\\.)*)\) ?Tj`)
	pdfEscape = regexp.MustCompile(`(?s)\\(.)`)
)

// pdfWords are the texts that a PDF of embedded fonts shows, in their order: strings of UTF-16 in packed streams.
func pdfWords(t *testing.T, pdf []byte) []string {
	t.Helper()
	var words []string
	for _, stream := range pdfStream.FindAllSubmatch(pdf, -1) {
		packed, err := zlib.NewReader(bytes.NewReader(stream[1]))
		if err != nil {
			continue // not packed: no page
		}
		content, err := io.ReadAll(packed)
		require.NoError(t, err)
		for _, shown := range pdfText.FindAllSubmatch(content, -1) {
			raw := pdfEscape.ReplaceAllFunc(shown[1], func(e []byte) []byte {
				if e[1] == 'r' {
					return []byte{'\r'}
				}
				return e[1:]
			})
			units := make([]uint16, len(raw)/2)
			for i := range units {
				units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
			}
			words = append(words, string(utf16.Decode(units)))
		}
	}
	return words
}
