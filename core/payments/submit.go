package payments

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/transactions"
)

// maxRemakes bounds how often a deal is computed anew because a customer's tier changed under it. Tiers change a few
// times in a life.
const maxRemakes = 3

// run queues the deal's command, once for the order's key.
func (s *Service) run(ctx context.Context, remake func() (*deal, error), o Order) (Receipt, error) {
	for range maxRemakes {
		d, err := remake()
		if err != nil {
			return s.before(ctx, o, err)
		}
		receipt, err := s.submit(ctx, d, o)
		if !errors.Is(err, ledger.ErrStale) {
			return receipt, err
		}
	}
	return Receipt{}, fault.New(fault.ServiceUnavailable, "a tier changed %d times under %s", maxRemakes, o.Intent)
}

// before answers an order that cannot be computed now with its first answer, if it had one: a code that is used up
// was perhaps used by this very order.
func (s *Service) before(ctx context.Context, o Order, refusal error) (Receipt, error) {
	result, found, err := s.ledger.Outcome(ctx, o.Key)
	if !found {
		return Receipt{}, refusal // a failed look tells nothing that the refusal does not
	}
	if err != nil {
		return Receipt{}, err
	}
	return s.receipt(result)
}

// submit checks who confirmed and hands the command to the ledger.
func (s *Service) submit(ctx context.Context, d *deal, o Order) (Receipt, error) {
	if err := d.confirmed(o); err != nil {
		return Receipt{}, err
	}
	c, err := s.command(d, o)
	if err != nil {
		return Receipt{}, err
	}
	result, err := s.queue(ctx, d, o, c)
	if fault.Is(err, fault.DuplicateEntity) {
		return s.sameIntent(ctx, d, o, err)
	}
	if err != nil {
		return Receipt{}, err
	}
	receipt, err := s.receipt(result)
	if err != nil {
		// The money has moved: whatever broke since, nobody may be told that it did not.
		return Receipt{}, fault.Wrap(err, fault.IdempotencyInProgress, "render the receipt of %s", result.Transaction)
	}
	return receipt, nil
}

// queue hands a command to the ledger, which commits its promise before it runs; after a refusal the promise is
// dropped: who reads that on the screen needs no SMS to repeat it.
func (s *Service) queue(ctx context.Context, d *deal, o Order, c *ledger.Command) (ledger.Result, error) {
	if o.Promise {
		p := d.promise(o)
		c.Promise = &p
	}
	result, err := s.writer.Submit(ctx, c)
	if err != nil && decided(err) {
		s.forget(ctx, o)
	}
	return result, err
}

// CallOff sees to it that nothing can run under an order's key any more: true where nothing has, and nothing will. It is
// for whoever must tell a person that nothing was sent, while a copy of the same order may be on its way.
func (s *Service) CallOff(ctx context.Context, key ledger.Key) (bool, error) {
	return s.ledger.Withdraw(ctx, key)
}

// confirmed refuses a proof of somebody else than the payer and an order without an intent: both are mistakes of
// the caller that must not move money.
func (d *deal) confirmed(o Order) error {
	if o.Proof.Subject() != d.proving {
		return fault.New(fault.CodeForbidden, "%s confirmed by another subject", d.typ)
	}
	if o.Intent == uuid.Nil {
		return fault.New(fault.ValidationError, "%s without an intent", d.typ).Field("intent", "is required")
	}
	return nil
}

// promise is what is told to whoever confirmed, who knows the errand by its other side.
func (d *deal) promise(o Order) transactions.Promise {
	other := d.to.Name
	if d.balanceOf() == d.to.Account {
		other = d.from.Name
	}
	return transactions.Promise{
		Intent: o.Intent, Key: o.Key.Digest(), To: d.promisee.to, Language: d.promisee.language,
		Type: d.typ, Amount: d.amount, PayeeName: other, CreatedAt: d.now,
	}
}

// sameIntent answers an order whose intent has become a transaction under another key: confirmed twice, from a
// handset and an app perhaps. Whoever confirmed the same thing gets that transaction's receipt, marked as replayed;
// an intent that did something else is an INVALID_STATE.
func (s *Service) sameIntent(ctx context.Context, d *deal, o Order, refusal error) (Receipt, error) {
	done, found, err := s.done(ctx, o.Intent)
	if err != nil {
		return Receipt{}, fault.Wrap(err, fault.IdempotencyInProgress, "read what intent %s did", o.Intent)
	}
	if !found {
		return Receipt{}, refusal
	}
	if done.From.Owner != d.from.Owner || done.To.Owner != d.to.Owner || done.Type != d.typ || done.Amount != d.amount {
		return Receipt{}, fault.Wrap(refusal, fault.InvalidState, "intent %s did something else", o.Intent)
	}
	receipt := receiptOf(done)
	receipt.Replayed = true
	receipt.Balance, err = s.available(ctx, d.balanceOf())
	if err != nil {
		return Receipt{}, fault.Wrap(err, fault.IdempotencyInProgress, "read the balance after intent %s", o.Intent)
	}
	return receipt, nil
}

// decided reports whether a refusal is the ledger's last word. Everything else - taken and not yet known, unavailable,
// our own failure, a tier that changed - leaves the promise to the next try or to the worker, who asks by key.
func decided(err error) bool {
	return !fault.Ours(err) && !fault.Is(err, fault.IdempotencyInProgress) && !errors.Is(err, ledger.ErrStale)
}

// forget drops the promise of an order that was answered.
func (s *Service) forget(ctx context.Context, o Order) {
	if !o.Promise {
		return
	}
	// A promise that stays costs one superfluous SMS, so its failure is not worth the answer.
	_ = s.promises.Settle(ctx, o.Intent, o.Key.Digest())
}
