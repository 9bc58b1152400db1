// Package commissions tells agents what they have earned, and nets it against what they owe: commission that was paid
// out before the errand that earned it was reversed.
//
// What earns how much is decided by tariffs, what is clawed back by payments. Its one rule: days and months are the
// market's, so that an agent's figures end when their day does.
package commissions

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/agents"
	"nova/core/clock"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/money"
	"nova/sql"
)

// Earnings are an agent's commission: what may be paid out once what is owed is netted, what is owed, and what came in
// today and this month, in market time.
type Earnings struct {
	Available money.Amount
	Owed      money.Amount
	Today     money.Amount
	Month     money.Amount
}

// Writer is the part of the ledger's writer that netting needs.
type Writer interface {
	Submit(ctx context.Context, c *ledger.Command) (ledger.Result, error)
}

// Options are what a Service is made of.
type Options struct {
	DB       *sql.DB
	Writer   Writer
	Ledger   *ledger.Store
	Agents   *agents.Service
	Identity *identity.Service
	Clock    clock.Clock
	Location *time.Location
	Currency money.Currency
}

// Service reads and nets commissions. It is safe for concurrent use.
type Service struct {
	o     Options
	store store
}

// New joins the parts of a Service.
func New(o Options) *Service { return &Service{o: o, store: newStore()} }

// Earned is what an agent has earned.
func (s *Service) Earned(ctx context.Context, agent uuid.UUID) (Earnings, error) {
	a, err := s.o.Agents.AgentByID(ctx, agent)
	if err != nil {
		return Earnings{}, err
	}
	stand, err := s.standing(ctx, a)
	if err != nil {
		return Earnings{}, err
	}
	now := s.o.Clock.Now()
	day := clock.Daily.Start(now, s.o.Location).Start(s.o.Location)
	month := clock.Monthly.Start(now, s.o.Location).Start(s.o.Location)
	today, thisMonth, err := s.store.earned(ctx, s.o.DB, a.Commission, day, month)
	if err != nil {
		return Earnings{}, err
	}
	return Earnings{
		Available: money.Of(max(0, stand.earned-stand.owed), s.o.Currency),
		Owed:      money.Of(stand.owed, s.o.Currency),
		Today:     money.Of(today, s.o.Currency),
		Month:     money.Of(thisMonth, s.o.Currency),
	}, nil
}
