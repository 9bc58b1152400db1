package agents

import (
	"context"

	"github.com/google/uuid"

	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/secret"
)

// ChangePIN replaces an operator's PIN, once for the key, and tells them. authorised is the key under which the old
// PIN was found right (identity.Service.Authenticate) within the last ten minutes.
func (s *Service) ChangePIN(ctx context.Context, key ledger.Key, id uuid.UUID, authorised ledger.Key,
	pin secret.Text,
) error {
	o, err := s.OperatorByID(ctx, id)
	if err != nil {
		return err
	}
	return s.identity.ChangePIN(ctx, identity.PINChange{
		Key: key, Subject: o.Subject(), Authorised: authorised, PIN: pin, To: o.MSISDN, Name: o.Name, Language: o.Language,
	})
}
