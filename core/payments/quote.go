package payments

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/transactions"
)

// How recent the same payment must be to be mentioned before the PIN. An agent serves faster than a person sends,
// and takes the same round sums from the same people.
const (
	repeatedWithin       = 10 * time.Minute
	repeatedCashInWithin = 5 * time.Minute
	// repeatedAmong is how many of the payer's newest entries are looked through: more than anybody makes by hand
	// within those times.
	repeatedAmong = 50
)

// quote refuses what can be known before a PIN is typed, and tells what the deal would cost.
func (s *Service) quote(ctx context.Context, d *deal) (Quote, error) {
	if err := d.limits.Check(d.operation()); err != nil {
		return Quote{}, err
	}
	total, err := d.total()
	if err != nil {
		return Quote{}, err
	}
	balances, err := s.ledger.Balances(ctx, []uuid.UUID{d.from.Account, d.to.Account})
	if err != nil {
		return Quote{}, err
	}
	drawn, drawFee, err := s.drawn(ctx, d.from.Account, balances[d.from.Account], total)
	if err != nil {
		return Quote{}, err
	}
	if err := s.receivable(d, balances[d.to.Account]); err != nil {
		return Quote{}, err
	}
	if err := s.within(ctx, d); err != nil {
		return Quote{}, err
	}
	repeated, err := s.repeated(ctx, d)
	if err != nil {
		return Quote{}, err
	}
	q := Quote{
		Type: d.typ, Amount: d.amount, Fee: d.charge.Fee, Tax: d.charge.Tax, Commission: d.charge.Commission,
		Total: total, From: d.from, To: d.to, RepeatedAt: repeated, Drawn: drawn, DrawFee: drawFee,
	}
	q.Fee.Minor += drawFee.Minor // both are below the line's limit and the total
	q.Total.Minor += drawFee.Minor
	return q, nil
}

// drawn is what the payer would borrow for the total on their overdraft line, as it stands now, and what that would
// cost; no amounts where their own money suffices. INSUFFICIENT_FUNDS where the line does not give that much, its fee
// included.
func (s *Service) drawn(ctx context.Context, account uuid.UUID, b ledger.Balance, total money.Amount) (
	drawn, fee money.Amount, err error,
) {
	lack := total.Minor - b.Available
	if lack <= 0 || lack > b.Overdraft {
		return drawn, fee, affordable(account, b, total)
	}
	line, _, err := s.ledger.Overdraft(ctx, account)
	if err != nil {
		return drawn, fee, err
	}
	drawn = money.Of(lack, total.Currency)
	fee = drawn.Share(int64(line.FeeBPS))
	if fee.Minor > b.Overdraft-lack {
		return drawn, fee, affordable(account, b, total)
	}
	return drawn, fee, open(account, b.Status)
}

// affordable refuses what the account cannot pay now out of its own money.
func affordable(account uuid.UUID, b ledger.Balance, total money.Amount) error {
	if err := open(account, b.Status); err != nil {
		return err
	}
	if b.Available < total.Minor {
		return fault.New(fault.InsufficientFunds, "account %s has less than %s", account, total)
	}
	return nil
}

// receivable refuses money that the receiver may never take. Whether it fits beside what they hold now is left to the
// ledger, after the PIN: answered here, anybody could find out anybody's balance by asking for ever smaller amounts.
func (s *Service) receivable(d *deal, b ledger.Balance) error {
	if err := open(d.to.Account, b.Status); err != nil {
		return onPayee(err)
	}
	if d.capped == nil {
		return nil
	}
	most := d.limits.Cap(d.capped.Tier, d.capped.Account)
	if most != nil && d.amount.Minor > most.Max {
		return fault.New(fault.MaxBalanceExceeded, "account %s never holds more than %d", d.to.Account, most.Max)
	}
	return nil
}

// within refuses what would pass a counter that stands as it stands now.
func (s *Service) within(ctx context.Context, d *deal) error {
	counts := d.limits.Counters(d.operation(), d.limited.Owner)
	used, err := s.ledger.Used(ctx, counts, d.now, s.location)
	if err != nil {
		return err
	}
	for i, c := range counts {
		if used[i]+c.Delta > c.Cap {
			return fault.New(fault.LimitExceeded, "%s %s", c.Window, c.Rule).
				Field("amount", "is above what is left of the "+c.Window.String()+" limit")
		}
	}
	return nil
}

// repeated is when the same payment was made just now, if it was.
func (s *Service) repeated(ctx context.Context, d *deal) (*time.Time, error) {
	window := repeatedWithin
	if d.typ == transactions.CashIn {
		window = repeatedCashInWithin
	}
	return s.store.repeated(ctx, s.db, d, d.now.Add(-window))
}

// open refuses an account that takes part in nothing.
func open(account uuid.UUID, status ledger.Status) error {
	switch status {
	case ledger.Active:
		return nil
	case ledger.Closed:
		return fault.New(fault.AccountClosed, "account %s is closed", account)
	case ledger.Frozen:
		return fault.New(fault.AccountFrozen, "account %s is frozen", account)
	default:
		return fault.New(fault.AccountFrozen, "account %s has the unknown status %q", account, status)
	}
}
