package menus

import (
	"slices"
	"strings"

	"nova/menus/gsm7"
	"nova/sessions"
)

// worst are the longest values that each placeholder of a text can take: what the lint renders screens with, and
// what readers cut names to. Amounts end at 9,999,999.99, fees at 999,999.99 (see the tariffs).
var worst = map[string]string{
	"currency": "BBD", "amount": worstAmount, "total": worstAmount, "balance": worstAmount,
	"fee": worstFee, "today": worstAmount, "month": worstAmount, "cash_in": worstAmount, "cash_out": worstAmount,
	"max_balance": worstAmount, "max_single": worstAmount, "max_day": worstAmount,
	"cash_in_count": "9999", "cash_out_count": "9999",
	"payee": strings.Repeat("W", maxNameShown), "business": strings.Repeat("W", maxBusiness),
	"first_name": strings.Repeat("W", maxTypedName), "last_name": strings.Repeat("W", maxTypedName),
	"number": strings.Repeat("0", maxNumber), "help": strings.Repeat("0", maxNumber),
	"receipt": "7K3M9QX", "ref": "7K3M9Q", "withdrawal_code": "483 920",
	"payer": strings.Repeat("W", maxNameShown), "customer": strings.Repeat("W", maxNameShown), "name": strings.Repeat("W", maxNameShown),
	"agent": strings.Repeat("W", maxBusiness), "agent_code": "1234567890", "till": "1234567890", "commission": worstFee,
	"payee_number": strings.Repeat("0", maxNumber), "payer_number": strings.Repeat("0", maxNumber),
	"customer_number": strings.Repeat("0", maxNumber), "date": "21/11/26", "code": "483 920",
	"savings": worstAmount, "owed": worstAmount, "left": worstAmount, "minimum": worstAmount, "rate": "99.99-100.00%",
	"product": strings.Repeat("W", maxNameShown), "period": "12/2026",
	"time": "10:31", "until": "14:30", "day": "31/12", "minutes": "999", "attempts_left": "9", "tier": "3",
}

const (
	worstAmount  = "9,999,999.99"
	worstFee     = "999,999.99"
	maxNumber    = 15
	maxTypedName = 20
)

// Preview renders a screen as its longest: every placeholder takes its worst value. It serves the lint, through the
// very code that serves handsets.
type Preview struct {
	Language string
	Place    string // flow/screen; a menu has no flow
	Root     Root
	Home     string // what 00 leads to; equal to Place for a home
	Note     string // a key: the line above the screen
	Waiting  string // a key: the line of what waits, on a home
	Lines    int    // how many movements {lines} holds
	Wide     bool   // {payee} is a business
	Budget   gsm7.Budget
}

// Preview returns the pages of the screen, one where it fits, and the placeholders that nobody declared.
func (e *Engine) Preview(p Preview) (pages []string, undeclared []string, err error) {
	s := &sessions.Session{Language: p.Language, Root: string(p.Root), Values: map[string]string{myHome: p.Home}}
	t := e.turn(s, Dial{Budget: p.Budget})
	t.preview = func(name string) (string, bool) {
		value, ok := e.worstValue(p, name)
		if !ok {
			undeclared = append(undeclared, name)
		}
		return value, true
	}
	if p.Waiting != "" {
		line, err := t.text(p.Waiting)
		if err != nil {
			return nil, undeclared, err
		}
		label, err := t.text("key.continue")
		if err != nil {
			return nil, undeclared, err
		}
		s.Values[myLine] = line
		if strings.HasPrefix(p.Waiting, "waiting.") {
			s.Values[myLine] = join(line, waitingDigit+" "+label)
		}
	}
	t.stand(p.Place)
	t.note = p.Note
	pages, err = t.pages()
	slices.Sort(undeclared)
	return pages, slices.Compact(undeclared), err
}

func (e *Engine) worstValue(p Preview, name string) (string, bool) {
	switch {
	case name == "languages":
		return e.languageLines(), true
	case name == "lines":
		line := "31/12 -" + worstAmount + " " + strings.Repeat("W", lineName)
		return strings.TrimSuffix(strings.Repeat(line+"\n", p.Lines), "\n"), true
	case name == "payee" && p.Wide:
		return worst["business"], true
	}
	value, ok := worst[name]
	return value, ok
}

// PreviewText renders a text that ends a dialogue by itself, as its longest.
func (e *Engine) PreviewText(language, key string) (text string, undeclared []string) {
	text, undeclared, err := e.o.Packs.fill(language, key, func(name string) (string, bool) {
		return e.worstValue(Preview{}, name)
	})
	if err != nil {
		return "", undeclared
	}
	return text, undeclared
}
