package menus

import (
	"context"
	"strconv"
	"strings"

	"nova/core/money"
	"nova/core/policy"
	"nova/core/transactions"
)

// How many movements a screen lists: what fits one screen with the longest names.
const (
	StatementLines = 4 // a mini statement
	LastShown      = 3 // an outlet's day
)

// enquiry is an errand of one question: the PIN, and then what it opens.
func enquiry(name string, purpose policy.Purpose, answer func(ctx context.Context, t *Turn) error) Flow {
	return Flow{
		Name: name, Purpose: purpose, Reads: true,
		Starts: []string{"pin"},
		Events: steps("pin", "answer"),
		Screens: map[string]Screen{
			"pin": {Kind: Authorise, Text: name + ".pin", Read: func(ctx context.Context, t *Turn, input string) (string, error) {
				proof, err := t.prove(input)
				if err != nil {
					return "", err
				}
				if err := t.Services().Identity.Authenticate(ctx, t.Key(), proof); err != nil {
					return "", err
				}
				return next, answer(ctx, t)
			}},
			"answer": {Kind: Result, Text: name + ".answer"},
		},
	}
}

// balance: PIN.
func balance() Flow {
	return enquiry("balance", policy.CustomerAccountView, func(ctx context.Context, t *Turn) error {
		b, err := t.Services().Payments.Balance(ctx, t.Me())
		t.ShowAmount("balance", b)
		return err
	})
}

// miniStatement: PIN.
func miniStatement() Flow {
	return enquiry("mini_statement", policy.CustomerAccountView, func(ctx context.Context, t *Turn) error {
		wallet, err := t.ID(myWallet)
		if err != nil {
			return err
		}
		movements, err := t.Services().Payments.MiniStatement(ctx, wallet, StatementLines)
		if err != nil {
			return err
		}
		b, err := t.Services().Payments.Balance(ctx, t.Me())
		if err != nil {
			return err
		}
		t.ShowAmount("balance", b)
		lines := make([]line, len(movements))
		for i, m := range movements {
			lines[i] = line{when: m.At.In(t.e.o.Location).Format("02/01"), in: m.In, amount: m.Amount, name: m.Name}
		}
		return t.showLines(lines)
	})
}

// line is a movement as a screen lists it.
type line struct {
	when   string
	in     bool
	amount money.Amount
	name   string
}

// showLines shows movements, newest first: "21/11 -50.00 Andre C."
func (t *Turn) showLines(lines []line) error {
	var shown []string
	for _, l := range lines {
		sign := "-"
		if l.in {
			sign = "+"
		}
		if l.name == "" {
			l.name = houseName
		}
		shown = append(shown, l.when+" "+sign+l.amount.Format()+" "+shorten(l.name, lineName))
	}
	if len(shown) == 0 {
		none, err := t.text("lines.none")
		if err != nil {
			return err
		}
		shown = []string{none}
	}
	t.Show("lines", strings.Join(shown, "\n"))
	return nil
}

// houseName stands for the other side of a movement that no person made, such as an opening balance.
const houseName = "Nova"

// lineName is what a name may take in a list of movements.
const lineName = 10

// language: one choice, remembered.
func language() Flow {
	return Flow{
		Name: "language", Purpose: policy.CustomerAccountView,
		Starts: []string{"choose"},
		Events: steps("choose", "chosen"),
		Screens: map[string]Screen{
			"choose": {Kind: Choice, Text: "language.choose", Read: chooseLanguage, Choices: []string{languagesOffered}},
			"chosen": {Kind: Result, Text: "language.chosen"},
		},
	}
}

// languagesOffered stands for one digit a language in a Choice's table.
const languagesOffered = "languages"

func chooseLanguage(ctx context.Context, t *Turn, input string) (string, error) {
	if err := t.takeLanguage(input); err != nil {
		return "", err
	}
	if t.s.Root == string(AgentRoot) {
		return next, t.Services().Agents.SetLanguage(ctx, t.Me(), t.s.Language)
	}
	return next, t.Services().Customers.SetLanguage(ctx, t.Me(), t.s.Language)
}

func (t *Turn) takeLanguage(input string) error {
	languages := t.e.o.Packs.Languages()
	n, err := strconv.Atoi(input)
	if err != nil || n < 1 || n > len(languages) {
		return again("choose")
	}
	t.s.Language = languages[n-1]
	return nil
}

// ownLimits shows what the caller's tier may do; it is no secret and needs no PIN.
func ownLimits() Flow {
	return Flow{
		Name: "limits", Purpose: policy.CustomerAccountView, Reads: true,
		Starts:  []string{"limits"},
		Enter:   enterLimits,
		Screens: map[string]Screen{"limits": {Kind: Result, Text: "limits.limits"}},
	}
}

func enterLimits(ctx context.Context, t *Turn) (string, error) {
	customer, err := t.Services().Customers.ByID(ctx, t.Me())
	if err != nil {
		return "", err
	}
	limits := t.Services().Limits.Describe(customer.Tier, transactions.USSD)
	t.ShowAmount("max_balance", limits.MaxBalance)
	t.ShowAmount("max_single", limits.Out.Single)
	t.ShowAmount("max_day", limits.Out.Daily)
	return "limits", nil
}
