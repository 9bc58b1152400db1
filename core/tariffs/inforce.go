package tariffs

import (
	"time"

	"nova/core/money"
)

// InForce prices each transaction by the book that holds at its moment.
type InForce struct {
	Books interface {
		At(t time.Time) (*Book, error)
	}
}

// Charge is the Book's, or SERVICE_UNAVAILABLE where it is not known which book holds.
func (f InForce) Charge(t string, amount money.Amount, at time.Time) (Charge, error) {
	book, err := f.Books.At(at)
	if err != nil {
		return Charge{}, err
	}
	return book.Charge(t, amount, at)
}

// TaxBPS is the Book's, or SERVICE_UNAVAILABLE where it is not known which book holds.
func (f InForce) TaxBPS(t string, at time.Time) (int64, error) {
	book, err := f.Books.At(at)
	if err != nil {
		return 0, err
	}
	return book.TaxBPS(t, at)
}
