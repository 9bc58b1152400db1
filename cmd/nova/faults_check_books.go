package main

import (
	"nova/core/ledger"
	"nova/core/transactions"
)

// books: every account holds what it began with and what the transactions moved, nobody is below the floor, and the
// house's accounts hold the rest.
func (a *inquest) books() {
	if a.Breach != "" {
		a.breach("the ledger's own proof fails: %s", a.Breach)
	}
	if a.Promises > 0 {
		a.breach("%d promises are not settled", a.Promises)
	}
	due := a.due()
	var assets, liabilities int64
	for _, c := range a.Accounts {
		if c.Floor != nil && c.Posted-c.Held < *c.Floor {
			a.breach("%s of %q holds %s of which %s is reserved, below its floor", c.Product, c.Whose, shown(c.Posted), shown(c.Held))
		}
		if want := c.Opened + due[book{c.Whose, c.Product}]; c.Posted != want {
			a.breach("%s of %q holds %s, and its transactions make it %s", c.Product, c.Whose, shown(c.Posted), shown(want))
		}
		if c.Product.Normal() == ledger.Debit {
			assets += c.Posted
		} else {
			liabilities += c.Posted
		}
	}
	if assets != liabilities {
		a.breach("the books do not balance: %s against %s", shown(assets), shown(liabilities))
	}
}

// book names an account.
type book struct {
	whose   string
	product ledger.Product
}

// due is what the transactions moved, by account.
func (a *inquest) due() map[book]int64 {
	due := map[book]int64{}
	for _, t := range a.Transactions {
		due[book{t.From, ledger.Wallet}] -= t.Amount + t.Fee
		if t.Type == transactions.P2P {
			due[book{t.To, ledger.Wallet}] += t.Amount
		} else {
			due[book{t.To, ledger.Float}] += t.Amount
			due[book{t.To, ledger.Commission}] += t.Commission
		}
		due[book{"", ledger.FeeIncome}] += t.Fee - t.Tax
		due[book{"", ledger.TaxPayable}] += t.Tax
		due[book{"", ledger.CommissionExpense}] += t.Commission
	}
	return due
}
