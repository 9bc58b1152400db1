package rest

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/audit"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/policy"
)

// actAuditSearch is what the record calls a look into it.
const actAuditSearch = "audit.search"

// mountAudit adds the search of the audit record, and its proof.
func (a *api) mountAudit(app *web.App) {
	access := web.Needs(policy.FraudReview, ScopeAudit)
	search := get("audit_search", "/v1/ops/audit", opsTag, "Privileged and security acts, the newest first", access)
	search.Description = "That somebody searched, and for what, is recorded as well."
	web.Register(app, search, a.searchAudit)
	verify := get("audit_verify", "/v1/ops/audit/verify", opsTag, "Whether the audit record is as it was sealed", access)
	verify.Description = "Reads the whole record and hashes it again. nova audit verify also compares it with the signed " +
		"checkpoints outside the database, and has more time."
	web.Register(app, verify, a.verifyAudit)
}

type auditInput struct {
	PageInput
	Actor  string    `query:"actor" doc:"Who acted: an id, nova or anonymous" example:"stf_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64" pattern:"^[a-z0-9_]+$"`
	Action string    `query:"action" doc:"What was done" example:"pin.reset_open" maxLength:"64" pattern:"^[a-z][a-z0-9_.\\-]*$"`
	Object string    `query:"object" doc:"To whom or what: an id" example:"cus_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64" pattern:"^[a-z0-9_\\-]+$"`
	From   time.Time `query:"from" doc:"The first moment that counts" example:"2026-11-21T00:00:00Z"`
	To     time.Time `query:"to" doc:"The first moment that no longer counts" example:"2026-11-22T00:00:00Z"`
}

// AuditEvent is one act, as the record keeps it.
type AuditEvent struct {
	EventID     string            `json:"event_id" example:"019a3c2e-7f10-7000-8000-000000000001"`
	At          Time              `json:"at"`
	Actor       string            `json:"actor" example:"stf_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Action      string            `json:"action" example:"pin.reset_open"`
	Object      string            `json:"object,omitempty" example:"cus_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Outcome     string            `json:"outcome" enum:"done,refused,failed" example:"done"`
	Purpose     string            `json:"purpose,omitempty" example:"support.investigate"`
	Policy      string            `json:"policy,omitempty" doc:"What allowed or forbade it" example:"support-investigates"`
	Channel     string            `json:"channel,omitempty" example:"console"`
	Correlation string            `json:"correlation_id,omitempty" doc:"X-Correlation-ID of the request"`
	Detail      map[string]string `json:"detail,omitempty" example:"{\"reason\":\"handset reported stolen\"}"`
}

// AuditPage is one page of the record.
type AuditPage struct {
	Page
	Data []AuditEvent `json:"data" nullable:"false"`
}

type auditOutput struct{ Body AuditPage }

// searchAudit answers GET /v1/ops/audit.
func (a *api) searchAudit(ctx context.Context, in *auditInput) (*auditOutput, error) {
	q := audit.Query{Actor: in.Actor, Action: in.Action, Object: in.Object, From: in.From, To: in.To, Most: in.PageSize}
	if in.PageToken != "" {
		var err error
		if q.Before, err = uuid.Parse(in.PageToken); err != nil {
			return nil, fault.Wrap(err, fault.ValidationError, "page token").Field("page_token", "was not given for this list")
		}
	}
	page, more, err := a.Ops.Record.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	a.recordSearch(ctx, in)
	out := &auditOutput{Body: AuditPage{Page: Page{Object: listObject, HasMore: more}, Data: []AuditEvent{}}}
	for _, e := range page {
		out.Body.Data = append(out.Body.Data, AuditEvent{
			EventID: e.ID.String(), At: Time(e.At), Actor: e.Actor, Action: e.Action, Object: e.Object, Outcome: e.Outcome,
			Purpose: e.Purpose, Policy: e.Policy, Channel: e.Channel, Correlation: e.Correlation, Detail: e.Detail,
		})
	}
	if more {
		out.Body.NextPageToken = page[len(page)-1].ID.String()
	}
	return out, nil
}

// recordSearch keeps what was searched for, in the words of the endpoint.
func (a *api) recordSearch(ctx context.Context, in *auditInput) {
	query := ""
	for _, part := range []struct{ name, value string }{
		{"actor", in.Actor}, {"action", in.Action}, {"object", in.Object}, {"from", moment(in.From)}, {"to", moment(in.To)},
		{"page_token", in.PageToken},
	} {
		if part.value != "" {
			query += " " + part.name + "=" + part.value
		}
	}
	via := web.Via(ctx, identity.Staff)
	a.Ops.Recorder.Record(ctx, audit.Event{
		Actor: via.Actor, Action: actAuditSearch, Outcome: audit.Done, Purpose: string(policy.FraudReview), Channel: via.Channel,
		Correlation: via.Correlation, Detail: map[string]string{audit.DetailQuery: query},
	})
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// AuditProof is what a proof of the record found.
type AuditProof struct {
	Status        string `json:"status" enum:"sound,broken" example:"sound"`
	Events        int64  `json:"events" doc:"Sealed, and as they were sealed" example:"1041"`
	Seals         int64  `json:"seals" example:"212"`
	Unsealed      int64  `json:"unsealed" doc:"Wait for their seal: some, for a second" example:"1"`
	UnsealedSince *Time  `json:"unsealed_since,omitempty"`
	Breach        string `json:"breach,omitempty" doc:"The first thing that is not as it was sealed"`
}

type auditProofOutput struct{ Body AuditProof }

// verifyAudit answers GET /v1/ops/audit/verify.
func (a *api) verifyAudit(ctx context.Context, _ *struct{}) (*auditProofOutput, error) {
	r, err := a.Ops.Proof.Verify(ctx)
	if err != nil {
		return nil, err
	}
	body := AuditProof{
		Status: "sound", Events: r.Events, Seals: r.Seals, Unsealed: r.Unsealed, UnsealedSince: timeOrNone(r.Since), Breach: r.Breach,
	}
	if r.Breach != "" {
		body.Status = "broken"
	}
	return &auditProofOutput{Body: body}, nil
}
