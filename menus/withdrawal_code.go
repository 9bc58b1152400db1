package menus

import (
	"context"

	"github.com/looplab/fsm"

	"nova/core/customers"
	"nova/core/payments"
	"nova/core/policy"
)

// withdrawalCode: amount, PIN, and a code that any agent pays out on. Who has a live code is offered to see it again
// (after the PIN) or to cancel it.
func withdrawalCode() Flow {
	return Flow{
		Name: "withdrawal_code", Purpose: policy.CustomerTransact, Act: customers.CashOut, Money: true,
		Starts: []string{"amount", "live"},
		Enter:  enterWithdrawalCode,
		Events: fsm.Events{
			{Name: next, Src: []string{"amount"}, Dst: "confirm"},
			{Name: next, Src: []string{"confirm"}, Dst: "code"},
			{Name: "show", Src: []string{"live"}, Dst: "show"},
			{Name: "cancelled", Src: []string{"live"}, Dst: "cancelled"},
			{Name: next, Src: []string{"show"}, Dst: "code"},
		},
		Screens: map[string]Screen{
			"amount":    {Kind: Input, Text: "withdrawal_code.amount", Read: askAmount("", quoteCode)},
			"confirm":   {Kind: Authorise, Text: "withdrawal_code.confirm", Read: issueCode, Holds: true},
			"code":      {Kind: Result, Text: "withdrawal_code.code"},
			"live":      {Kind: Choice, Text: "withdrawal_code.live", Read: chooseLive, Choices: []string{"1", "2"}},
			"show":      {Kind: Authorise, Text: "withdrawal_code.show", Read: showCode},
			"cancelled": {Kind: Result, Text: "withdrawal_code.cancelled"},
		},
	}
}

func enterWithdrawalCode(ctx context.Context, t *Turn) (string, error) {
	code, live, err := t.Services().Payments.LiveCode(ctx, t.Me())
	if err != nil || !live {
		return "amount", err
	}
	t.KeepAmount("amount", code.Amount)
	t.Keep("until", t.hour(code.ExpiresAt))
	return "live", nil
}

func quoteCode(ctx context.Context, t *Turn, ask payments.Ask) (payments.Quote, error) {
	return t.Services().Payments.QuoteCode(ctx, t.Me(), ask)
}

func issueCode(ctx context.Context, t *Turn, input string) (string, error) {
	c, err := t.confirm(input)
	if err != nil {
		return "", err
	}
	code, err := t.Services().Payments.IssueCode(ctx, payments.CodeOrder{Order: c.order, From: t.Me(), Amount: c.amount})
	if err != nil {
		return "", err
	}
	t.showWithdrawalCode(code)
	return next, nil
}

func chooseLive(ctx context.Context, t *Turn, input string) (string, error) {
	switch input {
	case "1":
		return "show", nil
	case "2":
		return "cancelled", t.Services().Payments.CancelCode(ctx, t.Key(), t.Me())
	default:
		return "", again("choose")
	}
}

func showCode(ctx context.Context, t *Turn, input string) (string, error) {
	proof, err := t.prove(input)
	if err != nil {
		return "", err
	}
	code, err := t.Services().Payments.ShowCode(ctx, t.Key(), proof)
	if err != nil {
		return "", err
	}
	t.showWithdrawalCode(code)
	return next, nil
}

// showWithdrawalCode puts the code on the screen alone, in two groups that are easy to read out.
func (t *Turn) showWithdrawalCode(code payments.Code) {
	digits := code.Secret.Reveal()
	if len(digits) == codeLength {
		digits = digits[:codeLength/2] + " " + digits[codeLength/2:]
	}
	t.Show("withdrawal_code", digits)
	t.ShowAmount("amount", code.Amount)
	t.ShowAmount("fee", code.Fee)
	t.ShowTime("until", code.ExpiresAt)
}
