package payments

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/outbox"
	"nova/core/secret"
)

// liveAgain answers a repeated confirmation with the code it led to, as long as that is good.
func (s *Service) liveAgain(ctx context.Context, customer uuid.UUID, result ledger.Result) (Code, error) {
	code, live, err := s.live(ctx, customer, true)
	if err != nil {
		return Code{}, err
	}
	if !live || len(result.Holds) == 0 || result.Holds[0] != code.Hold {
		return Code{}, fault.New(fault.OTPExpired, "the code of this confirmation is used or over")
	}
	return code, nil
}

// LiveCode tells whether a customer has a code that is good now, without the code.
func (s *Service) LiveCode(ctx context.Context, customer uuid.UUID) (Code, bool, error) {
	return s.live(ctx, customer, false)
}

// ShowCode is LiveCode with the code itself, against the PIN. Errors: PIN_INVALID, ACCOUNT_LOCKED, NOT_FOUND, and FORBIDDEN
// while cash waits.
func (s *Service) ShowCode(ctx context.Context, key ledger.Key, p identity.Proof) (Code, error) {
	if err := s.customers.Admit(ctx, p.Subject().ID, customers.CashOut, ""); err != nil {
		return Code{}, err
	}
	if err := s.identity.Authenticate(ctx, key, p); err != nil {
		return Code{}, err
	}
	code, live, err := s.live(ctx, p.Subject().ID, true)
	if err == nil && !live {
		return Code{}, noCode(p.Subject().ID)
	}
	return code, err
}

func (s *Service) live(ctx context.Context, customer uuid.UUID, reveal bool) (Code, bool, error) {
	c, err := s.customers.ByID(ctx, customer)
	if err != nil {
		return Code{}, false, err
	}
	hold, err := s.ledger.LiveHold(ctx, c.Wallet, ledger.WithdrawalCode)
	if err != nil || hold == nil {
		return Code{}, false, err
	}
	code := Code{
		Hold: hold.ID, Amount: money.Of(hold.Minor-hold.Fee, s.currency), Fee: money.Of(hold.Fee, s.currency),
		ExpiresAt: hold.ExpiresAt,
	}
	if !reveal {
		return code, true, nil
	}
	plain, err := s.keyring.Field.Open(hold.CodeSealed, holdAAD(hold.ID))
	if err != nil {
		return Code{}, false, fmt.Errorf("open code: %w", err)
	}
	code.Secret = secret.New(string(plain))
	return code, true, nil
}

// CancelCode gives the reserved money back, once for the key. Without a live code it is a NOT_FOUND; under a key of
// somebody else than its owner a FORBIDDEN.
func (s *Service) CancelCode(ctx context.Context, key ledger.Key, customer uuid.UUID) error {
	c, err := s.customers.ByID(ctx, customer)
	if err != nil {
		return err
	}
	if key.Scope != c.Scope() {
		return fault.New(fault.CodeForbidden, "the code of %s is cancelled by another", customer)
	}
	hold, err := s.ledger.LiveHold(ctx, c.Wallet, ledger.WithdrawalCode)
	if err != nil {
		return err
	}
	command := &ledger.Command{
		Key: key, Body: s.identity.Body("cancel code", customer.String()), Keep: true, Currency: s.currency,
	}
	if hold == nil {
		return s.cancelled(ctx, key, customer)
	}
	now := s.clock.Now()
	command.Holds = []ledger.HoldMove{ledger.ReleaseHold(hold.ID)}
	command.Notices = []outbox.Notice{{
		ID: ids.New(now), Template: NoticeCodeCancelled, To: c.MSISDN, Language: c.Language,
		Args: map[string]string{
			"amount": money.Of(hold.Minor-hold.Fee, s.currency).Format(), "currency": string(s.currency),
		},
		Dedupe: NoticeCodeCancelled + ":" + hold.ID.String(),
	}}
	_, err = s.writer.Submit(ctx, command)
	return err
}

// cancelled answers a cancellation that finds no code: well, if this very key released it before.
func (s *Service) cancelled(ctx context.Context, key ledger.Key, customer uuid.UUID) error {
	_, found, err := s.ledger.Outcome(ctx, key)
	if found {
		return err
	}
	if err != nil {
		return err
	}
	return noCode(customer)
}

func noCode(customer uuid.UUID) error {
	return fault.New(fault.NotFound, "customer %s has no live code", customer).Field("code", "is not live")
}
