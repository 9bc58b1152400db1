package customers

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/msisdn"
	"nova/core/outbox"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
)

// The KYC states that registration leads to.
const (
	// KYCInitiated: nobody has seen the document yet.
	KYCInitiated = "initiated"
	// KYCVerified: an agent saw the person and the document.
	KYCVerified = "verified"
)

// Tiers that a newcomer starts in.
const (
	// TierSelf is for people who register by themselves on a handset.
	TierSelf = 0
	// TierByAgent is for people whom an agent registered, face to face.
	TierByAgent = 1
	// maxTier is the last that there is.
	maxTier = 3
)

// Templates of the notices that registration writes.
const (
	// NoticeRegistered welcomes a customer: name.
	NoticeRegistered = "sms.registered"
	// NoticeRegisteredByAgent welcomes a customer who has yet to choose a PIN: name, agent.
	NoticeRegisteredByAgent = "sms.registered.agent"
	// NoticePINChosen tells that a PIN was chosen for the first time, NoticePINReset that it was one in place of a forgotten
	// one.
	NoticePINChosen = "sms.pin.chosen"
	NoticePINReset  = "sms.pin.reset"
)

// Registration is a newcomer. The names, date and number are parsed ones (ParseName, ParseBirthDate, ParseIDNumber).
type Registration struct {
	Key       ledger.Key
	MSISDN    msisdn.MSISDN
	FirstName string
	LastName  string
	BirthDate clock.Day
	IDNumber  string
	// Numbers are further ones that are known of the newcomer; what stands in IDNumber is not repeated there.
	Numbers  Numbers
	Language string
	Channel  transactions.Channel
	// PIN is chosen by who registers themselves, which also accepts the terms; it is empty where an operator
	// registers somebody.
	PIN secret.Text
	// Operator registers somebody else; zero for oneself. By is their proof, where the errand asks for one.
	Operator  uuid.UUID
	AgentName string
	By        identity.Proof
}

// Register makes a customer with a wallet, once for the key: tier 0 for who registers themselves, tier 1 for whom an
// operator registers. A number or document that is somebody's already is a DUPLICATE_ENTITY with the field msisdn or
// id_number; a wrong PIN of the operator is refused and counted. The outcome is kept, whatever it is.
func (s *Service) Register(ctx context.Context, r Registration) (Customer, error) {
	if err := r.check(); err != nil {
		return Customer{}, err
	}
	result, err := s.identity.Once(ctx, r.Key, s.identity.Body(r.body()...),
		func(ctx context.Context, tx *sql.Tx) (map[string]string, error) { return s.registerIn(ctx, tx, r) })
	if err != nil {
		return Customer{}, duplicate(err)
	}
	id, err := uuid.Parse(result.Extra["customer"])
	if err != nil {
		return Customer{}, fmt.Errorf("registered customer's id: %w", err)
	}
	return s.ByID(ctx, id)
}

func (r Registration) self() bool { return r.Operator == uuid.Nil }

func (r Registration) check() error {
	if r.self() {
		return identity.CheckPIN(r.PIN, r.BirthDate.Year())
	}
	if !r.PIN.IsZero() {
		return fault.New(fault.ValidationError, "a PIN that an operator knows").
			Field("pin", "is chosen by the customer alone")
	}
	return nil
}

// body is the registration without its secrets, to tell a repeated hop from another person.
func (r Registration) body() []string {
	body := []string{
		"register", r.MSISDN.Digits(), r.FirstName, r.LastName, string(r.BirthDate), r.IDNumber, r.Operator.String(),
	}
	if n := r.Numbers; !n.TaxID.IsZero() || !n.NUIB.IsZero() || !n.NationalityID.IsZero() {
		body = append(body, n.TaxID.Reveal(), n.NUIB.Reveal(), n.NationalityID.Reveal())
	}
	return body
}

// registerIn decides before it writes: what it refuses must leave nothing behind but a wrong PIN's count.
func (s *Service) registerIn(ctx context.Context, tx *sql.Tx, r Registration) (map[string]string, error) {
	if !r.By.IsZero() {
		if err := s.identity.VerifyIn(ctx, tx, r.By); err != nil {
			return nil, err
		}
	}
	n, err := s.newcomer(r)
	if err != nil {
		return nil, err
	}
	indexes, err := s.indexes(r.numbers())
	if err != nil {
		return nil, err
	}
	if field, err := s.store.taken(ctx, tx, n.Customer, indexes); err != nil || field != "" {
		return nil, takenOr(err, field)
	}
	return map[string]string{"customer": n.ID.String()}, s.write(ctx, tx, r, n)
}

// newcomer is the row of a registration, with its numbers sealed.
func (s *Service) newcomer(r Registration) (newRow, error) {
	now := s.clock.Now()
	n := newRow{
		Customer: Customer{
			ID: ids.New(now), MSISDN: r.MSISDN, FirstName: r.FirstName, LastName: r.LastName, BirthDate: r.BirthDate,
			Tier: TierSelf, Status: Active, KYCStatus: KYCInitiated, Language: r.Language, Wallet: ids.New(now),
		},
		via: string(r.Channel), by: uuid.NullUUID{UUID: r.Operator, Valid: !r.self()}, now: now,
	}
	if r.self() {
		n.termsAccepted = &now
	} else {
		n.Tier, n.KYCStatus = TierByAgent, KYCVerified
	}
	return n, s.seal(&n.sealedNumbers, n.ID, r.numbers())
}

// numbers are all that are known of the newcomer.
func (r Registration) numbers() Numbers {
	r.Numbers.IDNumber = secret.New(r.IDNumber)
	return r.Numbers
}

func (s *Service) write(ctx context.Context, tx *sql.Tx, r Registration, n newRow) error {
	if err := s.insert(ctx, tx, n); err != nil {
		return err
	}
	if r.self() {
		if err := s.identity.SetPINIn(ctx, tx, n.Subject(), r.PIN); err != nil {
			return err
		}
	}
	return outbox.EnqueueIn(ctx, tx, []outbox.Notice{welcome(r, n)}, n.now)
}

// insert opens the wallet and writes the row that names it.
func (s *Service) insert(ctx context.Context, tx *sql.Tx, n newRow) error {
	err := s.ledger.OpenIn(ctx, tx, ledger.Account{
		ID: n.Wallet, OwnerKind: OwnerKind, OwnerID: n.ID.String(), Product: ledger.Wallet, Currency: s.currency,
		Status: ledger.Active, Tier: n.Tier, Floor: ledger.ZeroFloor(), Name: n.Shown(), OpenedAt: n.now,
	})
	if err != nil {
		return err
	}
	return s.store.insert(ctx, tx, n)
}

func welcome(r Registration, n newRow) outbox.Notice {
	notice := outbox.Notice{
		ID: ids.New(n.now), Template: NoticeRegistered, To: n.MSISDN, Language: n.Language,
		Args: map[string]string{"name": n.Shown()}, Dedupe: "registered:" + n.ID.String(),
	}
	if !r.self() {
		notice.Template = NoticeRegisteredByAgent
		notice.Args["agent"] = r.AgentName
	}
	return notice
}

func taken(err error, field string) error {
	return fault.Wrap(err, fault.DuplicateEntity, "%s is registered", field).Field(field, "is registered already")
}

// duplicate translates the race that registerIn's own look cannot win: two registrations at once.
func duplicate(err error) error {
	if sql.Unique(err, "customers_msisdn_key") {
		return taken(err, "msisdn")
	}
	for _, number := range numbers {
		if sql.Unique(err, number.unique) {
			return taken(err, number.field)
		}
	}
	return err
}
