// Package bank is the ledger as other systems use it: accounts that an API client opens, postings and reversals on
// them, holds that reserve their money, and what somebody may still do within the limits.
//
// It knows no tariffs and no people's PINs: a client answers for what it posts. It decides who may act on what, and
// that what was sent can be kept; whether the money is there is for the ledger to say.
//
// Its one rule: a client acts only on accounts that it opened or was granted. To anybody else an account does not
// exist, and nothing that is answered, stored or refused tells otherwise.
package bank

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/customers"
	"nova/core/ledger"
	"nova/core/limits"
	"nova/core/transactions"
	"nova/sql"
)

// Writer is the part of the ledger's writer that the bank needs.
type Writer interface {
	Submit(ctx context.Context, c *ledger.Command) (ledger.Result, error)
}

// Limits gives the limits that hold at a moment.
type Limits interface {
	At(t time.Time) (*limits.Book, error)
}

// Customers finds the person whose limits are asked for; nobody is a CUSTOMER_NOT_FOUND.
type Customers interface {
	ByID(ctx context.Context, id uuid.UUID) (customers.Customer, error)
}

// Options are what a Service is made of.
type Options struct {
	DB           *sql.DB
	Writer       Writer
	Ledger       *ledger.Store
	Transactions *transactions.Store
	Customers    Customers
	Limits       Limits
	Clock        clock.Clock
	// Location is the market's: limits count its days.
	Location *time.Location
	// Books proves the whole books, on connections that may take as long as it needs.
	Books Books
}

// Service is the core bank. It is safe for concurrent use.
type Service struct {
	db           *sql.DB
	writer       Writer
	ledger       *ledger.Store
	transactions *transactions.Store
	customers    Customers
	limits       Limits
	clock        clock.Clock
	location     *time.Location
	audit        audit
	facts        facts
	store        store
}

// New joins the parts of a Service.
func New(o Options) *Service {
	return &Service{
		db: o.DB, writer: o.Writer, ledger: o.Ledger, transactions: o.Transactions, customers: o.Customers,
		limits: o.Limits, clock: o.Clock, location: o.Location, store: newStore(),
		audit: audit{books: o.Books, clock: o.Clock},
	}
}

// Order is what every request that moves or reserves money brings: who asks, and what makes its retry safe.
type Order struct {
	Client uuid.UUID
	Key    ledger.Key
	Body   [32]byte
}
