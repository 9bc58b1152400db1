package payments

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/outbox"
	"nova/core/transactions"
	"nova/sql"
)

// Templates of the notices of money that was taken back, and their arguments beside amount, currency, ref (the
// original's receipt), balance, receipt, time and date:
//
//	sms.reversal.payer       payee fee
//	sms.reversal.payee       payer
//	sms.reversal.operator    customer commission
//	sms.adjustment.payer     payee
//	sms.adjustment.payee     payer
//	sms.adjustment.operator  customer
const (
	NoticeReversalPayer      = "sms.reversal.payer"
	NoticeReversalPayee      = "sms.reversal.payee"
	NoticeReversalOperator   = "sms.reversal.operator"
	NoticeAdjustmentPayer    = "sms.adjustment.payer"
	NoticeAdjustmentPayee    = "sms.adjustment.payee"
	NoticeAdjustmentOperator = "sms.adjustment.operator"
)

// maxToldOperators bounds how many people of an agent are told that money was taken back.
const maxToldOperators = 5

// noticesOf are the templates of one way to take money back.
type noticesOf struct{ payer, payee, operator string }

var (
	reversalNotices   = noticesOf{NoticeReversalPayer, NoticeReversalPayee, NoticeReversalOperator}
	adjustmentNotices = noticesOf{NoticeAdjustmentPayer, NoticeAdjustmentPayee, NoticeAdjustmentOperator}
)

// toldOf tells everybody of the original who has a number: the customers on either side, and the agent's operator who
// served or, where nobody did, those who work for the agent.
func (s *Service) toldOf(ctx context.Context, tx *sql.Tx, c *ledger.Command, r *recovery, templates noticesOf) (
	[]outbox.Notice, error,
) {
	t := r.original
	people, err := s.store.toldCustomers(ctx, tx, t.From.Owner, t.To.Owner)
	if err != nil {
		return nil, err
	}
	var notices []outbox.Notice
	if payer, is := people[t.From.Owner]; is {
		n := r.notice(c, templates.payer, payer, t.From.Account)
		n.Args["payee"], n.Args["fee"] = t.To.Name, t.Fee.Format()
		notices = append(notices, n)
	}
	if payee, is := people[t.To.Owner]; is {
		n := r.notice(c, templates.payee, payee, t.To.Account)
		n.Args["payer"] = t.From.Name
		notices = append(notices, n)
	}
	operators, err := s.store.toldOperators(ctx, tx, t)
	if err != nil {
		return nil, err
	}
	float, customer := t.To.Account, t.From.Name
	if t.Type == transactions.CashIn {
		float, customer = t.From.Account, t.To.Name
	}
	for _, operator := range operators {
		n := r.notice(c, templates.operator, operator, float)
		n.Args["customer"], n.Args["commission"] = customer, t.Commission.Format()
		notices = append(notices, n)
	}
	return notices, nil
}

// notice tells one person what was taken back, and what they can spend now.
func (r *recovery) notice(c *ledger.Command, template string, who told, account uuid.UUID) outbox.Notice {
	amount := c.Transaction.Amount
	return outbox.Notice{
		ID: ids.New(r.now), Template: template, To: who.to, Language: who.language, Transaction: c.Transaction.ID,
		Args: map[string]string{
			"amount": amount.Format(), "currency": string(amount.Currency), "ref": r.original.Receipt,
			"balance": r.balanceAfter(c, account), "receipt": outbox.PlaceReceipt, "time": outbox.PlaceTime,
			"date": outbox.PlaceDate,
		},
	}
}

// balanceAfter is the placeholder for what is free on an account that the command touches; one that it does not touch,
// because all of it went into a debt, has what it had.
func (r *recovery) balanceAfter(c *ledger.Command, account uuid.UUID) string {
	if slices.ContainsFunc(c.Lines, func(l ledger.Line) bool { return l.Account == account }) {
		return outbox.PlaceAvailable(account)
	}
	return money.Of(r.side(account).Available, c.Currency).Format()
}
