package policy

import (
	"nova/core/audit"
)

// Event is a decision as the audit record keeps it: who asked to do what to whom, and which policy decided. Its outcome is Done
// or Refused; whoever learns that an allowed act came to nothing says Failed instead. The correlation is the asker's to add.
func (d Decision) Event(r Request) audit.Event {
	e := audit.Event{
		Actor: r.Caller.String(), Action: r.Action, Object: r.Resource.String(), Outcome: audit.Done,
		Purpose: string(r.Purpose), Policy: d.Policy, Channel: string(r.Context.Channel),
	}
	if !d.Allowed {
		e.Outcome, e.Detail = audit.Refused, map[string]string{audit.DetailCode: string(d.Code)}
	}
	return e
}
