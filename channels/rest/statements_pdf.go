package rest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"nova/core/clock"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/reports"
	"nova/core/transactions"
)

const pdfType = "application/pdf"

// The sheet, in millimetres: A4 with its margins, the columns that share the width between them, and the rows.
const (
	pdfMargin = 15
	pdfBottom = 297 - 20
	pdfRow    = 9.5
	pdfLine   = 4.3

	pdfDates, pdfDetails, pdfMoney = 27.0, 75.0, 26.0
	pdfWidth                       = pdfDates + pdfDetails + 3*pdfMoney
)

// mm is a length on paper; the library takes the sizes of letters in the same type.
type mm = float64 //nolint:forbidigo // no money

// pdfFont is Go's own: it has the letters of Latin, Greek and Cyrillic alphabets, and a licence to embed it.
const pdfFont = "go"

// pdfTypes are the types as people read them on paper.
var pdfTypes = map[transactions.Type]string{
	transactions.CashIn: "Cash in", transactions.CashOut: "Cash out", transactions.P2P: "Transfer",
	transactions.P2PAssist: "Assisted transfer", transactions.MerchantPayment: "Payment",
	transactions.FloatTopup: "Float top-up", transactions.FloatRedeem: "Float redeemed",
	transactions.CommissionPayout: "Commission paid out", transactions.SavingsDeposit: "Savings deposit",
	transactions.SavingsWithdrawal: "Savings withdrawal", transactions.OverdraftDraw: "Overdraft drawn",
	transactions.OverdraftRepay: "Overdraft repaid", transactions.Interest: "Interest",
	transactions.Reversal: "Reversal", transactions.Adjustment: "Adjustment",
}

// statementPDF lays a statement out on paper. It is made whole before the answer begins: a PDF ends with the index of
// its beginning.
func (a *api) statementPDF(ctx context.Context, account ledger.Account, period reports.Period) (*statementOutput, error) {
	r, err := a.Statements.Whole(ctx, account, period, maxPDF)
	if err != nil {
		return nil, err
	}
	sheet := newPDFSheet(r.Statement, a.Clock)
	for {
		lines, err := r.Next(ctx)
		if err != nil {
			return nil, err
		}
		if len(lines) == 0 {
			break
		}
		for i := range lines {
			sheet.entry(&lines[i])
		}
	}
	sheet.end(r)
	var body bytes.Buffer
	if err := sheet.pdf.Output(&body); err != nil {
		return nil, fmt.Errorf("lay out statement: %w", err)
	}
	return download(formatPDF, pdfType, r.Statement, &body), nil
}

// pdfSheet is a statement on paper as far as it is laid out.
type pdfSheet struct {
	pdf       *fpdf.Fpdf
	statement reports.Statement
	// balance is what the next page opens with.
	balance string
}

func newPDFSheet(s reports.Statement, now clock.Clock) *pdfSheet {
	p := &pdfSheet{pdf: fpdf.New("P", "mm", "A4", ""), statement: s, balance: s.Opening.Format()}
	p.pdf.AddUTF8FontFromBytes(pdfFont, "", goregular.TTF)
	p.pdf.AddUTF8FontFromBytes(pdfFont, "B", gobold.TTF)
	p.pdf.SetMargins(pdfMargin, pdfMargin, pdfMargin)
	p.pdf.SetAutoPageBreak(false, 0)
	p.pdf.SetTitle("Statement of account", true)
	p.pdf.SetLang("en")
	p.pdf.SetCreationDate(now.Now())
	p.pdf.SetModificationDate(now.Now())
	p.pdf.SetCatalogSort(true)
	p.pdf.AliasNbPages("")
	p.pdf.SetFooterFunc(p.footer)
	p.pdf.AddPage()
	p.title(now.Now())
	p.columns()
	p.balanceRow("Opening balance")
	return p
}

func (p *pdfSheet) style(style string, points mm, grey int) {
	p.pdf.SetFont(pdfFont, style, points)
	p.pdf.SetTextColor(grey, grey, grey)
}

// title tells whose statement it is, of when, and what it comes to.
func (p *pdfSheet) title(now time.Time) {
	p.style("B", 16, 0)
	p.pdf.CellFormat(pdfWidth, 9, "Statement of account", "", 1, "L", false, 0, "")
	p.pdf.Ln(2)
	s := p.statement
	for _, row := range [][2]string{
		{"Account", ids.Format(ids.Account, s.Account.ID)},
		{"Name", s.Account.Name},
		{"Kind", strings.ReplaceAll(string(s.Account.Product), "_", " ") + ", in " + string(s.Account.Currency)},
		{"Period", p.moment(s.Period.From) + " to " + p.moment(s.Period.To)},
		{"Opening balance", s.Opening.Format()},
		{"Closing balance", s.Closing.Format()},
		{"Entries", fmt.Sprint(s.Entries)},
		{"Made", p.moment(now)},
	} {
		if row[1] == "" {
			continue
		}
		p.style("", 9, 110)
		p.pdf.CellFormat(32, 5, row[0], "", 0, "L", false, 0, "")
		p.style("", 9, 0)
		p.pdf.CellFormat(pdfWidth-32, 5, p.fit(row[1], pdfWidth-32), "", 1, "L", false, 0, "")
	}
	p.pdf.Ln(4)
}

// moment is a time on the market's clocks.
func (p *pdfSheet) moment(t time.Time) string {
	return t.In(p.statement.Market).Format("2 Jan 2006 15:04 MST")
}

func (p *pdfSheet) columns() {
	p.style("B", 8.5, 0)
	p.pdf.SetFillColor(232, 236, 240)
	for _, c := range []struct {
		name  string
		width mm
		align string
	}{
		{"Date", pdfDates, "L"}, {"Details", pdfDetails, "L"}, {"Debit", pdfMoney, "R"}, {"Credit", pdfMoney, "R"},
		{"Balance", pdfMoney, "R"},
	} {
		p.pdf.CellFormat(c.width, 7, c.name, "", 0, c.align, true, 0, "")
	}
	p.pdf.Ln(8)
}

// balanceRow is a line that only says where the balance stands.
func (p *pdfSheet) balanceRow(words string) {
	p.style("", 8.5, 110)
	p.pdf.CellFormat(pdfDates, pdfRow-3, "", "", 0, "L", false, 0, "")
	p.pdf.CellFormat(pdfDetails+2*pdfMoney, pdfRow-3, words, "", 0, "L", false, 0, "")
	p.style("", 8.5, 0)
	p.pdf.CellFormat(pdfMoney, pdfRow-3, p.balance, "", 1, "R", false, 0, "")
	p.rule()
}

func (p *pdfSheet) rule() {
	p.pdf.SetDrawColor(215, 220, 225)
	p.pdf.SetLineWidth(0.15)
	p.pdf.Line(pdfMargin, p.pdf.GetY(), pdfMargin+pdfWidth, p.pdf.GetY())
}

// entry adds a row of two lines, on a new page where this one is full.
func (p *pdfSheet) entry(l *reports.StatementLine) {
	if p.pdf.GetY()+pdfRow > pdfBottom {
		p.pdf.AddPage()
		p.columns()
		p.balanceRow("Brought forward")
	}
	x, y := p.pdf.GetX(), p.pdf.GetY()
	at := l.BookedAt.In(p.statement.Market)
	words, more := describe(l)
	debit, credit := l.Amount.Format(), ""
	if l.Side == ledger.Credit {
		debit, credit = credit, debit
	}
	p.twoLines(x, y, pdfDates, at.Format("2 Jan 2006"), at.Format("15:04:05"))
	p.twoLines(x+pdfDates, y, pdfDetails, words, more)
	p.style("", 8.5, 0)
	p.pdf.SetXY(x+pdfDates+pdfDetails, y+0.5)
	p.balance = l.Balance.Format()
	for _, cell := range []string{debit, credit, p.balance} {
		p.pdf.CellFormat(pdfMoney, pdfLine, cell, "", 0, "R", false, 0, "")
	}
	p.pdf.SetXY(x, y+pdfRow)
	p.rule()
}

func (p *pdfSheet) twoLines(x, y, width mm, first, second string) {
	p.style("", 8.5, 0)
	p.pdf.SetXY(x, y+0.5)
	p.pdf.CellFormat(width, pdfLine, p.fit(first, width), "", 0, "L", false, 0, "")
	p.style("", 7, 110)
	p.pdf.SetXY(x, y+0.5+pdfLine)
	p.pdf.CellFormat(width, pdfLine-0.5, p.fit(second, width), "", 0, "L", false, 0, "")
}

// describe is what an entry was: the transaction with the other side's name where there is one, else its narration.
func describe(l *reports.StatementLine) (words, more string) {
	parts := []string{l.Narration, l.Receipt, l.Reference}
	if words = pdfTypes[l.Type]; words == "" {
		words, parts[0] = l.Narration, ""
	}
	if l.Counterparty != "" {
		words += ", " + l.Counterparty
	}
	for _, part := range parts {
		if part != "" && more != "" {
			more += " · "
		}
		more += part
	}
	return words, more
}

// lastGlyph is the last character that the PDF library can look up in a font (the Basic Multilingual Plane).
const lastGlyph = 0xFFFF

// fit cuts a text that is too long for its place. Line breaks and the like are blanks on paper, and what no font here has
// is a question mark.
func (p *pdfSheet) fit(text string, width mm) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return ' '
		case r > lastGlyph:
			return '?'
		}
		return r
	}, text)
	room := width - 2*p.pdf.GetCellMargin()
	if p.pdf.GetStringWidth(text) <= room {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && p.pdf.GetStringWidth(string(runes)+"…") > room {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

// end closes the table with the totals that lead from the opening to the closing balance.
func (p *pdfSheet) end(r *reports.StatementReader) {
	if p.pdf.GetY()+pdfRow > pdfBottom {
		p.pdf.AddPage()
		p.columns()
	}
	debits, credits := r.Totals()
	p.pdf.Ln(0.5)
	p.style("B", 8.5, 0)
	p.pdf.CellFormat(pdfDates, 7, "", "", 0, "L", false, 0, "")
	p.pdf.CellFormat(pdfDetails, 7, "Totals and closing balance", "", 0, "L", false, 0, "")
	for _, cell := range []string{debits.Format(), credits.Format(), r.Closing.Format()} {
		p.pdf.CellFormat(pdfMoney, 7, cell, "", 0, "R", false, 0, "")
	}
}

func (p *pdfSheet) footer() {
	p.pdf.SetY(-14)
	p.style("", 7.5, 110)
	// The number of pages takes less room than what stands for it until it is known, so it ends a text on the left.
	p.pdf.CellFormat(pdfWidth/2, 5, fmt.Sprintf("Page %d of {nb}", p.pdf.PageNo()), "", 0, "L", false, 0, "")
	p.pdf.CellFormat(pdfWidth/2, 5, ids.Format(ids.Account, p.statement.Account.ID), "", 0, "R", false, 0, "")
}
