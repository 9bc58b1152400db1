package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
)

// StaffDoor lets staff in, and lets them mend their own sign-in. *identity.Staffing is it.
type StaffDoor interface {
	SignIn(ctx context.Context, in identity.StaffSignIn) (identity.StaffSignedIn, error)
	ByID(ctx context.Context, id uuid.UUID) (identity.Member, error)
	EnrolTOTP(ctx context.Context, id uuid.UUID) (secret.Text, error)
	ConfirmTOTP(ctx context.Context, id uuid.UUID, code secret.Text, via identity.Via) error
	ChangePassword(ctx context.Context, id uuid.UUID, old, password secret.Text, via identity.Via) error
}

// mountOpsAuth adds the way in for staff. What they mend of their own sign-in takes any good token of theirs: until then it
// grants nothing.
func (a *api) mountOpsAuth(app *web.App) {
	const root = "/v1/ops/auth"
	open := func(id, path, summary, why string, status int) web.Operation {
		op := manage(id, http.MethodPost, root+path, summary, opsTag, status, web.Open("public: "+why).Limited(web.RateSignIn))
		op.Errors = []int{
			http.StatusBadRequest, http.StatusUnauthorized, http.StatusUnsupportedMediaType, http.StatusTooManyRequests,
			http.StatusServiceUnavailable,
		}
		return op
	}
	own := func(id, path, summary string, status int) web.Operation {
		return manage(id, http.MethodPost, root+path, summary, opsTag, status, web.Self(identity.Staff).Limited(web.RateSignIn))
	}
	login := open("ops_login", "/login", "Sign in as staff", "the password is in the request", http.StatusOK)
	login.Description = "Whatever is wrong, the name, the password, the code, a code that was used before, a lock or a disabled " +
		"account, is one INVALID_CREDENTIALS. Who has no second factor yet, or a password that somebody else chose, gets a " +
		"token that grants nothing but mending that."
	web.Register(app, login, a.staffLogin)
	web.Register(app, open("ops_refresh", "/refresh", "Change a refresh token for new tokens, once",
		"the refresh token is in the request", http.StatusOK), a.staffRefresh)
	web.Register(app, open("ops_logout", "/logout", "End the sign-in of a refresh token",
		"the refresh token is in the request", http.StatusNoContent), a.staffLogout)
	web.Register(app, own("ops_totp_enrol", "/totp", "Make one's own second factor, which counts once it is confirmed",
		http.StatusCreated), a.enrolTOTP)
	web.Register(app, own("ops_totp_confirm", "/totp/confirm",
		"Turn one's own second factor on by its first code; every sign-in ends", http.StatusNoContent), a.confirmTOTP)
	web.Register(app, own("ops_password", "/password", "Change one's own password; every sign-in ends",
		http.StatusNoContent), a.changePassword)
}

type staffLoginInput struct {
	Body struct {
		Email    string      `json:"email" example:"ada@example.com" minLength:"3" maxLength:"254"`
		Password secret.Text `json:"password" minLength:"1" maxLength:"512"`
		TOTP     secret.Text `json:"totp,omitzero" doc:"Code of the authenticator app; left out by who has none yet" maxLength:"6"`
	}
}

// StaffTokens is a fresh sign-in of staff.
type StaffTokens struct {
	AccessToken      string   `json:"access_token" doc:"A signed JWT"`
	TokenType        string   `json:"token_type" enum:"Bearer" example:"Bearer"`
	ExpiresIn        int      `json:"expires_in" doc:"Seconds" example:"600"`
	RefreshToken     string   `json:"refresh_token" doc:"Opaque, good once"`
	RefreshExpiresIn int      `json:"refresh_expires_in" doc:"Seconds" example:"3600"`
	StaffID          string   `json:"staff_id" example:"stf_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Name             string   `json:"name" example:"Ada Alleyne"`
	Roles            []string `json:"roles" nullable:"false" doc:"What the token is for; none until a second factor and an own password are there" example:"[\"support\"]"`
	AAL              int      `json:"aal" doc:"Assurance level: 2 with a second factor" enum:"1,2" example:"2"`
	MustEnrolTOTP    bool     `json:"must_enrol_totp" doc:"A second factor must be made before anything else"`
	MustChange       bool     `json:"must_change_password" doc:"The password was chosen by somebody else and must be changed before anything else"`
}

type staffTokensOutput struct {
	Pragma string `header:"Pragma" hidden:"true"`
	Body   StaffTokens
}

func staffTokens(in identity.StaffSignedIn) *staffTokensOutput {
	return &staffTokensOutput{Pragma: "no-cache", Body: StaffTokens{
		AccessToken: in.Access.Reveal(), TokenType: "Bearer", ExpiresIn: int(in.ExpiresIn.Seconds()),
		RefreshToken: in.Refresh.Reveal(), RefreshExpiresIn: int(in.RefreshExpiresIn.Seconds()),
		StaffID: in.Subject.String(), Name: in.Grant.Name, Roles: append([]string{}, in.Grant.Roles...), AAL: in.AAL,
		MustEnrolTOTP: in.MustEnrol, MustChange: in.MustChange,
	}}
}

// staffLogin answers POST /v1/ops/auth/login.
func (a *api) staffLogin(ctx context.Context, in *staffLoginInput) (*staffTokensOutput, error) {
	if err := web.Allow(ctx, strings.ToLower(in.Body.Email)); err != nil {
		return nil, err
	}
	signedIn, err := a.Ops.Staff.SignIn(ctx, identity.StaffSignIn{
		Email: in.Body.Email, Password: in.Body.Password, TOTP: in.Body.TOTP, Via: web.Via(ctx, identity.Staff),
	})
	if err != nil {
		return nil, err
	}
	return staffTokens(signedIn), nil
}

// staffRefreshInput is what refreshes and ends a sign-in.
type staffRefreshInput struct {
	Body struct {
		RefreshToken secret.Text `json:"refresh_token" minLength:"1" maxLength:"200"`
	}
}

// staffRefresh answers POST /v1/ops/auth/refresh.
func (a *api) staffRefresh(ctx context.Context, in *staffRefreshInput) (*staffTokensOutput, error) {
	signedIn, err := a.Ops.SignIns.Refresh(ctx, identity.Staff, in.Body.RefreshToken, web.Via(ctx, identity.Staff))
	if err != nil {
		return nil, err
	}
	member, err := a.Ops.Staff.ByID(ctx, signedIn.Subject.ID)
	if err != nil {
		return nil, err
	}
	out := identity.StaffSignedIn{SignedIn: signedIn, Member: member}
	// A grant of no role is one that waits for what must be done first.
	out.MustChange, out.MustEnrol = member.MustChange, !member.HasTOTP && !member.MustChange && len(signedIn.Grant.Roles) == 0
	return staffTokens(out), nil
}

// staffLogout answers POST /v1/ops/auth/logout.
func (a *api) staffLogout(ctx context.Context, in *staffRefreshInput) (*struct{}, error) {
	return nil, a.Ops.SignIns.Logout(ctx, identity.Staff, in.Body.RefreshToken, web.Via(ctx, identity.Staff))
}

// Enrolment is a second factor that waits for its first code.
type Enrolment struct {
	URI string `json:"otpauth_uri" doc:"What an authenticator app reads from a QR code; shown once" example:"otpauth://totp/Nova:ada@example.com?secret=..."`
}

type staffEnrolOutput struct{ Body Enrolment }

// enrolTOTP answers POST /v1/ops/auth/totp.
func (a *api) enrolTOTP(ctx context.Context, _ *struct{}) (*staffEnrolOutput, error) {
	uri, err := a.Ops.Staff.EnrolTOTP(ctx, acting(ctx).ID)
	if err != nil {
		return nil, err
	}
	return &staffEnrolOutput{Body: Enrolment{URI: uri.Reveal()}}, nil
}

type staffConfirmInput struct {
	Body struct {
		Code secret.Text `json:"code" doc:"First code of the authenticator app" minLength:"6" maxLength:"6"`
	}
}

// confirmTOTP answers POST /v1/ops/auth/totp/confirm.
func (a *api) confirmTOTP(ctx context.Context, in *staffConfirmInput) (*struct{}, error) {
	return nil, a.Ops.Staff.ConfirmTOTP(ctx, acting(ctx).ID, in.Body.Code, web.Via(ctx, identity.Staff))
}

type staffPasswordInput struct {
	Body struct {
		Old secret.Text `json:"old_password" minLength:"1" maxLength:"512"`
		New secret.Text `json:"password" doc:"12 to 128 characters that are not easy to guess" minLength:"12" maxLength:"512"`
	}
}

// changePassword answers POST /v1/ops/auth/password. A wrong old password is no sign that the token is bad, so it is not 401.
func (a *api) changePassword(ctx context.Context, in *staffPasswordInput) (*struct{}, error) {
	err := a.Ops.Staff.ChangePassword(ctx, acting(ctx).ID, in.Body.Old, in.Body.New, web.Via(ctx, identity.Staff))
	if fault.Is(err, fault.InvalidCredentials) {
		return nil, fault.Wrap(err, fault.ValidationError, "wrong old password").Field("old_password", "is not right")
	}
	return nil, err
}
