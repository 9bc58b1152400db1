package menus

import (
	"context"

	"github.com/looplab/fsm"

	"nova/core/payments"
	"nova/core/policy"
)

// withdrawAtAgent: agent code, amount, PIN. The agent pays the cash once their own SMS says so.
func withdrawAtAgent() Flow {
	return Flow{
		Name: "withdraw_at_agent", Purpose: policy.CustomerTransact, Money: true, PaysBusiness: true,
		Starts: []string{"agent"},
		Events: fsm.Events{
			{Name: "agent_given", Src: []string{"agent"}, Dst: "amount"},
			{Name: "amount_given", Src: []string{"amount"}, Dst: "confirm"},
			{Name: "withdrawn", Src: []string{"confirm"}, Dst: "withdrawn"},
		},
		Screens: map[string]Screen{
			"agent":     {Kind: Input, Text: "withdraw_at_agent.agent", Read: readAgent},
			"amount":    {Kind: Input, Text: "withdraw_at_agent.amount", Read: readCashOutAmount},
			"confirm":   {Kind: Authorise, Text: "withdraw_at_agent.confirm", Read: cashOut, Debits: true},
			"withdrawn": {Kind: Result, Text: "withdraw_at_agent.withdrawn"},
		},
	}
}

func readAgent(ctx context.Context, t *Turn, input string) (string, error) {
	code, err := readCode(input)
	if err != nil {
		return "", err
	}
	agent, err := t.Services().Payments.Agent(ctx, code)
	if err != nil {
		return "", notFoundAs(err, "agent")
	}
	t.Keep("code", code)
	t.keepPayee(agent, maxBusiness)
	return "agent_given", nil
}

func readCashOutAmount(ctx context.Context, t *Turn, input string) (string, error) {
	amount, err := t.readAmount(input)
	if err != nil {
		return "", err
	}
	quote, err := t.Services().Payments.QuoteCashOut(ctx, t.Me(), t.Value("code"), ask(amount))
	if err != nil {
		return "", err
	}
	t.keepQuote(quote)
	return "amount_given", nil
}

func cashOut(ctx context.Context, t *Turn, input string) (string, error) {
	c, err := t.confirm(input)
	if err != nil {
		return "", err
	}
	agent, err := t.ID("payee.id")
	if err != nil {
		return "", err
	}
	receipt, err := t.Services().Payments.CashOutAtAgent(ctx, payments.CashOutOrder{
		Order: c.order, From: t.Me(), Agent: agent, Amount: c.amount,
	})
	if err != nil {
		return "", err
	}
	t.showReceipt(receipt)
	return "withdrawn", nil
}
