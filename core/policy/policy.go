// Package policy names the purposes for which data is read and money is moved. Every route and every errand of a
// menu declares exactly one, so that a decision can be asked for and audited in the words of the business.
//
// It refuses to know who asks and how: a caller's purposes stand in its token (identity.Principal).
// Its one rule: what no purpose covers is not allowed.
package policy

import "slices"

// Purpose is why somebody acts, as tokens, routes and policies spell it.
type Purpose string

// The purposes of the platform, in the order in which documents list them.
const (
	CustomerTransact     Purpose = "customer.transact"
	CustomerAccountView  Purpose = "customer.account.view"
	CustomerBeneficiary  Purpose = "customer.beneficiary.manage"
	AgentTransact        Purpose = "agent.transact"
	AgentFloat           Purpose = "agent.float"
	SupportInvestigate   Purpose = "support.investigate"
	FraudReview          Purpose = "fraud.review"
	ComplianceKYC        Purpose = "compliance.kyc"
	OperationsReverse    Purpose = "operations.reverse"
	FinanceSettle        Purpose = "finance.settle"
	LedgerPost           Purpose = "ledger.post"
	ConfigChange         Purpose = "config.change"
	AnalyticsAggregate   Purpose = "analytics.aggregate"
	MarketingPersonalize Purpose = "marketing.personalize"
)

// all is the catalogue in its printed order.
var all = []Purpose{
	CustomerTransact, CustomerAccountView, CustomerBeneficiary, AgentTransact, AgentFloat, SupportInvestigate,
	FraudReview, ComplianceKYC, OperationsReverse, FinanceSettle, LedgerPost, ConfigChange, AnalyticsAggregate,
	MarketingPersonalize,
}

// Purposes lists the catalogue, for what must cover it: routes, policies, the demo client.
func Purposes() []Purpose { return slices.Clone(all) }

// Known reports whether p stands in the catalogue.
func (p Purpose) Known() bool { return slices.Contains(all, p) }

// Allowed reports whether somebody who holds these purposes may act for p. An unknown purpose is allowed to nobody,
// so that a misspelt one in a route shows at once.
func (p Purpose) Allowed(held []string) bool {
	return p.Known() && slices.Contains(held, string(p))
}
