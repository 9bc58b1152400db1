package customers

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
	"nova/sql"
)

// Numbers are those by which authorities know a customer; one that nobody told is the zero Text.
type Numbers struct {
	// IDNumber is the identity document's, as ParseIDNumber reads it.
	IDNumber secret.Text
	TaxID    secret.Text
	// NUIB is the number by which banks share what they know of a person.
	NUIB secret.Text
	// NationalityID is that of the person, where the document's is another one: a passport's, say.
	NationalityID secret.Text
}

// sealedNumbers are Numbers as a customer's row holds them.
type sealedNumbers struct {
	IDNumber      secret.Sealed `db:"id_number"`
	TaxID         secret.Sealed `db:"tax_id"`
	NUIB          secret.Sealed `db:"nuib"`
	NationalityID secret.Sealed `db:"nationality_id"`
}

// numbers is the table of these columns: a line each, in the order of their places in the statements. Each is one
// person's alone; unique is the index that says so, and field what callers name the number.
var numbers = []struct {
	column        secret.Column
	field, unique string
	plain         func(*Numbers) *secret.Text
	sealed        func(*sealedNumbers) *secret.Sealed
}{
	{secret.Column{Table: "customers", Name: "id"}, "id_number", "customers_document",
		func(n *Numbers) *secret.Text { return &n.IDNumber }, func(s *sealedNumbers) *secret.Sealed { return &s.IDNumber }},
	{secret.Column{Table: "customers", Name: "tax_id"}, "tax_id", "customers_tax_id",
		func(n *Numbers) *secret.Text { return &n.TaxID }, func(s *sealedNumbers) *secret.Sealed { return &s.TaxID }},
	{secret.Column{Table: "customers", Name: "nuib"}, "nuib", "customers_nuib",
		func(n *Numbers) *secret.Text { return &n.NUIB }, func(s *sealedNumbers) *secret.Sealed { return &s.NUIB }},
	{secret.Column{Table: "customers", Name: "nationality_id"}, "nationality_id", "customers_nationality_id",
		func(n *Numbers) *secret.Text { return &n.NationalityID }, func(s *sealedNumbers) *secret.Sealed { return &s.NationalityID }},
}

// seal puts the numbers that there are into a row's columns, and leaves the others as they are.
func (s *Service) seal(into *sealedNumbers, row uuid.UUID, n Numbers) error {
	for _, number := range numbers {
		plain := number.plain(&n)
		if plain.IsZero() {
			continue
		}
		sealed, err := number.column.Seal(s.keyring, row, plain.Reveal())
		if err != nil {
			return err
		}
		*number.sealed(into) = sealed
	}
	return nil
}

// open is seal undone.
func (s *Service) open(row uuid.UUID, from sealedNumbers) (n Numbers, err error) {
	for _, number := range numbers {
		if *number.plain(&n), err = number.column.Open(s.keyring, row, *number.sealed(&from)); err != nil {
			return Numbers{}, err
		}
	}
	return n, nil
}

// indexes are under what each of the numbers may stand in anybody's row.
func (s *Service) indexes(n Numbers) ([][][]byte, error) {
	all := make([][][]byte, len(numbers))
	for i, number := range numbers {
		var err error
		if all[i], err = number.column.Indexes(s.keyring, number.plain(&n).Reveal()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// SetNumbers writes the numbers that are not zero, parsed as ParseIDNumber reads them, and leaves the others. One that is
// somebody else's is a DUPLICATE_ENTITY with its field; a customer who asks for another one is FORBIDDEN.
func (s *Service) SetNumbers(ctx context.Context, by identity.Subject, id uuid.UUID, n Numbers) error {
	if err := own(by, id); err != nil {
		return err
	}
	for _, number := range numbers {
		plain := number.plain(&n)
		parsed, err := ParseIDNumber(plain.Reveal())
		if !plain.IsZero() && (err != nil || parsed != plain.Reveal()) {
			return fault.New(fault.ValidationError, "malformed %s", number.field).Field(number.field, "is not such a number")
		}
	}
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.setNumbersIn(ctx, tx, id, n); err != nil {
			return err
		}
		return s.record(ctx, tx, by, actNumbersSet, id, map[string]string{audit.DetailFields: n.fields()})
	})
	return duplicate(err)
}

func (s *Service) setNumbersIn(ctx context.Context, tx *sql.Tx, id uuid.UUID, n Numbers) error {
	row, err := s.store.lockNumbers(ctx, tx, id)
	if err != nil {
		return err
	}
	indexes, err := s.indexes(n)
	if err != nil {
		return err
	}
	others, err := s.store.taken(ctx, tx, Customer{ID: id}, indexes)
	if err != nil || others != "" {
		return takenOr(err, others)
	}
	if err := s.seal(&row.sealedNumbers, id, n); err != nil {
		return err
	}
	saved, err := s.store.saveNumbers(ctx, tx, row)
	if err == nil && !saved {
		// Somebody registered one of them since the look; which, the next look tells.
		return sql.Again(fmt.Errorf("numbers of %s were taken meanwhile", id))
	}
	return err
}

// takenOr is the refusal of a field that is somebody else's, unless the look itself failed.
func takenOr(err error, field string) error {
	if err != nil {
		return err
	}
	return taken(nil, field)
}

// Numbers opens a customer's numbers. That somebody else than the customer read them is recorded, or they are not read. A
// customer who asks for another one is FORBIDDEN.
func (s *Service) Numbers(ctx context.Context, by identity.Subject, id uuid.UUID) (Numbers, error) {
	if err := own(by, id); err != nil {
		return Numbers{}, err
	}
	var n Numbers
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		row, err := s.store.lockNumbers(ctx, tx, id)
		if err != nil {
			return err
		}
		if n, err = s.open(id, row.sealedNumbers); err != nil || by.Kind == identity.Customer {
			return err
		}
		return s.record(ctx, tx, by, actNumbersRead, id, map[string]string{audit.DetailFields: n.fields()})
	})
	if err != nil {
		return Numbers{}, err
	}
	return n, nil
}

// own refuses a customer who names another one. Whether others may, is the policies' to say.
func own(by identity.Subject, id uuid.UUID) error {
	if by.Kind == identity.Customer && by.ID != id {
		return fault.New(fault.CodeForbidden, "customer %s asks about %s", by.ID, id)
	}
	return nil
}

// rewrapAtOnce keeps each round's locks short.
const rewrapAtOnce = 100

// RewrapDocuments moves the sealed numbers of all customers under the current Field key, and their indexes under the
// current Index key, a round of a hundred rows at a time, while people register and are looked up: every look-up finds
// both versions. It may be stopped and begun anew at any time. It returns how many rows it moved; when that is 0, no row
// stands under an older key, and the older keys may go. Two customers who registered the same document under two keys at
// the same moment are named in an error, after everybody else was moved.
func (s *Service) RewrapDocuments(ctx context.Context) (int, error) {
	prefix, err := s.keyring.Field.SealedByCurrent()
	if err != nil {
		return 0, err
	}
	r := rewrapping{prefix: prefix, version: s.keyring.Index.Current()}
	for more := true; more && err == nil; {
		err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			more, err = s.rewrapIn(ctx, tx, &r)
			return err
		})
	}
	if err == nil && r.stuck != uuid.Nil {
		err = fmt.Errorf("customer %s has a number that is another customer's as well", r.stuck)
	}
	return r.moved, err
}

// rewrapping is how far a rewrap has come.
type rewrapping struct {
	prefix  []byte
	version int
	last    uuid.UUID
	moved   int
	stuck   uuid.UUID
}

// rewrapIn is one round. Its figures count only once it has committed, so it changes r at its end alone.
func (s *Service) rewrapIn(ctx context.Context, tx *sql.Tx, r *rewrapping) (more bool, err error) {
	rows, err := s.store.staleNumbers(ctx, tx, *r)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	next := *r
	for _, row := range rows {
		n, err := s.open(row.ID, row.sealedNumbers)
		if err != nil {
			return false, err
		}
		if err := s.seal(&row.sealedNumbers, row.ID, n); err != nil {
			return false, err
		}
		saved, err := s.store.saveNumbers(ctx, tx, row)
		if err != nil {
			return false, err
		}
		if saved {
			next.moved++
		} else {
			next.stuck = row.ID
		}
		next.last = row.ID
	}
	*r = next
	return len(rows) == rewrapAtOnce, nil
}
