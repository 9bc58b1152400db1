package main

import (
	"fmt"
	"slices"
	"time"

	"nova/core/ledger"
	"nova/core/transactions"
)

// What is recorded of a run: what people did and were told, and what the database holds in the end.

// errandKind is what a person wants.
type errandKind uint8

const (
	sending errandKind = iota
	cashingOut
	// reserving gets a withdrawal code; redeeming is its payment by an agent.
	reserving
	redeeming
)

var errandKinds = [...]string{"send", "cash-out", "code", "redeemed code"}

func (k errandKind) String() string { return errandKinds[k] }

// errand is what one person wanted once. No other errand of the run has its amount, so rows and messages tell by it
// whose they are; only a code and its payment share one.
type errand struct {
	Kind   errandKind
	Payer  string // number, digits only
	Payee  string // number or agent code; empty for a code
	Amount int64
	// Fee is what the confirmation showed.
	Fee int64
	// Inputs are typed after the short code, up to the confirmation.
	Inputs     []string
	Deliveries []delivery
}

// name is how a breach tells of an errand.
func (e errand) name() string {
	return fmt.Sprintf("%s of %s by %s to %q", e.Kind, shown(e.Amount), e.Payer, e.Payee)
}

// delivery is one call of a gateway.
type delivery struct {
	// Hop names the input: copies of one hop have one name.
	Hop, Node string
	// Confirms: the input is the PIN that confirms the errand.
	Confirms       bool
	Sent, Answered time.Time
	answer
}

// takesBack: this hop did not move money, the person was told.
func (d delivery) takesBack() bool { return d.Means == meansRefused || d.Means == meansNothing }

// confirmations are the copies of each PIN hop.
func (e errand) confirmations() map[string][]delivery {
	hops := map[string][]delivery{}
	for _, d := range e.Deliveries {
		if d.Confirms {
			hops[d.Hop] = append(hops[d.Hop], d)
		}
	}
	return hops
}

// takenBack: no PIN hop was left that may have done it.
func (e errand) takenBack() bool {
	for _, copies := range e.confirmations() {
		if !slices.ContainsFunc(copies, delivery.takesBack) {
			return false
		}
	}
	return true
}

// astray: a dial had no screen. A node that stood still may take it up much later, and if Redis has lost the dialogue
// by then, opens it anew, as an intent of its own that waits.
func (e errand) astray() bool {
	return slices.ContainsFunc(e.Deliveries, func(d delivery) bool { return d.Means == meansSilence && !d.Confirms })
}

// left tells what the screens left: an SMS was promised, and a confirmation was taken back.
func (e errand) left() (promised, settled bool) {
	for _, d := range e.Deliveries {
		promised = promised || d.Means == meansOpen
		settled = settled || d.Confirms && d.takesBack()
	}
	return promised, settled
}

// facts are what the database holds.
type facts struct {
	Transactions []transactionFact
	Holds        []holdFact
	Notices      []noticeFact
	Accounts     []accountFact
	// Breach is what the ledger's own proof found.
	Breach string
	// Promises are those that nobody has settled.
	Promises int
}

type transactionFact struct {
	ID, Receipt, From, To        string
	Type                         transactions.Type
	Status                       transactions.Status
	Amount, Fee, Tax, Commission int64
	PostedAt                     time.Time
}

type holdFact struct {
	Whose, Status string
	Minor, Fee    int64
}

type noticeFact struct {
	Transaction, Template, To, Receipt string
	Amount                             int64
	CreatedAt                          time.Time
}

// accountFact is an account, all lanes together.
type accountFact struct {
	// Whose is a number or an agent's code; empty for the house's.
	Whose   string
	Product ledger.Product
	// Opened is what the account began with.
	Opened, Posted, Held int64
	Floor                *int64
}
