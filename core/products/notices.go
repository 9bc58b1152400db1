package products

import (
	"github.com/google/uuid"

	"nova/core/outbox"
	"nova/core/payments"
)

// Templates of the notices that products writes. Besides what every errand's notice has (amount, currency, fee, balance
// of the wallet, receipt, time, date):
//
//	sms.savings.deposited  product savings
//	sms.savings.withdrawn  product savings
//	sms.savings.interest   amount currency product savings period receipt
//	sms.overdraft.drawn    owed
//	sms.overdraft.repaid   owed
//	sms.overdraft.interest amount currency owed period receipt
const (
	NoticeDeposit           = "sms.savings.deposited"
	NoticeWithdrawal        = "sms.savings.withdrawn"
	NoticeSavingsInterest   = "sms.savings.interest"
	NoticeDraw              = payments.NoticeDrawn
	NoticeRepayment         = payments.NoticeRepaid
	NoticeOverdraftInterest = "sms.overdraft.interest"
)

func savingsArgs(saved Savings) map[string]string {
	args := map[string]string{"product": saved.Product.Name}
	if saved.Account != uuid.Nil {
		args["savings"] = outbox.PlaceBalance(saved.Account)
	}
	return args
}

func owedArgs(receivable uuid.UUID) map[string]string {
	return map[string]string{"owed": outbox.PlaceBalance(receivable)}
}
