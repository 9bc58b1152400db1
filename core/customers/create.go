package customers

import (
	"context"

	"nova/core/clock"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
)

// NewCustomer is somebody who is already known: from another system's books, or a demonstration's.
type NewCustomer struct {
	MSISDN    msisdn.MSISDN
	FirstName string
	LastName  string
	BirthDate clock.Day
	IDNumber  string
	Language  string
	Tier      int
	PIN       secret.Text
}

// Create makes a customer with a wallet, a tier and a PIN as given, without a word to them. A number or document
// that is somebody's already is a DUPLICATE_ENTITY.
func (s *Service) Create(ctx context.Context, known NewCustomer) (Customer, error) {
	n, err := s.newcomer(Registration{
		MSISDN: known.MSISDN, FirstName: known.FirstName, LastName: known.LastName, BirthDate: known.BirthDate,
		IDNumber: known.IDNumber, Language: known.Language, Channel: transactions.Console,
	})
	if err != nil {
		return Customer{}, err
	}
	n.Tier = known.Tier
	if n.Tier > TierSelf {
		n.KYCStatus = KYCVerified
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.insert(ctx, tx, n); err != nil {
			return err
		}
		return s.identity.SetPINIn(ctx, tx, n.Subject(), known.PIN)
	})
	return n.Customer, duplicate(err)
}
