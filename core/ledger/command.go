package ledger

import (
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/money"
	"nova/core/outbox"
	"nova/core/secret"
	"nova/core/transactions"
)

// Limits of one command. What the business sends stays far below; the limits keep a mistake from holding a group.
const (
	// MaxLines covers a posting with fee, tax and commission many times over.
	MaxLines = 64
	// MaxMoves bounds holds, counters, caps, tier guards and notices, each.
	MaxMoves = 32
)

// Line is one debit or credit. Minor is positive.
type Line struct {
	Account uuid.UUID
	Side    Side
	Minor   int64
}

// Command is everything that must happen together or not at all, as data. Whoever makes it has computed tariffs and
// limits beforehand; Apply decides what depends on balances.
type Command struct {
	// Key makes a retry safe; it is required. Body is the keyed hash of the request without its secrets: the same
	// key with another body is refused.
	Key  Key
	Body [32]byte
	// Keep stores the outcome whatever it was, a wrong PIN included: a handset's hop happens once.
	Keep bool
	// Check is a secret to be compared under its row's lock before anything else is decided.
	Check *Check

	Currency money.Currency
	// Lines are empty for a command that only checks a secret, moves holds or changes a status.
	Lines []Line
	// Posting is the posting's id, made by the caller, so that running a command again makes nothing new. A posting
	// that books a transaction has that one's id.
	Posting uuid.UUID
	// Reverses is the posting that this one undoes; a second reversal of it is refused. Zero for none.
	Reverses  uuid.UUID
	Narration string
	Reference string
	// Metadata is stored with the posting; it holds nothing secret.
	Metadata map[string]string
	// ValueDate is the day in the books; empty means the day of booking in market time.
	ValueDate clock.Day

	Holds    []HoldMove
	Counters []Count
	Caps     []Cap
	Tiers    []TierGuard

	// FeeShown is the fee that the payer agreed to; Apply refuses another Fee. Nil where none was shown.
	FeeShown *int64
	Fee      int64

	// Transaction is inserted with receipt and posted_at filled in. Change moves an existing one.
	Transaction *transactions.Transaction
	Change      *transactions.Change

	// Promise is committed before the command may run: a promise to tell how it went. Nil for none.
	Promise *transactions.Promise

	// Notices are written when the command succeeds; RefusalNotices when it is refused and the refusal is stored.
	Notices        []outbox.Notice
	RefusalNotices []outbox.Notice

	// Extra is stored with the result, so that an answer can be rendered from the stored result alone. It holds
	// nothing secret.
	Extra map[string]string
}

// books is the transaction that the command's posting books; zero for none.
func (c *Command) books() uuid.UUID {
	switch {
	case c.Transaction != nil:
		return c.Transaction.ID
	case c.Change != nil:
		return c.Change.ID
	}
	return uuid.Nil
}

// Check is a secret to be compared: whose, and what was typed.
type Check struct {
	Subject uuid.UUID
	Secret  secret.Text
}

// Count adds Delta to a counter and refuses to pass Cap. A negative Delta gives back, never below zero. The window's
// start is computed by the writer, in market time.
type Count struct {
	Subject    uuid.UUID
	Rule       string
	Window     clock.Window
	Delta, Cap int64
}

// Cap refuses a posting that would leave more than Max on an account.
type Cap struct {
	Account uuid.UUID
	Max     int64
}

// TierGuard refuses with ErrStale when the account's tier is not the one that the command was computed for.
type TierGuard struct {
	Account uuid.UUID
	Tier    int
}

// HoldAction says what happens to a hold.
type HoldAction uint8

// What a command may do to holds. Expire is Release by the worker, and only past the hold's expiry.
const (
	Place HoldAction = iota + 1
	Capture
	Release
	Expire
)

// HoldMove places, captures or releases a hold. Place uses Hold; the others use ID.
type HoldMove struct {
	Action HoldAction
	Hold   Hold
	ID     uuid.UUID
	// Minor is how much of the hold is captured; what is left over is released with it. The command's lines move
	// the money.
	Minor int64
	// Code is what the agent typed, for a hold that has a code; nil elsewhere.
	Code *secret.Text
}

// PlaceHold reserves money of h.Account.
func PlaceHold(h Hold) HoldMove { return HoldMove{Action: Place, Hold: h, ID: h.ID} }

// CaptureHold uses a hold without a code.
func CaptureHold(id uuid.UUID, minor int64) HoldMove {
	return HoldMove{Action: Capture, ID: id, Minor: minor}
}

// RedeemHold uses a hold against its code.
func RedeemHold(id uuid.UUID, minor int64, code secret.Text) HoldMove {
	return HoldMove{Action: Capture, ID: id, Minor: minor, Code: &code}
}

// ReleaseHold gives a hold's money back.
func ReleaseHold(id uuid.UUID) HoldMove { return HoldMove{Action: Release, ID: id} }

// HoldKind is what a hold is for.
type HoldKind string

// WithdrawalCode is the hold behind a cash-out code: a wallet has at most one that is active.
const WithdrawalCode HoldKind = "withdrawal_code"

// HoldStatus is a hold's state. Only an active hold holds money.
type HoldStatus string

// The states of a hold; every way out of active is final.
const (
	HoldActive   HoldStatus = "active"
	HoldCaptured HoldStatus = "captured"
	HoldReleased HoldStatus = "released"
	HoldExpired  HoldStatus = "expired"
)

// Hold is money of an account that is reserved until it is captured, released or expires.
type Hold struct {
	ID, Account uuid.UUID
	Kind        HoldKind
	Minor       int64
	Captured    int64
	Status      HoldStatus
	// Fee is the part of Minor that is a fee, as it was shown when the hold was placed.
	Fee int64
	// Code is given when the hold is placed and never read back: its keyed hash is stored. CodeSealed is the copy
	// that its owner may be shown again; it is erased with the end of the hold.
	Code       secret.Text
	CodeSealed []byte
	// Tries counts wrong codes.
	Tries                int
	Reason               string
	Metadata             map[string]string
	CreatedAt, ExpiresAt time.Time

	codeHash []byte
}
