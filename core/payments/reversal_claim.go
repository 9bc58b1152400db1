package payments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"nova/core/agents"
	"nova/core/approvals"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/policy"
	"nova/core/transactions"
	"nova/sql"
)

// maxNote bounds a claim's note, in bytes: a few sentences.
const maxNote = 500

// maker is who claims. Operator is zero for staff.
type maker struct {
	Claim
	operator agents.Operator
}

func (m maker) isOperator() bool { return m.operator.ID != uuid.Nil }

// payload is what an approval of a claim remembers.
type payload struct {
	Transaction uuid.UUID            `json:"transaction"`
	Minor       int64                `json:"minor"`
	Hold        uuid.UUID            `json:"hold"` // placed where there was something to hold
	Reason      Reason               `json:"reason"`
	Note        string               `json:"note"`
	Channel     transactions.Channel `json:"channel"`
}

// claim asks for an approval of a kind and holds what there is of what the claim wants, once for its key. Refusals are
// answers too, and are stored.
func (s *Service) claim(ctx context.Context, c Claim, kind string, body [32]byte, wants func(*recovery) (int64, error)) (
	Claimed, error,
) {
	m, err := s.maker(ctx, c)
	if err != nil {
		return Claimed{}, err
	}
	done, err := s.identity.Once(ctx, c.Key, body, func(ctx context.Context, tx *sql.Tx) (map[string]string, error) {
		return s.claimIn(ctx, tx, m, kind, wants)
	})
	if err != nil {
		return Claimed{}, err
	}
	return s.claimed(done)
}

// maker tells who claims, and refuses who never may and what nobody could read.
func (s *Service) maker(ctx context.Context, c Claim) (maker, error) {
	if !slices.Contains(Reasons(), c.Reason) {
		return maker{}, fault.New(fault.ValidationError, "reason %q", c.Reason).Field("reason_code", "is not known")
	}
	if len(c.Note) > maxNote {
		return maker{}, fault.New(fault.ValidationError, "note of %d bytes", len(c.Note)).
			Field("note", fmt.Sprintf("is longer than %d bytes", maxNote))
	}
	if isStaff(c.By) {
		return maker{Claim: c}, nil
	}
	if c.By.Kind != string(identity.Operator) {
		return maker{}, fault.New(fault.CodeForbidden, "a %s claims money back", c.By.Kind)
	}
	o, err := s.operator(ctx, c.By.ID)
	return maker{Claim: c, operator: o}, err
}

func isStaff(a approvals.Actor) bool { return a.Kind == string(identity.Staff) }

// claimIn writes the proposal and, last, places its hold. The transaction is looked at twice: before, to refuse while
// nothing is written, and under its lock, which is taken after the proposal's, as deciding does, so that the two never
// wait for each other in a circle.
func (s *Service) claimIn(ctx context.Context, tx *sql.Tx, m maker, kind string, wants func(*recovery) (int64, error)) (
	map[string]string, error,
) {
	r, err := s.look(ctx, tx, m.Transaction)
	if err != nil {
		return nil, err
	}
	want, err := wants(r)
	if err != nil {
		return nil, err
	}
	hold := ids.New(r.now)
	a, err := s.propose(ctx, tx, m, kind, r, payload{
		Transaction: m.Transaction, Minor: want, Hold: hold, Reason: m.Reason, Note: m.Note, Channel: m.Channel,
	})
	if err != nil {
		return nil, err
	}
	if r, err = s.recovery(ctx, tx, m.Transaction); err == nil {
		_, err = wants(r)
	}
	if err != nil {
		return nil, late(err)
	}
	held := min(want, r.covered())
	if err := s.hold(ctx, tx, a, r, ledger.Hold{
		ID: hold, Account: r.original.To.Account, Kind: ReversalHold, Minor: held, Reason: string(m.Reason),
		Metadata: map[string]string{metaTransaction: m.Transaction.String()}, ExpiresAt: a.ExpiresAt,
	}); err != nil {
		return nil, err
	}
	minor := func(n int64) string { return strconv.FormatInt(n, 10) }
	return map[string]string{
		extraApproval: a.ID.String(), extraTransaction: m.Transaction.String(), extraAmount: minor(want),
		extraHeld: minor(held), extraMissing: minor(want - held), extraExpires: a.ExpiresAt.Format(time.RFC3339Nano),
	}, nil
}

// propose asks whoever may decide it for the claim.
func (s *Service) propose(ctx context.Context, tx *sql.Tx, m maker, kind string, r *recovery, p payload) (
	approvals.Approval, error,
) {
	purpose, audience, err := s.checker(ctx, tx, m, r)
	if err != nil {
		return approvals.Approval{}, err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return approvals.Approval{}, fmt.Errorf("encode a claim: %w", err)
	}
	return s.approvals.ProposeIn(ctx, tx, approvals.Proposal{
		Kind: kind, Subject: ids.Format(ids.Transaction, p.Transaction), Payload: string(text),
		Summary: r.summary(kind, p.Minor), Purpose: string(purpose), Audience: audience, Maker: m.By,
		ExpiresAt: r.now.Add(ClaimLife),
	})
}

// summary is the line by which whoever decides knows the claim.
func (r *recovery) summary(kind string, want int64) string {
	t := r.original
	return fmt.Sprintf("%s of %s %s: %s %s, %s to %s", kind, t.Type, t.Receipt, t.Amount.Currency,
		money.Of(want, t.Amount.Currency).Format(), t.From.Name, t.To.Name)
}

// hold places the claim's hold, if there is anything to hold, and ends the one that it takes over.
func (s *Service) hold(ctx context.Context, tx *sql.Tx, a approvals.Approval, r *recovery, h ledger.Hold) error {
	if h.Minor == 0 {
		return nil
	}
	c := s.house("claim", a.ID)
	if r.held.ID != uuid.Nil {
		c.Holds = append(c.Holds, ledger.ReleaseHold(r.held.ID))
	}
	c.Holds = append(c.Holds, ledger.PlaceHold(h))
	_, err := s.post(ctx, tx, c)
	return err
}

// checker is who decides a claim: the purpose that they hold, and their outlet where it is left to the outlet.
func (s *Service) checker(ctx context.Context, tx *sql.Tx, m maker, r *recovery) (policy.Purpose, uuid.UUID, error) {
	if !m.isOperator() {
		return policy.OperationsReverse, uuid.Nil, nil
	}
	t, o := r.original, m.operator
	if t.Agent != o.Agent.ID {
		return "", uuid.Nil, fault.New(fault.NotFound, "transaction %s is no business of operator %s", t.ID, o.ID)
	}
	if t.Type == transactions.CashOut {
		return "", uuid.Nil, fault.New(fault.CodeForbidden, "operator %s claims the cash-out %s", o.ID, t.ID)
	}
	if t.Outlet != o.Outlet.ID || r.now.Sub(t.PostedAt) > OutletWindow {
		return policy.OperationsReverse, uuid.Nil, nil
	}
	// Nobody decides at an outlet of one: operations does.
	together, err := s.store.colleagues(ctx, tx, o.Outlet.ID, o.ID)
	if err != nil || !together {
		return policy.OperationsReverse, uuid.Nil, err
	}
	return policy.AgentTransact, o.Outlet.ID, nil
}

// The fields of a stored claim from which its answer is rendered.
const (
	extraApproval    = "approval"
	extraTransaction = "transaction"
	extraHeld        = "held"
	extraMissing     = "missing"
	extraExpires     = "expires_at"
)

// claimed renders a stored claim, so that a replay says what the first answer said.
func (s *Service) claimed(done identity.Done) (Claimed, error) {
	var faults []error
	id := func(name string) uuid.UUID {
		id, err := uuid.Parse(done.Extra[name])
		faults = append(faults, err)
		return id
	}
	amount := func(name string) money.Amount {
		minor, err := strconv.ParseInt(done.Extra[name], 10, 64)
		faults = append(faults, err)
		return money.Of(minor, s.currency)
	}
	expires, err := time.Parse(time.RFC3339Nano, done.Extra[extraExpires])
	faults = append(faults, err)
	return Claimed{
		Approval: id(extraApproval), Transaction: id(extraTransaction), Amount: amount(extraAmount),
		Held: amount(extraHeld), Missing: amount(extraMissing), ExpiresAt: expires, Replayed: done.Replayed,
	}, errors.Join(faults...)
}
