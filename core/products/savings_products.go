package products

import (
	"context"
	"regexp"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/money"
	"nova/sql"
)

// Product is one kind of savings account, with the terms of one of its versions.
type Product struct {
	ID       uuid.UUID
	Code     string
	Name     string
	Currency money.Currency
	Terms
	CreatedAt time.Time
}

// NewTerms make a product, or new terms of one. From may be left out: a new product begins today, new terms of an old
// one tomorrow. MadeBy says who decided.
type NewTerms struct {
	Code     string
	Name     string
	Currency money.Currency
	Terms
	MadeBy string
}

// codeForm is what a product's code may be.
var codeForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// nameForm is what a name may be: it is shown on handsets and in messages.
var nameForm = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N} .'-]*$`)

// defaultName is what a product without a name is called.
const defaultName = "Savings"

// SetTerms makes a product, or gives one new terms from a day on that has not begun: what a day earned stays as it was.
// Errors: VALIDATION_ERROR and CURRENCY_MISMATCH with the field; DUPLICATE_ENTITY on effective_from where the product
// has terms of that day or a later one already.
func (s *Service) SetTerms(ctx context.Context, n NewTerms) (Product, error) {
	if n.Name == "" {
		n.Name = defaultName
	}
	if err := s.checkNew(n); err != nil {
		return Product{}, err
	}
	now := s.o.Clock.Now()
	p := Product{ID: ids.New(now), Code: n.Code, Name: n.Name, Currency: n.Currency, Terms: n.Terms, CreatedAt: now}
	err := s.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		made := p
		known, err := s.store.makeProduct(ctx, tx, &made)
		if err != nil {
			return err
		}
		if made.From, err = s.begins(n.From, known); err != nil {
			return err
		}
		if err := s.store.insertTerms(ctx, tx, made, n.MadeBy, now); err != nil {
			return err
		}
		p = made
		return nil
	})
	return p, err
}

func (s *Service) checkNew(n NewTerms) error {
	switch {
	case len(n.Code) > maxCode || !codeForm.MatchString(n.Code):
		return invalid("code", "must be 1 to 32 of a-z, 0-9, - and _")
	case len([]rune(n.Name)) > maxName || !nameForm.MatchString(n.Name):
		return invalid("name", "must be 1 to 20 letters, digits and spaces")
	case n.Currency != s.o.Currency:
		return fault.New(fault.CurrencyMismatch, "product in %s", n.Currency).
			Field("currency", "is not the market's")
	}
	return n.check(n.Currency)
}

// begins is the day from which new terms hold.
func (s *Service) begins(asked clock.Day, known bool) (clock.Day, error) {
	today := s.today()
	earliest := today
	if known {
		// Savers have begun the day under the terms before.
		earliest = today.AddDays(1)
	}
	switch {
	case asked == "":
		return earliest, nil
	case asked < earliest:
		return "", invalid("effective_from", "must be a day that has not begun")
	case asked > today.AddDays(maxDays):
		return "", invalid("effective_from", "is too far ahead")
	}
	return asked, nil
}

// Products lists the terms that are in force or to come, at most n, by code and day, after the given ones.
func (s *Service) Products(ctx context.Context, afterCode string, afterDay clock.Day, n int) ([]Product, error) {
	return s.store.products(ctx, s.o.DB, s.today(), afterCode, afterDay, n)
}

// Offered is the product that a customer who dials may open: the oldest. NOT_FOUND where there is none.
func (s *Service) Offered(ctx context.Context) (Product, error) {
	p, found, err := s.store.offered(ctx, s.o.DB, s.today(), s.o.Currency)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no savings product in %s", s.o.Currency).Field("product", "is not there")
	}
	return p, err
}
