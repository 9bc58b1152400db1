package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"nova/core/money"
	"nova/core/payments"
	"nova/core/transactions"
)

// What a run must have kept, as rules over recorded facts: what people did and were told, and what the database holds
// in the end. Nothing here asks a server, so that a test can break each rule.

// inquest looks for breaches.
type inquest struct {
	facts
	// moved and told are by amount.
	moved    map[int64][]transactionFact
	told     map[int64][]noticeFact
	receipts map[string][]noticeFact // by transaction
	found    []string
}

// breaches names everything that is wrong, in words; none is the only good answer.
func breaches(f facts, errands []errand) []string {
	a := &inquest{
		facts: f, moved: map[int64][]transactionFact{}, told: map[int64][]noticeFact{}, receipts: map[string][]noticeFact{},
	}
	for _, t := range f.Transactions {
		a.moved[t.Amount] = append(a.moved[t.Amount], t)
	}
	for _, n := range f.Notices {
		a.told[n.Amount] = append(a.told[n.Amount], n)
		a.receipts[n.Transaction] = append(a.receipts[n.Transaction], n)
	}
	known := map[int64]bool{}
	for _, e := range errands {
		a.screens(e)
		if e.Kind == reserving {
			a.reserved(e)
			continue
		}
		known[e.Amount] = true
		a.errand(e)
	}
	for _, amount := range slices.Sorted(maps.Keys(a.moved)) {
		if !known[amount] {
			a.breach("nobody asked for transaction %s of %s", a.moved[amount][0].Receipt, shown(amount))
		}
	}
	a.books()
	return a.found
}

func (a *inquest) breach(format string, args ...any) {
	a.found = append(a.found, fmt.Sprintf(format, args...))
}

func shown(minor int64) string { return money.Of(minor, "BBD").Format() }

// screens looks at what was answered alone: every screen makes sense, and copies of a hop agree.
func (a *inquest) screens(e errand) {
	first := map[string]delivery{}
	for _, d := range e.Deliveries {
		if d.Means == meansStrange || d.Amount != 0 && d.Amount != e.Amount && d.Confirms {
			a.breach("%s: hop %s was answered %q", e.name(), d.Hop, d.Text)
		}
		if result := d.Confirms && (d.Means == meansDone || d.Means == meansRefused); !result && d.Means != meansAsk {
			continue
		}
		if before, again := first[d.Hop]; again && before.Text != d.Text {
			a.breach("%s: hop %s was answered %q and %q", e.name(), d.Hop, before.Text, d.Text)
		}
		first[d.Hop] = d
	}
}

// errand looks at an errand that is a transaction if it is done.
func (a *inquest) errand(e errand) {
	moved := a.moved[e.Amount]
	if len(moved) > 1 {
		a.breach("%s was done %d times", e.name(), len(moved))
	}
	if len(moved) == 0 {
		a.notDone(e)
		return
	}
	t := moved[0]
	a.asAsked(e, t)
	for _, d := range e.Deliveries {
		if d.Means == meansDone && (d.Receipt != t.Receipt || d.Fee != 0 && d.Fee != t.Fee) {
			a.breach("%s was answered %q, and its transaction is %s with fee %s", e.name(), d.Text, t.Receipt, shown(t.Fee))
		}
		if d.Means == meansWaiting && d.Sent.After(t.PostedAt) && !e.astray() {
			a.breach("%s was done at %s, and a dial at %s was told %q", e.name(), clockTime(t.PostedAt), clockTime(d.Sent), d.Text)
		}
	}
	a.explained(e, t)
	a.notices(e, t)
}

func clockTime(t time.Time) string { return t.Format("15:04:05.000") }

// asAsked compares the transaction with what the person confirmed.
func (a *inquest) asAsked(e errand, t transactionFact) {
	want := transactions.CashOut
	if e.Kind == sending {
		want = transactions.P2P
	}
	if t.Type != want || t.Status != transactions.Completed || t.From != e.Payer || t.To != e.Payee || t.Fee != e.Fee {
		a.breach("%s with fee %s became a %s %s from %s to %s with fee %s",
			e.name(), shown(e.Fee), t.Status, t.Type, t.From, t.To, shown(t.Fee))
	}
}

// explained: money moves only by a PIN hop that was sent before and that no screen took back.
func (a *inquest) explained(e errand, t transactionFact) {
	hops := e.confirmations()
	for _, copies := range hops {
		sent := slices.ContainsFunc(copies, func(d delivery) bool { return !d.Sent.After(t.PostedAt) })
		if !sent {
			continue
		}
		if !slices.ContainsFunc(copies, delivery.takesBack) {
			return
		}
	}
	for _, name := range slices.Sorted(maps.Keys(hops)) {
		for _, d := range hops[name] {
			if d.takesBack() {
				a.breach("%s was done as %s at %s, and hop %s was answered %q at %s",
					e.name(), t.Receipt, clockTime(t.PostedAt), d.Hop, d.Text, clockTime(d.Answered))
				return
			}
		}
	}
	a.breach("nobody confirmed %s, which became %s at %s", e.name(), t.Receipt, clockTime(t.PostedAt))
}

// notDone looks at an errand that left no transaction.
func (a *inquest) notDone(e errand) {
	for _, d := range e.Deliveries {
		if d.Means == meansDone {
			a.breach("%s was answered %q, and there is no transaction", e.name(), d.Text)
		}
	}
	promised, settled := e.left()
	if promised && !settled && a.messages(e, payments.NoticeNotSent) == 0 {
		a.breach("%s was promised an SMS and never told that it was not done", e.name())
	}
}

// messages counts those of a template that tell of the errand.
func (a *inquest) messages(e errand, template string) int {
	n := 0
	for _, told := range a.told[e.Amount] {
		if told.Template == template {
			n++
		}
	}
	return n
}

// receiptTemplates are the messages that tell of each kind of errand that was done.
var receiptTemplates = map[errandKind][]string{
	sending:    {payments.NoticeSendPayer, payments.NoticeSendPayee},
	cashingOut: {payments.NoticeCashOutCustomer, payments.NoticeCashOutOperator},
	redeeming:  {payments.NoticeCashOutCustomer, payments.NoticeCashOutOperator},
}

// notices: whoever took part in a transaction is told so once, and nobody was told that it was not done.
func (a *inquest) notices(e errand, t transactionFact) {
	counts := map[string]int{}
	for _, n := range a.receipts[t.ID] {
		counts[n.Template]++
		if n.Receipt != t.Receipt || n.Amount != t.Amount {
			a.breach("%s became %s, and message %s tells of %s, %s", e.name(), t.Receipt, n.Template, n.Receipt, shown(n.Amount))
		}
	}
	for _, template := range receiptTemplates[e.Kind] {
		if counts[template] != 1 {
			a.breach("%s became %s, of which message %s tells %d times", e.name(), t.Receipt, template, counts[template])
		}
	}
	denials := 0
	for _, n := range a.told[e.Amount] {
		if n.Template != payments.NoticeNotSent {
			continue
		}
		denials++
		// An agent who tries a code again confirms anew, and the first try may be denied later. Other errands are one
		// intent, of which nothing may be denied once it is done.
		if e.Kind != redeeming && n.CreatedAt.After(t.PostedAt) {
			a.breach("%s was done at %s, and at %s a message denied it", e.name(), clockTime(t.PostedAt), clockTime(n.CreatedAt))
		}
	}
	if denials > 0 && denials >= len(e.confirmations()) {
		a.breach("%s was done, after messages had denied each of its %d confirmations", e.name(), denials)
	}
}

// reserved looks at a withdrawal code: a hold, and no transaction until an agent pays.
func (a *inquest) reserved(e errand) {
	code := ""
	for _, d := range e.Deliveries {
		if d.Means != meansDone {
			continue
		}
		if code != "" && d.Code != code {
			a.breach("%s was answered with two codes", e.name())
		}
		code = d.Code
	}
	promised, settled := e.left()
	issued, not := a.messages(e, payments.NoticeCodeIssued), a.messages(e, payments.NoticeCodeNotIssued)
	switch holds := a.holdsOf(e); {
	case holds > 1:
		a.breach("%s reserved its money %d times", e.name(), holds)
	case holds == 0 && code != "":
		a.breach("%s was answered with a code, and nothing is reserved", e.name())
	case holds == 0 && promised && !settled && not == 0:
		a.breach("%s was promised an SMS and never told that there is no code", e.name())
	case issued != holds:
		a.breach("%s: %d codes were issued, and %d messages tell of one", e.name(), holds, issued)
	case holds == 1 && e.takenBack():
		a.breach("%s reserved its money, and no confirmation was left that may have done it", e.name())
	case holds == 1 && not >= len(e.confirmations()):
		a.breach("%s has its code, and a message denies it", e.name())
	}
}

// holdsOf counts the holds of a code, used ones included.
func (a *inquest) holdsOf(e errand) int {
	n := 0
	for _, h := range a.Holds {
		if h.Whose == e.Payer && h.Fee == e.Fee && h.Minor == e.Amount+e.Fee {
			n++
		}
	}
	return n
}
