package menus

import (
	"context"

	"github.com/looplab/fsm"

	"nova/core/payments"
	"nova/core/policy"
)

// sendMoney: number, amount, PIN.
func sendMoney() Flow {
	return Flow{
		Name: "send_money", Purpose: policy.CustomerTransact, Money: true,
		Starts: []string{"payee"},
		Events: fsm.Events{
			{Name: "payee_given", Src: []string{"payee"}, Dst: "amount"},
			{Name: "amount_given", Src: []string{"amount"}, Dst: "confirm"},
			{Name: "sent", Src: []string{"confirm"}, Dst: "sent"},
		},
		Screens: map[string]Screen{
			"payee":   {Kind: Input, Text: "send_money.payee", Read: readSendPayee},
			"amount":  {Kind: Input, Text: "send_money.amount", Read: readSendAmount},
			"confirm": {Kind: Authorise, Text: "send_money.confirm", Read: send, Debits: true},
			"sent":    {Kind: Result, Text: "send_money.sent"},
		},
	}
}

func readSendPayee(ctx context.Context, t *Turn, input string) (string, error) {
	number, err := t.readNumber(input)
	if err != nil {
		return "", err
	}
	payee, err := t.Services().Payments.Payee(ctx, t.Me(), number)
	if err != nil {
		return "", err
	}
	t.keepNumber(number)
	t.keepPayee(payee, maxNameShown)
	return "payee_given", nil
}

func readSendAmount(ctx context.Context, t *Turn, input string) (string, error) {
	amount, err := t.readAmount(input)
	if err != nil {
		return "", err
	}
	to, err := t.number()
	if err != nil {
		return "", err
	}
	quote, err := t.Services().Payments.QuoteSend(ctx, t.Me(), to, ask(amount))
	if err != nil {
		return "", err
	}
	t.keepQuote(quote)
	if quote.RepeatedAt != nil {
		t.Note("warn.already_sent")
	}
	return "amount_given", nil
}

func send(ctx context.Context, t *Turn, input string) (string, error) {
	c, err := t.confirm(input)
	if err != nil {
		return "", err
	}
	payee, err := t.ID("payee.id")
	if err != nil {
		return "", err
	}
	receipt, err := t.Services().Payments.Send(ctx, payments.SendOrder{Order: c.order, From: t.Me(), To: payee, Amount: c.amount})
	if err != nil {
		return "", err
	}
	t.showReceipt(receipt)
	return "sent", nil
}
