package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"nova/core/agents"
	"nova/core/clock"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/payments"
	"nova/core/policy"
	"nova/core/products"
	"nova/core/secret"
)

// The demonstration's people: PINs that everybody may read, in a market that does not exist. A second run finds them
// and changes nothing. `nova seed demo` refuses a production environment.

// seedServices are what the demonstration is made with.
type seedServices struct {
	Writer    payments.Writer
	Customers *customers.Service
	Agents    *agents.Service
	Products  *products.Service
	Clients   *identity.Clients
	Staff     *identity.Staffing
	Clock     clock.Clock
	Books     payments.Books
	Currency  money.Currency
	TimeZone  string
	// Scopes are those that the demo client gets: all that the API has.
	Scopes []string
}

const (
	demoLanguage = "en"
	demoRegion   = "BB"
	demoClient   = "demo"
	demoSecret   = "demo-secret" //nolint:gosec // published on purpose: the demonstration's
	// demoPassword is that of the demonstration's staff.
	demoPassword = "demo-password" //nolint:gosec // published on purpose as well
)

type demoAgent struct {
	code, parent, name, msisdn, pin string
	kind                            agents.Type
	float                           int64
}

var demoAgents = []demoAgent{
	{
		code: "100001", name: "Bridgetown Distributors", msisdn: "+12462500001", pin: "2580",
		kind: agents.SuperAgent, float: 50_000_00,
	},
	{
		code: "100011", parent: "100001", name: "Oistins Corner Shop", msisdn: "+12462500011", pin: "2468",
		kind: agents.Ordinary, float: 5_000_00,
	},
	{
		code: "100012", parent: "100001", name: "Holetown Pharmacy", msisdn: "+12462500012", pin: "2469",
		kind: agents.Ordinary, float: 1_000_00,
	},
}

type demoCustomer struct {
	first, last, msisdn, pin string
	born                     clock.Day
	idNumber                 string
	tier                     int
	balance                  int64
}

var demoCustomers = []demoCustomer{
	{"Marcia", "Brathwaite", "+12462501001", "1357", "1985-03-14", "8503140011", 1, 200_00},
	{"Andre", "Clarke", "+12462501002", "1358", "1990-07-02", "9007020022", 1, 0},
	{"Shanice", "Holder", "+12462501003", "1359", "1992-11-23", "9211230033", 2, 1_000_00},
}

const (
	demoTill     = "500001"
	demoMerchant = "Cheapside Market"
)

// What people may save in: 2.50% a year, and 10.00 stay on the account.
const (
	demoSavings        = "nova-savings"
	demoSavingsName    = "Nova Savings"
	demoSavingsBPS     = 250
	demoSavingsMinimum = 10_00
)

// seedDemo makes the demonstration's data. Opening balances are postings against trust, as if people had brought
// the money to the bank.
func seedDemo(ctx context.Context, s seedServices) error {
	for _, a := range demoAgents {
		if err := s.agent(ctx, a); err != nil {
			return fmt.Errorf("seed agent %s: %w", a.code, err)
		}
	}
	for _, c := range demoCustomers {
		if err := s.customer(ctx, c); err != nil {
			return fmt.Errorf("seed customer %s: %w", c.first, err)
		}
	}
	_, err := s.Agents.CreateMerchant(ctx, demoTill, demoMerchant)
	if err != nil && !fault.Is(err, fault.DuplicateEntity) {
		return fmt.Errorf("seed merchant: %w", err)
	}
	if err := s.savings(ctx); err != nil {
		return fmt.Errorf("seed savings product: %w", err)
	}
	if err := s.client(ctx); err != nil {
		return err
	}
	return s.staff(ctx)
}

// staff adds the demonstration's staff.
func (s seedServices) staff(ctx context.Context) error {
	for _, member := range demoStaff {
		member.Password = secret.New(demoPassword)
		if err := s.Staff.Seed(ctx, member); err != nil {
			return fmt.Errorf("seed staff %s: %w", member.Email, err)
		}
	}
	return nil
}

// savings offers a product where there is none yet.
func (s seedServices) savings(ctx context.Context) error {
	_, err := s.Products.Offered(ctx)
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	_, err = s.Products.SetTerms(ctx, products.NewTerms{
		Code: demoSavings, Name: demoSavingsName, Currency: s.Currency, MadeBy: "seed demo",
		Terms: products.Terms{RateBPS: demoSavingsBPS, Minimum: money.Of(demoSavingsMinimum, s.Currency)},
	})
	return err
}

func (s seedServices) agent(ctx context.Context, a demoAgent) error {
	found, err := s.Agents.AgentByCode(ctx, a.code)
	if fault.Is(err, fault.NotFound) {
		found, err = s.newAgent(ctx, a)
	}
	if err != nil {
		return err
	}
	if err := s.operator(ctx, a, found); err != nil {
		return err
	}
	return s.deposit(ctx, "agent:"+a.code, found.Float, a.float)
}

func (s seedServices) newAgent(ctx context.Context, a demoAgent) (agents.Agent, error) {
	var parent uuid.UUID
	if a.parent != "" {
		above, err := s.Agents.AgentByCode(ctx, a.parent)
		if err != nil {
			return agents.Agent{}, err
		}
		parent = above.ID
	}
	return s.Agents.CreateAgent(ctx, agents.NewAgent{
		Code: a.code, Type: a.kind, LegalName: a.name, TradingName: a.name, Parent: parent,
	})
}

// operator opens the agent's one outlet with its owner; a run that was cut short goes on where it stopped.
func (s seedServices) operator(ctx context.Context, a demoAgent, agent agents.Agent) error {
	number, err := msisdn.Parse(a.msisdn, demoRegion)
	if err != nil {
		return err
	}
	if _, err := s.Agents.OperatorByMSISDN(ctx, number); !fault.Is(err, fault.NotFound) {
		return err
	}
	outlet, err := s.Agents.CreateOutlet(ctx, agents.NewOutlet{
		Agent: agent.ID, Code: a.code + "-1", Name: a.name, TimeZone: s.TimeZone,
	})
	if fault.Is(err, fault.DuplicateEntity) {
		outlet, err = s.Agents.OutletByCode(ctx, a.code+"-1")
	}
	if err != nil {
		return err
	}
	_, err = s.Agents.CreateOperator(ctx, agents.NewOperator{
		Outlet: outlet.ID, MSISDN: number, Name: a.name, Role: agents.Owner, Language: demoLanguage, PIN: secret.New(a.pin),
	})
	return err
}

func (s seedServices) customer(ctx context.Context, c demoCustomer) error {
	number, err := msisdn.Parse(c.msisdn, demoRegion)
	if err != nil {
		return err
	}
	found, err := s.Customers.ByMSISDN(ctx, number)
	if fault.Is(err, fault.CustomerNotFound) {
		found, err = s.Customers.Create(ctx, customers.NewCustomer{
			MSISDN: number, FirstName: c.first, LastName: c.last, BirthDate: c.born, IDNumber: c.idNumber,
			Language: demoLanguage, Tier: c.tier, PIN: secret.New(c.pin),
		})
	}
	if err != nil {
		return err
	}
	return s.deposit(ctx, "customer:"+number.Digits(), found.Wallet, c.balance)
}

// deposit posts an opening balance, once for ever: its key is the account's owner.
func (s seedServices) deposit(ctx context.Context, whose string, account uuid.UUID, minor int64) error {
	if minor == 0 {
		return nil
	}
	key := ledger.Key{Scope: "house:nova", Operation: "seed.demo", Value: whose}
	_, err := s.Writer.Submit(ctx, &ledger.Command{
		// The key says it all, and no rotated key may make a second run look like another request.
		Key: key, Body: key.Digest(), Currency: s.Currency, Posting: ids.New(s.Clock.Now()), Narration: "opening balance",
		Lines: []ledger.Line{
			{Account: s.Books.Trust, Side: ledger.Debit, Minor: minor},
			{Account: account, Side: ledger.Credit, Minor: minor},
		},
	})
	return err
}

func (s seedServices) client(ctx context.Context) error {
	var purposes []string
	for _, p := range policy.Purposes() {
		purposes = append(purposes, string(p))
	}
	_, _, err := s.Clients.Create(ctx, identity.NewClient{
		Name: demoClient, Secret: secret.New(demoSecret), Scopes: s.Scopes, Purposes: purposes,
	})
	if err != nil && !fault.Is(err, fault.DuplicateEntity) {
		return fmt.Errorf("seed client: %w", err)
	}
	return nil
}
