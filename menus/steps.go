package menus

import (
	"context"

	"github.com/looplab/fsm"

	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/payments"
	"nova/core/transactions"
)

// next is the event of a screen that leads to one other.
const next = "next"

// steps is the table of a straight errand: each screen leads to the one after it.
func steps(screens ...string) fsm.Events {
	var events fsm.Events
	for i, screen := range screens[1:] {
		events = append(events, fsm.EventDesc{Name: next, Src: []string{screens[i]}, Dst: screen})
	}
	return events
}

// askNumber reads a person's number and finds them; nobody can be paid who was not found and shown.
func askNumber(find func(ctx context.Context, t *Turn, number msisdn.MSISDN) (payments.Party, error)) Reader {
	return func(ctx context.Context, t *Turn, input string) (string, error) {
		number, err := t.readNumber(input)
		if err != nil {
			return "", err
		}
		if err := t.lookUp(ctx); err != nil {
			return "", err
		}
		party, err := find(ctx, t, number)
		if err != nil {
			return "", err
		}
		t.keepNumber(number)
		t.keepPayee(party, maxNameShown)
		return next, nil
	}
}

// lookUp counts that the caller looks up somebody's number.
func (t *Turn) lookUp(ctx context.Context) error {
	if t.Services().Lookups == nil {
		return nil
	}
	return t.Services().Lookups.Allow(ctx, t.dial.Caller)
}

// askCode reads the code of a business, an agent's or a till's, and finds it.
func askCode(what string, find func(ctx context.Context, t *Turn, code string) (payments.Party, error)) Reader {
	return func(ctx context.Context, t *Turn, input string) (string, error) {
		code, err := readCode(input)
		if err != nil {
			return "", err
		}
		business, err := find(ctx, t, code)
		if err != nil {
			return "", notFoundAs(err, what)
		}
		t.Keep("code", code)
		t.keepPayee(business, maxBusiness)
		return next, nil
	}
}

// askAmount reads an amount and prices it: what can be refused is refused here, before the PIN. Where the same was
// done just now, the next screen says so in the words of warning.
func askAmount(warning string, price func(ctx context.Context, t *Turn, ask payments.Ask) (payments.Quote, error)) Reader {
	return func(ctx context.Context, t *Turn, input string) (string, error) {
		amount, err := t.readAmount(input)
		if err != nil {
			return "", err
		}
		quote, err := price(ctx, t, payments.Ask{Amount: amount, Channel: transactions.USSD})
		if err != nil {
			return "", err
		}
		t.keepQuote(quote)
		if quote.RepeatedAt != nil {
			t.Note(warning)
		}
		return next, nil
	}
}

// authorise reads the PIN and does what the screen showed.
func authorise(do func(ctx context.Context, t *Turn, c confirmed) (payments.Receipt, error)) Reader {
	return func(ctx context.Context, t *Turn, input string) (string, error) {
		c, err := t.confirm(input)
		if err != nil {
			return "", err
		}
		receipt, err := do(ctx, t, c)
		if err != nil {
			return "", err
		}
		t.showReceipt(receipt)
		return next, nil
	}
}

// keepQuote stores what the confirmation shows.
func (t *Turn) keepQuote(q payments.Quote) {
	for name, amount := range map[string]money.Amount{"amount": q.Amount, "fee": q.Fee, "total": q.Total} {
		t.KeepAmount(name, amount)
	}
	if q.RepeatedAt != nil {
		t.ShowTime("time", *q.RepeatedAt)
	}
}

// showReceipt shows how an errand ended.
func (t *Turn) showReceipt(r payments.Receipt) {
	t.ShowAmount("amount", r.Amount)
	t.ShowAmount("fee", r.Fee)
	t.ShowAmount("balance", r.Balance)
	t.Show("receipt", r.Number)
}
