package menus

import (
	"context"
	"strings"

	"nova/core/agents"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/policy"
	"nova/core/transactions"
	"nova/sessions"
)

// The homes: where a dial begins and where 00 leads.
const (
	customerHome  = "/customer"
	agentHome     = "/agent"
	newcomersHome = "register/language"
	unprovenHome  = "first_pin/birth_year"
	forgottenHome = "reset_pin/birth_year"
	issuedHome    = "issued_pin/old"
	issuedAgent   = "issued_operator_pin/old"
)

// Tables are the menus and flows of an engine.
type Tables struct {
	Menus []Menu
	Flows []Flow
	// Homes are the places where dials begin, as flow/screen; a menu has no flow.
	Homes map[Root][]string
}

// BuiltIn are the tables that Nova serves.
func BuiltIn() Tables {
	return Tables{Menus: builtInMenus(), Flows: builtInFlows(), Homes: map[Root][]string{
		CustomerRoot: {customerHome, newcomersHome, unprovenHome, forgottenHome, issuedHome},
		AgentRoot:    {agentHome, issuedAgent},
	}}
}

// builtInMenus are all pages of options. A missing digit is reserved for an errand that comes later.
func builtInMenus() []Menu {
	return []Menu{
		{Name: "customer", Text: "menu.customer", Options: []Option{
			{"1", "send_money"}, {"2", "withdraw"}, {"3", "pay"}, {"4", "savings"}, {"5", "account"},
		}},
		{Name: "withdraw", Text: "menu.withdraw", Options: []Option{
			{"1", "withdraw_at_agent"}, {"2", "withdrawal_code"},
		}},
		{Name: "savings", Text: "menu.savings", Options: []Option{
			{"1", "savings_balances"}, {"2", "savings_deposit"}, {"3", "savings_withdrawal"}, {"4", "overdraft_draw"},
			{"5", "overdraft_repay"},
		}},
		{Name: "account", Text: "menu.account", Options: []Option{
			{"1", "balance"}, {"2", "mini_statement"}, {"3", "change_pin"}, {"4", "language"}, {"5", "limits"},
		}},
		{Name: "agent", Text: "menu.agent", Options: []Option{
			{"1", "cash_in"}, {"2", "cash_out"}, {"3", "float"}, {"4", "commission"}, {"5", "more"},
		}},
		{Name: "cash_out", Text: "menu.cash_out", Options: []Option{{"1", "redeem_code"}}},
		{Name: "float", Text: "menu.float", Options: []Option{{"1", "float_balance"}}},
		{Name: "commission", Text: "menu.commission", Options: []Option{{"1", "earned"}}},
		{Name: "more", Text: "menu.more", Options: []Option{
			{"1", "register_customer"}, {"4", "today"}, {"5", "operator_settings"},
		}},
	}
}

// builtInFlows are all errands.
func builtInFlows() []Flow {
	return []Flow{
		register(), firstPIN(), resetPIN(),
		issuedPIN("issued_pin", policy.CustomerAccountView), issuedPIN("issued_operator_pin", policy.AgentTransact),
		sendMoney(), withdrawAtAgent(), withdrawalCode(), pay(),
		savingsBalances(), savingsDeposit(), savingsWithdrawal(), overdraftDraw(), overdraftRepay(),
		balance(), miniStatement(), changePIN(), language(), ownLimits(),
		cashIn(), redeemCode(), floatBalance(), earned(), registerCustomer(), today(), operatorSettings(),
	}
}

// open finds out who dials and stands the session on their home.
func (t *Turn) open(ctx context.Context, resume *sessions.Resume) error {
	t.s.Root = string(t.dial.Root)
	t.s.Flow, t.s.Screen, t.s.Stack, t.s.Tries, t.s.Page = "", "", nil, 0, 0
	t.s.Values = map[string]string{}
	t.s.Menu = t.e.version
	if t.dial.Root == AgentRoot {
		return t.openAgent(ctx, resume)
	}
	return t.openCustomer(ctx, resume)
}

func (t *Turn) openCustomer(ctx context.Context, resume *sessions.Resume) error {
	customer, err := t.Services().Customers.ByMSISDN(ctx, t.dial.Caller)
	if fault.Is(err, fault.CustomerNotFound) {
		t.standHome(newcomersHome)
		return t.allowed(ctx, newcomersHome, policy.BySIM(identity.Subject{}))
	}
	if err != nil {
		return err
	}
	t.meet(customer.Subject(), customer.Scope(), customer.Language)
	t.KeepID(myWallet, customer.Wallet)
	if err := t.Services().Customers.Allow(ctx, customer, customers.Look, transactions.USSD); err != nil {
		return err
	}
	if !t.dial.IMSI.IsZero() {
		if err := t.Services().Customers.Saw(ctx, customer, t.dial.IMSI); err != nil {
			return err
		}
	}
	return t.unlocked(ctx, policy.BySIM(customer.Subject()), customerHome, resume)
}

func (t *Turn) openAgent(ctx context.Context, resume *sessions.Resume) error {
	operator, err := t.Services().Agents.OperatorByMSISDN(ctx, t.dial.Caller)
	if fault.Is(err, fault.NotFound) {
		return stop("not_operator")
	}
	if err != nil {
		return err
	}
	t.meet(operator.Subject(), operator.Scope(), operator.Language)
	t.Keep(myBusiness, shorten(operator.Agent.TradingName, maxBusiness))
	t.KeepID(myAgent, operator.Agent.ID)
	t.KeepID(myOutlet, operator.Outlet.ID)
	if err := operator.Usable(); err != nil {
		return err
	}
	return t.unlocked(ctx, operatorAsks(operator), agentHome, resume)
}

// meet remembers who dials, in a language that there are words for.
func (t *Turn) meet(who identity.Subject, scope, language string) {
	t.Keep(myScope, scope)
	t.Keep(myID, who.ID.String())
	if t.e.o.Packs.Has(language) {
		t.s.Language = language
	}
}

// unlocked lets in who has a PIN of their own that isn't locked. A customer without one, or whose forgotten one support
// lets them replace, chooses it first; whoever was issued one changes it first.
func (t *Turn) unlocked(ctx context.Context, who policy.Caller, home string, resume *sessions.Resume) error {
	status, err := t.Services().Identity.Status(ctx, who.Subject)
	if err != nil {
		return err
	}
	switch {
	case !status.HasPIN && who.Kind == identity.Operator:
		return stop("no_operator_pin")
	case !status.HasPIN && status.ResetOpen:
		return t.prepare(ctx, who, forgottenHome) // a lock is of the PIN that is forgotten
	case status.LockedUntil.After(t.Now()):
		return fault.Locked(t.Now(), status.LockedUntil, "PIN of %s", who.ID)
	case !status.HasPIN:
		return t.prepare(ctx, who, unprovenHome)
	case status.MustChange && who.Kind == identity.Operator:
		t.standHome(issuedAgent)
		return t.allowed(ctx, issuedAgent, who)
	case status.MustChange:
		t.standHome(issuedHome)
		return t.allowed(ctx, issuedHome, who)
	}
	t.standHome(home)
	t.look(ctx, resume)
	return nil
}

// prepare stands a customer where they prove who they are before they set a PIN.
func (t *Turn) prepare(ctx context.Context, who policy.Caller, home string) error {
	t.standHome(home)
	if err := t.allowed(ctx, home, who); err != nil {
		return err
	}
	return pinWaits(t.Services().Customers.Admit(ctx, who.ID, customers.ProveByAnswers, transactions.USSD))
}

// admitted tells that the caller may still begin an errand, and this one.
func (t *Turn) admitted(ctx context.Context, flow Flow) error {
	if t.s.Root != string(AgentRoot) {
		if err := t.Services().Customers.Admit(ctx, t.Me(), flow.Act, transactions.USSD); err != nil {
			return err
		}
		return t.allowed(ctx, flow.Name, policy.BySIM(identity.Subject{Kind: identity.Customer, ID: t.Me()}))
	}
	operator, err := t.Services().Agents.OperatorByID(ctx, t.Me())
	if err != nil {
		return err
	}
	if err := operator.Usable(); err != nil {
		return err
	}
	return t.allowed(ctx, flow.Name, operatorAsks(operator))
}

// operatorAsks is an operator as the policies know them.
func operatorAsks(o agents.Operator) policy.Caller {
	who := policy.BySIM(o.Subject(), string(o.Role))
	who.Agent, who.Outlet = o.Agent.ID, o.Outlet.ID
	return who
}

// allowed asks the policies whether somebody may do the errand of a place.
func (t *Turn) allowed(ctx context.Context, place string, who policy.Caller) error {
	if t.e.o.Policies == nil {
		return nil
	}
	name, _, _ := strings.Cut(place, "/")
	r := t.e.flows[name].flow.Request(who)
	r.Correlation = t.dial.Reference
	return t.e.o.Policies.Decide(ctx, r).Err()
}

func (t *Turn) standHome(place string) {
	t.Keep(myHome, place)
	t.stand(place)
}

// maxBusiness is what a business's name may take on a screen.
const maxBusiness = 24
