package ledger

import (
	"time"

	"github.com/google/uuid"

	"nova/core/money"
)

// Status is what an account may take part in. A frozen or closed account takes no lines; its holds may still be
// released and expire.
type Status string

// The states of an account.
const (
	Active Status = "active"
	Frozen Status = "frozen"
	Closed Status = "closed"
)

// OpenedByNova marks Nova's own books and its people's accounts: one a product, currency and owner.
const OpenedByNova = "nova"

// Account is who owns what. Floor is the least that may be available on it; nil for a system account, which may go
// below zero and is kept in a row a lane.
type Account struct {
	ID                 uuid.UUID
	OwnerKind, OwnerID string
	Product            Product
	Currency           money.Currency
	Status             Status
	Tier               int
	Floor              *int64
	Name               string
	// OpenedBy is OpenedByNova, or the client that opened it; empty means Nova.
	OpenedBy string
	Metadata map[string]string
	OpenedAt time.Time
}

// ZeroFloor is the floor of everything that belongs to people.
func ZeroFloor() *int64 { return new(int64) }

// Balance is an account's money, in minor units on its normal side. Available is posted without what is held and
// without the floor; for an account without a floor it is posted - held.
type Balance struct {
	Posted, Held, Available int64
	// Overdraft is what may be drawn on the account's line beyond Available, the fees of drawing included.
	Overdraft int64
	Currency  money.Currency
	Status    Status
	// Sequence is the number of entries so far, over all lanes.
	Sequence int64
	BookedAt time.Time
}

// Entry is one line of a posting as it stands in an account's statement.
type Entry struct {
	Account, Posting    uuid.UUID
	Lane                int
	Sequence            int64
	Side                Side
	Minor, BalanceAfter int64
	BookedAt            time.Time
}
