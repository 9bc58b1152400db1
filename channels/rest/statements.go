package rest

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/policy"
	"nova/core/reports"
)

// The formats of a statement, and the most entries that a download has. A page of JSON has a hundred at most, and there
// is no most of pages.
const (
	formatCSV = "csv"
	formatPDF = "pdf"
	// maxCSV is what a spreadsheet still opens, and what is read within the time that an answer may take.
	maxCSV = 100_000
	// maxPDF is some hundred sheets of paper, which are laid out in memory.
	maxPDF = 5_000
)

// downloadTime bounds the reading of a whole statement, which goes on after its handler has returned: as long as the
// server lets an answer be written.
const downloadTime = 15 * time.Second

// ScopeStatements lets a client read statements of its accounts.
const ScopeStatements = "core.statements"

// Statements reads statements. *reports.Statements is it.
type Statements interface {
	Period(from, to string) (reports.Period, error)
	Page(ctx context.Context, a ledger.Account, p reports.Period, after *reports.Place, n int) (reports.StatementPage, error)
	Whole(ctx context.Context, a ledger.Account, p reports.Period, most int64) (*reports.StatementReader, error)
}

// StatementRequest asks what happened on an account in a period.
type StatementRequest struct {
	AccountID string `json:"account_id" doc:"An account that the client opened or was granted" example:"acc_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
	From      string `json:"from" doc:"Where the period begins: a time in RFC 3339, or a date, which is a day in market time" example:"2026-11-01" maxLength:"40"`
	To        string `json:"to" doc:"Where the period ends: a time in RFC 3339, which no longer belongs to it, or a date, which is its last day. At most 366 days after from. A period that is not over ends a few seconds ago" example:"2026-11-30" maxLength:"40"`
	Format    string `json:"format,omitempty" doc:"json comes in pages; csv (at most 100,000 entries) and pdf (at most 5,000) are whole downloads" default:"json" enum:"json,csv,pdf" example:"json"`
	PageSize  int    `json:"page_size,omitempty" doc:"How many entries at most on a page of json" default:"50" minimum:"1" maximum:"100" example:"50"`
	PageToken string `json:"page_token,omitempty" doc:"next_page_token of the page before, with the same account and period" maxLength:"160"`
}

type statementInput struct{ Body StatementRequest }

// StatementEntry is one line of a statement.
type StatementEntry struct {
	PostingID    string `json:"posting_id" example:"pst_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Direction    string `json:"direction" enum:"debit,credit" example:"credit"`
	Amount       Amount `json:"amount"`
	BalanceAfter Amount `json:"balance_after" doc:"The account's balance after this entry"`
	BookedAt     Time   `json:"booked_at"`
	ValueDate    string `json:"value_date" format:"date" example:"2026-11-21"`
	Narration    string `json:"narration,omitempty" example:"opening balance"`
	Reference    string `json:"reference,omitempty" example:"INV-2042"`
	// What stands behind the posting; absent where nothing but the posting itself does.
	TxnID         string `json:"txn_id,omitempty" example:"txn_01kat5m7q8e2r9v4c6x0z3n1bw"`
	ReceiptNumber string `json:"receipt_number,omitempty" example:"7K3M9Q"`
	Type          string `json:"type,omitempty" doc:"The transaction's type" example:"p2p"`
	Counterparty  string `json:"counterparty,omitempty" doc:"The other side's name, as it was shown" example:"Andre C."`
}

// Statement is a page of an account's statement. Opening, closing and entry_count are the whole period's. The page's
// entries lead from page_opening to page_closing, which is the next page's page_opening.
type Statement struct {
	AccountID   string           `json:"account_id" example:"acc_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Currency    string           `json:"currency" example:"BBD"`
	From        Time             `json:"from" doc:"The first moment of the period"`
	To          Time             `json:"to" doc:"The moment after the period"`
	Opening     Amount           `json:"opening" doc:"Balance before the period"`
	Closing     Amount           `json:"closing" doc:"Balance at its end"`
	EntryCount  int64            `json:"entry_count" doc:"Entries in the whole period" example:"2"`
	PageOpening Amount           `json:"page_opening" doc:"Balance before the first entry of this page"`
	PageClosing Amount           `json:"page_closing" doc:"Balance after its last entry"`
	PageDebits  Amount           `json:"page_debits" doc:"Sum of this page's debits"`
	PageCredits Amount           `json:"page_credits" doc:"Sum of this page's credits"`
	Entries     []StatementEntry `json:"entries" doc:"The oldest first"`
	HasMore     bool             `json:"has_more" example:"false"`
	NextToken   string           `json:"next_page_token,omitempty" doc:"Ask for the next page with it"`
}

// statementOutput writes itself: the answer has one of three types.
type statementOutput struct{ Body func(huma.Context) }

// registerStatements adds the one operation on statements.
func (a *api) registerStatements(app *web.App) {
	schemas := app.API().OpenAPI().Components.Schemas
	text := &huma.Schema{Type: huma.TypeString}
	web.Register(app, web.Operation{
		Access: web.Needs(policy.CustomerAccountView, ScopeStatements),
		Operation: huma.Operation{
			OperationID: "core_statement", Method: http.MethodPost, Path: "/v1/core/statements", Tags: []string{coreTag},
			Summary: "What happened on an account in a period",
			Description: "It changes nothing and needs no Idempotency-Key. What is stated stays so: a period that is not " +
				"over ends a few seconds ago, and pages of one statement end where its first page said.",
			Errors: append(slices.Clone(refusals), http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType),
			Responses: map[string]*huma.Response{"200": {
				Description: "The statement, in the format that was asked for",
				Content: map[string]*huma.MediaType{
					jsonType: {Schema: schemas.Schema(reflect.TypeFor[Statement](), true, "Statement")},
					csvType:  {Schema: text},
					pdfType:  {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
				},
			}},
		},
	}, a.statement)
}

// statement answers POST /v1/core/statements.
func (a *api) statement(ctx context.Context, in *statementInput) (*statementOutput, error) {
	account, err := a.readable(ctx, in.Body.AccountID)
	if err != nil {
		return nil, err
	}
	period, err := a.Statements.Period(in.Body.From, in.Body.To)
	if err != nil {
		return nil, err
	}
	if in.Body.PageToken != "" && (in.Body.Format == formatCSV || in.Body.Format == formatPDF) {
		return nil, fault.New(fault.ValidationError, "page of a download").Field("page_token", "is for pages of json")
	}
	switch in.Body.Format {
	case formatCSV:
		return a.statementCSV(ctx, account, period)
	case formatPDF:
		return a.statementPDF(ctx, account, period)
	default:
		return a.statementPage(ctx, account, period, &in.Body)
	}
}

// readable finds the account that a body names, if the caller may read it.
func (a *api) readable(ctx context.Context, named string) (ledger.Account, error) {
	id, err := ids.Parse(ids.Account, named)
	if err != nil {
		return ledger.Account{}, malformed("account_id", err)
	}
	client, err := clientOf(ctx)
	if err != nil {
		return ledger.Account{}, err
	}
	account, err := a.Bank.Account(ctx, client, id)
	return account.Account, err
}

func (a *api) statementPage(
	ctx context.Context, account ledger.Account, period reports.Period, in *StatementRequest,
) (*statementOutput, error) {
	tokens := statementTokens{api: a, account: account.ID, in: in}
	after, err := tokens.place(in.PageToken)
	if err != nil {
		return nil, err
	}
	if after != nil {
		period.To = after.To
	}
	page, err := a.Statements.Page(ctx, account, period, after, in.PageSize)
	if err != nil {
		return nil, err
	}
	body := statementOf(&page)
	if page.Next != nil {
		if body.NextToken, err = tokens.token(page.Next); err != nil {
			return nil, err
		}
	}
	return &statementOutput{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", jsonType)
		_ = json.NewEncoder(ctx.BodyWriter()).Encode(body) // a failed write means that the caller is gone
	}}, nil
}

func statementOf(page *reports.StatementPage) Statement {
	body := Statement{
		AccountID: ids.Format(ids.Account, page.Account.ID), Currency: string(page.Account.Currency),
		From: Time(page.Period.From), To: Time(page.Period.To), Opening: amountOf(page.Opening), Closing: amountOf(page.Closing),
		EntryCount: page.Entries, PageOpening: amountOf(page.PageOpening), PageClosing: amountOf(page.PageClosing),
		PageDebits: amountOf(page.Debits), PageCredits: amountOf(page.Credits), HasMore: page.Next != nil,
		Entries: make([]StatementEntry, len(page.Lines)),
	}
	for i := range page.Lines {
		l := &page.Lines[i]
		body.Entries[i] = StatementEntry{
			PostingID: ids.Format(ids.Posting, l.Posting), Direction: l.Side.String(), Amount: amountOf(l.Amount),
			BalanceAfter: amountOf(l.Balance), BookedAt: Time(l.BookedAt), ValueDate: string(l.ValueDate),
			Narration: l.Narration, Reference: l.Reference, TxnID: idOrNone(ids.Transaction, l.Transaction),
			ReceiptNumber: l.Receipt, Type: string(l.Type), Counterparty: l.Counterparty,
		}
	}
	return body
}

// statementTokens makes the tokens of one statement's pages: a place, and the MAC that binds it to the account and the
// period as they were asked for.
type statementTokens struct {
	api     *api
	account uuid.UUID
	in      *StatementRequest
}

// A place is four numbers of eight bytes and its lane's two, which are so many characters of a token.
const (
	placeBytes = 4*8 + 2
	placeChars = (placeBytes*8 + 5) / 6
)

func (t statementTokens) token(p *reports.Place) (string, error) {
	raw := make([]byte, 0, placeBytes)
	for _, n := range []int64{p.To.UnixMicro(), p.BookedAt.UnixMicro(), p.Sequence, p.Balance} {
		raw = binary.BigEndian.AppendUint64(raw, uint64(n)) //nolint:gosec // the same 64 bits come back
	}
	raw = binary.BigEndian.AppendUint16(raw, uint16(p.Lane)) //nolint:gosec // a lane is a smallint
	place := base64.RawURLEncoding.EncodeToString(raw)
	mac, err := t.query(place).token(0)
	return place + mac, err
}

// place is where a token goes on; nil for none. One that was not given for this statement is a VALIDATION_ERROR.
func (t statementTokens) place(token string) (*reports.Place, error) {
	if token == "" {
		return nil, nil //nolint:nilnil // no token is the beginning
	}
	if len(token) <= placeChars { // without a MAC
		return nil, foreignToken()
	}
	place, mac := token[:placeChars], token[placeChars:]
	if _, err := t.query(place).position(mac); err != nil {
		return nil, err
	}
	raw, err := base64.RawURLEncoding.DecodeString(place)
	if err != nil {
		return nil, foreignToken()
	}
	number := func(i int) int64 { return int64(binary.BigEndian.Uint64(raw[8*i:])) } //nolint:gosec // as above
	return &reports.Place{
		To: time.UnixMicro(number(0)).UTC(), BookedAt: time.UnixMicro(number(1)).UTC(), Sequence: number(2),
		Balance: number(3), Lane: int(binary.BigEndian.Uint16(raw[32:])),
	}, nil
}

func (t statementTokens) query(place string) pageQuery {
	return t.api.pageQuery("core_statement", t.account.String(), t.in.From, t.in.To, place)
}

func foreignToken() error {
	return fault.New(fault.ValidationError, "page token refused").Field("page_token", "was not given for this list")
}

// download answers with what is read from body while it is being sent. Its size is not told, so that a body which fails
// breaks the connection off, and no reader takes a part for the whole.
func download(format, mediaType string, s reports.Statement, body io.Reader) *statementOutput {
	name := "statement-" + ids.Format(ids.Account, s.Account.ID) + "." + format
	return &statementOutput{Body: func(ctx huma.Context) {
		c := humafiber.Unwrap(ctx)
		c.Set("Content-Type", mediaType)
		c.Set("Content-Disposition", `attachment; filename="`+name+`"`)
		c.Context().Response.SetBodyStream(body, -1)
	}}
}
