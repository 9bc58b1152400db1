package main

import (
	"context"
	"time"

	"nova/core/fault"
	"nova/core/msisdn"
	"nova/sessions/rates"
)

// lookups count whose numbers each caller looks up on a handset, in Redis, for all nodes together. They are menus.Lookups.
type lookups struct {
	counter *rates.Limiter
	limit   rates.Limit
}

func newLookups(counter *rates.Limiter, perHour int) lookups {
	return lookups{counter: counter, limit: rates.Limit{Name: "lookups.number", Rate: perHour, Per: time.Hour, Guard: true}}
}

// Allow counts one look-up; a RATE_LIMIT_EXCEEDED once there were too many.
func (l lookups) Allow(ctx context.Context, caller msisdn.MSISDN) error {
	answer := l.counter.Take(ctx, rates.Ask{Limit: l.limit, Kind: "msisdn", Value: caller.Digits()})
	if !answer.Refused {
		return nil
	}
	return fault.New(fault.RateLimitExceeded, "%s looks up too many numbers", caller).
		With("retry_after_seconds", int(answer.RetryAfter/time.Second)+1)
}
