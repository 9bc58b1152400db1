package identity

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/msisdn"
	"nova/core/outbox"
	"nova/core/secret"
	"nova/sql"
)

// operationAuthenticate is the operation of every key under which a PIN was compared and nothing else done.
const operationAuthenticate = "pin.authenticate"

// NoticePINChanged warns the owner of a number that its PIN was changed: name.
const NoticePINChanged = "sms.pin.changed"

// PINChange is a new PIN for somebody who proved the old one a few screens before, and whom to warn of it.
type PINChange struct {
	Key        ledger.Key
	Subject    Subject
	Authorised ledger.Key
	PIN        secret.Text
	To         msisdn.MSISDN
	Name       string
	Language   string
	// Session is the sign-in that changes it and stays; all others end. Zero spares none.
	Session uuid.UUID
	Via     Via
}

// PINInUse is the problem of the field pin where somebody chooses the PIN that they have.
const PINInUse = "is the one in use"

// PINUsedBefore is the problem where somebody chooses one of the last PINs that they had.
const PINUsedBefore = "was used before"

// pinsRemembered is how many PINs before the present one may not be chosen again.
const pinsRemembered = 3

// CheckNew refuses a PIN before it is asked again: weak, in use, or one of the last used. Each is a VALIDATION_ERROR on the field
// pin. birthYear 0 means that it is not known.
func (s *Service) CheckNew(ctx context.Context, sub Subject, pin secret.Text, birthYear int) error {
	if err := CheckPIN(pin, birthYear); err != nil {
		return err
	}
	row, found, err := s.store.credential(ctx, s.db, sub.ID)
	if err != nil || !found {
		return err
	}
	return s.unlikeOld(ctx, s.db, &row, pin)
}

// unlikeOld refuses the PIN in use and the last ones before it. One of those whose keys have been retired cannot be
// compared any more, and keeps nobody from choosing a PIN.
func (s *Service) unlikeOld(ctx context.Context, q sql.Querier, row *credential, pin secret.Text) error {
	same, err := s.credentials.compare(row, pin)
	if err != nil {
		return err
	}
	if same {
		return fault.New(fault.ValidationError, "PIN of %s is in use", row.SubjectID).Field("pin", PINInUse)
	}
	before, err := s.store.pinsBefore(ctx, q, row.SubjectID, pinsRemembered)
	if err != nil {
		return err
	}
	for i := range before {
		if same, err := s.credentials.compare(&before[i], pin); err == nil && same {
			return fault.New(fault.ValidationError, "PIN of %s was used before", row.SubjectID).Field("pin", PINUsedBefore)
		}
	}
	return nil
}

// ChangePIN replaces a PIN, once for the key. Authorised must be the key of an Authenticate that succeeded for the
// same person within the last ten minutes, else FORBIDDEN; a lock that fell meanwhile is an ACCOUNT_LOCKED.
func (s *Service) ChangePIN(ctx context.Context, c PINChange) error {
	if err := CheckPIN(c.PIN, 0); err != nil {
		return err
	}
	c.Authorised.Operation = operationAuthenticate
	proved, err := s.provedAt(ctx, c.Subject, c.Authorised)
	if err != nil {
		return err
	}
	_, err = s.Once(ctx, c.Key, s.Body("change pin", c.Subject.ID.String()),
		func(ctx context.Context, tx *sql.Tx) (map[string]string, error) {
			return nil, s.changeIn(ctx, tx, c, proved)
		})
	return err
}

func (s *Service) changeIn(ctx context.Context, tx *sql.Tx, c PINChange, proved time.Time) error {
	rows, err := s.credentials.lockRows(ctx, tx, []uuid.UUID{c.Subject.ID})
	if err != nil {
		return err
	}
	row := rows.rows[c.Subject.ID]
	if row == nil {
		return fault.New(fault.InvalidState, "subject %s has no PIN", c.Subject.ID)
	}
	if row.ChangedAt.After(proved) {
		return fault.New(fault.CodeForbidden, "PIN of %s was changed since it was proved", c.Subject.ID)
	}
	now := s.clock.Now()
	if row.lockedAt(now) {
		return lockedFault(row, now)
	}
	if err := s.unlikeOld(ctx, tx, row, c.PIN); err != nil {
		return err
	}
	if err := s.SetPINIn(ctx, tx, c.Subject, c.PIN); err != nil {
		return err
	}
	if _, err := s.store.revokeSubject(ctx, tx, c.Subject.ID, c.Session, reasonNewPIN, now); err != nil {
		return err
	}
	if err := audit.RecordIn(ctx, tx, now, c.Via.done(actPINChange, c.Subject, nil)); err != nil {
		return err
	}
	digest := c.Key.Digest()
	return outbox.EnqueueIn(ctx, tx, []outbox.Notice{{
		ID: ids.New(now), Template: NoticePINChanged, To: c.To, Language: c.Language,
		Args: map[string]string{"name": c.Name}, Dedupe: "pin.changed:" + hex.EncodeToString(digest[:]),
	}}, now)
}

// SetPINIn writes somebody's PIN in the caller's transaction, whatever stood there before; wrong tries and a lock
// are forgotten. Whether they may is the caller's business.
func (s *Service) SetPINIn(ctx context.Context, tx *sql.Tx, sub Subject, pin secret.Text) error {
	return s.setIn(ctx, tx, sub, pin, false)
}

// IssuePINIn is SetPINIn for a PIN that somebody else chose: its owner must change it before anything else
// (Status.MustChange).
func (s *Service) IssuePINIn(ctx context.Context, tx *sql.Tx, sub Subject, pin secret.Text) error {
	return s.setIn(ctx, tx, sub, pin, true)
}

func (s *Service) setIn(ctx context.Context, tx *sql.Tx, sub Subject, pin secret.Text, mustChange bool) error {
	row, err := s.newRow(sub, pin)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	if err := s.store.keepPIN(ctx, tx, sub.ID, pinsRemembered, now); err != nil {
		return err
	}
	return s.store.setCredential(ctx, tx, row, mustChange, now)
}

// SetFirstPINIn is SetPINIn for somebody who has none, or for whom support has opened a reset: their sign-ins end, and
// Status.ResetAt tells from then on. Who has a PIN gets INVALID_STATE; one of the last PINs is a VALIDATION_ERROR.
func (s *Service) SetFirstPINIn(ctx context.Context, tx *sql.Tx, sub Subject, pin secret.Text) error {
	row, err := s.newRow(sub, pin)
	if err != nil {
		return err
	}
	added, err := s.store.addCredential(ctx, tx, row, s.clock.Now())
	if err != nil || added {
		return err
	}
	return s.resetIn(ctx, tx, row, pin)
}

func (s *Service) newRow(sub Subject, pin secret.Text) (*credential, error) {
	if err := CheckPIN(pin, 0); err != nil {
		return nil, err
	}
	row := &credential{SubjectKind: sub.Kind, SubjectID: sub.ID}
	return row, s.credentials.protect(row, pin)
}

// VerifyIn compares a proof in the caller's transaction and saves what that changed in the PIN's row, so the caller
// must commit even if the answer is PIN_INVALID or ACCOUNT_LOCKED.
func (s *Service) VerifyIn(ctx context.Context, tx *sql.Tx, p Proof) error {
	if err := p.typed(); err != nil {
		return err
	}
	rows, err := s.credentials.lockRows(ctx, tx, []uuid.UUID{p.subject.ID})
	if err != nil {
		return err
	}
	answer := rows.Verify(*p.Check(), s.clock.Now())
	if err := rows.save(ctx, tx); err != nil {
		return err
	}
	return answer
}
