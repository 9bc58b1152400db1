// Package payments is the errands that move money between people: send, pay, cash in, cash out at an agent or by a
// code, and the promises to tell how one went.
//
// It decides nothing that depends on a balance: each errand reads who takes part, asks the tariffs for the price and
// the limits for the counters, and makes one ledger.Command out of it; the ledger says yes or no. A quote tells
// beforehand what can be known, so that nobody types a PIN for what must fail.
//
// Its one rule: what a person confirmed - payee, amount, fee - is what happens, once, or nothing happens. An intent
// is one confirmation and one transaction for ever: a second command with its id, whatever its key, answers with the
// receipt of the first.
package payments

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/agents"
	"nova/core/approvals"
	"nova/core/clock"
	"nova/core/customers"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/limits"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/core/tariffs"
	"nova/core/transactions"
	"nova/sql"
)

// Party is one side of an errand as a screen shows it. Owner is the customer, agent or merchant.
type Party struct {
	Owner   uuid.UUID
	Account uuid.UUID
	Name    string
	Tier    int
	MSISDN  msisdn.MSISDN // zero for merchants and agents
}

// Ask is how much somebody asks for, and through which channel: limits may depend on it.
type Ask struct {
	Amount  money.Amount
	Channel transactions.Channel
}

// Quote is what an errand would do and cost. Total is what the payer gives and owes. Drawn is what of it the payer's
// overdraft line would lend, at DrawFee, which stands in Fee and Total as well: it is what the payer agrees to. There are
// no amounts where their own money suffices. RepeatedAt is when the same payer sent the same amount to the same payee, if
// that was only just now.
type Quote struct {
	Type       transactions.Type
	Amount     money.Amount
	Fee        money.Amount
	Tax        money.Amount
	Commission money.Amount
	Total      money.Amount
	Drawn      money.Amount
	DrawFee    money.Amount
	From, To   Party
	RepeatedAt *time.Time
}

// Order is what every confirmation brings: the key of its hop or request, the intent, the PIN, and the fee that the
// person saw. With Promise set, a promise to tell the outcome by SMS is committed before the money command may run.
//
// An app that has not asked for a quote sets AtTariff instead of FeeShown: it agrees to the price list, and to no fee of an
// overdraft draw. Body is the keyed hash of its request, so that the same key with another request is refused, and the same
// request may bring another PIN after a wrong one; zero: the order is a hop, and whatever became of it is kept. Note is the
// payer's own words, for the record.
type Order struct {
	Key      ledger.Key
	Intent   uuid.UUID
	Proof    identity.Proof
	FeeShown money.Amount
	Channel  transactions.Channel
	Promise  bool
	AtTariff bool
	Body     [32]byte
	Note     string
}

// hop tells that the order came from a handset: its key stands for one hop.
func (o Order) hop() bool { return o.Body == [32]byte{} }

// ask is the amount through the order's channel.
func (o Order) ask(amount money.Amount) Ask { return Ask{Amount: amount, Channel: o.Channel} }

// Writer is the part of the ledger's writer that payments needs.
type Writer interface {
	Submit(ctx context.Context, c *ledger.Command) (ledger.Result, error)
}

// Poster is the part of the ledger's poster that payments needs: one command inside a caller's transaction.
type Poster interface {
	PostIn(ctx context.Context, tx *sql.Tx, c *ledger.Command) (ledger.Result, error)
}

// Approvals keep what one person asks for and another one decides.
type Approvals interface {
	ProposeIn(ctx context.Context, tx *sql.Tx, p approvals.Proposal) (approvals.Approval, error)
}

// Tariffs prices a transaction by the price list that holds at a moment.
type Tariffs interface {
	Charge(t string, amount money.Amount, at time.Time) (tariffs.Charge, error)
	// TaxBPS is what of a fee is tax, in basis points of it, for fees that the price list does not make.
	TaxBPS(t string, at time.Time) (int64, error)
}

// Limits gives the limits that hold at a moment.
type Limits interface {
	At(t time.Time) (*limits.Book, error)
}

// Priced are the errands that need a price: a tariff without one of them would refuse people who typed their PIN.
func Priced() []transactions.Type {
	return []transactions.Type{
		transactions.P2P, transactions.MerchantPayment, transactions.CashIn, transactions.CashOut,
		transactions.SavingsDeposit, transactions.SavingsWithdrawal, transactions.OverdraftDraw, transactions.OverdraftRepay,
	}
}

// Options are what a Service is made of.
type Options struct {
	DB           *sql.DB
	Writer       Writer
	Poster       Poster
	Approvals    Approvals
	Ledger       *ledger.Store
	Transactions *transactions.Store
	Promises     *transactions.Promises
	Customers    *customers.Service
	Agents       *agents.Service
	Identity     *identity.Service
	Tariffs      Tariffs
	Limits       Limits
	Keyring      *secret.Keyring
	Clock        clock.Clock
	Location     *time.Location
	Currency     money.Currency
	Books        Books
}

// Service runs the errands. It is safe for concurrent use.
type Service struct {
	db           *sql.DB
	writer       Writer
	poster       Poster
	approvals    Approvals
	ledger       *ledger.Store
	transactions *transactions.Store
	promises     *transactions.Promises
	customers    *customers.Service
	agents       *agents.Service
	identity     *identity.Service
	tariffs      Tariffs
	limits       Limits
	keyring      *secret.Keyring
	clock        clock.Clock
	location     *time.Location
	currency     money.Currency
	books        Books
	store        store
}

// New joins the parts of a Service.
func New(o Options) *Service {
	return &Service{
		db: o.DB, writer: o.Writer, poster: o.Poster, approvals: o.Approvals, ledger: o.Ledger,
		transactions: o.Transactions, promises: o.Promises, customers: o.Customers, agents: o.Agents, identity: o.Identity,
		tariffs: o.Tariffs, limits: o.Limits,
		keyring: o.Keyring, clock: o.Clock, location: o.Location, currency: o.Currency, books: o.Books,
		store: newStore(),
	}
}
