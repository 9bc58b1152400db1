package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/policy"
	"nova/core/secret"
)

// StaffBook is who works here.
type StaffBook interface {
	Create(ctx context.Context, n identity.NewMember, via identity.Via) (identity.Member, error)
	List(ctx context.Context, after string, most int) (page []identity.Member, more bool, err error)
	SetRoles(ctx context.Context, id uuid.UUID, roles []identity.Role, via identity.Via) error
}

// StaffAccess is whether they get in.
type StaffAccess interface {
	Disable(ctx context.Context, id uuid.UUID, via identity.Via) error
	Enable(ctx context.Context, id uuid.UUID, via identity.Via) error
	ResetTOTP(ctx context.Context, id uuid.UUID, via identity.Via) error
	ResetPassword(ctx context.Context, id uuid.UUID, password secret.Text, via identity.Via) error
}

// Staffing is the staff and their administration. *identity.Staffing is it.
type Staffing interface {
	StaffDoor
	StaffBook
	StaffAccess
}

// mountStaff adds the administration of staff.
func (a *api) mountStaff(app *web.App) {
	access := web.Needs(policy.ConfigChange, ScopeStaff)
	const all, one = "/v1/ops/staff", "/v1/ops/staff/{staff_id}"
	web.Register(app, get("staff_list", all, opsTag, "Staff, by email", access), a.listStaff)
	web.Register(app, get("staff_get", one, opsTag, "One member of staff", access), a.staffMember)
	web.Register(app, manage("staff_create", http.MethodPost, all,
		"Add a member of staff; the password is shown once and changed at the first sign-in", opsTag, http.StatusCreated, access),
		a.createStaff)
	web.Register(app, manage("staff_roles", http.MethodPut, one+"/roles",
		"Change what somebody else is there for; their sign-ins end", opsTag, http.StatusNoContent, access), a.setRoles)
	web.Register(app, opsAct("staff_disable", one+"/disable", "End somebody else's access at once", access),
		a.onStaff(Staffing.Disable))
	web.Register(app, opsAct("staff_enable", one+"/enable", "Give somebody else's access back", access), a.onStaff(Staffing.Enable))
	web.Register(app, opsAct("staff_totp_reset", one+"/totp/reset",
		"Take a second factor that was lost; another is made at the next sign-in", access), a.onStaff(Staffing.ResetTOTP))
	web.Register(app, manage("staff_password_reset", http.MethodPost, one+"/password/reset",
		"Issue a password, shown once and changed at the next sign-in", opsTag, http.StatusOK, access), a.resetPassword)
}

// Member is a member of staff.
type Member struct {
	StaffID     string   `json:"staff_id" example:"stf_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Email       string   `json:"email" example:"ada@example.com"`
	Name        string   `json:"name" example:"Ada Alleyne"`
	Roles       []string `json:"roles" nullable:"false" example:"[\"support\"]"`
	Status      string   `json:"status" enum:"active,disabled" example:"active"`
	HasTOTP     bool     `json:"has_totp" doc:"A second factor is in force"`
	MustChange  bool     `json:"must_change_password"`
	LockedUntil *Time    `json:"locked_until,omitempty" doc:"Wrong sign-ins have locked it"`
	CreatedAt   Time     `json:"created_at"`
	UpdatedAt   Time     `json:"updated_at"`
}

func memberOf(m identity.Member) Member {
	out := Member{
		StaffID: m.Subject().String(), Email: m.Email, Name: m.Name, Roles: []string{}, Status: "active", HasTOTP: m.HasTOTP,
		MustChange: m.MustChange, LockedUntil: timeOrNone(m.LockedUntil), CreatedAt: Time(m.CreatedAt), UpdatedAt: Time(m.UpdatedAt),
	}
	for _, role := range m.Roles {
		out.Roles = append(out.Roles, string(role))
	}
	if !m.Active {
		out.Status = "disabled"
	}
	return out
}

// MemberList is one page of the staff.
type MemberList struct {
	Page
	Data []Member `json:"data" nullable:"false"`
}

type listStaffOutput struct{ Body MemberList }

// listStaff answers GET /v1/ops/staff.
func (a *api) listStaff(ctx context.Context, in *listClientsInput) (*listStaffOutput, error) {
	after := ""
	if in.PageToken != "" {
		last, err := a.staffNamed(ctx, "page_token", in.PageToken)
		if err != nil {
			return nil, notGiven(err)
		}
		after = last.Email
	}
	page, more, err := a.Ops.Staff.List(ctx, after, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &listStaffOutput{Body: MemberList{Page: Page{Object: listObject, HasMore: more}, Data: []Member{}}}
	for _, m := range page {
		out.Body.Data = append(out.Body.Data, memberOf(m))
	}
	if more {
		out.Body.NextPageToken = page[len(page)-1].Subject().String()
	}
	return out, nil
}

func (a *api) staffNamed(ctx context.Context, field, named string) (identity.Member, error) {
	id, err := ids.Parse(ids.Staff, named)
	if err != nil {
		return identity.Member{}, malformed(field, err)
	}
	return a.Ops.Staff.ByID(ctx, id)
}

// StaffInput is what every operation on a member of staff takes.
type StaffInput struct {
	StaffID string `path:"staff_id" doc:"Id of the member" example:"stf_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
}

// managedStaff finds a member whom the caller may manage: nobody manages themselves.
func (a *api) managedStaff(ctx context.Context, in *StaffInput) (identity.Member, error) {
	m, err := a.staffNamed(ctx, "staff_id", in.StaffID)
	if err != nil {
		return m, err
	}
	_, err = web.Decide(ctx, aboutMember(m.ID))
	return m, err
}

type staffInput struct{ StaffInput }

type staffOutput struct{ Body Member }

// staffMember answers GET /v1/ops/staff/{staff_id}.
func (a *api) staffMember(ctx context.Context, in *staffInput) (*staffOutput, error) {
	m, err := a.managedStaff(ctx, &in.StaffInput)
	if err != nil {
		return nil, err
	}
	return &staffOutput{Body: memberOf(m)}, nil
}

type createStaffInput struct {
	Body struct {
		Email string   `json:"email" example:"ada@example.com" minLength:"3" maxLength:"254"`
		Name  string   `json:"name" example:"Ada Alleyne" minLength:"1" maxLength:"100"`
		Roles []string `json:"roles" nullable:"false" example:"[\"support\"]" minItems:"1" maxItems:"5" enum:"operations,finance,compliance,support,admin"`
	}
}

// MemberWithPassword is a new member with the password that nobody sees again.
type MemberWithPassword struct {
	Member
	Password string `json:"password" doc:"Shown once, and changed at the first sign-in" example:"k3v2q-7mzx4-b5hjt-w2c6n"`
}

type createStaffOutput struct{ Body MemberWithPassword }

func rolesOf(words []string) []identity.Role {
	list := make([]identity.Role, len(words))
	for i, word := range words {
		list[i] = identity.Role(word)
	}
	return list
}

// createStaff answers POST /v1/ops/staff.
func (a *api) createStaff(ctx context.Context, in *createStaffInput) (*createStaffOutput, error) {
	issued := identity.IssuePassword(in.Body.Email)
	m, err := a.Ops.Staff.Create(ctx, identity.NewMember{
		Email: in.Body.Email, Name: in.Body.Name, Roles: rolesOf(in.Body.Roles), Password: issued,
	}, web.Via(ctx, identity.Staff))
	if err != nil {
		return nil, err
	}
	return &createStaffOutput{Body: MemberWithPassword{Member: memberOf(m), Password: issued.Reveal()}}, nil
}

type setRolesInput struct {
	StaffInput
	Body struct {
		Roles []string `json:"roles" nullable:"false" example:"[\"support\",\"operations\"]" minItems:"1" maxItems:"5" enum:"operations,finance,compliance,support,admin"`
	}
}

// setRoles answers PUT /v1/ops/staff/{staff_id}/roles.
func (a *api) setRoles(ctx context.Context, in *setRolesInput) (*struct{}, error) {
	m, err := a.managedStaff(ctx, &in.StaffInput)
	if err != nil {
		return nil, err
	}
	return nil, a.Ops.Staff.SetRoles(ctx, m.ID, rolesOf(in.Body.Roles), web.Via(ctx, identity.Staff))
}

// onStaff answers what is done to somebody else without more words.
func (a *api) onStaff(do func(Staffing, context.Context, uuid.UUID, identity.Via) error,
) func(context.Context, *staffInput) (*struct{}, error) {
	return func(ctx context.Context, in *staffInput) (*struct{}, error) {
		m, err := a.managedStaff(ctx, &in.StaffInput)
		if err != nil {
			return nil, err
		}
		return nil, do(a.Ops.Staff, ctx, m.ID, web.Via(ctx, identity.Staff))
	}
}

// IssuedPassword is one that its owner changes at the next sign-in.
type IssuedPassword struct {
	Password string `json:"password" doc:"Shown once" example:"k3v2q-7mzx4-b5hjt-w2c6n"`
}

type issuedOutput struct{ Body IssuedPassword }

// resetPassword answers POST /v1/ops/staff/{staff_id}/password/reset.
func (a *api) resetPassword(ctx context.Context, in *staffInput) (*issuedOutput, error) {
	m, err := a.managedStaff(ctx, &in.StaffInput)
	if err != nil {
		return nil, err
	}
	issued := identity.IssuePassword(m.Email)
	if err := a.Ops.Staff.ResetPassword(ctx, m.ID, issued, web.Via(ctx, identity.Staff)); err != nil {
		return nil, err
	}
	return &issuedOutput{Body: IssuedPassword{Password: issued.Reveal()}}, nil
}
