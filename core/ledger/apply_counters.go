package ledger

import (
	"fmt"

	"nova/core/fault"
)

// countPlan is a counter's figure after the command.
type countPlan struct {
	counter *counter
	used    int64
}

// limits adds up the command's counts. Counts of one counter follow each other; a give-back stops at zero.
func (p *plan) limits() error {
	for _, count := range p.c.Counters {
		found := p.st.counters[p.st.counterKey(count)]
		if found == nil {
			return fmt.Errorf("counter %s of %s was not locked", count.Rule, count.Subject)
		}
		planned := p.count(found)
		if count.Delta <= 0 {
			planned.used = max(0, planned.used+count.Delta)
			continue
		}
		used, ok := add(planned.used, count.Delta)
		if !ok || used > count.Cap {
			return fault.New(fault.LimitExceeded, "%s of %s: %d with %d over %d", count.Rule, count.Subject,
				planned.used, count.Delta, count.Cap).
				With("rule", count.Rule).With("window", count.Window.String())
		}
		planned.used = used
	}
	return nil
}

func (p *plan) count(c *counter) *countPlan {
	for i := range p.counts {
		if p.counts[i].counter == c {
			return &p.counts[i]
		}
	}
	p.counts = append(p.counts, countPlan{counter: c, used: c.used})
	return &p.counts[len(p.counts)-1]
}
