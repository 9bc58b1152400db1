package ledger

// Side is the side of a line or of an account's normal balance.
type Side int8

// The two sides.
const (
	Debit Side = iota + 1
	Credit
)

// String is the word that clients read.
func (s Side) String() string {
	switch s {
	case Debit:
		return "debit"
	case Credit:
		return "credit"
	default:
		return "no side"
	}
}

// Class is an account's place in the books.
type Class string

// The five classes.
const (
	Asset     Class = "asset"
	Liability Class = "liability"
	Income    Class = "income"
	Expense   Class = "expense"
	Equity    Class = "equity"
)

// Normal is the side on which a class's balance is positive.
func (c Class) Normal() Side {
	if c == Asset || c == Expense {
		return Debit
	}
	return Credit
}

// Product is what an account is for.
type Product string

// The chart of accounts.
const (
	Wallet              Product = "wallet"
	Float               Product = "float"
	Commission          Product = "commission"
	Savings             Product = "savings"
	TaxPayable          Product = "tax_payable"
	InterestPayable     Product = "interest_payable"
	Suspense            Product = "suspense"
	Trust               Product = "trust"
	OperatorBank        Product = "operator_bank"
	OverdraftReceivable Product = "overdraft_receivable"
	AgentReceivable     Product = "agent_receivable"
	FeeIncome           Product = "fee_income"
	InterestIncome      Product = "interest_income"
	CommissionExpense   Product = "commission_expense"
	InterestExpense     Product = "interest_expense"
	EquityAccount       Product = "equity"
)

var classes = map[Product]Class{
	Wallet: Liability, Float: Liability, Commission: Liability, Savings: Liability,
	TaxPayable: Liability, InterestPayable: Liability, Suspense: Liability,
	Trust: Asset, OperatorBank: Asset, OverdraftReceivable: Asset, AgentReceivable: Asset,
	FeeIncome: Income, InterestIncome: Income,
	CommissionExpense: Expense, InterestExpense: Expense,
	EquityAccount: Equity,
}

// Class is the product's place in the books; "" for a product that the chart does not have.
func (p Product) Class() Class { return classes[p] }

// Normal is the side on which the product's balance is positive.
func (p Product) Normal() Side { return p.Class().Normal() }

// Valid reports whether the chart has the product.
func (p Product) Valid() bool { return p.Class() != "" }
