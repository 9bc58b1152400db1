package payments

import (
	"fmt"
	"time"

	"nova/core/ledger"
	"nova/core/limits"
	"nova/core/transactions"
)

// givenBack is what a reversal takes off the counters of limits. The rule: what a transaction was counted for in a
// window is given back to that very window while it still runs; a window that is over keeps what it counted, and the
// one that runs now gets nothing that it did not count. A transaction's window is the one that it was made and posted
// in; of one that straddles the end of a window, nothing is given back.
//
// What was counted is computed again from the transaction: its type, channel, amount, the tier by which it was
// limited, and the limits that held when it was made.
func (s *Service) givenBack(r *recovery) ([]ledger.Count, error) {
	t := r.original
	held, err := s.limits.At(t.CreatedAt)
	if err != nil {
		return nil, err
	}
	limited := limitedParty(&t)
	tier := t.Tier
	if tier == transactions.TierUnknown {
		tier = r.side(limited.Account).Tier
	}
	op := limits.Operation{Type: t.Type, Channel: t.Channel, Tier: tier, Amount: t.Amount}
	var back []ledger.Count
	for _, c := range held.Counters(op, limited.Owner) {
		running := c.Window.Start(r.now, s.location)
		if c.Window.Start(t.CreatedAt, s.location) != running || c.Window.Start(t.PostedAt, s.location) != running {
			continue
		}
		c.Delta = -c.Delta
		back = append(back, c)
	}
	return back, nil
}

// sameWindows refuses a reversal that was posted in a later window than it was computed for, and would have given back
// to that one what another counted.
func (s *Service) sameWindows(counts []ledger.Count, computed, booked time.Time) error {
	for _, c := range counts {
		if c.Window.Start(computed, s.location) != c.Window.Start(booked, s.location) {
			return moved(fmt.Errorf("the %s window ended at %s", c.Window, booked))
		}
	}
	return nil
}
