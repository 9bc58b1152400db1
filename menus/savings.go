package menus

import (
	"context"
	"fmt"
	"strconv"

	"nova/core/fault"
	"nova/core/payments"
	"nova/core/policy"
	"nova/core/products"
)

// savingsBalances: PIN, and then what is saved, what is owed and what may still be borrowed.
func savingsBalances() Flow {
	return enquiry("savings_balances", policy.CustomerAccountView, func(ctx context.Context, t *Turn) error {
		none := t.none()
		saved, err := t.Services().Products.Savings(ctx, t.Me())
		if fault.Is(err, fault.NotFound) {
			saved, err = products.Savings{Balance: none}, nil
		}
		if err != nil {
			return err
		}
		credit, err := t.Services().Products.Credit(ctx, t.Me())
		if fault.Is(err, fault.NotFound) {
			credit, err = products.Credit{Owed: none, Left: none}, nil
		}
		t.ShowAmount("savings", saved.Balance)
		t.ShowAmount("owed", credit.Owed)
		t.ShowAmount("left", credit.Left)
		return err
	})
}

// savingsDeposit: amount, PIN. Who does not save yet sees the terms first, and opens the account with the deposit.
func savingsDeposit() Flow {
	return Flow{
		Name: "savings_deposit", Purpose: policy.CustomerTransact, Money: true,
		Starts: []string{"terms", "amount"},
		Enter:  enterDeposit,
		Events: append(steps("terms", "amount"), steps("amount", "confirm", "saved")...),
		Screens: map[string]Screen{
			"terms":   {Kind: Choice, Text: "savings_deposit.terms", Read: agreeToTerms, Choices: []string{"1"}},
			"amount":  {Kind: Input, Text: "savings_deposit.amount", Read: askAmount("warn.already_done", quoteDeposit)},
			"confirm": {Kind: Authorise, Text: "savings_deposit.confirm", Read: authorise(deposit), Debits: true},
			"saved":   {Kind: Result, Text: "savings_deposit.saved"},
		},
	}
}

func enterDeposit(ctx context.Context, t *Turn) (string, error) {
	saved, err := t.savings(ctx, "no_product")
	if err != nil || saved.Opened {
		return "amount", err
	}
	t.KeepAmount("minimum", saved.Minimum)
	return "terms", nil
}

// savings reads the caller's account and keeps what its screens show; without must words that there is none.
func (t *Turn) savings(ctx context.Context, without string) (products.Savings, error) {
	saved, err := t.Services().Products.Savings(ctx, t.Me())
	if fault.Is(err, fault.NotFound) {
		return saved, stop(without)
	}
	if err != nil {
		return saved, err
	}
	t.Keep("payee", shorten(saved.Product.Name, maxNameShown))
	t.Keep("rate", rates(saved.Product.Terms))
	return saved, nil
}

func agreeToTerms(_ context.Context, _ *Turn, input string) (string, error) {
	if input != "1" {
		return "", again("choose")
	}
	return next, nil
}

func quoteDeposit(ctx context.Context, t *Turn, ask payments.Ask) (payments.Quote, error) {
	q, err := t.Services().Products.QuoteDeposit(ctx, t.Me(), ask)
	return q, limitAs(err, "under_minimum")
}

func deposit(ctx context.Context, t *Turn, c confirmed) (payments.Receipt, error) {
	return t.Services().Products.Deposit(ctx, products.DepositOrder{Order: c.order, Customer: t.Me(), Amount: c.amount})
}

// savingsWithdrawal: amount, PIN.
func savingsWithdrawal() Flow {
	return Flow{
		Name: "savings_withdrawal", Purpose: policy.CustomerTransact, Money: true,
		Starts: []string{"amount"},
		Enter:  enterWithdrawal,
		Events: steps("amount", "confirm", "withdrawn"),
		Screens: map[string]Screen{
			"amount":    {Kind: Input, Text: "savings_withdrawal.amount", Read: askAmount("warn.already_done", quoteWithdrawal)},
			"confirm":   {Kind: Authorise, Text: "savings_withdrawal.confirm", Read: authorise(withdrawSavings), Debits: true},
			"withdrawn": {Kind: Result, Text: "savings_withdrawal.withdrawn"},
		},
	}
}

func enterWithdrawal(ctx context.Context, t *Turn) (string, error) {
	saved, err := t.savings(ctx, "no_savings")
	if err == nil && !saved.Opened {
		err = stop("no_savings")
	}
	return "amount", err
}

func quoteWithdrawal(ctx context.Context, t *Turn, ask payments.Ask) (payments.Quote, error) {
	return t.Services().Products.QuoteWithdraw(ctx, t.Me(), ask)
}

func withdrawSavings(ctx context.Context, t *Turn, c confirmed) (payments.Receipt, error) {
	return t.Services().Products.Withdraw(ctx, products.WithdrawOrder{Order: c.order, Customer: t.Me(), Amount: c.amount})
}

// overdraftDraw: amount, PIN. Fee, rate and what is to be repaid stand before the PIN.
func overdraftDraw() Flow {
	return Flow{
		Name: "overdraft_draw", Purpose: policy.CustomerTransact, Money: true,
		Starts: []string{"amount"},
		Enter:  enterDraw,
		Events: steps("amount", "confirm", "drawn"),
		Screens: map[string]Screen{
			"amount":  {Kind: Input, Text: "overdraft_draw.amount", Read: askAmount("warn.already_done", quoteDraw)},
			"confirm": {Kind: Authorise, Text: "overdraft_draw.confirm", Read: authorise(draw), Lends: true},
			"drawn":   {Kind: Result, Text: "overdraft_draw.drawn"},
		},
	}
}

func enterDraw(ctx context.Context, t *Turn) (string, error) {
	credit, err := t.credit(ctx)
	if err != nil {
		return "", err
	}
	t.Keep("rate", percent(credit.RateBPS)+"%")
	if !credit.Left.IsPositive() {
		return "", stop("nothing_left")
	}
	return "amount", nil
}

// credit reads the caller's line.
func (t *Turn) credit(ctx context.Context) (products.Credit, error) {
	credit, err := t.Services().Products.Credit(ctx, t.Me())
	if fault.Is(err, fault.NotFound) {
		err = stop("no_credit")
	}
	return credit, err
}

func quoteDraw(ctx context.Context, t *Turn, ask payments.Ask) (payments.Quote, error) {
	q, err := t.Services().Products.QuoteDraw(ctx, t.Me(), ask)
	return q, limitAs(err, "over_line")
}

func draw(ctx context.Context, t *Turn, c confirmed) (payments.Receipt, error) {
	return t.Services().Products.Draw(ctx, products.DrawOrder{Order: c.order, Customer: t.Me(), Amount: c.amount})
}

// overdraftRepay: amount, PIN.
func overdraftRepay() Flow {
	return Flow{
		Name: "overdraft_repay", Purpose: policy.CustomerTransact, Money: true,
		Starts: []string{"amount"},
		Enter:  enterRepay,
		Events: steps("amount", "confirm", "repaid"),
		Screens: map[string]Screen{
			"amount":  {Kind: Input, Text: "overdraft_repay.amount", Read: askAmount("warn.already_done", quoteRepay)},
			"confirm": {Kind: Authorise, Text: "overdraft_repay.confirm", Read: authorise(repay), Debits: true},
			"repaid":  {Kind: Result, Text: "overdraft_repay.repaid"},
		},
	}
}

func enterRepay(ctx context.Context, t *Turn) (string, error) {
	credit, err := t.credit(ctx)
	if err != nil {
		return "", err
	}
	if !credit.Owed.IsPositive() {
		return "", stop("nothing_owed")
	}
	return "amount", nil
}

func quoteRepay(ctx context.Context, t *Turn, ask payments.Ask) (payments.Quote, error) {
	q, err := t.Services().Products.QuoteRepay(ctx, t.Me(), ask)
	t.Keep("payee", shorten(q.To.Name, maxNameShown))
	return q, limitAs(err, "over_debt")
}

func repay(ctx context.Context, t *Turn, c confirmed) (payments.Receipt, error) {
	return t.Services().Products.Repay(ctx, products.RepayOrder{Order: c.order, Customer: t.Me(), Amount: c.amount})
}

// rates are what a savings account earns: one rate, or the lowest and the highest of its tiers.
func rates(terms products.Terms) string {
	low, high := terms.RateBPS, terms.RateBPS
	for _, tier := range terms.Tiers {
		low, high = min(low, tier.BPS), max(high, tier.BPS)
	}
	if low == high {
		return percent(low) + "%"
	}
	return percent(low) + "-" + percent(high) + "%"
}

// percent is so many basis points without the sign: 2.50.
func percent(bps int) string {
	return strconv.Itoa(bps/100) + "." + fmt.Sprintf("%02d", bps%100)
}
