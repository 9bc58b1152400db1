package menus

import (
	"context"
	"strconv"

	"github.com/looplab/fsm"

	"nova/core/money"
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
		Events: fsm.Events{
			{Name: "customer_given", Src: []string{"customer"}, Dst: "amount"},
			{Name: "amount_given", Src: []string{"amount"}, Dst: "confirm"},
			{Name: "done", Src: []string{"confirm"}, Dst: "done"},
		},
		Screens: map[string]Screen{
			"customer": {Kind: Input, Text: "cash_in.customer", Read: readCashInCustomer},
			"amount":   {Kind: Input, Text: "cash_in.amount", Read: readCashInAmount},
			"confirm":  {Kind: Authorise, Text: "cash_in.confirm", Read: takeCashIn, Debits: true},
			"done":     {Kind: Result, Text: "cash_in.done"},
		},
	}
}

func readCashInCustomer(ctx context.Context, t *Turn, input string) (string, error) {
	number, err := t.readNumber(input)
	if err != nil {
		return "", err
	}
	customer, err := t.Services().Payments.CashInTo(ctx, t.Me(), number)
	if err != nil {
		return "", err
	}
	t.keepNumber(number)
	t.keepPayee(customer, maxNameShown)
	return "customer_given", nil
}

func readCashInAmount(ctx context.Context, t *Turn, input string) (string, error) {
	amount, err := t.readAmount(input)
	if err != nil {
		return "", err
	}
	to, err := t.number()
	if err != nil {
		return "", err
	}
	quote, err := t.Services().Payments.QuoteCashIn(ctx, t.Me(), to, ask(amount))
	if err != nil {
		return "", floatReason(err)
	}
	t.keepQuote(quote)
	if quote.RepeatedAt != nil {
		t.Note("warn.already_cashed_in")
	}
	return "amount_given", nil
}

func takeCashIn(ctx context.Context, t *Turn, input string) (string, error) {
	c, err := t.confirm(input)
	if err != nil {
		return "", err
	}
	customer, err := t.ID("payee.id")
	if err != nil {
		return "", err
	}
	receipt, err := t.Services().Payments.CashIn(ctx, payments.CashInOrder{
		Order: c.order, Operator: t.Me(), To: customer, Amount: c.amount,
	})
	if err != nil {
		return "", floatReason(err)
	}
	t.showReceipt(receipt)
	return "done", nil
}

// redeemCode: the customer's number, the code they were given, PIN. Its result is the one screen that says PAY CASH.
func redeemCode() Flow {
	return Flow{
		Name: "redeem_code", Purpose: policy.AgentTransact, Money: true,
		Starts: []string{"customer"},
		Events: fsm.Events{
			{Name: "customer_given", Src: []string{"customer"}, Dst: "code"},
			{Name: "code_given", Src: []string{"code"}, Dst: "confirm"},
			{Name: "paid", Src: []string{"confirm"}, Dst: "paid"},
		},
		Screens: map[string]Screen{
			"customer": {Kind: Input, Text: "redeem_code.customer", Read: readRedeemCustomer},
			"code":     {Kind: Input, Text: "redeem_code.code", Read: readWithdrawalCode},
			"confirm":  {Kind: Authorise, Text: "redeem_code.confirm", Read: redeem, Debits: true},
			"paid":     {Kind: Result, Text: "redeem_code.paid"},
		},
	}
}

func readRedeemCustomer(ctx context.Context, t *Turn, input string) (string, error) {
	number, err := t.readNumber(input)
	if err != nil {
		return "", err
	}
	quote, err := t.Services().Payments.QuoteRedeem(ctx, t.Me(), number)
	if err != nil {
		return "", noLiveCode(err)
	}
	t.keepNumber(number)
	t.keepPayee(quote.From, maxNameShown)
	t.keepQuote(quote)
	return "customer_given", nil
}

// readWithdrawalCode keeps the code sealed in the session until the PIN: it is worthless without the agent's PIN and
// the customer's presence, it dies at the first use, and the ledger counts every wrong one.
func readWithdrawalCode(_ context.Context, t *Turn, input string) (string, error) {
	code := withoutSpaces(input)
	if !digits(code, codeLength, codeLength) {
		return "", again("withdrawal_code")
	}
	t.Keep("withdrawal_code", code)
	return "code_given", nil
}

func redeem(ctx context.Context, t *Turn, input string) (string, error) {
	c, err := t.confirm(input)
	if err != nil {
		return "", err
	}
	customer, err := t.ID("payee.id")
	if err != nil {
		return "", err
	}
	receipt, err := t.Services().Payments.RedeemCode(ctx, payments.RedeemOrder{
		Order: c.order, Operator: t.Me(), Customer: customer, Amount: c.amount, Code: secret.New(t.Value("withdrawal_code")),
	})
	if err != nil {
		return "", err
	}
	t.showReceipt(receipt)
	return "paid", nil
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
		Events: fsm.Events{
			{Name: "number_given", Src: []string{"number"}, Dst: "first_name"},
			{Name: "first_name_given", Src: []string{"first_name"}, Dst: "last_name"},
			{Name: "last_name_given", Src: []string{"last_name"}, Dst: "birth_date"},
			{Name: "birth_date_given", Src: []string{"birth_date"}, Dst: "id_number"},
			{Name: "id_number_given", Src: []string{"id_number"}, Dst: "confirm"},
			{Name: "registered", Src: []string{"confirm"}, Dst: "registered"},
		},
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
	if _, err := t.Services().Customers.ByMSISDN(ctx, number); err == nil {
		return "", again("registered")
	} else if !isUnknownCustomer(err) {
		return "", err
	}
	t.keepNumber(number)
	return "number_given", nil
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
	return "registered", nil
}
