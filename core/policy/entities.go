package policy

import (
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/identity"
	"nova/core/money"
)

// The types of entities and attributes stand in schema.cedarschema, which policies are checked against; a test compares
// what is built here with it.
const (
	actionType   cedar.EntityType = "Action"
	roleType     cedar.EntityType = "Role"
	strangerType cedar.EntityType = "Stranger"
	// nobody stands for a caller's agent or outlet that there is not: unlike an object's, so that two empty ones are
	// never the same.
	nobody = "none"
	// anonymous is how audit events name a stranger.
	anonymous = audit.Anonymous
	// never is how many hours ago something was that never happened.
	never = 1_000_000
)

// callerTypes are what callers are called in policies. Who is none of these may do nothing.
var callerTypes = map[identity.Kind]cedar.EntityType{
	identity.Customer: "Customer", identity.Operator: "Operator", identity.Client: "Client", identity.Staff: "Staff",
}

// text is an id in a policy, or what stands for none.
func text(id uuid.UUID, none string) cedar.String {
	if id == uuid.Nil {
		return cedar.String(none)
	}
	return cedar.String(id.String())
}

// entities are the two that a request is about. Roles are named by the caller's parents alone.
type entities [2]cedar.Entity

// Get finds one of them.
func (e *entities) Get(uid cedar.EntityUID) (cedar.Entity, bool) {
	for i := range e {
		if e[i].UID == uid {
			return e[i], true
		}
	}
	return cedar.Entity{}, false
}

func (c *Caller) entity() cedar.Entity {
	kind, known := callerTypes[c.Kind]
	if !known {
		kind = strangerType
	}
	roles := make([]cedar.EntityUID, len(c.Roles))
	for i, role := range c.Roles {
		roles[i] = cedar.NewEntityUID(roleType, cedar.String(role))
	}
	id := text(c.ID, nobody)
	return cedar.Entity{
		UID:     cedar.NewEntityUID(kind, id),
		Parents: cedar.NewEntityUIDSet(roles...),
		Attributes: cedar.NewRecord(cedar.RecordMap{
			"id": id, "aal": cedar.Long(c.AAL), "agent": text(c.Agent, nobody), "outlet": text(c.Outlet, nobody),
		}),
	}
}

// door is the object of every request that is about none, which most are.
var door = (&Resource{}).build()

func (r *Resource) entity() cedar.Entity {
	if r.kind() == Route {
		return door
	}
	return r.build()
}

func (r *Resource) build() cedar.Entity {
	above := make([]cedar.Value, len(r.Above))
	for i, agent := range r.Above {
		above[i] = text(agent, "")
	}
	return cedar.Entity{
		UID: cedar.NewEntityUID(cedar.EntityType(r.kind()), text(r.ID, "")),
		Attributes: cedar.NewRecord(cedar.RecordMap{
			"owner": text(r.Owner, ""), "agent": text(r.Agent, ""), "outlet": text(r.Outlet, ""), "above": cedar.NewSet(above...),
			"maker": text(r.Maker, ""), "granted": cedar.Boolean(r.Granted),
		}),
	}
}

// record is the request's context as policies see it. large is the amount above which a second factor is asked for.
func (r *Request) record(now time.Time, large money.Amount) cedar.Record {
	c := &r.Context
	device := c.Device
	if device == "" {
		device = NoDevice
	}
	return cedar.NewRecord(cedar.RecordMap{
		"operation": cedar.String(r.Action), "channel": cedar.String(c.Channel), "reads": cedar.Boolean(c.Reads),
		"money": cedar.Boolean(c.Money), "decides": cedar.Boolean(c.Decides), "minor": cedar.Long(c.Amount.Minor),
		"currency": cedar.String(c.Amount.Currency), "large": cedar.Boolean(isLarge(c.Amount, large)),
		"token": cedar.Boolean(r.Caller.Token), "has_purpose": cedar.Boolean(r.Purpose.Allowed(r.Caller.Purposes)),
		"has_scope": cedar.Boolean(c.Scope == "" || slices.Contains(r.Caller.Scopes, c.Scope)),
		"pin":       cedar.Boolean(c.PIN), "device": cedar.String(device),
		"hours_since_sim_swap": hoursSince(c.SIMSwappedAt, now), "hours_since_pin_reset": hoursSince(c.PINResetAt, now),
	})
}

// isLarge compares amounts. One of another currency than the threshold's is large: nobody has said what it is worth.
func isLarge(a, above money.Amount) bool {
	switch {
	case above.IsZero() || !a.IsPositive():
		return false
	case a.Currency != above.Currency:
		return true
	}
	return above.Less(a)
}

func hoursSince(at, now time.Time) cedar.Long {
	if at.IsZero() {
		return never
	}
	return cedar.Long(now.Sub(at) / time.Hour)
}
