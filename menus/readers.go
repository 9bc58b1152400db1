package menus

import (
	"errors"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"nova/core/identity"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/payments"
	"nova/core/secret"
	"nova/core/transactions"
)

// What a typed answer may be, before a reader looks closer.
const (
	maxTyped     = 60 // characters; longer than any name, number or amount that fits a screen
	minPIN       = 4
	maxPIN       = 6
	minCode      = 4 // agent codes and tills
	maxCode      = 10
	codeLength   = 6 // withdrawal codes
	maxNameShown = 20
)

// readNumber takes a payee's number in any usual local or international form.
func (t *Turn) readNumber(input string) (msisdn.MSISDN, error) {
	if len(input) > maxTyped {
		return msisdn.MSISDN{}, again("number")
	}
	number, err := msisdn.Parse(input, t.e.o.Region)
	if err != nil {
		return msisdn.MSISDN{}, again("number")
	}
	return number, nil
}

// keepNumber stores a number: "to" for us, "number" for screens.
func (t *Turn) keepNumber(number msisdn.MSISDN) {
	t.Keep("to", number.Digits())
	t.Keep("number", number.Local(t.e.o.Region))
}

// number is the number that keepNumber stored.
func (t *Turn) number() (msisdn.MSISDN, error) { return msisdn.FromNetwork(t.Value("to")) }

// keepPayee stores who gets the money, as screens show them.
func (t *Turn) keepPayee(p payments.Party, width int) {
	t.KeepID("payee.id", p.Owner)
	t.Keep("payee", shorten(p.Name, width))
}

// readAmount takes an amount as people key it: 50, 50.5, 1,000.00 and 050 are amounts, 0 is not.
func (t *Turn) readAmount(input string) (money.Amount, error) {
	if len(input) > maxTyped {
		return money.Amount{}, again("amount")
	}
	text := strings.TrimSuffix(ungrouped(input), ".")
	whole, cents, _ := strings.Cut(text, ".")
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	if cents != "" {
		whole += "." + cents
	}
	amount, err := money.Parse(whole, t.e.o.Currency)
	if err != nil || !amount.IsPositive() {
		return money.Amount{}, again("amount")
	}
	return amount, nil
}

// ungrouped drops the commas of thousands, and only those: "1,50" stays as it is and is no amount.
func ungrouped(text string) string {
	whole, _, _ := strings.Cut(text, ".")
	groups := strings.Split(whole, ",")
	for i, group := range groups {
		if i > 0 && len(group) != 3 || i == 0 && len(groups) > 1 && (group == "" || len(group) > 3) {
			return text
		}
	}
	return strings.ReplaceAll(whole, ",", "") + text[len(whole):]
}

// readPIN takes a PIN. What can't be a PIN is refused without a guess being counted.
func readPIN(input string) (secret.Text, error) {
	if !digits(input, minPIN, maxPIN) {
		return secret.Text{}, again("pin")
	}
	return secret.New(input), nil
}

// readCode takes an agent's code or a till.
func readCode(input string) (string, error) {
	if !digits(input, minCode, maxCode) {
		return "", again("code")
	}
	return input, nil
}

func digits(s string, low, high int) bool {
	if len(s) < low || len(s) > high {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// shorten cuts a name to the width that screens have for it.
func shorten(name string, width int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, name))
	if len(runes) > width {
		runes = runes[:width]
	}
	return strings.TrimSpace(string(runes))
}

// subject is whoever dials, by the home they dialled.
func (t *Turn) subject() identity.Subject {
	if t.s.Root == string(AgentRoot) {
		return identity.Subject{Kind: identity.Operator, ID: t.Me()}
	}
	return identity.Subject{Kind: identity.Customer, ID: t.Me()}
}

// prove pairs the caller with the PIN they typed.
func (t *Turn) prove(input string) (identity.Proof, error) {
	pin, err := readPIN(input)
	if err != nil {
		return identity.Proof{}, err
	}
	return t.Services().Identity.PIN(t.subject(), pin), nil
}

// confirmed is what every money errand hands on: this hop's claim, the confirmation's intent, the PIN, and what the
// screen showed: the fee, the amount and, but for a code, the payee.
type confirmed struct {
	order  payments.Order
	payee  uuid.UUID
	amount money.Amount
}

func (t *Turn) confirm(input string) (confirmed, error) {
	proof, err := t.prove(input)
	if err != nil {
		return confirmed{}, err
	}
	fee, feeErr := t.Amount("fee")
	amount, amountErr := t.Amount("amount")
	id, intentErr := t.ID(intent)
	order := payments.Order{
		Key: t.Key(), Intent: id, Proof: proof, FeeShown: fee, Channel: transactions.USSD, Promise: true,
	}
	payee, err := t.ID("payee.id")
	if t.Value("payee.id") == "" {
		err = nil // a code is for whoever pays it out
	}
	return confirmed{order: order, payee: payee, amount: amount}, errors.Join(feeErr, amountErr, intentErr, err)
}

func withoutSpaces(s string) string { return strings.ReplaceAll(s, " ", "") }
