package customers

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/transactions"
	"nova/sql"
)

// Act is what somebody is about to do with a wallet, as far as its guards are concerned.
type Act uint8

const (
	// Look is an enquiry, and whatever leaves the money with the customer.
	Look Act = iota
	// PayOut sends or pays: it waits after a reset of the PIN.
	PayOut
	// CashOut turns money into cash, with a code too: it waits after a reset of the PIN, and after a change of the SIM.
	CashOut
	// ProveByAnswers sets a PIN against answers to questions: whoever holds the SIM could have found them out.
	ProveByAnswers
	// RaiseLimit lets more money out than before.
	RaiseLimit
)

// Whom an act waits for, besides the tiers' limits.
const (
	// DefaultSIMHold is how long a changed SIM holds what a thief of it wants: long enough for the owner to notice that
	// their handset is dead, and to ring.
	DefaultSIMHold = 24 * time.Hour
	// DefaultResetHold is how long money out waits after a reset of the PIN.
	DefaultResetHold = 4 * time.Hour
)

// Reasons of a FORBIDDEN that ends by itself, as its fact "reason" tells them.
const (
	ReasonSIMChanged  = "sim_changed"
	ReasonPINReset    = "pin_reset"
	ReasonUSSDBlocked = "ussd_blocked"
)

// Admit reads a customer and says whether they may do something now, through a channel. Errors: CUSTOMER_NOT_FOUND; those
// of Allow.
func (s *Service) Admit(ctx context.Context, id uuid.UUID, act Act, through transactions.Channel) error {
	c, err := s.ByID(ctx, id)
	if err != nil {
		return err
	}
	return s.Allow(ctx, c, act, through)
}

// Allow is Admit for a customer who was read just now. Errors: ACCOUNT_FROZEN, ACCOUNT_CLOSED; FORBIDDEN with the fact
// reason, and with opens_at where it ends by itself.
func (s *Service) Allow(ctx context.Context, c Customer, act Act, through transactions.Channel) error {
	if err := c.Usable(); err != nil {
		return err
	}
	if through == transactions.USSD && c.USSDBlockedAt != nil {
		return fault.New(fault.CodeForbidden, "customer %s has blocked USSD", c.ID).With(fault.FactReason, ReasonUSSDBlocked)
	}
	if act == PayOut || act == CashOut {
		if err := s.held(c.PINResetAt, s.resetHold, ReasonPINReset); err != nil {
			return err
		}
	}
	if act == CashOut || act == ProveByAnswers || act == RaiseLimit {
		return s.simSettled(ctx, c)
	}
	return nil
}

// held refuses what happens too soon after something.
func (s *Service) held(since *time.Time, hold time.Duration, reason string) error {
	if since == nil || !s.clock.Now().Before(since.Add(hold)) {
		return nil
	}
	return fault.Held(reason, since.Add(hold))
}

// Templates of the notices that tell an owner about dialling into the wallet: name.
const (
	NoticeUSSDBlocked   = "sms.ussd.blocked"
	NoticeUSSDUnblocked = "sms.ussd.unblocked"
)

// BlockUSSD lets nobody dial into a customer's wallet any more, whatever SIM they hold. Who has blocked it already changes
// nothing. A customer who names another one is FORBIDDEN.
func (s *Service) BlockUSSD(ctx context.Context, by identity.Subject, id uuid.UUID) error {
	now := s.clock.Now()
	return s.setUSSD(ctx, by, id, &now)
}

// UnblockUSSD undoes BlockUSSD. Through USSD it is FORBIDDEN: whom the block keeps out could lift it there.
func (s *Service) UnblockUSSD(ctx context.Context, by identity.Subject, id uuid.UUID, through transactions.Channel) error {
	if through == transactions.USSD {
		return fault.New(fault.CodeForbidden, "USSD of customer %s is not unblocked over USSD", id)
	}
	return s.setUSSD(ctx, by, id, nil)
}

func (s *Service) setUSSD(ctx context.Context, by identity.Subject, id uuid.UUID, blocked *time.Time) error {
	if err := own(by, id); err != nil {
		return err
	}
	c, err := s.ByID(ctx, id)
	if err != nil {
		return err
	}
	act, template := actUSSDUnblock, NoticeUSSDUnblocked
	if blocked != nil {
		act, template = actUSSDBlock, NoticeUSSDBlocked
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		changed, err := s.store.setUSSD(ctx, tx, id, blocked, s.clock.Now())
		if err != nil || !changed {
			return err
		}
		if err := s.tell(ctx, tx, c, template); err != nil {
			return err
		}
		return s.record(ctx, tx, by, act, id, nil)
	})
}

// SetTier moves a customer and the wallet to another tier. A raise waits after a change of the SIM: FORBIDDEN as Allow
// says. A customer cannot do it: FORBIDDEN.
func (s *Service) SetTier(ctx context.Context, by identity.Subject, id uuid.UUID, tier int) error {
	if by.Kind == identity.Customer {
		return fault.New(fault.CodeForbidden, "customer %s sets a tier", by.ID)
	}
	if tier < TierSelf || tier > maxTier {
		return fault.New(fault.ValidationError, "tier %d", tier).Field("tier", "is not known")
	}
	c, err := s.ByID(ctx, id)
	if err != nil {
		return err
	}
	act := Look
	if tier > c.Tier {
		act = RaiseLimit
	}
	if err := s.Allow(ctx, c, act, transactions.Console); err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := s.store.setTier(ctx, tx, id, tier, s.clock.Now())
		if err := nobody(done, err, id); err != nil {
			return err
		}
		if err := s.ledger.SetTierIn(ctx, tx, c.Wallet, tier); err != nil {
			return err
		}
		return s.record(ctx, tx, by, actTier, id, map[string]string{
			audit.DetailFrom: strconv.Itoa(c.Tier), audit.DetailTo: strconv.Itoa(tier),
		})
	})
}
