package customers

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
)

const (
	// operationConfirm is the operation of every key under which somebody confirmed who they are.
	operationConfirm = "identity.confirm"
	// maxIdentityTries wrong answers lock the questions: birth year and four characters are worth few guesses.
	maxIdentityTries = 3
	// identityLock is long, because an answer can be found out elsewhere and tried tomorrow; an agent can help sooner.
	identityLock = 24 * time.Hour
)

// ConfirmIdentity asks a customer without a PIN, or for whom support has opened a reset, for the year of birth and the last four of the ID number, once for
// the key. A wrong answer is a PIN_INVALID with attempts_left and does not say which part was wrong; three lock the
// question for a day: ACCOUNT_LOCKED with retry_after_seconds. Who has a PIN already is an INVALID_STATE; after a change of
// the SIM it is FORBIDDEN for a while, with opens_at.
func (s *Service) ConfirmIdentity(ctx context.Context, key ledger.Key, id uuid.UUID, birthYear int,
	last4 string,
) error {
	if err := s.withoutPIN(ctx, id); err != nil {
		return err
	}
	// The questions are asked on a handset alone, of whoever holds its SIM.
	if err := s.Admit(ctx, id, ProveByAnswers, transactions.USSD); err != nil {
		return err
	}
	key.Operation = operationConfirm
	_, err := s.identity.Once(ctx, key, s.identity.Body("confirm identity", id.String(), yearText(birthYear), last4),
		func(ctx context.Context, tx *sql.Tx) (map[string]string, error) {
			return nil, s.confirmIn(ctx, tx, id, identityClaim{year: birthYear, last4: last4})
		})
	return err
}

// identityClaim is what somebody says about themselves.
type identityClaim struct {
	year  int
	last4 string
}

func (s *Service) confirmIn(ctx context.Context, tx *sql.Tx, id uuid.UUID, claim identityClaim) error {
	r, err := s.store.lockIdentity(ctx, tx, id)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	if r.LockedUntil != nil && now.Before(*r.LockedUntil) {
		return identityLocked(r, now)
	}
	if r.LockedUntil != nil {
		r.LockedUntil, r.Tries = nil, 0
	}
	right, err := s.matches(r, claim)
	if err != nil {
		return err
	}
	if right {
		r.Tries = 0
		return s.store.saveIdentity(ctx, tx, r)
	}
	return s.wrongIdentity(ctx, tx, r, now)
}

func (s *Service) wrongIdentity(ctx context.Context, tx *sql.Tx, r identityRow, now time.Time) error {
	r.Tries++
	left := maxIdentityTries - r.Tries
	if left <= 0 {
		until := now.Add(identityLock)
		r.LockedUntil = &until
	}
	if err := s.store.saveIdentity(ctx, tx, r); err != nil {
		return err
	}
	if left <= 0 {
		return identityLocked(r, now)
	}
	return fault.New(fault.PINInvalid, "identity of %s not confirmed", r.ID).With("attempts_left", left)
}

// matches compares both parts before it says anything, so that neither can be guessed alone.
func (s *Service) matches(r identityRow, claim identityClaim) (bool, error) {
	number, err := numbers[0].column.Open(s.keyring, r.ID, secret.Sealed{Box: r.Sealed})
	if err != nil {
		return false, err
	}
	typed, err := ParseIDNumber(claim.last4)
	sameID := err == nil && subtle.ConstantTimeCompare([]byte(lastFour(number.Reveal())), []byte(typed)) == 1
	sameYear := r.BirthDate.Year() == claim.year
	return sameID && sameYear, nil
}

func identityLocked(r identityRow, now time.Time) error {
	return fault.Locked(now, *r.LockedUntil, "identity of %s is locked", r.ID)
}

// SetFirstPIN gives a customer without a PIN their first one, which also accepts the terms, or one in place of a forgotten
// one where support has opened a reset: then money out waits, as Allow says, and all their sign-ins end. confirmed is the key of
// the ConfirmIdentity that must have succeeded within the last ten minutes; without it the answer is FORBIDDEN.
func (s *Service) SetFirstPIN(ctx context.Context, key ledger.Key, id uuid.UUID, confirmed ledger.Key,
	pin secret.Text,
) error {
	c, err := s.ByID(ctx, id)
	if err != nil {
		return err
	}
	if err := s.Allow(ctx, c, ProveByAnswers, transactions.USSD); err != nil {
		return err
	}
	if err := identity.CheckPIN(pin, c.BirthDate.Year()); err != nil {
		return err
	}
	confirmed.Operation = operationConfirm
	if err := s.identity.Evidence(ctx, c.Subject(), confirmed); err != nil {
		return err
	}
	status, err := s.identity.Status(ctx, c.Subject())
	if err != nil {
		return err
	}
	template := NoticePINChosen
	if status.ResetOpen {
		template = NoticePINReset
	}
	_, err = s.identity.Once(ctx, key, s.identity.Body("first pin", id.String()),
		func(ctx context.Context, tx *sql.Tx) (map[string]string, error) {
			return nil, s.setFirstPINIn(ctx, tx, c, pin, template)
		})
	return err
}

func (s *Service) setFirstPINIn(ctx context.Context, tx *sql.Tx, c Customer, pin secret.Text, template string) error {
	if err := s.identity.SetFirstPINIn(ctx, tx, c.Subject(), pin); err != nil {
		return err
	}
	if err := s.store.acceptTerms(ctx, tx, c.ID, s.clock.Now()); err != nil {
		return err
	}
	return s.tell(ctx, tx, c, template)
}

func (s *Service) withoutPIN(ctx context.Context, id uuid.UUID) error {
	has, err := s.identity.HasPIN(ctx, identity.Subject{Kind: identity.Customer, ID: id})
	if err == nil && has {
		return fault.New(fault.InvalidState, "customer %s has a PIN", id)
	}
	return err
}
