// Package customers is the people who hold wallets: who they are, in which tier, and what a screen may call them.
//
// It knows no money and compares no PIN. Its one rule: a document's number is stored sealed, found by a blind index,
// and never leaves the package.
package customers

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/outbox"
	"nova/core/secret"
	"nova/sql"
)

// Status says whether a customer may do anything.
type Status string

// The states of a customer. Suspended is by staff and may end; closed is for ever.
const (
	Active    Status = "active"
	Suspended Status = "suspended"
	Closed    Status = "closed"
)

// OwnerKind is what the ledger calls the owner of a customer's accounts.
const OwnerKind = "customer"

// Customer is a person with a wallet. The document's number is not here.
type Customer struct {
	ID        uuid.UUID
	MSISDN    msisdn.MSISDN
	FirstName string
	LastName  string
	BirthDate clock.Day
	Tier      int
	Status    Status
	KYCStatus string
	Language  string
	Wallet    uuid.UUID

	// SIMSwappedAt is the newest change of the SIM that is known here; nil for none.
	SIMSwappedAt *time.Time
	// PINResetAt is since when the PIN is one that a reset set; nil where none did.
	PINResetAt *time.Time
	// USSDBlockedAt is since when the owner lets nobody dial into the wallet; nil where anybody with the SIM may.
	USSDBlockedAt *time.Time
}

// Subject is the customer as a subject of proofs.
func (c Customer) Subject() identity.Subject {
	return identity.Subject{Kind: identity.Customer, ID: c.ID}
}

// Scope is the customer's part of an idempotency key.
func (c Customer) Scope() string { return c.Subject().Scope() }

// Usable is nil for an active customer, else ACCOUNT_FROZEN or ACCOUNT_CLOSED.
func (c Customer) Usable() error {
	switch c.Status {
	case Active:
		return nil
	case Suspended:
		return fault.New(fault.AccountFrozen, "customer %s is suspended", c.ID)
	case Closed:
		return fault.New(fault.AccountClosed, "customer %s is closed", c.ID)
	default:
		return fault.New(fault.AccountFrozen, "customer %s has the unknown status %q", c.ID, c.Status)
	}
}

// Shown is what other people may read: "Andre C.".
func (c Customer) Shown() string { return ShownName(c.FirstName, c.LastName) }

// Options are what a Service is made of.
type Options struct {
	DB       *sql.DB
	Ledger   *ledger.Store
	Identity *identity.Service
	Keyring  *secret.Keyring
	Clock    clock.Clock
	// Currency of the wallets that are opened.
	Currency money.Currency
	// SIMs tells of changed SIMs what is not known here; nil: nobody does. Silence is what holds where it does not answer;
	// "" is SilenceLocal. Mishap hears of that; nil: nobody does.
	SIMs    SIMSwaps
	Silence Silence
	Mishap  func(ctx context.Context, err error)
	// SIMHold and ResetHold are how long a changed SIM and a reset PIN hold what they hold; 0 is the default of each.
	SIMHold, ResetHold time.Duration
}

// Service registers, finds and changes customers. It is safe for concurrent use.
type Service struct {
	db       *sql.DB
	ledger   *ledger.Store
	identity *identity.Service
	keyring  *secret.Keyring
	clock    clock.Clock
	currency money.Currency
	sims     SIMSwaps
	silence  Silence
	mishap   func(ctx context.Context, err error)
	simHold  time.Duration
	store    store
	loader   *sql.Loader[uuid.UUID, Customer]

	resetHold time.Duration
}

// New joins the parts of a Service.
func New(o Options) *Service {
	s := &Service{
		db: o.DB, ledger: o.Ledger, identity: o.Identity, keyring: o.Keyring, clock: o.Clock,
		currency: o.Currency, store: newStore(), sims: o.SIMs, silence: o.Silence, mishap: o.Mishap,
		simHold: cmp.Or(o.SIMHold, DefaultSIMHold), resetHold: cmp.Or(o.ResetHold, DefaultResetHold),
	}
	if s.mishap == nil {
		s.mishap = func(context.Context, error) {}
	}
	s.loader = sql.NewLoader(func(ctx context.Context, wanted []uuid.UUID) (map[uuid.UUID]Customer, error) {
		return s.store.byIDs(ctx, s.db, wanted)
	})
	return s
}

// ByMSISDN finds the customer whose SIM this is; nobody is a CUSTOMER_NOT_FOUND.
func (s *Service) ByMSISDN(ctx context.Context, m msisdn.MSISDN) (Customer, error) {
	return s.store.byMSISDN(ctx, s.db, m)
}

// ByID finds a customer; nobody is a CUSTOMER_NOT_FOUND.
func (s *Service) ByID(ctx context.Context, id uuid.UUID) (Customer, error) {
	c, found, err := s.loader.Load(ctx, id)
	if err == nil && !found {
		err = unknown(id)
	}
	return c, err
}

// ByIDs finds customers in one read, in the order asked for. If one is missing, nobody is returned and the fault is
// CUSTOMER_NOT_FOUND.
func (s *Service) ByIDs(ctx context.Context, wanted ...uuid.UUID) ([]Customer, error) {
	rows, err := s.store.byIDs(ctx, s.db, wanted)
	if err != nil {
		return nil, err
	}
	found := make([]Customer, len(wanted))
	for i, id := range wanted {
		c, ok := rows[id]
		if !ok {
			return nil, unknown(id)
		}
		found[i] = c
	}
	return found, nil
}

// SetLanguage remembers the language of the customer's screens and messages.
func (s *Service) SetLanguage(ctx context.Context, id uuid.UUID, language string) error {
	done, err := s.store.setLanguage(ctx, s.db, id, language, s.clock.Now())
	return nobody(done, err, id)
}

// SetStatus suspends, reinstates or closes a customer, and records why, in a person's own words. Who is closed stays so:
// INVALID_STATE. The wallet's own status is the ledger's; sign-ins are identity's to end.
func (s *Service) SetStatus(ctx context.Context, by identity.Subject, id uuid.UUID, to Status, why string) error {
	if to != Active && to != Suspended && to != Closed {
		return fault.New(fault.ValidationError, "status %q", to).Field("status", "is not known")
	}
	c, err := s.ByID(ctx, id)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := s.store.setStatus(ctx, tx, id, to, s.clock.Now())
		if err != nil {
			return err
		}
		if !done {
			return fault.New(fault.InvalidState, "customer %s is closed", id)
		}
		return s.record(ctx, tx, by, actStatus, id, map[string]string{
			audit.DetailFrom: string(c.Status), audit.DetailTo: string(to), audit.DetailReason: why,
		})
	})
}

// tell writes a notice that names its customer alone.
func (s *Service) tell(ctx context.Context, tx *sql.Tx, c Customer, template string) error {
	id := ids.New(s.clock.Now())
	return outbox.EnqueueIn(ctx, tx, []outbox.Notice{{
		ID: id, Template: template, To: c.MSISDN, Language: c.Language, Args: map[string]string{"name": c.Shown()},
		Dedupe: template + ":" + id.String(),
	}}, s.clock.Now())
}

// nobody turns a statement that met no row into the fault that says whose it would have been.
func nobody(done bool, err error, id uuid.UUID) error {
	if err == nil && !done {
		return unknown(id)
	}
	return err
}

func unknown(id uuid.UUID) error { return fault.New(fault.CustomerNotFound, "no customer %s", id) }
