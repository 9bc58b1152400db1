package rest

import (
	"context"
	"net/http"

	"nova/channels/web"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/secret"
)

// mountAuth adds a side's sign-in. What takes a secret in its body is open: it comes before there is a token.
func (s *side) mountAuth(app *web.App) {
	in := web.Open("public: the PIN is in the request").Limited(web.RateSignIn)
	code := web.Open("public: it comes before a token").Limited(web.RateOTP)
	op := func(action, path, summary string, status int, access web.Access, more ...int) web.Operation {
		o := s.operation(http.MethodPost, "auth_"+action, "/auth/"+path, summary, status, access)
		o.Errors = append(o.Errors, more...)
		return o
	}
	login := op("login", "login", "Sign in with the PIN", http.StatusOK, in, http.StatusLocked)
	refresh := op("refresh", "refresh", "A new pair of tokens for a refresh token, once", http.StatusOK,
		web.Open("public: the refresh token is in the request").Limited(web.RateSignIn))
	refresh.Description = "A refresh token that comes a second time ends its whole sign-in: TOKEN_REUSED."
	pin := op("pin", "pin", "Choose another PIN", http.StatusNoContent, in, http.StatusLocked, http.StatusConflict, http.StatusGone)
	pin.Description = "All sign-ins end: whoever knew the old PIN is out, and the app signs in with the new one."
	if s.kind == identity.Operator {
		web.Register(app, login, s.agentLogin)
		web.Register(app, refresh, s.agentRefresh)
		web.Register(app, pin, s.agentPIN)
	} else {
		pin.Description += " With the PIN in use, or, where it is forgotten and support has opened a reset, with an otp_token for " +
			"pin_reset and the answers that a handset asks for."
		web.Register(app, login, s.customerLogin)
		web.Register(app, refresh, s.customerRefresh)
		web.Register(app, pin, s.customerPIN)
	}
	web.Register(app, op("logout", "logout", "End the sign-in of a refresh token", http.StatusNoContent, web.Self(s.kind)), s.logout)
	request := op("otp_request", "otp/request", "Have a one-time code sent", http.StatusAccepted, code, http.StatusNotFound, http.StatusGone)
	request.Description = "A number that nobody answers to gets the same answer, and no SMS. The purpose step_up needs the token " +
		"that was challenged, and the challenge; the code then goes to its owner's number."
	web.Register(app, request, s.requestOTP)
	web.Register(app, op("otp_verify", "otp/verify", "Change a one-time code for its otp_token", http.StatusOK, code, http.StatusGone), s.verifyOTP)
}

// DeviceHeader is the app's own name of the device that it runs on. It is exported because huma does not look into others.
type DeviceHeader struct {
	DeviceID string `header:"X-Device-ID" doc:"The app's own name of its device" example:"7d0f6a52-phone" maxLength:"64"`
}

// device is the one that a request names, in its body or its header; two are refused.
func (h DeviceHeader) device(body string) (string, error) {
	if body != "" && h.DeviceID != "" && body != h.DeviceID {
		return "", fault.New(fault.ValidationError, "two devices").Field("device_id", "differs from X-Device-ID")
	}
	if body == "" {
		return h.DeviceID, nil
	}
	return body, nil
}

// TokenPair is what a sign-in gives.
type TokenPair struct {
	AccessToken      string `json:"access_token" doc:"A signed JWT"`
	TokenType        string `json:"token_type" enum:"Bearer" example:"Bearer"`
	ExpiresIn        int    `json:"expires_in" doc:"Seconds" example:"600"`
	RefreshToken     string `json:"refresh_token" doc:"Good once"`
	RefreshExpiresIn int    `json:"refresh_expires_in" doc:"Seconds" example:"604800"`
	DeviceBound      bool   `json:"device_bound" doc:"The tokens are those of a bound device, whose key signs what moves money"`
	AAL              int    `json:"aal" doc:"Assurance level: 1 one factor, 2 two" example:"1"`
	PINChange        bool   `json:"pin_change_required" doc:"Somebody else chose the PIN: the tokens grant nothing until another is chosen"`
}

func pairOf(in identity.SignedIn) TokenPair {
	return TokenPair{
		AccessToken: in.Access.Reveal(), TokenType: "Bearer", ExpiresIn: int(in.ExpiresIn.Seconds()),
		RefreshToken: in.Refresh.Reveal(), RefreshExpiresIn: int(in.RefreshExpiresIn.Seconds()),
		DeviceBound: in.DeviceBound, AAL: in.AAL, PINChange: in.MustChange,
	}
}

type refreshInput struct {
	Body struct {
		RefreshToken secret.Text `json:"refresh_token" doc:"The newest of the sign-in" maxLength:"100" minLength:"1"`
	}
}

// logout answers POST .../auth/logout. A token that is none, or is over, is as good as ended.
func (s *side) logout(ctx context.Context, in *refreshInput) (*struct{}, error) {
	return nil, s.Apps.SignIns.Logout(ctx, s.kind, in.Body.RefreshToken, web.Via(ctx, s.kind))
}

type otpInput struct {
	Authorization string `header:"Authorization" hidden:"true" maxLength:"9000"`
	Body          struct {
		Purpose   string `json:"purpose" enum:"device_bind,pin_reset,step_up,cashout" example:"device_bind"`
		MSISDN    string `json:"msisdn,omitempty" doc:"One's own number; not needed for step_up" example:"+12462501001" maxLength:"32"`
		Challenge string `json:"challenge,omitempty" doc:"For step_up: the one of the MFA_REQUIRED" example:"chl_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
	}
}

// OTPBody is a code on its way.
type OTPBody struct {
	OTPSessionID string `json:"otp_session_id" example:"otp_01kat5m7q8e2r9v4c6x0z3n1bw"`
	ExpiresIn    int    `json:"expires_in" doc:"Seconds" example:"300"`
	ResendAfter  int    `json:"resend_after" doc:"Seconds until another may be asked for" example:"60"`
	Channel      string `json:"channel" example:"sms"`
	OTP          string `json:"otp,omitempty" doc:"The code itself, in demonstrations alone" example:"482913"`
}

type otpOutput struct{ Body OTPBody }

// requestOTP answers POST .../auth/otp/request.
func (s *side) requestOTP(ctx context.Context, in *otpInput) (*otpOutput, error) {
	purpose := identity.OTPPurpose(in.Body.Purpose)
	var sent identity.OTPSent
	var err error
	switch {
	case purpose == identity.OTPStepUp:
		sent, err = s.stepUpCode(ctx, in)
	case purpose == identity.OTPCashOut:
		err = fault.New(fault.ValidationError, "a code for a cash-out without a quote").Field("purpose", "needs a quote")
	case purpose == identity.OTPPINReset && s.kind == identity.Operator:
		err = fault.New(fault.ValidationError, "operators reset no PIN").Field("purpose", "is for customers: support issues an operator's PIN")
	default:
		sent, err = s.codeTo(ctx, purpose, in.Body.MSISDN)
	}
	if err != nil {
		return nil, err
	}
	return &otpOutput{Body: OTPBody{
		OTPSessionID: ids.Format(ids.OTP, sent.Session), ExpiresIn: int(sent.ExpiresIn.Seconds()),
		ResendAfter: int(sent.ResendAfter.Seconds()), Channel: sent.Channel, OTP: sent.Code.Reveal(),
	}}, nil
}

// codeTo sends a code to a number. Nobody behind it is no error: whether there is somebody is not told.
func (s *side) codeTo(ctx context.Context, purpose identity.OTPPurpose, typed string) (identity.OTPSent, error) {
	to, err := s.number(typed, "msisdn")
	if err != nil {
		return identity.OTPSent{}, err
	}
	if err := web.Allow(ctx, to.Digits()); err != nil {
		return identity.OTPSent{}, err
	}
	who, err := s.byNumber(ctx, to)
	if err != nil {
		return identity.OTPSent{}, err
	}
	return s.Apps.OTPs.Request(ctx, identity.OTPRequest{Purpose: purpose, Subject: who.subject, To: to, Language: who.language})
}

// stepUpCode sends the code of a challenge to whom the token names. The route is open, so the token is looked at here.
func (s *side) stepUpCode(ctx context.Context, in *otpInput) (identity.OTPSent, error) {
	p, err := s.Apps.Tokens.Verify(ctx, bearerOf(in.Authorization))
	if err != nil {
		return identity.OTPSent{}, err
	}
	if p.Kind != s.kind {
		return identity.OTPSent{}, fault.New(fault.Unauthorized, "%s is no %s", p, s.kind)
	}
	if err := web.Allow(ctx, p.String()); err != nil {
		return identity.OTPSent{}, err
	}
	challenge, err := ids.Parse(ids.Challenge, in.Body.Challenge)
	if err != nil {
		return identity.OTPSent{}, malformed("challenge", err)
	}
	who, err := s.byID(ctx, p.ID)
	if err != nil {
		return identity.OTPSent{}, err
	}
	return s.Apps.StepUps.SendCode(ctx, p, challenge, who.number, who.language)
}

type verifyInput struct {
	Body struct {
		OTPSessionID string      `json:"otp_session_id" example:"otp_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
		Code         secret.Text `json:"code" doc:"Six digits" example:"482913" maxLength:"6" minLength:"6"`
	}
}

// VerifiedBody is what a right code earns.
type VerifiedBody struct {
	Verified  bool   `json:"verified"`
	OTPToken  string `json:"otp_token" doc:"Good once, for what the code was asked for"`
	ExpiresIn int    `json:"expires_in" doc:"Seconds" example:"600"`
}

type verifiedOutput struct{ Body VerifiedBody }

// verifyOTP answers POST .../auth/otp/verify.
func (s *side) verifyOTP(ctx context.Context, in *verifyInput) (*verifiedOutput, error) {
	session, err := ids.Parse(ids.OTP, in.Body.OTPSessionID)
	if err != nil {
		return nil, malformed("otp_session_id", err)
	}
	if err := web.Allow(ctx, session.String()); err != nil {
		return nil, err
	}
	v, err := s.Apps.OTPs.Verify(ctx, session, in.Body.Code, web.Via(ctx, s.kind))
	if err != nil {
		return nil, err
	}
	return &verifiedOutput{Body: VerifiedBody{Verified: true, OTPToken: v.Token.Reveal(), ExpiresIn: int(v.ExpiresIn.Seconds())}}, nil
}
