package payments

import (
	"context"
	"errors"

	"nova/core/approvals"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/money"
	"nova/sql"
)

// AskAdjustment claims a part of a transaction's amount back, from whoever got it to whoever paid it, and holds it at
// once. It asks for an approval of KindAdjustment. Only staff may, and operations decides: what is fair between two
// people who both keep something is not left to a counter.
//
// Errors: AskReversal's but for adjusted transactions, VALIDATION_ERROR on amount where it is above what earlier
// adjustments have left, CURRENCY_MISMATCH, and INSUFFICIENT_FUNDS, with the missing amount, where the recipient does not
// have it; then nothing changes.
func (s *Service) AskAdjustment(ctx context.Context, c Claim, amount money.Amount) (Claimed, error) {
	switch {
	case !isStaff(c.By):
		return Claimed{}, fault.New(fault.CodeForbidden, "a %s asks for an adjustment", c.By.Kind)
	case amount.Currency != s.currency:
		return Claimed{}, fault.New(fault.CurrencyMismatch, "%s in a market of %s", amount.Currency, s.currency)
	case !amount.IsPositive():
		return Claimed{}, fault.New(fault.ValidationError, "amount of %d", amount.Minor).Field("amount", "must be above zero")
	}
	body := s.identity.Body(KindAdjustment, c.Transaction.String(), amount.String(), string(c.Reason), c.Note)
	return s.claim(ctx, c, KindAdjustment, body, func(r *recovery) (int64, error) {
		if err := r.adjustable(amount.Minor); err != nil {
			return 0, err
		}
		if missing := amount.Minor - r.covered(); missing > 0 {
			return 0, r.short(missing)
		}
		return amount.Minor, nil
	})
}

// AdjustmentEffect is what an approval of KindAdjustment does.
func (s *Service) AdjustmentEffect() approvals.Effect { return adjustmentEffect{s} }

type adjustmentEffect struct{ *Service }

// ApproveIn moves the amount back. Errors as the reversal's, and VALIDATION_ERROR on amount where other adjustments
// have meanwhile left less.
func (e adjustmentEffect) ApproveIn(ctx context.Context, tx *sql.Tx, a approvals.Approval) error {
	p, r, err := e.claimedIn(ctx, tx, a)
	if err != nil {
		return err
	}
	if err := r.adjustable(p.Minor); err != nil {
		return err
	}
	c := e.takeBack(a, p, r)
	if c.Holds, err = r.draw(p.Minor); err != nil {
		return err
	}
	c.Lines = []ledger.Line{
		{Account: r.original.To.Account, Side: ledger.Debit, Minor: p.Minor},
		{Account: r.original.From.Account, Side: ledger.Credit, Minor: p.Minor},
	}
	if c.Notices, err = e.toldOf(ctx, tx, c, r, adjustmentNotices); err != nil {
		return err
	}
	result, err := e.post(ctx, tx, c)
	if err == nil && result.Draws[r.original.To.Account].Drawn > 0 {
		return moved(errors.New("the recipient's own money went, and their overdraft line would have paid"))
	}
	return err
}

// RejectIn gives the recipient back what was held.
func (e adjustmentEffect) RejectIn(ctx context.Context, tx *sql.Tx, a approvals.Approval) error {
	return e.letGo(ctx, tx, a)
}

// adjustable refuses more than what earlier adjustments have left of the amount.
func (r *recovery) adjustable(minor int64) error {
	if left := r.original.Amount.Minor - r.adjusted; minor > left {
		return fault.New(fault.ValidationError, "adjustment of %d where %d is left of %s", minor, left, r.original.ID).
			Field("amount", "is above what earlier adjustments have left")
	}
	return nil
}
