package payments

import (
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"nova/core/ledger"
	"nova/core/money"
	"nova/core/transactions"
)

// Receipt is what an errand did. Balance is what the payer (of a cash-in or a code's cash-out: the agent's float)
// can spend afterwards, zero where it is not known any more. Drawn is what their overdraft line lent for it, at DrawFee,
// which stands in Fee as well, and Repaid what it took of money that came in; no amounts where no line was touched. Replayed tells that it had been
// done before.
type Receipt struct {
	Transaction uuid.UUID
	Number      string
	Type        transactions.Type
	Amount      money.Amount
	Fee         money.Amount
	Tax         money.Amount
	Commission  money.Amount
	Balance     money.Amount
	Drawn       money.Amount
	DrawFee     money.Amount
	Repaid      money.Amount
	From, To    string
	At          time.Time
	Replayed    bool
}

// The fields of a stored result from which a receipt is rendered.
const (
	extraType       = "type"
	extraAmount     = "amount"
	extraFee        = "fee"
	extraTax        = "tax"
	extraCommission = "commission"
	extraFrom       = "from"
	extraTo         = "to"
	extraPayer      = "payer"
)

// extra is the part of a receipt that the ledger does not know by itself. It is stored with the result.
func (d *deal) extra() map[string]string {
	minor := func(a money.Amount) string { return strconv.FormatInt(a.Minor, 10) }
	return map[string]string{
		extraType: string(d.typ), extraAmount: minor(d.amount), extraFee: minor(d.charge.Fee),
		extraTax: minor(d.charge.Tax), extraCommission: minor(d.charge.Commission),
		extraFrom: d.from.Name, extraTo: d.to.Name, extraPayer: d.balanceOf().String(),
	}
}

// receipt renders a stored result, so that a replay says what the first answer said.
func (s *Service) receipt(r ledger.Result) (Receipt, error) {
	var faults []error
	amount := func(name string) money.Amount {
		minor, err := strconv.ParseInt(r.Extra[name], 10, 64)
		faults = append(faults, err)
		return money.Of(minor, s.currency)
	}
	payer, err := uuid.Parse(r.Extra[extraPayer])
	faults = append(faults, err)
	receipt := Receipt{
		Transaction: r.Transaction, Number: r.Receipt, Type: transactions.Type(r.Extra[extraType]),
		Amount: amount(extraAmount), Fee: amount(extraFee), Tax: amount(extraTax), Commission: amount(extraCommission),
		Balance: money.Of(r.Available[payer], s.currency),
		From:    r.Extra[extraFrom], To: r.Extra[extraTo], At: r.BookedAt, Replayed: r.Replayed,
	}
	if line, used := r.Draws[payer]; used {
		receipt.Drawn, receipt.DrawFee = money.Of(line.Drawn, s.currency), money.Of(line.Fee, s.currency)
		receipt.Repaid = money.Of(line.Repaid, s.currency)
		receipt.Fee.Minor += line.Fee
	}
	return receipt, errors.Join(faults...)
}

// receiptOf is the receipt of a transaction long done: the balance after it is not known any more.
func receiptOf(t transactions.Transaction) Receipt {
	return Receipt{
		Transaction: t.ID, Number: t.Receipt, Type: t.Type, Amount: t.Amount, Fee: t.Fee, Tax: t.Tax,
		Commission: t.Commission, From: t.From.Name, To: t.To.Name, At: t.PostedAt,
	}
}
