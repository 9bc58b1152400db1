package menus

import (
	"context"

	"github.com/looplab/fsm"

	"nova/core/payments"
	"nova/core/policy"
)

// pay: till code, amount, PIN.
func pay() Flow {
	return Flow{
		Name: "pay", Purpose: policy.CustomerTransact, Money: true, PaysBusiness: true,
		Starts: []string{"till"},
		Events: fsm.Events{
			{Name: "till_given", Src: []string{"till"}, Dst: "amount"},
			{Name: "amount_given", Src: []string{"amount"}, Dst: "confirm"},
			{Name: "paid", Src: []string{"confirm"}, Dst: "paid"},
		},
		Screens: map[string]Screen{
			"till":    {Kind: Input, Text: "pay.till", Read: readTill},
			"amount":  {Kind: Input, Text: "pay.amount", Read: readPayAmount},
			"confirm": {Kind: Authorise, Text: "pay.confirm", Read: payTill, Debits: true},
			"paid":    {Kind: Result, Text: "pay.paid"},
		},
	}
}

func readTill(ctx context.Context, t *Turn, input string) (string, error) {
	till, err := readCode(input)
	if err != nil {
		return "", err
	}
	merchant, err := t.Services().Payments.Till(ctx, till)
	if err != nil {
		return "", notFoundAs(err, "till")
	}
	t.Keep("till", till)
	t.keepPayee(merchant, maxBusiness)
	return "till_given", nil
}

func readPayAmount(ctx context.Context, t *Turn, input string) (string, error) {
	amount, err := t.readAmount(input)
	if err != nil {
		return "", err
	}
	quote, err := t.Services().Payments.QuotePay(ctx, t.Me(), t.Value("till"), ask(amount))
	if err != nil {
		return "", err
	}
	t.keepQuote(quote)
	if quote.RepeatedAt != nil {
		t.Note("warn.already_paid")
	}
	return "amount_given", nil
}

func payTill(ctx context.Context, t *Turn, input string) (string, error) {
	c, err := t.confirm(input)
	if err != nil {
		return "", err
	}
	merchant, err := t.ID("payee.id")
	if err != nil {
		return "", err
	}
	receipt, err := t.Services().Payments.Pay(ctx, payments.PayOrder{
		Order: c.order, From: t.Me(), Merchant: merchant, Amount: c.amount,
	})
	if err != nil {
		return "", err
	}
	t.showReceipt(receipt)
	return "paid", nil
}
