package customers

import (
	"context"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/outbox"
	"nova/core/secret"
)

// NoticePINChanged warns the owner of a number that its PIN was changed: name.
const NoticePINChanged = "sms.pin.changed"

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
		Key: key, Subject: c.Subject(), Authorised: authorised, PIN: pin,
		Notice: outbox.Notice{
			ID: ids.New(s.clock.Now()), Template: NoticePINChanged, To: c.MSISDN, Language: c.Language,
			Args: map[string]string{"name": c.Shown()},
		},
	})
}

// SetStatus suspends, reinstates or closes a customer. The wallet's own status is the ledger's.
func (s *Service) SetStatus(ctx context.Context, id uuid.UUID, to Status) error {
	if to != Active && to != Suspended && to != Closed {
		return fault.New(fault.ValidationError, "status %q", to).Field("status", "is not known")
	}
	done, err := s.store.setStatus(ctx, s.db, id, to, s.clock.Now())
	if err == nil && !done {
		return fault.New(fault.CustomerNotFound, "no customer %s", id)
	}
	return err
}
