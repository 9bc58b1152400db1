package rest

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"strings"
	"unicode/utf8"

	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/reports"
)

const csvType = "text/csv"

// csvLine is one row. Its kind tells the opening and closing lines from entries, so that the file adds up by itself:
// opening, with all credits and debits, makes closing.
type csvLine struct {
	kind, bookedAt, valueDate, posting, txn, receipt, typ, counterparty, narration, reference string

	debit, credit, balance, currency string
}

// csvHeader names the cells of a line.
var csvHeader = []string{
	"line", "booked_at", "value_date", "posting_id", "txn_id", "receipt_number", "type", "counterparty", "narration",
	"reference", "debit", "credit", "balance", "currency",
}

func (l csvLine) cells() []string {
	return []string{
		l.kind, l.bookedAt, l.valueDate, l.posting, l.txn, l.receipt, l.typ, inert(l.counterparty), inert(l.narration),
		inert(l.reference), l.debit, l.credit, l.balance, l.currency,
	}
}

// statementCSV streams a statement as RFC 4180 has it, in UTF-8. Its first lines are read before the answer begins, so
// that what fails then is answered as any failure is.
func (a *api) statementCSV(ctx context.Context, account ledger.Account, period reports.Period) (*statementOutput, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), downloadTime)
	r, err := a.Statements.Whole(ctx, account, period, maxCSV)
	if err != nil {
		cancel()
		return nil, err
	}
	body := &csvStream{ctx: ctx, cancel: cancel, statement: r}
	body.rows = csv.NewWriter(&body.buffer)
	body.rows.UseCRLF = true // RFC 4180, section 2.1
	if err := body.begin(); err != nil {
		cancel()
		return nil, err
	}
	return download(formatCSV, csvType+"; charset=utf-8", r.Statement, body), nil
}

// csvStream is a statement that is read as it is sent, a chunk of lines at a time.
type csvStream struct {
	ctx       context.Context //nolint:containedctx // io.Reader takes none
	cancel    context.CancelFunc
	statement *reports.StatementReader
	buffer    bytes.Buffer
	rows      *csv.Writer
	ended     bool
}

// Read gives what is ready, and reads on where nothing is.
func (s *csvStream) Read(p []byte) (int, error) {
	for s.buffer.Len() == 0 {
		if s.ended {
			return 0, io.EOF
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	return s.buffer.Read(p)
}

// Close ends the reading, also where the caller has gone away.
func (s *csvStream) Close() error {
	s.cancel()
	return nil
}

func (s *csvStream) begin() error {
	if err := s.rows.Write(csvHeader); err != nil {
		return err
	}
	if err := s.write(csvLine{kind: "opening", balance: s.statement.Opening.String()}); err != nil {
		return err
	}
	return s.fill()
}

// fill writes the next lines into the buffer, and after the last one the closing.
func (s *csvStream) fill() error {
	lines, err := s.statement.Next(s.ctx)
	if err != nil {
		return err
	}
	for i := range lines {
		if err := s.write(csvEntry(&lines[i])); err != nil {
			return err
		}
	}
	if len(lines) == 0 {
		s.ended = true
		debits, credits := s.statement.Totals()
		err = s.write(csvLine{
			kind: "closing", debit: debits.String(), credit: credits.String(), balance: s.statement.Closing.String(),
		})
	}
	s.rows.Flush()
	return err
}

func (s *csvStream) write(l csvLine) error {
	l.currency = string(s.statement.Account.Currency)
	return s.rows.Write(l.cells())
}

func csvEntry(l *reports.StatementLine) csvLine {
	line := csvLine{
		kind: "entry", bookedAt: l.BookedAt.UTC().Format(timeForm), valueDate: string(l.ValueDate),
		posting: ids.Format(ids.Posting, l.Posting), txn: idOrNone(ids.Transaction, l.Transaction), receipt: l.Receipt,
		typ: string(l.Type), counterparty: l.Counterparty, narration: l.Narration, reference: l.Reference,
		balance: l.Balance.String(),
	}
	if l.Side == ledger.Debit {
		line.debit = l.Amount.String()
	} else {
		line.credit = l.Amount.String()
	}
	return line
}

// formulaStarts are what spreadsheets take for the beginning of a formula, in both widths, and the white space that
// some skip before it.
const formulaStarts = "=+-@\t\r\n＝＋－＠"

// inert is a text that people outside wrote, made so that no spreadsheet runs it: behind an apostrophe it is text.
func inert(s string) string {
	if first, _ := utf8.DecodeRuneInString(s); strings.ContainsRune(formulaStarts, first) {
		return "'" + s
	}
	return s
}
