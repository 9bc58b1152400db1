package ledger

import (
	"time"

	"github.com/google/uuid"
)

// Result is what a command did, as it is stored under its key. Balances and Available are of the accounts with a
// floor (people's) that the command touched, after it.
type Result struct {
	Posting, Transaction uuid.UUID
	Receipt              string
	BookedAt             time.Time
	Balances             map[uuid.UUID]int64
	Available            map[uuid.UUID]int64
	// Draws is what the posting did with overdraft lines, by the account that has one.
	Draws map[uuid.UUID]Draw
	// Holds are the holds that the command placed.
	Holds []uuid.UUID
	Extra map[string]string
	// Booked is the posting as it was written; nil where there is none, and in an answer that was read from its stored
	// form. It is not stored.
	Booked *Posting
	// Replayed tells that the command had run before and this is its first answer. It stands beside a stored
	// refusal as well. It is not stored.
	Replayed bool
}

// sameRun tells that both are outcomes of one attempt at one command, stored or not.
func (r *Result) sameRun(other Result) bool {
	return r.Posting == other.Posting && r.Receipt == other.Receipt &&
		r.BookedAt.UnixMicro() == other.BookedAt.UnixMicro()
}
