package menus

import (
	"context"

	"nova/core/customers"
	"nova/core/msisdn"
	"nova/core/payments"
	"nova/core/policy"
)

// sendMoney: number, amount, PIN.
func sendMoney() Flow {
	return Flow{
		Name: "send_money", Purpose: policy.CustomerTransact, Act: customers.PayOut, Money: true,
		Starts: []string{"payee"},
		Events: steps("payee", "amount", "confirm", "sent"),
		Screens: map[string]Screen{
			"payee":   {Kind: Input, Text: "send_money.payee", Read: askNumber(findPayee)},
			"amount":  {Kind: Input, Text: "send_money.amount", Read: askAmount("warn.already_sent", quoteSend)},
			"confirm": {Kind: Authorise, Text: "send_money.confirm", Read: authorise(send), Debits: true},
			"sent":    {Kind: Result, Text: "send_money.sent"},
		},
	}
}

func findPayee(ctx context.Context, t *Turn, number msisdn.MSISDN) (payments.Party, error) {
	return t.Services().Payments.Payee(ctx, t.Me(), number)
}

func quoteSend(ctx context.Context, t *Turn, ask payments.Ask) (payments.Quote, error) {
	to, err := t.number()
	if err != nil {
		return payments.Quote{}, err
	}
	return t.Services().Payments.QuoteSend(ctx, t.Me(), to, ask)
}

func send(ctx context.Context, t *Turn, c confirmed) (payments.Receipt, error) {
	return t.Services().Payments.Send(ctx, payments.SendOrder{Order: c.order, From: t.Me(), To: c.payee, Amount: c.amount})
}
