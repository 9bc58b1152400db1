package policy

import (
	"context"

	"nova/core/audit"
)

// Recorder keeps decisions that the policies want recorded. *audit.Log is one.
type Recorder interface {
	Record(ctx context.Context, events ...audit.Event)
}

// Event is a decision as the audit record keeps it: who asked to do what to whom, and which policy decided. Its outcome is Done
// or Refused: what became of an act that was allowed is its own record's to tell.
func (d Decision) Event(r Request) audit.Event {
	e := audit.Event{
		Actor: r.Caller.String(), Action: r.Action, Object: r.Resource.String(), Outcome: audit.Done,
		Purpose: string(r.Purpose), Policy: d.Policy, Channel: string(r.Context.Channel), Correlation: r.Correlation,
	}
	if !d.Allowed {
		e.Outcome, e.Detail = audit.Refused, map[string]string{audit.DetailCode: string(d.Code)}
	}
	return e
}
