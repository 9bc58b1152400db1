package rest

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/approvals"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/policy"
)

// ScopeApprovals lets its holder see what waits for a decision, and decide.
const ScopeApprovals = "approvals"

// approvalID is the prefix of what waits for a decision.
const approvalID ids.Prefix = "apv"

// Approvals keeps what one proposes and another decides. *approvals.Service is it.
type Approvals interface {
	Waiting(ctx context.Context, by approvals.Checker, f approvals.Filter) ([]approvals.Approval, error)
	ByID(ctx context.Context, id uuid.UUID) (approvals.Approval, error)
	Decide(ctx context.Context, id uuid.UUID, by approvals.Checker, v approvals.Verdict, note string) (
		approvals.Approval, error,
	)
}

// mountApprovals adds the operations on approvals. Each approval says itself which purpose its checker must hold, so the
// routes ask for no more than seeing does.
func (a *api) mountApprovals(app *web.App) {
	access := web.Needs(policy.CustomerAccountView, ScopeApprovals)
	const tag = "Approvals"
	decide := func(id, path, summary string) web.Operation {
		op := change(id, http.MethodPost, path, summary, http.StatusOK, access)
		op.Tags = []string{tag}
		op.Errors = append(op.Errors, http.StatusGone)
		return op
	}
	web.Register(app, get("approval_list", "/v1/approvals", tag,
		"What waits for the caller's decision, the oldest first", access), a.approvals)
	web.Register(app, get("approval_get", "/v1/approvals/{approval_id}", tag,
		"One approval, with what it would do", access), a.approval)
	web.Register(app, decide("approval_approve", "/v1/approvals/{approval_id}/approve",
		"Approve, once, what somebody else proposed"), a.approve)
	web.Register(app, decide("approval_reject", "/v1/approvals/{approval_id}/reject",
		"Reject, once, what somebody else proposed"), a.reject)
}

// Actor is who proposed or decided.
type Actor struct {
	Kind string `json:"kind" example:"operator"`
	ID   string `json:"id" example:"opr_01kat5m7q8e2r9v4c6x0z3n1bw"`
}

// actorIDs are the prefixes of those who propose and decide.
var actorIDs = map[string]ids.Prefix{
	string(identity.Client): ids.Client, string(identity.Customer): ids.Customer, string(identity.Operator): ids.Operator,
	string(identity.Staff): ids.Staff,
}

func actorOf(a approvals.Actor) *Actor {
	if a.ID == uuid.Nil {
		return nil
	}
	prefix, known := actorIDs[a.Kind]
	if !known {
		return &Actor{Kind: a.Kind, ID: a.ID.String()}
	}
	return &Actor{Kind: a.Kind, ID: ids.Format(prefix, a.ID)}
}

// Approval is what one proposed and another decides.
type Approval struct {
	ApprovalID string          `json:"approval_id" example:"apv_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Kind       string          `json:"kind" example:"reversal"`
	Subject    string          `json:"subject" doc:"What it is about" example:"txn_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Summary    string          `json:"summary" example:"reversal of 7K3M9Q"`
	Purpose    string          `json:"purpose" doc:"What whoever decides must hold" example:"operations.reverse"`
	Status     string          `json:"status" enum:"pending,approved,rejected,expired,cancelled" example:"pending"`
	MadeBy     *Actor          `json:"made_by,omitempty"`
	MadeAt     Time            `json:"made_at"`
	ExpiresAt  Time            `json:"expires_at"`
	DecidedBy  *Actor          `json:"decided_by,omitempty"`
	DecidedAt  *Time           `json:"decided_at,omitempty"`
	Note       string          `json:"note,omitempty" example:"checked with the customer"`
	Proposal   json.RawMessage `json:"proposal,omitempty" doc:"What it would do, in the kind's own form; in the answer about one approval"`
}

func approvalOf(a approvals.Approval) Approval {
	return Approval{
		ApprovalID: ids.Format(approvalID, a.ID), Kind: a.Kind, Subject: a.Subject, Summary: a.Summary, Purpose: a.Purpose,
		Status: string(a.Status), MadeBy: actorOf(a.Maker), MadeAt: Time(a.MadeAt), ExpiresAt: Time(a.ExpiresAt),
		DecidedBy: actorOf(a.Checker), DecidedAt: timeOrNone(a.DecidedAt), Note: a.Note,
	}
}

// checker is the caller as one who decides: with the purposes of the token, and as its own audience.
func checker(ctx context.Context) (approvals.Checker, error) {
	p, ok := web.Caller(ctx)
	if !ok {
		return approvals.Checker{}, fault.New(fault.Unauthorized, "approvals without a caller")
	}
	return approvals.Checker{
		Actor: approvals.Actor{Kind: string(p.Kind), ID: p.ID}, Purposes: p.Purposes, Audiences: []uuid.UUID{p.ID},
	}, nil
}

type approvalsInput struct {
	Kind      string `query:"kind" doc:"Approvals of this kind only" example:"reversal" maxLength:"40" pattern:"^[a-z][a-z._]*$"`
	PageSize  int    `query:"page_size" doc:"How many at most" default:"50" minimum:"1" maximum:"100"`
	PageToken string `query:"page_token" doc:"next_page_token of the page before" maxLength:"64"`
}

// ApprovalList is one page of what waits.
type ApprovalList struct {
	Page
	Data []Approval `json:"data" nullable:"false"`
}

type approvalsOutput struct{ Body ApprovalList }

// approvals answers GET /v1/approvals.
func (a *api) approvals(ctx context.Context, in *approvalsInput) (*approvalsOutput, error) {
	by, err := checker(ctx)
	if err != nil {
		return nil, err
	}
	// One more than the page holds tells whether there is another.
	filter := approvals.Filter{Most: min(in.PageSize+1, approvals.MaxPage)}
	if in.Kind != "" {
		filter.Kinds = []string{in.Kind}
	}
	if in.PageToken != "" {
		if filter.After, err = ids.Parse(approvalID, in.PageToken); err != nil {
			return nil, malformed("page_token", err)
		}
	}
	found, err := a.Approvals.Waiting(ctx, by, filter)
	if err != nil {
		return nil, err
	}
	out := &approvalsOutput{Body: ApprovalList{Page: Page{Object: listObject}, Data: []Approval{}}}
	if len(found) == filter.Most {
		found = found[:len(found)-1]
		out.Body.HasMore, out.Body.NextPageToken = true, ids.Format(approvalID, found[len(found)-1].ID)
	}
	for _, one := range found {
		out.Body.Data = append(out.Body.Data, approvalOf(one))
	}
	return out, nil
}

// ApprovalInput is what every operation on an approval takes.
type ApprovalInput struct {
	ApprovalID string `path:"approval_id" doc:"Id of the approval" example:"apv_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
}

func (in *ApprovalInput) named(ctx context.Context) (by approvals.Checker, id uuid.UUID, err error) {
	if by, err = checker(ctx); err != nil {
		return by, id, err
	}
	if id, err = ids.Parse(approvalID, in.ApprovalID); err != nil {
		err = malformed("approval_id", err)
	}
	return by, id, err
}

type approvalInput struct{ ApprovalInput }

type approvalOutput struct{ Body Approval }

// approval answers GET /v1/approvals/{approval_id}. Whoever made it may see it as well.
func (a *api) approval(ctx context.Context, in *approvalInput) (*approvalOutput, error) {
	by, id, err := in.named(ctx)
	if err != nil {
		return nil, err
	}
	found, err := a.Approvals.ByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := found.May(by); err != nil && !fault.Is(err, fault.MakerCheckerViolation) {
		return nil, err
	}
	body := approvalOf(found)
	body.Proposal = json.RawMessage(found.Payload)
	return &approvalOutput{Body: body}, nil
}

type decideInput struct {
	ApprovalInput
	Body *struct {
		Note string `json:"note,omitempty" example:"checked with the customer" maxLength:"500"`
	}
}

// approve answers POST /v1/approvals/{approval_id}/approve.
func (a *api) approve(ctx context.Context, in *decideInput) (*approvalOutput, error) {
	return a.decide(ctx, in, approvals.Approved)
}

// reject answers POST /v1/approvals/{approval_id}/reject.
func (a *api) reject(ctx context.Context, in *decideInput) (*approvalOutput, error) {
	return a.decide(ctx, in, approvals.Rejected)
}

func (a *api) decide(ctx context.Context, in *decideInput, v approvals.Verdict) (*approvalOutput, error) {
	by, id, err := in.named(ctx)
	if err != nil {
		return nil, err
	}
	note := ""
	if in.Body != nil {
		note = in.Body.Note
	}
	decided, err := a.Approvals.Decide(ctx, id, by, v, note)
	if err != nil {
		return nil, err
	}
	return &approvalOutput{Body: approvalOf(decided)}, nil
}
