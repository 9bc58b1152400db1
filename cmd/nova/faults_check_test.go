package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/ledger"
	"nova/core/payments"
	"nova/core/transactions"
)

// The people of a small run that went well: Ann sends 5.00 to Ben, withdraws 7.00 at shop 200001, gets a code for 9.00
// there, and a last 11.00 to Ben is never sent.
const (
	ann  = "12462510001"
	ben  = "12462510002"
	shop = "200001"
)

// at is a moment of the run, in seconds.
func at(second int) time.Time { return noon.Add(time.Duration(second) * time.Second) }

// confirmed is a PIN hop's answer, a second after it was sent.
func confirmed(hop string, second int, screen string) delivery {
	d := delivery{Hop: hop, Node: "A", Confirms: true, Sent: at(second), answer: read(screen, true)}
	if screen == "" {
		d.answer = answer{}
		return d
	}
	d.Answered = at(second + 1)
	return d
}

const (
	sentFive    = "Sent BBD 5.00 to Ben B.\nFee 1.00\nBalance 94.00\nRef RSEND1\nSMS receipt follows"
	tookSeven   = "Shop pays you BBD 7.00\nFee 1.00\nBalance 86.00\nRef RCASH1\nSMS receipt follows"
	codeForNine = "Code 123 456\nfor BBD 9.00, fee 1.00\nUse before 14:30\nTell it only to the agent who pays you\nSMS follows"
	paidNine    = "PAY CASH BBD 9.00\nto Ann B.\nFloat 66.00\nRef RCODE1\nSMS receipt follows"
	waitForSMS  = "Wait for our SMS. Do not send again."
	nothingSent = "Nothing was sent. Dial again. Ref ABC123"
	poor        = "Not enough money"
	notSentYet  = "NOT SENT: 5.00 to Ben B.\n9 Continue\nNova\n1 Send money"
)

// goodRun is the record of the run and what the database holds after it.
func goodRun() (facts, []errand) {
	errands := []errand{
		{Kind: sending, Payer: ann, Payee: ben, Amount: 5_00, Fee: 1_00, Deliveries: []delivery{
			confirmed("s1:2", 1, ""), confirmed("s1:2", 3, sentFive), confirmed("s1:2", 5, sentFive),
		}},
		{Kind: cashingOut, Payer: ann, Payee: shop, Amount: 7_00, Fee: 1_00, Deliveries: []delivery{
			confirmed("s2:2", 10, nothingSent), confirmed("s3:3", 12, tookSeven),
		}},
		{Kind: reserving, Payer: ann, Amount: 9_00, Fee: 1_00, Deliveries: []delivery{confirmed("s4:2", 20, codeForNine)}},
		{Kind: redeeming, Payer: ann, Payee: shop, Amount: 9_00, Fee: 1_00, Deliveries: []delivery{confirmed("s5:2", 25, paidNine)}},
		{Kind: sending, Payer: ann, Payee: ben, Amount: 11_00, Fee: 1_00, Deliveries: []delivery{confirmed("s6:2", 30, waitForSMS)}},
	}
	moved := func(id, receipt, to string, typ transactions.Type, amount, commission int64, second int) transactionFact {
		return transactionFact{
			ID: id, Receipt: receipt, From: ann, To: to, Type: typ, Status: transactions.Completed,
			Amount: amount, Fee: 1_00, Tax: 18, Commission: commission, PostedAt: at(second),
		}
	}
	var floor int64
	f := facts{
		Transactions: []transactionFact{
			moved("t1", "RSEND1", ben, transactions.P2P, 5_00, 0, 2),
			moved("t2", "RCASH1", shop, transactions.CashOut, 7_00, 4, 13),
			moved("t3", "RCODE1", shop, transactions.CashOut, 9_00, 5, 26),
		},
		Holds: []holdFact{{Whose: ann, Status: "captured", Minor: 10_00, Fee: 1_00}},
		Notices: []noticeFact{
			{Transaction: "t1", Template: payments.NoticeSendPayer, To: ann, Receipt: "RSEND1", Amount: 5_00},
			{Transaction: "t1", Template: payments.NoticeSendPayee, To: ben, Receipt: "RSEND1", Amount: 5_00},
			{Transaction: "t2", Template: payments.NoticeCashOutCustomer, To: ann, Receipt: "RCASH1", Amount: 7_00},
			{Transaction: "t2", Template: payments.NoticeCashOutOperator, Receipt: "RCASH1", Amount: 7_00},
			{Template: payments.NoticeCodeIssued, To: ann, Amount: 9_00},
			{Transaction: "t3", Template: payments.NoticeCashOutCustomer, To: ann, Receipt: "RCODE1", Amount: 9_00},
			{Transaction: "t3", Template: payments.NoticeCashOutOperator, Receipt: "RCODE1", Amount: 9_00},
			{Template: payments.NoticeNotSent, To: ann, Amount: 11_00, CreatedAt: at(60)},
		},
		Accounts: []accountFact{
			{Whose: ann, Product: ledger.Wallet, Opened: 100_00, Posted: 76_00, Floor: &floor},
			{Whose: ben, Product: ledger.Wallet, Posted: 5_00, Floor: &floor},
			{Whose: shop, Product: ledger.Float, Opened: 50_00, Posted: 66_00, Floor: &floor},
			{Whose: shop, Product: ledger.Commission, Posted: 9, Floor: &floor},
			{Product: ledger.Trust, Opened: 150_00, Posted: 150_00},
			{Product: ledger.FeeIncome, Posted: 2_46},
			{Product: ledger.TaxPayable, Posted: 54},
			{Product: ledger.CommissionExpense, Posted: 9},
		},
	}
	return f, errands
}

func TestGoodRunHasNoBreach(t *testing.T) {
	require.Empty(t, breaches(goodRun()))
}

// say replaces what the newest delivery of an errand was told.
func (e *errand) say(screen string) {
	last := &e.Deliveries[len(e.Deliveries)-1]
	last.answer = read(screen, true)
}

// without is the list but for those that match.
func without[T any](list []T, match func(T) bool) []T { return slices.DeleteFunc(list, match) }

func TestEveryBreachIsFound(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(f *facts, e []errand)
		want  string
	}{
		{"a lost answer", func(f *facts, _ []errand) {
			f.Transactions = f.Transactions[1:]
		}, "there is no transaction"},
		{"a receipt of something else", func(_ *facts, e []errand) {
			e[1].say(strings.Replace(tookSeven, "RCASH1", "RSEND1", 1))
		}, "its transaction is RCASH1"},
		{"another amount than was asked for", func(_ *facts, e []errand) {
			e[1].say(strings.Replace(tookSeven, "7.00", "7.50", 1))
		}, `hop s3:3 was answered "Shop pays you BBD 7.50`},
		{"a doubled transaction", func(f *facts, _ []errand) {
			again := f.Transactions[0]
			again.ID, again.Receipt = "t9", "RSEND9"
			f.Transactions = append(f.Transactions, again)
		}, "was done 2 times"},
		{"a transaction that nobody asked for", func(f *facts, _ []errand) {
			f.Transactions = append(f.Transactions, transactionFact{ID: "t9", Receipt: "RSTRAY", Amount: 6_00})
		}, "nobody asked for transaction RSTRAY"},
		{"money moved before the PIN was typed", func(f *facts, _ []errand) {
			f.Transactions[0].PostedAt = at(0)
		}, "nobody confirmed"},
		{"another payee", func(f *facts, _ []errand) {
			f.Transactions[0].To = ann
		}, "became a completed p2p from 12462510001 to 12462510001"},
		{"another fee than the one shown", func(_ *facts, e []errand) {
			e[0].Fee = 50
		}, "with fee 1.00"},
		{"a transaction that never completed", func(f *facts, _ []errand) {
			f.Transactions[0].Status = transactions.Failed
		}, "became a failed p2p"},
		{"differing replies to one hop", func(_ *facts, e []errand) {
			e[0].say(strings.Replace(sentFive, "94.00", "88.00", 1))
		}, "hop s1:2 was answered"},
		{"a hop that was refused and done", func(_ *facts, e []errand) {
			e[0].say(poor)
		}, "hop s1:2 was answered"},
		{"Nothing was sent, and it was", func(_ *facts, e []errand) {
			e[0].say(nothingSent)
		}, `hop s1:2 was answered "Nothing was sent.`},
		{"a dial told that it is not sent, after it was", func(_ *facts, e []errand) {
			e[0].Deliveries = append(e[0].Deliveries, delivery{Hop: "s9:1", Sent: at(9), answer: read(notSentYet, false)})
		}, "and a dial at"},
		{"a screen that makes no sense", func(_ *facts, e []errand) {
			e[0].say("pq: the database system is shutting down")
		}, "was answered \"pq:"},
		{"a promise that was not kept", func(f *facts, _ []errand) {
			f.Notices = without(f.Notices, func(n noticeFact) bool { return n.Template == payments.NoticeNotSent })
		}, "was promised an SMS and never told"},
		{"a promise that nobody settled", func(f *facts, _ []errand) {
			f.Promises = 1
		}, "1 promises are not settled"},
		{"a receipt that was never sent", func(f *facts, _ []errand) {
			f.Notices = f.Notices[1:]
		}, "of which message sms.send.payer tells 0 times"},
		{"a receipt sent twice", func(f *facts, _ []errand) {
			f.Notices = append(f.Notices, f.Notices[0])
		}, "of which message sms.send.payer tells 2 times"},
		{"a message with another receipt", func(f *facts, _ []errand) {
			f.Notices[0].Receipt = "RCASH1"
		}, "message sms.send.payer tells of RCASH1"},
		{"a message that denies what was done", func(f *facts, _ []errand) {
			f.Notices = append(f.Notices, noticeFact{Template: payments.NoticeNotSent, Amount: 7_00, CreatedAt: at(40)})
		}, "a message denied it"},
		{"a message that denied the only confirmation", func(f *facts, _ []errand) {
			f.Notices = append(f.Notices, noticeFact{Template: payments.NoticeNotSent, Amount: 5_00, CreatedAt: at(1)})
		}, "after messages had denied each of its 1 confirmations"},
		{"a code without its money", func(f *facts, _ []errand) {
			f.Holds = nil
		}, "was answered with a code, and nothing is reserved"},
		{"money reserved twice", func(f *facts, _ []errand) {
			f.Holds = append(f.Holds, f.Holds[0])
		}, "reserved its money 2 times"},
		{"two codes for one confirmation", func(_ *facts, e []errand) {
			e[2].Deliveries = append(e[2].Deliveries, confirmed("s4:2", 22, strings.Replace(codeForNine, "123", "321", 1)))
		}, "was answered with two codes"},
		{"money reserved that was refused", func(_ *facts, e []errand) {
			e[2].say(poor)
		}, "no confirmation was left that may have done it"},
		{"a code that no message tells", func(f *facts, _ []errand) {
			f.Notices = without(f.Notices, func(n noticeFact) bool { return n.Template == payments.NoticeCodeIssued })
		}, "1 codes were issued, and 0 messages"},
		{"a code that a message denies", func(f *facts, _ []errand) {
			f.Notices = append(f.Notices, noticeFact{Template: payments.NoticeCodeNotIssued, Amount: 9_00})
		}, "has its code, and a message denies it"},
		{"a code promised and never told of", func(f *facts, e []errand) {
			e[2].say(waitForSMS)
			e[3].Deliveries = nil
			f.Holds = nil
		}, "never told that there is no code"},
		{"a negative account", func(f *facts, _ []errand) {
			f.Accounts[1].Held = 6_00
		}, "below its floor"},
		{"an account that holds more than it was given", func(f *facts, _ []errand) {
			f.Accounts[1].Posted++
		}, "its transactions make it 5.00"},
		{"a fee that the house lost", func(f *facts, _ []errand) {
			f.Accounts[5].Posted--
		}, "the books do not balance"},
		{"what the ledger finds itself", func(f *facts, _ []errand) {
			f.Breach = "debits equal credits: posting 7"
		}, "the ledger's own proof fails: debits equal credits"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, errands := goodRun()
			c.spoil(&f, errands)
			require.Contains(t, strings.Join(breaches(f, errands), "\n"), c.want)
		})
	}
}

// A copy that says nothing proves nothing, whatever its hop did; a later confirmation may do what an earlier one did
// not; an SMS may tell what a screen left open.
func TestWhatIsNoBreach(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(f *facts, e []errand)
	}{
		{"no screen, and it was sent", func(_ *facts, e []errand) {
			e[0].Deliveries = e[0].Deliveries[:1]
		}},
		{"wait for our SMS, and it was sent", func(_ *facts, e []errand) {
			e[0].Deliveries = append(e[0].Deliveries[:1], confirmed("s1:2", 3, waitForSMS))
		}},
		{"the dialogue was lost after it was sent", func(_ *facts, e []errand) {
			e[0].Deliveries = append(e[0].Deliveries, confirmed("s1:2", 7, "Please dial again."))
		}},
		{"refused, and no transaction", func(f *facts, e []errand) {
			e[4].say(poor)
			f.Notices = f.Notices[:len(f.Notices)-1]
		}},
		{"told that it waits, before a later dial sent it", func(_ *facts, e []errand) {
			e[0].Deliveries = append(e[0].Deliveries, delivery{Hop: "s9:1", Sent: at(0), answer: read(notSentYet, false)})
		}},
		{"told that it waits, by a dial that a stalled node took up late", func(_ *facts, e []errand) {
			e[0].Deliveries = append(e[0].Deliveries,
				delivery{Hop: "s1:1", Sent: at(0)}, delivery{Hop: "s9:1", Sent: at(9), answer: read(notSentYet, false)})
		}},
		{"denied by SMS, and then sent by a second confirmation", func(f *facts, _ []errand) {
			f.Notices = append(f.Notices, noticeFact{Template: payments.NoticeNotSent, Amount: 7_00, CreatedAt: at(11)})
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, errands := goodRun()
			c.spoil(&f, errands)
			require.Empty(t, breaches(f, errands))
		})
	}
}
