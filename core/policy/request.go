package policy

import (
	"time"

	"github.com/google/uuid"

	"nova/core/identity"
	"nova/core/ids"
	"nova/core/money"
	"nova/core/transactions"
)

// Caller is who acts, as the door has proved them.
type Caller struct {
	// Subject is zero for a stranger: a number that belongs to nobody here.
	identity.Subject
	// Roles are those of staff (support, operations, compliance, finance, admin) and of operators (owner, manager,
	// cashier, viewer).
	Roles []string
	// Purposes and Scopes are what the token grants; Token says that there is one. Without it the network vouches for
	// the SIM, and nothing is narrowed.
	Token    bool
	Purposes []string
	Scopes   []string
	// AAL is the assurance level: 1 one factor, 2 two.
	AAL int
	// Agent and Outlet are whom an operator works for and where. Whoever answers an operator's request fills them in
	// before it asks about an object; until then no object is the operator's.
	Agent, Outlet uuid.UUID
}

// ByToken is the caller whom a verified token names.
func ByToken(p identity.Principal) Caller {
	return Caller{
		Subject: p.Subject(), Roles: p.Roles, Token: true, Purposes: p.Purposes, Scopes: p.Scopes, AAL: p.AAL,
	}
}

// BySIM is somebody who dials: a customer, an operator with the role at their outlet, or, with the zero subject, a stranger.
func BySIM(who identity.Subject, roles ...string) Caller {
	return Caller{Subject: who, Roles: roles, AAL: 1}
}

// String names the caller in audit events: a TypeID, or "anonymous" for a stranger.
func (c Caller) String() string {
	if c.ID == uuid.Nil {
		return anonymous
	}
	return identity.Principal{Kind: c.Kind, ID: c.ID}.String()
}

// Kind says what an object is.
type Kind string

// The kinds of objects, as policies spell them.
const (
	// Route is the door itself: nobody has looked yet for what stands behind it. Who may enter is asked about it first;
	// about the object itself, once it is found.
	Route Kind = "Route"

	Wallet      Kind = "Wallet"  // of a customer: wallet, savings, overdraft line, codes; of an agent: float, commission
	Account     Kind = "Account" // of an API client's
	Transaction Kind = "Transaction"
	Person      Kind = "Person" // a customer, as somebody about whom much is known
	Agent       Kind = "Agent"
	Outlet      Kind = "Outlet"
	Approval    Kind = "Approval" // whatever waits for a second person, float instructions too
	Case        Kind = "Case"     // a KYC case or a dispute
	Device      Kind = "Device"
	Member      Kind = "Member" // of staff, an operator or an API client: who is managed
)

// prefixes say how an object is named in audit events; a kind that is not here goes by its UUID.
var prefixes = map[Kind]ids.Prefix{
	Wallet: ids.Wallet, Account: ids.Account, Transaction: ids.Transaction, Person: ids.Customer, Agent: ids.Agent,
	Outlet: ids.Outlet, Approval: ids.Approval, Device: ids.Device,
}

// Resource is what is acted on. The zero value is the door itself. What does not apply is left empty.
type Resource struct {
	Kind Kind // "" means Route
	ID   uuid.UUID
	// Owner is whose it is: a customer, a client. Of what two people share, such as a transaction, the one who asks, if it is
	// theirs.
	Owner uuid.UUID
	// Agent and Outlet are those that it belongs to, and Above the agents above that one.
	Agent, Outlet uuid.UUID
	Above         []uuid.UUID
	// Maker is who proposed what waits for a decision.
	Maker uuid.UUID
	// Granted says that the owner granted it to the caller.
	Granted bool
}

// kind is Route where nothing is named.
func (r Resource) kind() Kind {
	if r.Kind == "" {
		return Route
	}
	return r.Kind
}

// String names the object in audit events; "" for the door itself.
func (r Resource) String() string {
	prefix, known := prefixes[r.kind()]
	switch {
	case r.ID == uuid.Nil:
		return ""
	case known:
		return ids.Format(prefix, r.ID)
	}
	return r.ID.String()
}

// DeviceState says how the device stands that an app runs on.
type DeviceState string

// The states. The zero value is NoDevice.
const (
	NoDevice      DeviceState = "none"
	UnboundDevice DeviceState = "unbound"
	NewDevice     DeviceState = "new" // bound, within the last day
	BoundDevice   DeviceState = "bound"
)

// Context is how somebody acts. The zero value changes something, moves no money, and knows of no device and no mishap.
type Context struct {
	Channel transactions.Channel
	// Scope is the part of the API that a token must grant; "" where no token is asked for one.
	Scope string
	// Reads: nothing is changed. Money: money is moved or reserved, of Amount if that is known. Decides: what another
	// person proposed is approved or rejected.
	Reads, Money, Decides bool
	Amount                money.Amount
	// PIN: the PIN is compared together with the act, by the use case.
	PIN    bool
	Device DeviceState
	// SIMSwappedAt and PINResetAt are the last times; zero for never.
	SIMSwappedAt, PINResetAt time.Time
}

// Request asks whether a caller may do something.
type Request struct {
	Caller  Caller
	Purpose Purpose
	// Action is a route's operation id or an errand's name.
	Action   string
	Resource Resource
	Context  Context
	// Correlation ties the decision's record to the log's lines. No policy sees it.
	Correlation string
}
