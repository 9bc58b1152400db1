// Package policy says who may do what: for one of the purposes for which data is read and money is moved, by role, and by
// whose the object is. Every route and every errand of a menu declares exactly one purpose, so that a decision can be asked
// for and recorded in the words of the business.
//
// The policies are cedar files (configs/policies, or an operator's own), read and checked as a whole at start. What they may
// speak of stands in schema.cedarschema; what they answer, in testdata/decisions.txt, for people to read. A policy has:
//   - @id, its name in decisions and in the audit record;
//   - @code on a forbid: what is answered instead of FORBIDDEN. MFA_REQUIRED asks for a second factor, of nobody but those
//     whom the other policies permit;
//   - @audit("always") on a permit: what it allows is recorded, as every refusal is;
//   - @mask("personal") on a permit: what it shows must be masked.
//
// The package refuses to look anything up: who asks, and what about, is told with the request. Its one rule: what no policy
// permits is refused, and so is everything about which a policy cannot be asked.
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
