package rest

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/transactions"
)

const (
	// scanChunk is how many entries are read at once where a filter may drop some.
	scanChunk = 200
	// maxScan bounds the entries that one page looks at; a filter that matches little answers a short page with a
	// token to go on from.
	maxScan = 10 * scanChunk
)

type walletTransactionsInput struct {
	WalletInput
	PageInput
	From time.Time `query:"from" doc:"Entries booked at this time or later"`
	To   time.Time `query:"to" doc:"Entries booked before this time"`
	Type string    `query:"type" doc:"Transactions of this type only" enum:"cashin,cashout,p2p,p2p_assist,merchant_payment,float_topup,float_redeem,commission_payout,savings_deposit,savings_withdrawal,overdraft_draw,overdraft_repay,interest,reversal,adjustment,posting"`
}

// Line is one entry of a wallet: what the transaction did to it, and what was left.
type Line struct {
	PostingID    string `json:"posting_id" example:"pst_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Direction    string `json:"direction" enum:"debit,credit" example:"debit"`
	Change       Amount `json:"change" doc:"What this entry moved on the wallet, fee included"`
	BalanceAfter Amount `json:"balance_after" doc:"Running balance"`
	BookedAt     Time   `json:"booked_at"`
	// Txn is absent where no business fact stands behind the posting, as with a core bank's.
	*Txn
}

// TransformSchema documents that the transaction's fields may all be absent.
func (Line) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Required = []string{"posting_id", "direction", "change", "balance_after", "booked_at"}
	s.PrecomputeMessages()
	return s
}

// LineList is one page of lines.
type LineList struct {
	Page
	Data []Line `json:"data"`
}

type walletTransactionsOutput struct{ Body LineList }

// walletTransactions answers GET /v1/wallets/{wallet_id}/transactions.
func (a *api) walletTransactions(ctx context.Context, in *walletTransactionsInput) (*walletTransactionsOutput, error) {
	if !in.From.IsZero() && !in.To.IsZero() && !in.From.Before(in.To) {
		return nil, fault.New(fault.ValidationError, "empty period").Field("from", "is not before to")
	}
	account, err := a.wallet(ctx, in.WalletID)
	if err != nil {
		return nil, err
	}
	query := a.pageQuery("wallet_transactions", account.ID.String(), in.From.UTC().Format(time.RFC3339Nano),
		in.To.UTC().Format(time.RFC3339Nano), in.Type)
	before, err := query.position(in.PageToken)
	if err != nil {
		return nil, err
	}
	scan := &lineScan{api: a, account: account, in: in, before: before, lines: []Line{}}
	if err := scan.run(ctx); err != nil {
		return nil, err
	}
	out := &walletTransactionsOutput{Body: LineList{Page: Page{Object: listObject}, Data: scan.lines}}
	if scan.more {
		out.Body.HasMore = true
		out.Body.NextPageToken, err = query.token(scan.before)
	}
	return out, err
}

// lineScan walks an account's entries from the newest to the oldest until a page is full.
type lineScan struct {
	api     *api
	account ledger.Account
	in      *walletTransactionsInput
	before  int64 // entries below this sequence come next
	lines   []Line
	more    bool // there may be further lines
}

func (s *lineScan) run(ctx context.Context) error {
	if s.before == 0 && !s.in.To.IsZero() {
		if err := s.skipLater(ctx); err != nil || s.before == 0 {
			return err
		}
	}
	for seen := 0; seen < maxScan; {
		// One more than the page asks for tells whether there are further lines.
		chunk := s.in.PageSize + 1 - len(s.lines)
		if s.in.Type != "" {
			chunk = scanChunk
		}
		entries, err := s.api.Ledger.Entries(ctx, ledger.Page{Account: s.account.ID, Before: s.before, Limit: chunk})
		if err != nil {
			return err
		}
		done, err := s.take(ctx, entries)
		if err != nil || done || len(entries) < chunk {
			return err
		}
		seen += len(entries)
	}
	s.more = true
	return nil
}

// skipLater begins the walk at the end of the period; before stays 0 when nothing was booked by then.
func (s *lineScan) skipLater(ctx context.Context) error {
	last, err := s.api.Ledger.SequenceBefore(ctx, s.account.ID, s.in.To)
	if err == nil && last > 0 {
		s.before = last + 1
	}
	return err
}

// take adds the entries that the filters let through; done when the page is full or the period is left.
func (s *lineScan) take(ctx context.Context, entries []ledger.Entry) (done bool, err error) {
	facts, err := s.api.Transactions.ByIDs(ctx, postingsOf(entries))
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if !s.in.From.IsZero() && e.BookedAt.Before(s.in.From) {
			return true, nil
		}
		fact, known := facts[e.Posting]
		if s.in.Type == "" || string(fact.Type) == s.in.Type {
			if len(s.lines) == s.in.PageSize {
				s.more = true
				return true, nil
			}
			line, err := s.line(e, fact, known)
			if err != nil {
				return false, err
			}
			s.lines = append(s.lines, line)
		}
		s.before = e.Sequence
	}
	return false, nil
}

// line words an entry. A posting of the core bank has no business fact behind it, and its line no transaction.
func (s *lineScan) line(e ledger.Entry, fact transactions.Transaction, known bool) (Line, error) {
	line := Line{
		PostingID: ids.Format(ids.Posting, e.Posting), Direction: e.Side.String(),
		Change:       amountOf(money.Of(e.Minor, s.account.Currency)),
		BalanceAfter: amountOf(money.Of(e.BalanceAfter, s.account.Currency)), BookedAt: Time(e.BookedAt),
	}
	if !known {
		return line, nil
	}
	t, err := txnOf(fact)
	line.Txn = &t
	return line, err
}

func postingsOf(entries []ledger.Entry) []uuid.UUID {
	postings := make([]uuid.UUID, len(entries))
	for i, e := range entries {
		postings[i] = e.Posting
	}
	return postings
}
