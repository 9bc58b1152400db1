// Package agents is the businesses that take and give cash, their outlets, the operators who work them, and the
// merchants who are paid at a till.
//
// It knows no money: float and commission are ledger accounts that it only names. Its one rule: who is suspended or
// closed is told so, and whoever stands under them too.
package agents

import (
	"context"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/sql"
)

// Status says whether somebody may work.
type Status string

// The states of agents, outlets, operators and merchants.
const (
	Active    Status = "active"
	Suspended Status = "suspended"
	Closed    Status = "closed"
)

// Type says what kind of agent a business is.
type Type string

// SuperAgent funds the float of others; Ordinary serves people.
const (
	SuperAgent Type = "super_agent"
	Ordinary   Type = "agent"
)

// Role is what an operator may do at an outlet.
type Role string

// The roles, from the most to the least.
const (
	Owner   Role = "owner"
	Manager Role = "manager"
	Cashier Role = "cashier"
	Viewer  Role = "viewer"
)

// What the ledger calls the owners of these accounts.
const (
	AgentOwnerKind    = "agent"
	MerchantOwnerKind = "merchant"
)

// Agent is a business with a float.
type Agent struct {
	ID          uuid.UUID
	Code        string
	Type        Type
	LegalName   string
	TradingName string
	Parent      uuid.UUID // zero for none
	Status      Status
	Float       uuid.UUID
	Commission  uuid.UUID
}

// Outlet is a place where an agent serves people.
type Outlet struct {
	ID       uuid.UUID
	Agent    uuid.UUID
	Code     string
	Name     string
	TimeZone string
	Status   Status
}

// Operator is a person who works an outlet, with the outlet and the agent they work for.
type Operator struct {
	ID       uuid.UUID
	MSISDN   msisdn.MSISDN
	Name     string
	Role     Role
	Language string
	Status   Status
	Outlet   Outlet
	Agent    Agent
}

// Staffed is an agent with those who are told of money there when a customer names only the agent: at most five
// active people, owners first.
type Staffed struct {
	Agent
	Operators []Operator
}

// Merchant is a business that is paid at a till.
type Merchant struct {
	ID      uuid.UUID
	Till    string
	Name    string
	Status  Status
	Account uuid.UUID
}

// Subject is the operator as a subject of proofs.
func (o Operator) Subject() identity.Subject {
	return identity.Subject{Kind: identity.Operator, ID: o.ID}
}

// Scope is the operator's part of an idempotency key.
func (o Operator) Scope() string { return o.Subject().Scope() }

// Usable is nil if the operator may work: they, their outlet and their agent are active. Else it is ACCOUNT_FROZEN
// or ACCOUNT_CLOSED, and a viewer, who may only look, is FORBIDDEN.
func (o Operator) Usable() error {
	if err := usable("operator", o.ID, o.Status); err != nil {
		return err
	}
	if err := usable("outlet", o.Outlet.ID, o.Outlet.Status); err != nil {
		return err
	}
	if err := o.Agent.Usable(); err != nil {
		return err
	}
	if o.Role == Viewer {
		return fault.New(fault.CodeForbidden, "operator %s may only look", o.ID)
	}
	return nil
}

// Usable is nil for an active agent, else ACCOUNT_FROZEN or ACCOUNT_CLOSED.
func (a Agent) Usable() error { return usable("agent", a.ID, a.Status) }

// Usable is nil for an active merchant, else ACCOUNT_FROZEN or ACCOUNT_CLOSED.
func (m Merchant) Usable() error { return usable("merchant", m.ID, m.Status) }

func usable(what string, id uuid.UUID, s Status) error {
	switch s {
	case Active:
		return nil
	case Closed:
		return fault.New(fault.AccountClosed, "%s %s is closed", what, id)
	case Suspended:
		return fault.New(fault.AccountFrozen, "%s %s is suspended", what, id)
	default:
		return fault.New(fault.AccountFrozen, "%s %s has the unknown status %q", what, id, s)
	}
}

// Options are what a Service is made of.
type Options struct {
	DB       *sql.DB
	Ledger   *ledger.Store
	Identity *identity.Service
	Clock    clock.Clock
	Currency money.Currency
}

// Service finds and creates agents. It is safe for concurrent use.
type Service struct {
	db       *sql.DB
	ledger   *ledger.Store
	identity *identity.Service
	clock    clock.Clock
	currency money.Currency
	store    store
	// byID and staff read for many hops at once.
	byID  *sql.Loader[uuid.UUID, Agent]
	staff *sql.Loader[uuid.UUID, []Operator]
}

// New joins the parts of a Service.
func New(o Options) *Service {
	s := &Service{
		db: o.DB, ledger: o.Ledger, identity: o.Identity, clock: o.Clock, currency: o.Currency, store: newStore(),
	}
	s.byID = sql.NewLoader(func(ctx context.Context, wanted []uuid.UUID) (map[uuid.UUID]Agent, error) {
		return s.store.agents(ctx, s.db, wanted)
	})
	s.staff = sql.NewLoader(func(ctx context.Context, wanted []uuid.UUID) (map[uuid.UUID][]Operator, error) {
		return s.store.operatorsOf(ctx, s.db, wanted, maxTold)
	})
	return s
}

// OperatorByMSISDN finds the operator whose SIM this is, whatever their status; nobody is a NOT_FOUND.
func (s *Service) OperatorByMSISDN(ctx context.Context, m msisdn.MSISDN) (Operator, error) {
	return s.store.operator(ctx, s.db, m, uuid.Nil)
}

// OperatorByID finds an operator, whatever their status; nobody is a NOT_FOUND.
func (s *Service) OperatorByID(ctx context.Context, id uuid.UUID) (Operator, error) {
	return s.store.operator(ctx, s.db, msisdn.MSISDN{}, id)
}

// AgentByCode finds the agent that a customer named; nobody is a NOT_FOUND on the field agent_code.
func (s *Service) AgentByCode(ctx context.Context, code string) (Agent, error) {
	return s.store.agent(ctx, s.db, code)
}

// AgentByID finds an agent; nobody is a NOT_FOUND.
func (s *Service) AgentByID(ctx context.Context, id uuid.UUID) (Agent, error) {
	a, found, err := s.byID.Load(ctx, id)
	if err == nil && !found {
		err = noAgent()
	}
	return a, err
}

// StaffedByID finds an agent and who is told of money there, in one read; nobody is a NOT_FOUND.
func (s *Service) StaffedByID(ctx context.Context, id uuid.UUID) (Staffed, error) {
	operators, found, err := s.staff.Load(ctx, id)
	if err != nil {
		return Staffed{}, err
	}
	if found {
		return Staffed{Agent: operators[0].Agent, Operators: operators}, nil
	}
	agent, err := s.AgentByID(ctx, id)
	return Staffed{Agent: agent}, err
}

// OutletByCode finds an outlet, whatever its status; none is a NOT_FOUND.
func (s *Service) OutletByCode(ctx context.Context, code string) (Outlet, error) {
	return s.store.outlet(ctx, s.db, code)
}

// MerchantByTill finds the merchant of a till code; nobody is a NOT_FOUND on the field till.
func (s *Service) MerchantByTill(ctx context.Context, till string) (Merchant, error) {
	return s.store.merchant(ctx, s.db, till, uuid.Nil)
}

// MerchantByID finds a merchant; nobody is a NOT_FOUND.
func (s *Service) MerchantByID(ctx context.Context, id uuid.UUID) (Merchant, error) {
	return s.store.merchant(ctx, s.db, "", id)
}

// SetLanguage remembers the language of the operator's screens and messages.
func (s *Service) SetLanguage(ctx context.Context, operator uuid.UUID, language string) error {
	done, err := s.store.setLanguage(ctx, s.db, operator, language, s.clock.Now())
	return nobody(done, err, "operator", operator)
}
