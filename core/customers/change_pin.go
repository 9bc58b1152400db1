package customers

import (
	"context"

	"github.com/google/uuid"

	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/secret"
)

// ChangePIN replaces a customer's PIN, once for the key, and tells them. authorised is the key under which the old
// PIN was found right (identity.Service.Authenticate) within the last ten minutes.
func (s *Service) ChangePIN(ctx context.Context, key ledger.Key, id uuid.UUID, authorised ledger.Key,
	pin secret.Text,
) error {
	c, err := s.ByID(ctx, id)
	if err != nil {
		return err
	}
	if err := identity.CheckPIN(pin, c.BirthDate.Year()); err != nil {
		return err
	}
	return s.identity.ChangePIN(ctx, identity.PINChange{
		Key: key, Subject: c.Subject(), Authorised: authorised, PIN: pin, To: c.MSISDN, Name: c.Shown(), Language: c.Language,
	})
}
