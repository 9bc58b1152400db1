package products

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"nova/core/clock"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/outbox"
	"nova/core/transactions"
	"nova/sql"
)

const (
	// monthsAtOnce bounds what one transaction computes of an account that was missed for long.
	monthsAtOnce = 24
	// tryAgain is when a month's interest that the ledger refused is tried again: its account is frozen, or closed.
	tryAgain = 24 * time.Hour
)

// month is one account's interest of one calendar month.
type month struct {
	Account uuid.UUID
	Kind    kind
	// Customer is who is told; zero for nobody.
	Customer uuid.UUID
	Month    clock.Day // its first day
	Posting  uuid.UUID
	Minor    int64
	Tries    int
	// Product is the name of a savings product.
	Product string
}

// PostInterest books the interest of the months that have accrued whole, and returns how many it booked. A month is
// computed and written down first and booked then, under a key of its own: whoever stops in between, or does the same
// on another node, books it once.
func (s *Service) PostInterest(ctx context.Context) (int, error) {
	computed := s.computeMonths(ctx) // what was computed is booked, whatever else failed
	var booked atomic.Int64
	for {
		due, err := s.store.dueMonths(ctx, s.o.DB, s.o.Clock.Now(), accountsAtOnce)
		if err != nil || len(due) == 0 {
			return int(booked.Load()), errors.Join(computed, err)
		}
		var round errgroup.Group
		round.SetLimit(interestAtOnce)
		for _, m := range due {
			round.Go(func() error {
				done, err := s.book(ctx, m)
				if done {
					booked.Add(1)
				}
				if err != nil {
					err = fmt.Errorf("interest of %s for %s: %w", m.Account, m.Month, err)
				}
				return err
			})
		}
		// What failed is due as before, and must not be looked at for ever.
		if err := round.Wait(); err != nil {
			return int(booked.Load()), errors.Join(computed, err)
		}
	}
}

// interestAtOnce bounds the bookings under way: each reads on the pool that people's requests use.
const interestAtOnce = 8

func (s *Service) computeMonths(ctx context.Context) error {
	for {
		due, err := s.store.unposted(ctx, s.o.DB, monthBefore(s.lastDay().AddDays(1)), accountsAtOnce)
		if err != nil || len(due) == 0 {
			return err
		}
		var faults []error
		for _, account := range due {
			err := s.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.computeIn(ctx, tx, account) })
			if err != nil {
				// One account must not keep the others waiting.
				faults = append(faults, fmt.Errorf("compute interest of %s: %w", account, err))
			}
		}
		if len(faults) > 0 {
			return errors.Join(faults...)
		}
	}
}

// lastDay is the last day that is over and settled.
func (s *Service) lastDay() clock.Day {
	return clock.DayOf(s.o.Clock.Now().Add(-settled), s.o.Location).AddDays(-1)
}

// computeIn writes down what the account's whole months come to, each with what the month before left over. The
// account's row is locked, so that a month is computed once.
func (s *Service) computeIn(ctx context.Context, tx *sql.Tx, account uuid.UUID) error {
	progress, err := s.store.lockBearer(ctx, tx, account)
	if err != nil {
		return err
	}
	left, err := s.store.leftover(ctx, tx, account, progress.PostedTo)
	if err != nil {
		return err
	}
	now := s.o.Clock.Now()
	for range monthsAtOnce {
		first := nextMonth(progress.PostedTo)
		if last := nextMonth(first).AddDays(-1); last > progress.AccruedTo {
			break
		}
		units, err := s.store.unitsOf(ctx, tx, account, first, nextMonth(first).AddDays(-1))
		if err != nil {
			return err
		}
		units.Add(units, left)
		var minor int64
		if minor, left, err = interest(units); err != nil {
			return err
		}
		m := month{Account: account, Month: first, Posting: ids.New(now), Minor: minor}
		if err := s.store.insertMonth(ctx, tx, m, units, left, now); err != nil {
			return err
		}
		progress.PostedTo = first
	}
	return s.store.computed(ctx, tx, account, progress.PostedTo)
}

// nextMonth is the first day of the month after a first day.
func nextMonth(first clock.Day) clock.Day { return firstOfMonth(first.AddDays(31)) }

// monthBefore is the first day of the month before a day's.
func monthBefore(day clock.Day) clock.Day { return firstOfMonth(firstOfMonth(day).AddDays(-1)) }

func firstOfMonth(day clock.Day) clock.Day { return day[:len("2026-12")] + "-01" }

// book hands a month's interest to the ledger. A refusal is that key's last word, so the next try, a day later, has
// another one.
func (s *Service) book(ctx context.Context, m month) (bool, error) {
	c, err := s.interestCommand(ctx, m)
	if err != nil {
		return false, err
	}
	result, err := s.o.Writer.Submit(ctx, c)
	switch {
	case err == nil:
		return !result.Replayed, s.store.booked(ctx, s.o.DB, m, result.BookedAt)
	case fault.Ours(err), fault.Is(err, fault.IdempotencyInProgress):
		return false, err
	}
	refused := s.store.refused(ctx, s.o.DB, m, s.o.Clock.Now().Add(tryAgain))
	if fault.Is(err, fault.AccountFrozen) || fault.Is(err, fault.AccountClosed) {
		err = nil // that is how things are, until somebody changes it
	}
	return false, errors.Join(refused, err)
}

// interestCommand pays a saver, or charges who owes.
func (s *Service) interestCommand(ctx context.Context, m month) (*ledger.Command, error) {
	key := ledger.Key{Scope: "house:" + house, Operation: "interest", Value: fmt.Sprintf("%s:%s:%d", m.Account, m.Month, m.Tries)}
	from, to, bearing := s.o.Books.InterestExpense, m.Account, transactions.Party{Account: m.Account, Owner: m.Customer, Name: m.Product}
	fact := &transactions.Transaction{
		ID: m.Posting, Type: transactions.Interest, Status: transactions.Completed, Amount: s.of(m.Minor), Fee: s.of(0),
		Tax: s.of(0), Commission: s.of(0), From: transactions.Party{Account: from, Name: lender}, To: bearing,
		Channel: transactions.API,
	}
	if m.Kind == kindOverdraft {
		from, to = m.Account, s.o.Books.InterestIncome
		bearing.Name = lender
		fact.From, fact.To = bearing, transactions.Party{Account: to, Name: lender}
	}
	notices, err := s.interestNotices(ctx, m)
	return &ledger.Command{
		// The key says it all, and no rotated key may make a second try look like another request.
		Key: key, Body: key.Digest(), Currency: s.o.Currency, Posting: m.Posting, Narration: string(transactions.Interest),
		Lines: []ledger.Line{
			{Account: from, Side: ledger.Debit, Minor: m.Minor}, {Account: to, Side: ledger.Credit, Minor: m.Minor},
		},
		Transaction: fact, Notices: notices,
		Extra: map[string]string{"month": string(m.Month), "minor": strconv.FormatInt(m.Minor, 10)},
	}, err
}

// interestNotices tell the customer, where the account is one's.
func (s *Service) interestNotices(ctx context.Context, m month) ([]outbox.Notice, error) {
	if m.Customer == uuid.Nil {
		return nil, nil
	}
	c, err := s.o.Customers.ByID(ctx, m.Customer)
	if err != nil {
		return nil, err
	}
	return []outbox.Notice{m.notice(c, s.of(m.Minor).Format(), string(s.o.Currency))}, nil
}

func (m month) notice(c customers.Customer, amount, currency string) outbox.Notice {
	args := map[string]string{
		"amount": amount, "currency": currency, "receipt": outbox.PlaceReceipt,
		"period": string(m.Month[5:7]) + "/" + string(m.Month[:4]),
	}
	n := outbox.Notice{
		Template: NoticeSavingsInterest, To: c.MSISDN, Language: c.Language, Args: args, Transaction: m.Posting,
		Dedupe: "interest:" + m.Posting.String(),
	}
	if m.Kind == kindSavings {
		args["product"], args["savings"] = m.Product, outbox.PlaceBalance(m.Account)
		return n
	}
	n.Template, args["owed"] = NoticeOverdraftInterest, outbox.PlaceBalance(m.Account)
	return n
}

// units reads what the database keeps as numeric.
func units(text string) (*big.Int, error) {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return nil, fmt.Errorf("units %q are no whole number", text)
	}
	return n, nil
}
