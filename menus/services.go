package menus

import (
	"context"

	"github.com/google/uuid"

	"nova/core/agents"
	"nova/core/commissions"
	"nova/core/customers"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/limits"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/payments"
	"nova/core/products"
	"nova/core/reports"
	"nova/core/secret"
	"nova/core/transactions"
)

// Services are the use cases that the flows call, each as small as the flows need it.
type Services struct {
	Customers   Customers
	Agents      Agents
	Identity    Identity
	Payments    Payments
	Products    Products
	Commissions Commissions
	Reports     Reports
	Limits      Limits
	// Lookups is nil where nothing bounds how many numbers a caller may try.
	Lookups Lookups
}

// Lookups bounds how many people's numbers a caller may look up: whoever tries many wants to know whose they are.
type Lookups interface {
	// Allow counts one look-up; a RATE_LIMIT_EXCEEDED once there were too many.
	Allow(ctx context.Context, caller msisdn.MSISDN) error
}

// Customers registers and finds people.
type Customers interface {
	ByMSISDN(ctx context.Context, m msisdn.MSISDN) (customers.Customer, error)
	ByID(ctx context.Context, id uuid.UUID) (customers.Customer, error)
	Register(ctx context.Context, r customers.Registration) (customers.Customer, error)
	ConfirmIdentity(ctx context.Context, key ledger.Key, id uuid.UUID, birthYear int, lastFour string) error
	SetFirstPIN(ctx context.Context, key ledger.Key, id uuid.UUID, confirmed ledger.Key, pin secret.Text) error
	ChangePIN(ctx context.Context, key ledger.Key, id uuid.UUID, authorised ledger.Key, pin secret.Text) error
	SetLanguage(ctx context.Context, id uuid.UUID, language string) error

	Saw(ctx context.Context, c customers.Customer, imsi secret.Text) error
	Allow(ctx context.Context, c customers.Customer, act customers.Act, through transactions.Channel) error
	Admit(ctx context.Context, id uuid.UUID, act customers.Act, through transactions.Channel) error
}

// Agents finds operators.
type Agents interface {
	OperatorByMSISDN(ctx context.Context, m msisdn.MSISDN) (agents.Operator, error)
	OperatorByID(ctx context.Context, id uuid.UUID) (agents.Operator, error)
	ChangePIN(ctx context.Context, key ledger.Key, id uuid.UUID, authorised ledger.Key, pin secret.Text) error
	SetLanguage(ctx context.Context, operator uuid.UUID, language string) error
}

// Identity proves people by their PIN.
type Identity interface {
	Status(ctx context.Context, who identity.Subject) (identity.Status, error)
	PIN(who identity.Subject, pin secret.Text) identity.Proof
	Authenticate(ctx context.Context, key ledger.Key, p identity.Proof) error
	CheckNew(ctx context.Context, who identity.Subject, pin secret.Text, birthYear int) error
	Pending(pin secret.Text) string
	MatchesPending(pending string, pin secret.Text) bool
}

// Payments moves money.
type Payments interface {
	Payee(ctx context.Context, from uuid.UUID, to msisdn.MSISDN) (payments.Party, error)
	Agent(ctx context.Context, code string) (payments.Party, error)
	Till(ctx context.Context, till string) (payments.Party, error)
	CashInTo(ctx context.Context, operator uuid.UUID, to msisdn.MSISDN) (payments.Party, error)

	QuoteSend(ctx context.Context, from uuid.UUID, to msisdn.MSISDN, ask payments.Ask) (payments.Quote, error)
	QuoteCashOut(ctx context.Context, from uuid.UUID, agentCode string, ask payments.Ask) (payments.Quote, error)
	QuotePay(ctx context.Context, from uuid.UUID, till string, ask payments.Ask) (payments.Quote, error)
	QuoteCode(ctx context.Context, from uuid.UUID, ask payments.Ask) (payments.Quote, error)
	QuoteCashIn(ctx context.Context, operator uuid.UUID, to msisdn.MSISDN, ask payments.Ask) (payments.Quote, error)
	QuoteRedeem(ctx context.Context, operator uuid.UUID, customer msisdn.MSISDN) (payments.Quote, error)

	Send(ctx context.Context, o payments.SendOrder) (payments.Receipt, error)
	CashOutAtAgent(ctx context.Context, o payments.CashOutOrder) (payments.Receipt, error)
	Pay(ctx context.Context, o payments.PayOrder) (payments.Receipt, error)
	CashIn(ctx context.Context, o payments.CashInOrder) (payments.Receipt, error)
	IssueCode(ctx context.Context, o payments.CodeOrder) (payments.Code, error)
	RedeemCode(ctx context.Context, o payments.RedeemOrder) (payments.Receipt, error)

	LiveCode(ctx context.Context, customer uuid.UUID) (payments.Code, bool, error)
	ShowCode(ctx context.Context, key ledger.Key, p identity.Proof) (payments.Code, error)
	CancelCode(ctx context.Context, key ledger.Key, customer uuid.UUID) error

	Outcome(ctx context.Context, intent uuid.UUID) (payments.Receipt, bool, error)
	Undecided(ctx context.Context, intent uuid.UUID) (bool, error)
	CallOff(ctx context.Context, key ledger.Key) (bool, error)
	Balance(ctx context.Context, customer uuid.UUID) (money.Amount, error)
	FloatBalance(ctx context.Context, agent uuid.UUID) (money.Amount, error)
	MiniStatement(ctx context.Context, wallet uuid.UUID, n int) ([]payments.Line, error)
}

// Products keeps savings and lends on overdraft lines.
type Products interface {
	Savings(ctx context.Context, customer uuid.UUID) (products.Savings, error)
	QuoteDeposit(ctx context.Context, customer uuid.UUID, ask payments.Ask) (payments.Quote, error)
	Deposit(ctx context.Context, o products.DepositOrder) (payments.Receipt, error)
	QuoteWithdraw(ctx context.Context, customer uuid.UUID, ask payments.Ask) (payments.Quote, error)
	Withdraw(ctx context.Context, o products.WithdrawOrder) (payments.Receipt, error)

	Credit(ctx context.Context, customer uuid.UUID) (products.Credit, error)
	QuoteDraw(ctx context.Context, customer uuid.UUID, ask payments.Ask) (payments.Quote, error)
	Draw(ctx context.Context, o products.DrawOrder) (payments.Receipt, error)
	QuoteRepay(ctx context.Context, customer uuid.UUID, ask payments.Ask) (payments.Quote, error)
	Repay(ctx context.Context, o products.RepayOrder) (payments.Receipt, error)
}

// Commissions tells what agents earned.
type Commissions interface {
	Earned(ctx context.Context, agent uuid.UUID) (commissions.Earnings, error)
}

// Reports tells an outlet's day.
type Reports interface {
	Today(ctx context.Context, outlet uuid.UUID) (reports.Day, error)
}

// Limits describes a tier's limits.
type Limits interface {
	Describe(tier int, channel transactions.Channel) limits.Description
}
