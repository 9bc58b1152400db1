package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/agents"
	"nova/core/audit"
	"nova/core/customers"
	"nova/core/identity"
	"nova/core/msisdn"
	"nova/core/policy"
	"nova/core/secret"
	"nova/core/transactions"
)

// Scopes of staff. No client is granted one.
const (
	ScopeStaff        = "ops.staff"
	ScopeOpsCustomers = "ops.customers"
	ScopeOpsAgents    = "ops.agents"
	ScopeAudit        = "ops.audit"
)

// StaffScopes says which parts of the API each role of staff works in. What they may do there is the policies' to say.
func StaffScopes() map[identity.Role][]string {
	return map[identity.Role][]string{
		identity.Admin:      {ScopeClients, ScopeStaff, ScopeOpsAgents},
		identity.Support:    {ScopeOpsCustomers},
		identity.Operations: {ScopeOpsCustomers, ScopeOpsAgents},
		identity.Compliance: {ScopeOpsCustomers, ScopeAudit},
		identity.Finance:    {ScopeCoreIntegrity},
	}
}

// OpsSignIns keeps who is signed in. *identity.SignIns is it.
type OpsSignIns interface {
	Refresh(ctx context.Context, kind identity.Kind, token secret.Text, via identity.Via) (identity.SignedIn, error)
	Logout(ctx context.Context, kind identity.Kind, token secret.Text, via identity.Via) error
	RevokeSubject(ctx context.Context, sub identity.Subject, reason string, via identity.Via) error
}

// CustomerLookup finds customers, for others than themselves.
type CustomerLookup interface {
	ByMSISDN(ctx context.Context, m msisdn.MSISDN) (customers.Customer, error)
	ByID(ctx context.Context, id uuid.UUID) (customers.Customer, error)
	Consult(ctx context.Context, by identity.Subject, id uuid.UUID) (customers.Customer, error)
}

// CustomerActs is what staff do to customers.
type CustomerActs interface {
	SetStatus(ctx context.Context, by identity.Subject, id uuid.UUID, to customers.Status, why string) error
	OpenReset(ctx context.Context, via identity.Via, id uuid.UUID, seen customers.IDCheck) error
	ReportSIMSwap(ctx context.Context, by identity.Subject, swap customers.SIMSwap) error
	BlockUSSD(ctx context.Context, by identity.Subject, id uuid.UUID) error
	UnblockUSSD(ctx context.Context, by identity.Subject, id uuid.UUID, through transactions.Channel) error
}

// OpsCustomers is what staff know of customers and do to them. *customers.Service is it.
type OpsCustomers interface {
	CustomerLookup
	CustomerActs
}

// OpsPINs tells how somebody's PIN stands, and unlocks it. *identity.Service is it.
type OpsPINs interface {
	Status(ctx context.Context, sub identity.Subject) (identity.Status, error)
	Unlock(ctx context.Context, sub identity.Subject, via identity.Via) error
}

// OpsAgents suspends agents and who stands under them. *agents.Service is it.
type OpsAgents interface {
	OperatorByID(ctx context.Context, id uuid.UUID) (agents.Operator, error)
	MerchantByID(ctx context.Context, id uuid.UUID) (agents.Merchant, error)
	SetStatus(ctx context.Context, by identity.Subject, c agents.Change) error
	OperatorsUnder(ctx context.Context, of, after uuid.UUID) ([]uuid.UUID, error)
}

// Record is the audit record, for those who may search it. *audit.Events is it.
type Record interface {
	Search(ctx context.Context, q audit.Query) (page []audit.Event, more bool, err error)
}

// Proof proves the audit record. *audit.Events is it, on a connection that may take its time.
type Proof interface {
	Verify(ctx context.Context) (audit.Report, error)
}

// Recorder keeps what is worth a record and changes nothing. *audit.Log is it.
type Recorder interface {
	Record(ctx context.Context, events ...audit.Event)
}

// Ops is what the operations of administrators and staff are made of.
type Ops struct {
	Clients   Clients
	Staff     Staffing
	SignIns   OpsSignIns
	Customers OpsCustomers
	PINs      OpsPINs
	Agents    OpsAgents
	Record    Record
	Proof     Proof
	Recorder  Recorder
	// Region is the country whose local number forms staff may type.
	Region string
}

// mountOps adds what administrators and staff do.
func (a *api) mountOps(app *web.App) {
	a.mountClients(app)
	a.mountOpsAuth(app)
	a.mountStaff(app)
	a.mountOpsCustomers(app)
	a.mountOpsAgents(app)
	a.mountAudit(app)
	a.mountOwnGuards(app)
}

const opsTag = "Operations"

// opsAct is an operation of staff that answers nothing but that it was done.
func opsAct(id, path, summary string, access web.Access) web.Operation {
	return manage(id, http.MethodPost, path, summary, opsTag, http.StatusNoContent, access)
}

// acting is the caller as a subject.
func acting(ctx context.Context) identity.Subject {
	p, _ := web.Caller(ctx)
	return p.Subject()
}

// aboutMember is somebody of staff as an object of policies. They own themselves, so that a policy can say who changes whom.
func aboutMember(id uuid.UUID) func(*policy.Request) {
	return func(r *policy.Request) { r.Resource = policy.Resource{Kind: policy.Member, ID: id, Owner: id} }
}

// WhyBody is why staff do something, in their own words.
type WhyBody struct {
	Reason string `json:"reason" doc:"In a person's own words; it stands in the record" example:"handset reported stolen, call 4711" minLength:"3" maxLength:"200"`
}
