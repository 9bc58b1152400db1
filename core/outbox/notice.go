// Package outbox keeps what is to be told to people until it has been sent.
//
// A notice is a template and its arguments, written in the transaction of the money it tells about, so that there
// is never one without the other. channels/sms claims notices under a lease, renders and sends them. The package
// knows no wording and no provider. Its one rule: a notice is told at least once and, by its dedupe key, written
// at most once.
package outbox

import (
	"time"

	"github.com/google/uuid"

	"nova/core/msisdn"
)

// Placeholders that the ledger's writer fills in a notice's arguments, where an argument's value is exactly one of
// them: "{receipt}", "{time}" (15:04, market time), "{date}" (02/01/2006, market time), "{balance:<account uuid>}"
// and "{available:<account uuid>}" (1,234.50, after the posting, of an account that the command touched); of an account
// with an overdraft line "{drawn:...}", "{draw_fee:...}" and "{repaid:...}", what the posting did with it, and "{owed:...}".
// A notice that asks what was drawn or repaid is written only where something was.
const (
	PlaceReceipt   = "{receipt}"
	PlaceTime      = "{time}"
	PlaceDate      = "{date}"
	placeBalance   = "{balance:"
	placeAvailable = "{available:"
	placeDrawn     = "{drawn:"
	placeDrawFee   = "{draw_fee:"
	placeRepaid    = "{repaid:"
	placeOwed      = "{owed:"
)

// PlaceBalance is the placeholder for the booked balance of an account.
func PlaceBalance(account uuid.UUID) string { return placeBalance + account.String() + "}" }

// PlaceAvailable is the placeholder for what the account's owner can spend.
func PlaceAvailable(account uuid.UUID) string { return placeAvailable + account.String() + "}" }

// PlaceDrawn is the placeholder for what the posting drew on an account's overdraft line.
func PlaceDrawn(account uuid.UUID) string { return placeDrawn + account.String() + "}" }

// PlaceDrawFee is the placeholder for what that cost.
func PlaceDrawFee(account uuid.UUID) string { return placeDrawFee + account.String() + "}" }

// PlaceRepaid is the placeholder for what the posting repaid on the line.
func PlaceRepaid(account uuid.UUID) string { return placeRepaid + account.String() + "}" }

// PlaceOwed is the placeholder for what is owed on the line afterwards.
func PlaceOwed(account uuid.UUID) string { return placeOwed + account.String() + "}" }

// Notice is one thing to tell one person.
type Notice struct {
	ID       uuid.UUID
	Template string
	To       msisdn.MSISDN
	Language string
	// Args are the template's arguments. Nothing secret stands here.
	Args map[string]string
	// Sealed is the one argument that must not be readable in the database (a withdrawal code), sealed by its
	// maker. It is erased when the notice was sent or given up.
	Sealed []byte
	// Transaction is the business fact that the notice tells about; zero for none.
	Transaction uuid.UUID
	// Dedupe is unique for ever: a second notice with the same one is not written. Empty means the ID.
	Dedupe string
}

// Claimed is a notice that a sender holds under a lease.
type Claimed struct {
	Notice
	// Attempt counts from 1.
	Attempt      int
	ClaimedUntil time.Time
	CreatedAt    time.Time
}

// Counts are the outbox's figures for health and metrics.
type Counts struct {
	Queued, Failed int64
	// Oldest is when the oldest notice that still waits was written; zero when none waits.
	Oldest time.Time
}
