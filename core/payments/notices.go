package payments

import (
	"encoding/hex"
	"maps"

	"github.com/google/uuid"

	"nova/core/ids"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/outbox"
	"nova/core/transactions"
)

// Templates of the notices that payments writes, and their arguments. Amounts come formatted ("1,234.50"), without
// the currency, which is an argument of its own; numbers come as digits for the renderer to write the market's way.
//
//	sms.send.payer        amount fee currency payee payee_number balance receipt time date
//	sms.send.payee        amount currency payer payer_number balance receipt time date
//	sms.pay.payer         amount fee currency payee till balance receipt time date
//	sms.cashin.customer   amount fee currency agent agent_code balance receipt time date
//	sms.cashin.operator   amount commission currency customer customer_number balance receipt time date
//	sms.cashout.customer  amount fee currency agent agent_code balance receipt time date
//	sms.cashout.operator  amount commission currency customer customer_number balance receipt time date
//	sms.code.issued       amount fee currency until code (sealed)
//	sms.code.cancelled    amount currency
//	sms.code.not_issued   amount currency time
//	sms.not_sent          type amount currency payee time
//	sms.overdraft.drawn   amount fee currency owed balance receipt time date
//	sms.overdraft.repaid  amount fee currency owed balance receipt time date
const (
	NoticeSendPayer       = "sms.send.payer"
	NoticeSendPayee       = "sms.send.payee"
	NoticePayPayer        = "sms.pay.payer"
	NoticeCashInCustomer  = "sms.cashin.customer"
	NoticeCashInOperator  = "sms.cashin.operator"
	NoticeCashOutCustomer = "sms.cashout.customer"
	NoticeCashOutOperator = "sms.cashout.operator"
	NoticeCodeIssued      = "sms.code.issued"
	NoticeCodeCancelled   = "sms.code.cancelled"
	NoticeCodeNotIssued   = "sms.code.not_issued"
	NoticeNotSent         = "sms.not_sent"
	NoticeDrawn           = "sms.overdraft.drawn"
	NoticeRepaid          = "sms.overdraft.repaid"
)

// SealedArg is the argument that a notice's Sealed holds: the withdrawal code.
const SealedArg = "code"

// NoticeAAD binds the sealed argument of a notice to its row; the renderer opens it with keyring.Field.
func NoticeAAD(notice uuid.UUID) string { return outbox.SealedAAD(notice) }

// told is one person whom an errand's notices reach.
type told struct {
	to       msisdn.MSISDN
	language string
}

// notice tells one person about the deal's transaction. What everybody is told stands here, extra adds the rest. It
// needs no dedupe key: it is written with the transaction, which its intent makes unique.
func (d *deal) notice(template string, who told, account uuid.UUID, extra map[string]string) outbox.Notice {
	args := map[string]string{
		"amount":   d.amount.Format(),
		"currency": string(d.amount.Currency),
		"balance":  outbox.PlaceAvailable(account),
		"receipt":  outbox.PlaceReceipt,
		"time":     outbox.PlaceTime,
		"date":     outbox.PlaceDate,
	}
	maps.Copy(args, extra)
	return outbox.Notice{
		ID: ids.New(d.now), Template: template, To: who.to, Language: who.language, Args: args,
		Transaction: d.transaction,
	}
}

// drawn tells a payer what their overdraft line lent for the deal; the ledger writes it only where it lent something.
func (d *deal) drawn(who told, wallet uuid.UUID) outbox.Notice {
	return d.notice(NoticeDrawn, who, wallet, map[string]string{
		"amount": outbox.PlaceDrawn(wallet), "fee": outbox.PlaceDrawFee(wallet), "owed": outbox.PlaceOwed(wallet),
	})
}

// repaid tells a payee what of the money went to what they owe on their line, where something did.
func (d *deal) repaid(who told, wallet uuid.UUID) outbox.Notice {
	return d.notice(NoticeRepaid, who, wallet, map[string]string{
		"amount": outbox.PlaceRepaid(wallet), "fee": money.Of(0, d.amount.Currency).Format(), "owed": outbox.PlaceOwed(wallet),
	})
}

// fee is the argument of those who paid one.
func (d *deal) fee() string { return d.charge.Fee.Format() }

// notSent tells that a promised errand did not happen.
func notSent(p transactions.Promise, time string, id uuid.UUID) outbox.Notice {
	template := NoticeNotSent
	args := map[string]string{"amount": p.Amount.Format(), "currency": string(p.Amount.Currency), "time": time}
	if p.PayeeName == "" {
		template = NoticeCodeNotIssued // nobody else takes part in a code yet
	} else {
		args["type"], args["payee"] = string(p.Type), p.PayeeName
	}
	return outbox.Notice{
		ID: id, Template: template, To: p.To, Language: p.Language, Args: args,
		// The key and not the intent: a second try of the same intent is a promise of its own.
		Dedupe: "not_sent:" + hex.EncodeToString(p.Key[:]),
	}
}
