package products

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/core/customers"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/sql"
)

// LineStatus says whether a line may be drawn on. What is owed stays owed in every one of them.
type LineStatus string

// The states of an overdraft line. Suspended is by staff and may end, expired ends with a new time; closed is for ever.
const (
	LineActive    LineStatus = "active"
	LineSuspended LineStatus = "suspended"
	LineExpired   LineStatus = "expired"
	LineClosed    LineStatus = "closed"
)

// maxLimit keeps sums of limits, fees and interest far within int64.
const maxLimit = 1_000_000_000_000_000

// Overdraft is the line of one account: how much it may owe, its fee and its rate, and until when it may be drawn on.
type Overdraft struct {
	Account    uuid.UUID
	Receivable uuid.UUID
	// Customer is whose wallet it is; zero for an account of no customer.
	Customer uuid.UUID
	// Limit is the most that may be owed after a draw, its fee included.
	Limit money.Amount
	// FeeBPS is the fee of a draw in basis points of it, RateBPS the yearly rate of what is owed.
	FeeBPS, RateBPS      int
	ExpiresAt            time.Time
	Status               LineStatus
	CreatedAt, UpdatedAt time.Time
	// By is who decided last.
	By string
}

// NewLine is a line to be granted. By says who decided; Client, where a client asks, is the owner of the accounts that
// it may name besides Nova's own customers'.
type NewLine struct {
	Account         uuid.UUID
	Limit           money.Amount
	FeeBPS, RateBPS int
	ExpiresAt       time.Time
	By              string
	Client          string
}

// LineChange changes what is not nil.
type LineChange struct {
	Account         uuid.UUID
	Limit           *money.Amount
	FeeBPS, RateBPS *int
	ExpiresAt       *time.Time
	Status          *LineStatus
	By              string
	Client          string
}

// GrantLine gives an account a line. Errors: NOT_FOUND on account_id for an account that is not there, no wallet, or
// somebody else's; CURRENCY_MISMATCH on limit; VALIDATION_ERROR with the field; DUPLICATE_ENTITY on account_id for a
// second line.
func (s *Service) GrantLine(ctx context.Context, n NewLine) (Overdraft, error) {
	account, err := s.drawable(ctx, n.Account, n.Client)
	if err != nil {
		return Overdraft{}, err
	}
	now := s.o.Clock.Now()
	line := Overdraft{
		Account: n.Account, Receivable: ids.New(now), Customer: customerOf(account), Limit: n.Limit, FeeBPS: n.FeeBPS,
		RateBPS: n.RateBPS, ExpiresAt: n.ExpiresAt.UTC().Truncate(time.Microsecond), Status: LineActive,
		CreatedAt: now, UpdatedAt: now, By: n.By,
	}
	if err := line.check(account.Currency, now); err != nil {
		return Overdraft{}, err
	}
	if err := line.charges(account); err != nil {
		return Overdraft{}, err
	}
	err = s.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.grantIn(ctx, tx, line, account) })
	if fault.Is(err, fault.DuplicateEntity) {
		return Overdraft{}, fault.From(err).Field("account_id", "has a line")
	}
	return line, err
}

func (s *Service) grantIn(ctx context.Context, tx *sql.Tx, line Overdraft, account ledger.Account) error {
	err := s.o.Ledger.OpenIn(ctx, tx, ledger.Account{
		ID: line.Receivable, OwnerKind: account.OwnerKind, OwnerID: account.OwnerID, Product: ledger.OverdraftReceivable,
		Currency: account.Currency, Floor: ledger.ZeroFloor(), Name: string(ledger.OverdraftReceivable), OpenedBy: account.OpenedBy,
	})
	if err != nil {
		return err
	}
	if err := s.store.insertLine(ctx, tx, line); err != nil {
		return err
	}
	if err := s.store.setRate(ctx, tx, line.Account, s.today(), line.RateBPS); err != nil {
		return err
	}
	if err := s.store.bearIn(ctx, tx, line.Receivable, kindOverdraft, s.today()); err != nil {
		return err
	}
	return s.tellLedger(ctx, tx, line)
}

// drawable is the account that a line may be on: a wallet of Nova's customers, or one that the client itself opened.
func (s *Service) drawable(ctx context.Context, id uuid.UUID, client string) (ledger.Account, error) {
	account, err := s.o.Ledger.Account(ctx, id)
	if err == nil && (account.Product != ledger.Wallet ||
		account.OpenedBy != ledger.OpenedByNova && account.OpenedBy != client) {
		err = fault.New(fault.NotFound, "account %s takes no line of %q", id, client)
	}
	if fault.Is(err, fault.NotFound) {
		err = fault.From(err).Field("account_id", "is not there")
	}
	return account, err
}

func customerOf(a ledger.Account) uuid.UUID {
	if a.OwnerKind != customers.OwnerKind || a.OpenedBy != ledger.OpenedByNova {
		return uuid.Nil
	}
	id, err := uuid.Parse(a.OwnerID)
	if err != nil {
		return uuid.Nil // an owner that is no customer of ours
	}
	return id
}

// check refuses terms that cannot be. An active line must have time left.
func (l Overdraft) check(c money.Currency, now time.Time) error {
	if l.Limit.Currency != c {
		return fault.New(fault.CurrencyMismatch, "limit in %s", l.Limit.Currency).
			Field("limit", "is not in the account's currency")
	}
	if l.Limit.Minor < 0 || l.Limit.Minor > maxLimit {
		return invalid("limit", "must not be below zero, nor above "+money.Of(maxLimit, c).String())
	}
	if err := checkBPS("fee_bps", l.FeeBPS); err != nil {
		return err
	}
	if err := checkBPS("annual_rate_bps", l.RateBPS); err != nil {
		return err
	}
	if l.Status == LineActive && !l.ExpiresAt.After(now) {
		return invalid("expires_at", "must be in the future")
	}
	return nil
}

// ChangeLine changes a line. A new rate holds from today on: the days before have accrued by theirs, or will. Errors:
// NOT_FOUND on account_id; INVALID_STATE on status for a line that is closed; those of GrantLine's fields.
func (s *Service) ChangeLine(ctx context.Context, ch LineChange) (Overdraft, error) {
	account, err := s.drawable(ctx, ch.Account, ch.Client)
	if err != nil {
		return Overdraft{}, err
	}
	var line Overdraft
	err = s.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := s.o.Clock.Now()
		before, found, err := s.store.lockLine(ctx, tx, ch.Account)
		if err != nil {
			return err
		}
		if !found {
			return noLine(ch.Account)
		}
		if line, err = before.changed(ch, now); err != nil {
			return err
		}
		if err := line.charges(account); err != nil {
			return err
		}
		return s.saveIn(ctx, tx, line, before.RateBPS != line.RateBPS)
	})
	return line, err
}

// charges refuses a fee or a rate on an account that a client opened: both are income of Nova's own books, and what such
// an account owes is the client's word alone.
func (l Overdraft) charges(account ledger.Account) error {
	const problem = "must be 0 on an account that a client opened"
	switch {
	case account.OpenedBy == ledger.OpenedByNova:
		return nil
	case l.FeeBPS > 0:
		return invalid("fee_bps", problem)
	case l.RateBPS > 0:
		return invalid("annual_rate_bps", problem)
	}
	return nil
}

// saveIn writes a line as it is now, and its rate where that is new.
func (s *Service) saveIn(ctx context.Context, tx *sql.Tx, line Overdraft, repriced bool) error {
	if err := s.store.updateLine(ctx, tx, line); err != nil {
		return err
	}
	if repriced {
		if err := s.store.setRate(ctx, tx, line.Account, s.today(), line.RateBPS); err != nil {
			return err
		}
	}
	return s.tellLedger(ctx, tx, line)
}

// changed is the line after a change. A line whose time is over becomes active again with a new time.
func (l Overdraft) changed(ch LineChange, now time.Time) (Overdraft, error) {
	if l.Status == LineClosed {
		return l, fault.New(fault.InvalidState, "line of %s is closed", l.Account).Field("status", "is closed")
	}
	currency := l.Limit.Currency
	take(&l.Limit, ch.Limit)
	take(&l.FeeBPS, ch.FeeBPS)
	take(&l.RateBPS, ch.RateBPS)
	if ch.ExpiresAt != nil {
		l.ExpiresAt = ch.ExpiresAt.UTC().Truncate(time.Microsecond)
		if l.Status == LineExpired {
			l.Status = LineActive
		}
	}
	if ch.Status != nil {
		if *ch.Status != LineActive && *ch.Status != LineSuspended && *ch.Status != LineClosed {
			return l, invalid("status", "must be active, suspended or closed")
		}
		l.Status = *ch.Status
	}
	l.UpdatedAt, l.By = now, ch.By
	return l, l.check(currency, now)
}

func take[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// tellLedger says how far the ledger may draw on the line by itself.
func (s *Service) tellLedger(ctx context.Context, tx *sql.Tx, line Overdraft) error {
	told := ledger.OverdraftLine{
		Account: line.Account, Receivable: line.Receivable, FeeBPS: line.FeeBPS, Until: line.ExpiresAt,
	}
	if line.Status == LineActive {
		told.Limit = line.Limit.Minor
	}
	return s.o.Ledger.SetOverdraftIn(ctx, tx, told)
}

// Line is the line of an account. Errors: NOT_FOUND on account_id.
func (s *Service) Line(ctx context.Context, account uuid.UUID) (Overdraft, error) {
	line, found, err := s.store.line(ctx, s.o.DB, account)
	if err == nil && !found {
		err = noLine(account)
	}
	return line, err
}

// LineFilter chooses lines: those of Nova's customers, and of the accounts that Client opened.
type LineFilter struct {
	// Account is the only one; zero for all.
	Account uuid.UUID
	Client  string
	// After is the account of the last line of the page before, Most how many are read at most.
	After uuid.UUID
	Most  int
}

// Lines lists lines by account.
func (s *Service) Lines(ctx context.Context, f LineFilter) ([]Overdraft, error) {
	return s.store.lines(ctx, s.o.DB, f)
}

// ExpireLines ends the lines whose time is over, at most n, and tells how many. What is owed stays owed, and bears
// interest.
func (s *Service) ExpireLines(ctx context.Context, n int) (int, error) {
	due, err := s.store.dueLines(ctx, s.o.DB, s.o.Clock.Now(), n)
	if err != nil {
		return 0, err
	}
	ended := 0
	var faults []error
	for _, account := range due {
		done, err := s.expire(ctx, account)
		if err != nil {
			// One line must not keep the others waiting.
			faults = append(faults, fmt.Errorf("expire the line of %s: %w", account, err))
		}
		if done {
			ended++
		}
	}
	return ended, errors.Join(faults...)
}

func (s *Service) expire(ctx context.Context, account uuid.UUID) (done bool, err error) {
	err = s.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		line, found, err := s.store.lockLine(ctx, tx, account)
		now := s.o.Clock.Now()
		if done = found && line.Status == LineActive && !line.ExpiresAt.After(now); err != nil || !done {
			return err // changed meanwhile
		}
		line.Status, line.UpdatedAt, line.By = LineExpired, now, house
		return s.saveIn(ctx, tx, line, false)
	})
	return done && err == nil, err
}

// house is who decides what no person does.
const house = "nova"

func noLine(account uuid.UUID) error {
	return fault.New(fault.NotFound, "account %s has no overdraft line", account).Field("account_id", "has no line")
}
