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
// and "{available:<account uuid>}" (1,234.50, after the posting, of an account that the command touched).
const (
	PlaceReceipt   = "{receipt}"
	PlaceTime      = "{time}"
	PlaceDate      = "{date}"
	placeBalance   = "{balance:"
	placeAvailable = "{available:"
)

// PlaceBalance is the placeholder for the booked balance of an account.
func PlaceBalance(account uuid.UUID) string { return placeBalance + account.String() + "}" }

// PlaceAvailable is the placeholder for what the account's owner can spend.
func PlaceAvailable(account uuid.UUID) string { return placeAvailable + account.String() + "}" }

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
