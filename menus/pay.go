package menus

import (
	"context"

	"nova/core/customers"
	"nova/core/payments"
	"nova/core/policy"
)

// pay: till code, amount, PIN.
func pay() Flow {
	return Flow{
		Name: "pay", Purpose: policy.CustomerTransact, Act: customers.PayOut, Money: true, PaysBusiness: true,
		Starts: []string{"till"},
		Events: steps("till", "amount", "confirm", "paid"),
		Screens: map[string]Screen{
			"till":    {Kind: Input, Text: "pay.till", Read: askCode("till", findTill)},
			"amount":  {Kind: Input, Text: "pay.amount", Read: askAmount("warn.already_paid", quotePay)},
			"confirm": {Kind: Authorise, Text: "pay.confirm", Read: authorise(payTill), Debits: true},
			"paid":    {Kind: Result, Text: "pay.paid"},
		},
	}
}

func findTill(ctx context.Context, t *Turn, till string) (payments.Party, error) {
	return t.Services().Payments.Till(ctx, till)
}

func quotePay(ctx context.Context, t *Turn, ask payments.Ask) (payments.Quote, error) {
	return t.Services().Payments.QuotePay(ctx, t.Me(), t.Value("code"), ask)
}

func payTill(ctx context.Context, t *Turn, c confirmed) (payments.Receipt, error) {
	return t.Services().Payments.Pay(ctx, payments.PayOrder{Order: c.order, From: t.Me(), Merchant: c.payee, Amount: c.amount})
}
