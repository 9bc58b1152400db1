// Package products is what a customer can do with money beyond the wallet: save it in an account that earns interest,
// and owe some on an overdraft line.
//
// It keeps the terms - rates, minimums, fees, limits, from which day on - and the interest that each day earned. It
// moves no money by itself: deposits, withdrawals, draws and repayments are errands of package payments, with their
// proof, limits and receipts, and interest is a command like any other. What a line gives inside a posting that needs
// it is the ledger's affair; here the ledger is only told how far.
//
// Its one rule: a day accrues once, on its closing balance, by the terms that were in force on it, in whole numbers -
// minor units times basis points - of which nothing is ever dropped: what does not make a minor unit waits for the
// next month.
package products

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/customers"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/payments"
	"nova/sql"
)

// Bounds of what terms may say.
const (
	// MaxBPS is a rate or fee of 100%.
	MaxBPS = 10_000
	// MaxTiers bounds the slices of one product: more than any price list prints.
	MaxTiers = 10
	// maxCode and maxName are what a code and a name may take; a name must fit a handset's screen beside an amount.
	maxCode = 32
	maxName = 20
	// maxDays bounds how far ahead terms may be made: two years.
	maxDays = 731
)

// Writer is the part of the ledger's writer that products needs.
type Writer interface {
	Submit(ctx context.Context, c *ledger.Command) (ledger.Result, error)
}

// Options are what a Service is made of.
type Options struct {
	DB        *sql.DB
	Writer    Writer
	Ledger    *ledger.Store
	Payments  *payments.Service
	Customers *customers.Service
	Clock     clock.Clock
	// Location is the market's: its midnights end the days that accrue.
	Location *time.Location
	Currency money.Currency
	Books    payments.Books
}

// Service keeps the products. It is safe for concurrent use.
type Service struct {
	o     Options
	store store
}

// New joins the parts of a Service.
func New(o Options) *Service { return &Service{o: o, store: newStore()} }

// today is the market's date.
func (s *Service) today() clock.Day { return clock.DayOf(s.o.Clock.Now(), s.o.Location) }

// of is an amount of the market's currency.
func (s *Service) of(minor int64) money.Amount { return money.Of(minor, s.o.Currency) }

// balance is an account's money now.
func (s *Service) balance(ctx context.Context, account uuid.UUID) (ledger.Balance, error) {
	return s.o.Ledger.Balance(ctx, account)
}
