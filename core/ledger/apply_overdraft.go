package ledger

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/core/money"
)

// OverdraftLine is what an account may take beyond its own money. A posting whose debit that money does not cover draws
// the rest, and a credit first repays what is owed; both in the posting itself.
type OverdraftLine struct {
	Account uuid.UUID
	// Receivable is the account that holds what is owed: of product overdraft_receivable, with a floor of zero.
	Receivable uuid.UUID
	// Limit is the most that may be owed after a draw, its fee included, in minor units. Zero draws nothing more.
	Limit int64
	// FeeBPS is the fee of a draw in basis points of it, half up; its tax is inside.
	FeeBPS int
	// Until ends the line for new draws; zero never does.
	Until time.Time
}

// Draw is what a posting did with an account's overdraft line, in minor units.
type Draw struct {
	Drawn, Fee, Repaid int64
}

// DrawFees says where the fees of draws go: into income but for the tax inside them.
type DrawFees struct {
	Income, Tax uuid.UUID
	// TaxBPS is the tax in force at a time, in basis points of the fee. It answers from memory.
	TaxBPS func(at time.Time) (int64, error)
}

// wholeBPS is all of an amount in basis points.
const wholeBPS = 10_000

// maxOverdraft keeps sums of limits and fees within int64.
const maxOverdraft = 1 << 60

// open tells that the line may be drawn on.
func (l *OverdraftLine) open(now time.Time) bool {
	return l.Limit > 0 && (l.Until.IsZero() || now.Before(l.Until))
}

// fee is what drawing costs.
func (l *OverdraftLine) fee(minor int64) int64 { return share(minor, int64(l.FeeBPS)) }

// share is so many basis points of an amount, half up.
func share(minor, bps int64) int64 { return money.Of(minor, "").Share(bps).Minor }

// overdraft adds to the posting what it draws on the lines of the accounts that it debits, and what it repays of those
// that it credits. A reversal takes back exactly what was posted, and a posting that names the receivable itself says
// what it draws or repays: neither adds anything.
func (p *plan) overdraft() error {
	if p.c.Reverses != uuid.Nil {
		return nil
	}
	for i := range p.touches {
		t := &p.touches[i]
		line := t.account.line
		if line == nil || t.delta == 0 || p.touched(line.Receivable) {
			continue
		}
		owed := p.st.accounts[line.Receivable]
		if owed == nil || owed.currency != t.account.currency || owed.status != Active {
			continue // nil: opened since the group looked, so this command came before it
		}
		var err error
		if t.delta < 0 {
			err = p.draw(i, owed)
		} else {
			err = p.repay(i, owed)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// draw covers what the account lacks, where its line still gives that much. If not, the check of funds refuses.
func (p *plan) draw(i int, owed *account) error {
	t := &p.touches[i]
	a, line := t.account, t.account.line
	free, fits := t.free()
	if !fits || a.floor == nil || free >= *a.floor || !line.open(p.st.now) {
		return nil
	}
	lack, fits := add(*a.floor, -free)
	if !fits || lack > line.Limit {
		return nil
	}
	fee := line.fee(lack)
	if lack+fee > line.Limit-owed.posted {
		return nil
	}
	lines := []Line{
		{Account: owed.id, Side: Debit, Minor: lack + fee},
		{Account: a.id, Side: Credit, Minor: lack},
	}
	fees, err := p.feeLines(fee)
	if err != nil {
		return err
	}
	// Before the command's own, so that the account is never below its floor in between.
	p.lines = append(append(lines, fees...), p.lines...)
	p.drew(a.id, Draw{Drawn: lack, Fee: fee})
	return p.addTouches(lines, fees)
}

func (p *plan) feeLines(fee int64) ([]Line, error) {
	if fee == 0 {
		return nil, nil
	}
	to := p.st.drawFees
	if to.Income == uuid.Nil || to.Tax == uuid.Nil || to.TaxBPS == nil {
		return nil, errors.New("an overdraft line has a fee, and nobody said where fees go")
	}
	bps, err := to.TaxBPS(p.st.now)
	if err != nil {
		return nil, err
	}
	tax := share(fee, bps)
	var lines []Line
	for _, l := range []Line{
		{Account: to.Income, Side: Credit, Minor: fee - tax}, {Account: to.Tax, Side: Credit, Minor: tax},
	} {
		if l.Minor > 0 {
			lines = append(lines, l)
		}
	}
	return lines, nil
}

// repay gives what came in to what is owed, as far as it goes.
func (p *plan) repay(i int, owed *account) error {
	t := &p.touches[i]
	minor := min(t.delta, owed.posted)
	if minor <= 0 {
		return nil
	}
	lines := []Line{
		{Account: t.account.id, Side: Debit, Minor: minor},
		{Account: owed.id, Side: Credit, Minor: minor},
	}
	p.lines = append(p.lines, lines...)
	p.drew(t.account.id, Draw{Repaid: minor})
	return p.addTouches(lines)
}

// drew notes what the result tells of an account's line.
func (p *plan) drew(account uuid.UUID, d Draw) {
	if p.draws == nil {
		p.draws = map[uuid.UUID]Draw{}
	}
	p.draws[account] = d
}

func (p *plan) addTouches(sets ...[]Line) error {
	for _, lines := range sets {
		for _, l := range lines {
			if err := p.addLine(l); err != nil {
				return fmt.Errorf("a line of an overdraft's own: %w", err)
			}
		}
	}
	return nil
}
