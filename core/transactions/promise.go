package transactions

import (
	"time"

	"github.com/google/uuid"

	"nova/core/money"
	"nova/core/msisdn"
)

// Promise is a debt of news: "Wait for our SMS." It is committed before its money command may run, and settled by
// whoever learns how the command went, at the latest by a worker.
type Promise struct {
	Intent uuid.UUID
	// Key is the digest of the command's idempotency key, by which its outcome is asked for.
	Key       [32]byte
	To        msisdn.MSISDN
	Language  string
	Type      Type
	Amount    money.Amount
	PayeeName string
	CreatedAt time.Time
}
