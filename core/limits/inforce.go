package limits

import (
	"time"

	"github.com/google/uuid"

	"nova/core/ledger"
	"nova/core/transactions"
)

// At is the book itself: one that nobody replaces holds at any moment.
func (b *Book) At(time.Time) (*Book, error) { return b, nil }

// InForce answers by the book that holds now. It is for whoever tells people what they may do; what moves money asks for
// the book of its own moment, and keeps to it.
type InForce struct {
	Books interface{ Current() *Book }
}

// Check is the Book's.
func (f InForce) Check(op Operation) error { return f.Books.Current().Check(op) }

// Counters are the Book's.
func (f InForce) Counters(op Operation, subject uuid.UUID) []ledger.Count {
	return f.Books.Current().Counters(op, subject)
}

// Cap is the Book's.
func (f InForce) Cap(tier int, account uuid.UUID) *ledger.Cap {
	return f.Books.Current().Cap(tier, account)
}

// Describe is the Book's.
func (f InForce) Describe(tier int, channel transactions.Channel) Description {
	return f.Books.Current().Describe(tier, channel)
}
