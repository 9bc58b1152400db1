package menus

import (
	"context"

	"nova/core/customers"
	"nova/core/payments"
	"nova/core/policy"
)

// withdrawAtAgent: agent code, amount, PIN. The agent pays the cash once their own SMS says so.
func withdrawAtAgent() Flow {
	return Flow{
		Name: "withdraw_at_agent", Purpose: policy.CustomerTransact, Act: customers.CashOut, Money: true, PaysBusiness: true,
		Starts: []string{"agent"},
		Events: steps("agent", "amount", "confirm", "withdrawn"),
		Screens: map[string]Screen{
			"agent":     {Kind: Input, Text: "withdraw_at_agent.agent", Read: askCode("agent", findAgent)},
			"amount":    {Kind: Input, Text: "withdraw_at_agent.amount", Read: askAmount("warn.already_withdrawn", quoteCashOut)},
			"confirm":   {Kind: Authorise, Text: "withdraw_at_agent.confirm", Read: authorise(cashOut), Debits: true},
			"withdrawn": {Kind: Result, Text: "withdraw_at_agent.withdrawn"},
		},
	}
}

func findAgent(ctx context.Context, t *Turn, code string) (payments.Party, error) {
	return t.Services().Payments.Agent(ctx, code)
}

func quoteCashOut(ctx context.Context, t *Turn, ask payments.Ask) (payments.Quote, error) {
	return t.Services().Payments.QuoteCashOut(ctx, t.Me(), t.Value("code"), ask)
}

func cashOut(ctx context.Context, t *Turn, c confirmed) (payments.Receipt, error) {
	return t.Services().Payments.CashOutAtAgent(ctx, payments.CashOutOrder{
		Order: c.order, From: t.Me(), Agent: c.payee, Amount: c.amount,
	})
}
