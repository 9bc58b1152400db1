package menus

import (
	"context"
	"strconv"

	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/payments"
	"nova/core/policy"
	"nova/core/reports"
	"nova/core/secret"
	"nova/core/transactions"
)

// cashIn: number, amount, PIN. The agent takes the cash, the customer gets the e-money.
func cashIn() Flow {
	return Flow{
		Name: "cash_in", Purpose: policy.AgentTransact, Money: true,
		Starts: []string{"customer"},
		Events: steps("customer", "amount", "confirm", "done"),
		Screens: map[string]Screen{
			"customer": {Kind: Input, Text: "cash_in.customer", Read: askNumber(findCashIn)},
			"amount":   {Kind: Input, Text: "cash_in.amount", Read: askAmount("warn.already_cashed_in", quoteCashIn)},
			"confirm":  {Kind: Authorise, Text: "cash_in.confirm", Read: authorise(takeCashIn), Debits: true},
			"done":     {Kind: Result, Text: "cash_in.done"},
		},
	}
}

func findCashIn(ctx context.Context, t *Turn, number msisdn.MSISDN) (payments.Party, error) {
	return t.Services().Payments.CashInTo(ctx, t.Me(), number)
}

func quoteCashIn(ctx context.Context, t *Turn, ask payments.Ask) (payments.Quote, error) {
	to, err := t.number()
	if err != nil {
		return payments.Quote{}, err
	}
	quote, err := t.Services().Payments.QuoteCashIn(ctx, t.Me(), to, ask)
	return quote, floatReason(err)
}

func takeCashIn(ctx context.Context, t *Turn, c confirmed) (payments.Receipt, error) {
	receipt, err := t.Services().Payments.CashIn(ctx, payments.CashInOrder{
		Order: c.order, Operator: t.Me(), To: c.payee, Amount: c.amount,
	})
	return receipt, floatReason(err)
}

// redeemCode: the customer's number, the code they were given, PIN. Its result is the one screen that says PAY CASH.
func redeemCode() Flow {
	return Flow{
		Name: "redeem_code", Purpose: policy.AgentTransact, Money: true,
		Starts: []string{"customer"},
		Events: steps("customer", "code", "confirm", "paid"),
		Screens: map[string]Screen{
			"customer": {Kind: Input, Text: "redeem_code.customer", Read: askNumber(findRedeem)},
			"code":     {Kind: Input, Text: "redeem_code.code", Read: readWithdrawalCode},
			"confirm":  {Kind: Authorise, Text: "redeem_code.confirm", Read: authorise(redeem), Debits: true},
			"paid":     {Kind: Result, Text: "redeem_code.paid"},
		},
	}
}

// findRedeem finds the customer by their live code, which fixed the amount and the fee.
func findRedeem(ctx context.Context, t *Turn, number msisdn.MSISDN) (payments.Party, error) {
	quote, err := t.Services().Payments.QuoteRedeem(ctx, t.Me(), number)
	if err != nil {
		return payments.Party{}, noLiveCode(err)
	}
	t.keepQuote(quote)
	return quote.From, nil
}

// withdrawalCodeTyped is the code that an agent typed, between its screen and the PIN's.
const withdrawalCodeTyped = "code.typed"

// readWithdrawalCode keeps the code sealed in the session until the PIN: it is worthless without the agent's PIN and
// the customer's presence, it dies at the first use, and the ledger counts every wrong one.
func readWithdrawalCode(_ context.Context, t *Turn, input string) (string, error) {
	code := withoutSpaces(input)
	if !digits(code, codeLength, codeLength) {
		return "", again("withdrawal_code")
	}
	t.Keep(withdrawalCodeTyped, code)
	return next, nil
}

func redeem(ctx context.Context, t *Turn, c confirmed) (payments.Receipt, error) {
	return t.Services().Payments.RedeemCode(ctx, payments.RedeemOrder{
		Order: c.order, Operator: t.Me(), Customer: c.payee, Amount: c.amount,
		Code: secret.New(t.Value(withdrawalCodeTyped)),
	})
}

// floatBalance: PIN.
func floatBalance() Flow {
	return enquiry("float_balance", policy.AgentFloat, func(ctx context.Context, t *Turn) error {
		agent, err := t.ID(myAgent)
		if err != nil {
			return err
		}
		b, err := t.Services().Payments.FloatBalance(ctx, agent)
		t.ShowAmount("balance", b)
		return err
	})
}

// earned: PIN.
func earned() Flow {
	return enquiry("earned", policy.AgentTransact, func(ctx context.Context, t *Turn) error {
		agent, err := t.ID(myAgent)
		if err != nil {
			return err
		}
		e, err := t.Services().Commissions.Earned(ctx, agent)
		t.ShowAmount("today", e.Today)
		t.ShowAmount("month", e.Month)
		t.ShowAmount("balance", e.Available)
		return err
	})
}

// today: PIN; the last three first.
func today() Flow {
	return enquiry("today", policy.AgentTransact, func(ctx context.Context, t *Turn) error {
		outlet, err := t.ID(myOutlet)
		if err != nil {
			return err
		}
		day, err := t.Services().Reports.Today(ctx, outlet)
		if err != nil {
			return err
		}
		t.showTotal("cash_in", day, transactions.CashIn)
		t.showTotal("cash_out", day, transactions.CashOut)
		lines := make([]line, len(day.Last))
		for i, last := range day.Last {
			in := last.Type != transactions.CashOut
			lines[i] = line{when: t.hour(last.At), in: in, amount: last.Amount, name: last.Name}
		}
		return t.showLines(lines)
	})
}

// showTotal shows the count and sum of one type; a type that did not happen today shows zeros.
func (t *Turn) showTotal(name string, day reports.Day, typ transactions.Type) {
	count, sum := 0, money.Of(0, t.e.o.Currency)
	for _, total := range day.Types {
		if total.Type == typ {
			count, sum = total.Count, total.Amount
		}
	}
	t.Show(name+"_count", strconv.Itoa(count))
	t.ShowAmount(name, sum)
}

// registerCustomer: number, first name, last name, date of birth, ID number, the operator's PIN. The customer sets
// their own PIN by dialling in.
func registerCustomer() Flow {
	return Flow{
		Name: "register_customer", Purpose: policy.AgentTransact,
		Starts: []string{"number"},
		Events: steps("number", "first_name", "last_name", "birth_date", "id_number", "confirm", "registered"),
		Screens: map[string]Screen{
			"number":     {Kind: Input, Text: "register_customer.number", Read: readNewcomersNumber},
			"first_name": {Kind: Input, Text: "register_customer.first_name", Read: readName("first_name")},
			"last_name":  {Kind: Input, Text: "register_customer.last_name", Read: readName("last_name")},
			"birth_date": {Kind: Input, Text: "register_customer.birth_date", Read: readBirthDate},
			"id_number":  {Kind: Input, Text: "register_customer.id_number", Read: readIDNumber},
			"confirm":    {Kind: Authorise, Text: "register_customer.confirm", Read: registerAnother},
			"registered": {Kind: Result, Text: "register_customer.registered"},
		},
	}
}

func readNewcomersNumber(ctx context.Context, t *Turn, input string) (string, error) {
	number, err := t.readNumber(input)
	if err != nil {
		return "", err
	}
	if err := t.lookUp(ctx); err != nil {
		return "", err
	}
	if _, err := t.Services().Customers.ByMSISDN(ctx, number); err == nil {
		return "", again("registered")
	} else if !isUnknownCustomer(err) {
		return "", err
	}
	t.keepNumber(number)
	return next, nil
}

func registerAnother(ctx context.Context, t *Turn, input string) (string, error) {
	proof, err := t.prove(input)
	if err != nil {
		return "", err
	}
	person := t.person()
	if person.MSISDN, err = t.number(); err != nil {
		return "", err
	}
	person.By, person.Operator, person.AgentName = proof, t.Me(), t.Value(myBusiness)
	customer, err := t.Services().Customers.Register(ctx, person)
	if err != nil {
		return "", err
	}
	t.Show("payee", customer.Shown())
	return next, nil
}
