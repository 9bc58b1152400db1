package agents

import (
	"context"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/sql"
)

// maxTold bounds how many people of an agent are told of one transaction.
const maxTold = 5

// NewAgent is what CreateAgent needs.
type NewAgent struct {
	Code        string
	Type        Type
	LegalName   string
	TradingName string
	Parent      uuid.UUID // zero for none
}

// NewOutlet is what CreateOutlet needs.
type NewOutlet struct {
	Agent    uuid.UUID
	Code     string
	Name     string
	TimeZone string
}

// NewOperator is what CreateOperator needs.
type NewOperator struct {
	Outlet   uuid.UUID
	MSISDN   msisdn.MSISDN
	Name     string
	Role     Role
	Language string
	PIN      secret.Text
}

// CreateAgent opens an agent with its float and commission accounts. A code that is taken is a DUPLICATE_ENTITY.
func (s *Service) CreateAgent(ctx context.Context, n NewAgent) (Agent, error) {
	now := s.clock.Now()
	a := Agent{
		ID: ids.New(now), Code: n.Code, Type: n.Type, LegalName: n.LegalName, TradingName: n.TradingName,
		Parent: n.Parent, Status: Active, Float: ids.New(now), Commission: ids.New(now),
	}
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, account := range []ledger.Account{
			{ID: a.Float, Product: ledger.Float}, {ID: a.Commission, Product: ledger.Commission},
		} {
			account.OwnerKind, account.OwnerID, account.Name = AgentOwnerKind, a.ID.String(), a.TradingName
			if err := s.open(ctx, tx, account); err != nil {
				return err
			}
		}
		return s.store.insertAgent(ctx, tx, a, now)
	})
	return a, err
}

// CreateOutlet opens a place of an agent. A code that is taken is a DUPLICATE_ENTITY.
func (s *Service) CreateOutlet(ctx context.Context, n NewOutlet) (Outlet, error) {
	now := s.clock.Now()
	o := Outlet{ID: ids.New(now), Agent: n.Agent, Code: n.Code, Name: n.Name, TimeZone: n.TimeZone, Status: Active}
	return o, s.store.insertOutlet(ctx, s.db, o, now)
}

// CreateOperator adds a person with a PIN to an outlet. A number that is taken is a DUPLICATE_ENTITY.
func (s *Service) CreateOperator(ctx context.Context, n NewOperator) (Operator, error) {
	now := s.clock.Now()
	o := Operator{
		ID: ids.New(now), MSISDN: n.MSISDN, Name: n.Name, Role: n.Role, Language: n.Language, Status: Active,
		Outlet: Outlet{ID: n.Outlet},
	}
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.store.insertOperator(ctx, tx, o, now); err != nil {
			return err
		}
		return s.identity.SetPINIn(ctx, tx, o.Subject(), n.PIN)
	})
	if err != nil {
		return Operator{}, err
	}
	return s.OperatorByID(ctx, o.ID)
}

// CreateMerchant opens a merchant with the account that its till pays into. A till that is taken is a
// DUPLICATE_ENTITY.
func (s *Service) CreateMerchant(ctx context.Context, till, name string) (Merchant, error) {
	now := s.clock.Now()
	m := Merchant{ID: ids.New(now), Till: till, Name: name, Status: Active, Account: ids.New(now)}
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		err := s.open(ctx, tx, ledger.Account{
			ID: m.Account, OwnerKind: MerchantOwnerKind, OwnerID: m.ID.String(), Product: ledger.Wallet, Name: name,
		})
		if err != nil {
			return err
		}
		return s.store.insertMerchant(ctx, tx, m, now)
	})
	return m, err
}

func nobody(done bool, err error, what string, id uuid.UUID) error {
	if err == nil && !done {
		return fault.New(fault.NotFound, "no %s %s", what, id)
	}
	return err
}

// open opens an account of the market's currency that its owner cannot overdraw.
func (s *Service) open(ctx context.Context, tx *sql.Tx, a ledger.Account) error {
	a.Currency, a.Floor, a.OpenedAt = s.currency, ledger.ZeroFloor(), s.clock.Now()
	return s.ledger.OpenIn(ctx, tx, a)
}
