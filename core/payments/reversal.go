package payments

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/approvals"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/transactions"
	"nova/sql"
)

// Taking money back. Somebody claims it, somebody else decides, and until then what the recipient still has of it is
// held, so that it cannot be spent meanwhile. There are two claims:
//
//   - A reversal undoes a transaction whole: every line of its posting on the other side, fee, tax and commission
//     included, and the limits that it counted given back. It happens once, or not at all: if the recipient's money does
//     not cover it, nothing moves and what there is stays held.
//   - An adjustment takes a part back from the recipient to the payer, for a payment that stays. Fee, commission and
//     limits stay with it. All adjustments of a transaction together take no more than its amount.
//
// Whichever is decided first uses what is held for the transaction, and a later claim takes that hold over. A transaction
// that was adjusted is not reversed, and one that was reversed is not adjusted.

// The kinds of approvals that claims wait as.
const (
	KindReversal   = "reversal"
	KindAdjustment = "adjustment"
)

// ReversalHold is the kind of the hold on what a recipient still has of what is claimed, for either claim.
const ReversalHold ledger.HoldKind = "reversal"

const (
	// ClaimLife is how long a claim waits, and holds money that may be nobody's but the recipient's: a weekend and a day.
	ClaimLife = 72 * time.Hour
	// OutletWindow is how long after a transaction its own outlet may have it reversed by two of its people: while the
	// customer is near. Later it takes operations.
	OutletWindow = time.Hour
)

// Reason is why money is claimed back, as clients spell it.
type Reason string

// The reasons.
const (
	WrongRecipient Reason = "wrong_recipient"
	WrongAmount    Reason = "wrong_amount"
	PaidTwice      Reason = "duplicate"
	Fraud          Reason = "fraud"
	AgentMistake   Reason = "agent_error"
	OtherReason    Reason = "other"
)

// Reasons lists them in the order in which documents do.
func Reasons() []Reason {
	return []Reason{WrongRecipient, WrongAmount, PaidTwice, Fraud, AgentMistake, OtherReason}
}

// Claim is what somebody asks to have taken back, and why. Note is theirs, for whoever decides.
type Claim struct {
	Key         ledger.Key
	By          approvals.Actor
	Transaction uuid.UUID
	Reason      Reason
	Note        string
	Channel     transactions.Channel
}

// Claimed is what asking led to. Amount is what the recipient would give back; Held is what is held of it till the
// approval is decided, and Missing what they do not have any more.
type Claimed struct {
	Approval, Transaction uuid.UUID
	Amount, Held, Missing money.Amount
	ExpiresAt             time.Time
	Replayed              bool
}

// AskReversal claims a transaction back whole. It asks for an approval of KindReversal and holds at once what the
// recipient still has, be it less than needed: whoever decides learns whether it suffices then.
//
// Staff may claim every transaction; operations decides. An operator may claim what their own agent served, but for
// cash that was paid out, which only operations claims: that money has left by the door. Within OutletWindow and at the
// operator's own outlet a colleague there decides, else operations.
//
// Errors: VALIDATION_ERROR on reason_code and note, FORBIDDEN, NOT_FOUND (also for an operator of another agent),
// ALREADY_REVERSED, INVALID_STATE for what is not completed, was adjusted or cannot be reversed, DUPLICATE_ENTITY while
// the same claim waits, ACCOUNT_FROZEN, ACCOUNT_CLOSED.
func (s *Service) AskReversal(ctx context.Context, c Claim) (Claimed, error) {
	body := s.identity.Body(KindReversal, c.Transaction.String(), string(c.Reason), c.Note)
	return s.claim(ctx, c, KindReversal, body, func(r *recovery) (int64, error) {
		return r.recipient().Minor, r.reversible()
	})
}

// ReversalEffect is what an approval of KindReversal does.
func (s *Service) ReversalEffect() approvals.Effect { return reversalEffect{s} }

type reversalEffect struct{ *Service }

// ApproveIn reverses the transaction. Errors: INSUFFICIENT_FUNDS, with the missing amount, after which the claim waits
// as before; ALREADY_REVERSED, INVALID_STATE, ACCOUNT_FROZEN, ACCOUNT_CLOSED.
func (e reversalEffect) ApproveIn(ctx context.Context, tx *sql.Tx, a approvals.Approval) error {
	p, r, err := e.claimedIn(ctx, tx, a)
	if err != nil {
		return err
	}
	if err := r.reversible(); err != nil {
		return err
	}
	c, err := e.reversal(ctx, tx, e.takeBack(a, p, r), r)
	if err != nil {
		return err
	}
	result, err := e.post(ctx, tx, c)
	if err != nil {
		return err
	}
	return e.sameWindows(c.Counters, r.now, result.BookedAt)
}

// reversal completes the command of an approved claim with all that undoes the transaction.
func (s *Service) reversal(ctx context.Context, tx *sql.Tx, c *ledger.Command, r *recovery) (*ledger.Command, error) {
	var err error
	if c.Holds, err = r.draw(r.recipient().Minor); err != nil {
		return nil, err
	}
	if c.Lines, err = s.swapped(ctx, tx, r); err != nil {
		return nil, err
	}
	t := r.original
	c.Transaction.Amount, c.Transaction.Fee, c.Transaction.Tax = t.Amount, t.Fee, t.Tax
	c.Transaction.Commission = t.Commission
	c.Reverses = t.ID
	if c.Counters, err = s.givenBack(r); err != nil {
		return nil, err
	}
	c.Change = &transactions.Change{
		ID: t.ID, From: transactions.Completed, To: transactions.Reversed, ReversedBy: c.Posting,
	}
	c.Notices, err = s.toldOf(ctx, tx, c, r, reversalNotices)
	return c, err
}

// RejectIn gives the recipient back what was held.
func (e reversalEffect) RejectIn(ctx context.Context, tx *sql.Tx, a approvals.Approval) error {
	return e.letGo(ctx, tx, a)
}

// reversible refuses what cannot be undone whole.
func (r *recovery) reversible() error {
	if r.adjusted > 0 {
		return fault.New(fault.InvalidState, "transaction %s was adjusted", r.original.ID).
			Field("transaction", "was adjusted")
	}
	return nil
}
