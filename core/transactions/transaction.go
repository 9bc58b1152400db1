// Package transactions holds the business fact behind a posting: a cash-in, a transfer, a payment, and who took
// part in it; and the promises to tell somebody how it went.
//
// It knows no accounts' balances and decides nothing: the ledger's writer inserts and changes the rows in the
// transaction that moves the money. Its one rule: an intent, what a person confirmed once, is one transaction for
// ever, whatever channel it comes through again.
package transactions

import (
	"time"

	"github.com/google/uuid"

	"nova/core/money"
)

// Type is what kind of business a transaction is, as clients read it.
type Type string

// The types of the HTTP contract.
const (
	CashIn            Type = "cashin"
	CashOut           Type = "cashout"
	P2P               Type = "p2p"
	P2PAssist         Type = "p2p_assist"
	MerchantPayment   Type = "merchant_payment"
	FloatTopup        Type = "float_topup"
	FloatRedeem       Type = "float_redeem"
	CommissionPayout  Type = "commission_payout"
	SavingsDeposit    Type = "savings_deposit"
	SavingsWithdrawal Type = "savings_withdrawal"
	OverdraftDraw     Type = "overdraft_draw"
	OverdraftRepay    Type = "overdraft_repay"
	Interest          Type = "interest"
	Reversal          Type = "reversal"
	Adjustment        Type = "adjustment"
	// Posting is what an API client posts; what business it is stands in the client's own books.
	Posting Type = "posting"
)

// Status is how far a transaction has come.
type Status string

// The statuses of the HTTP contract.
const (
	PendingApproval Status = "pending_approval"
	Completed       Status = "completed"
	Failed          Status = "failed"
	Reversed        Status = "reversed"
)

// TierUnknown is the tier of a transaction that a node of the version before wrote.
const TierUnknown = -1

// Channel is the way in which a transaction was asked for.
type Channel string

// The channels of the HTTP contract.
const (
	USSD     Channel = "ussd"
	App      Channel = "app"
	AgentApp Channel = "agent_app"
	API      Channel = "api"
	Console  Channel = "console"
)

// Party is one side: the account, who owns it, and the name as it was shown when the transaction was made.
type Party struct {
	Account, Owner uuid.UUID
	Name           string
}

// Transaction is a business fact. Zero ids stand for none. Fee contains Tax; all four amounts are of one currency.
type Transaction struct {
	ID, Intent                   uuid.UUID
	Receipt                      string
	Type                         Type
	Status                       Status
	Amount, Fee, Tax, Commission money.Amount
	From, To                     Party
	Channel                      Channel
	Agent, Operator, Outlet      uuid.UUID
	Client                       uuid.UUID
	Reference                    string
	Tariff                       string
	// Reverses is what a reversal undoes, or an adjustment takes a part of back. ReversedBy is the one reversal.
	Reverses, ReversedBy uuid.UUID
	// Tier is the KYC tier by which limits counted the transaction, TierUnknown where that is not known. It says nothing
	// where no limit counts.
	Tier      int
	CreatedAt time.Time
	// PostedAt is zero until money moved. The posting that moved it has the transaction's own id.
	PostedAt time.Time
}

// TotalDebited is what the payer paid: amount and fee.
func (t Transaction) TotalDebited() (money.Amount, error) { return t.Amount.Add(t.Fee) }

// Change moves a transaction from one status to another. It applies only while the status is From: whoever loses
// a race is refused.
type Change struct {
	ID       uuid.UUID
	From, To Status
	// PostedAt is set with the change where money moves with it; the ledger's writer fills it.
	PostedAt time.Time
	// ReversedBy names the reversing transaction; zero leaves it.
	ReversedBy uuid.UUID
}
