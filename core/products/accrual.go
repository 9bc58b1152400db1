package products

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"nova/core/clock"
	"nova/sql"
)

const (
	// settled is how long ago a day must have ended before its closing balance is read: a group that is being
	// committed may still book at its own time, and nodes' clocks differ.
	settled = 2 * time.Minute
	// accountsAtOnce bounds one look for accounts, and how many of them are booked at the same time: one group of the
	// ledger's writer.
	accountsAtOnce = 100
	// readersAtOnce bounds the connections that accrual takes from those who serve people.
	readersAtOnce = 4
	// daysAtOnce bounds what one transaction writes of an account that was missed for long.
	daysAtOnce = 62
)

// kind is why an account bears interest.
type kind string

const (
	kindSavings   kind = "savings"
	kindOverdraft kind = "overdraft"
)

// bearer is an account that bears interest, and how far that has come.
type bearer struct {
	Account uuid.UUID
	Kind    kind
	// Terms is whose terms count: a savings product, or the account that has the line.
	Terms     uuid.UUID
	AccruedTo clock.Day
}

// dayUnits is what one day earned.
type dayUnits struct {
	day     clock.Day
	balance int64
	units   *big.Int
}

// Accrue gives every account the days that are over, each once and in their order, and returns how many account days
// that was. Any number of nodes may do this at once, and a node that stopped in between goes on where it was.
func (s *Service) Accrue(ctx context.Context) (int, error) {
	last := s.lastDay()
	known := map[uuid.UUID][]Terms{}
	var accrued atomic.Int64
	for {
		due, err := s.store.dueBearers(ctx, s.o.DB, last, accountsAtOnce)
		if err != nil || len(due) == 0 {
			return int(accrued.Load()), err
		}
		var round errgroup.Group
		round.SetLimit(readersAtOnce)
		for _, b := range due {
			terms, err := s.termsOf(ctx, b, known)
			if err != nil {
				return int(accrued.Load()), errors.Join(err, round.Wait())
			}
			round.Go(func() error {
				n, err := s.accrue(ctx, b, terms, last)
				accrued.Add(int64(n))
				if err != nil {
					err = fmt.Errorf("accrue %s: %w", b.Account, err)
				}
				return err
			})
		}
		if err := round.Wait(); err != nil {
			return int(accrued.Load()), err
		}
	}
}

// accrue gives one account its next days. What was over stays as it was, so two nodes that compute the same days
// compute the same, and only one of them writes it.
func (s *Service) accrue(ctx context.Context, b bearer, terms []Terms, last clock.Day) (int, error) {
	upTo := min(last, b.AccruedTo.AddDays(daysAtOnce))
	var earned []dayUnits
	n := 0
	for day := b.AccruedTo.AddDays(1); day <= upTo; day = day.AddDays(1) {
		closing, err := s.o.Ledger.BalanceAt(ctx, b.Account, s.end(day))
		if err != nil {
			return 0, err
		}
		inForce, _ := inForce(terms, day) // before the first terms nothing is earned
		if units := inForce.Units(closing.Posted); units.Sign() > 0 {
			earned = append(earned, dayUnits{day: day, balance: closing.Posted, units: units})
		}
		n++
	}
	advanced := false
	err := s.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		// The account's row comes first: whoever is second finds it moved on, and writes nothing.
		if advanced, err = s.store.advance(ctx, tx, b.Account, b.AccruedTo, upTo); err != nil || !advanced {
			return err
		}
		return s.store.insertDays(ctx, tx, b.Account, earned)
	})
	if !advanced {
		n = 0
	}
	return n, err
}

// end is the last moment of a day in the market, to the microsecond that the ledger books by.
func (s *Service) end(day clock.Day) time.Time {
	return day.AddDays(1).Start(s.o.Location).Add(-time.Microsecond)
}

// termsOf are all terms that an account's days may need, the oldest first. A product's are read once for all its savers.
func (s *Service) termsOf(ctx context.Context, b bearer, known map[uuid.UUID][]Terms) ([]Terms, error) {
	if terms, ok := known[b.Terms]; ok {
		return terms, nil
	}
	read := s.store.rates
	if b.Kind == kindSavings {
		read = s.store.terms
	}
	terms, err := read(ctx, s.o.DB, b.Terms)
	if err == nil && b.Kind == kindSavings {
		known[b.Terms] = terms // a line's own are of no use to another account
	}
	return terms, err
}
