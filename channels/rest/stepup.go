package rest

import (
	"context"

	"nova/channels/web"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/secret"
)

type stepUpInput struct {
	Body struct {
		Challenge string      `json:"challenge" doc:"The one of the MFA_REQUIRED" example:"chl_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
		OTPToken  secret.Text `json:"otp_token,omitzero" doc:"Of the code for it; left out where it was approved on the handset" maxLength:"100" minLength:"1"`
	}
}

// StepUpBody is a token for one request.
type StepUpBody struct {
	AccessToken string `json:"access_token" doc:"A signed JWT, good for the one request"`
	TokenType   string `json:"token_type" enum:"Bearer" example:"Bearer"`
	ExpiresIn   int    `json:"expires_in" doc:"Seconds" example:"120"`
	AAL         int    `json:"aal" example:"2"`
}

type stepUpOutput struct{ Body StepUpBody }

// completeStepUp answers POST /v1/auth/stepup/complete.
func (a *api) completeStepUp(ctx context.Context, in *stepUpInput) (*stepUpOutput, error) {
	p, ok := web.Caller(ctx)
	if !ok || p.Kind != identity.Customer && p.Kind != identity.Operator {
		return nil, fault.New(fault.CodeForbidden, "%s has no app", p)
	}
	challenge, err := ids.Parse(ids.Challenge, in.Body.Challenge)
	if err != nil {
		return nil, malformed("challenge", err)
	}
	t, err := a.Apps.StepUps.Complete(ctx, p, challenge, in.Body.OTPToken, web.Via(ctx, p.Kind))
	if err != nil {
		return nil, err
	}
	return &stepUpOutput{Body: StepUpBody{
		AccessToken: t.Access.Reveal(), TokenType: "Bearer", ExpiresIn: int(t.ExpiresIn.Seconds()), AAL: steppedUp,
	}}, nil
}

// steppedUp is the assurance of two factors.
const steppedUp = 2

// keysLive is how long others may keep our keys: a new one signs no sooner than that after it is shown.
const keysLive = "public, max-age=300"

type jwksOutput struct {
	CacheControl string `header:"Cache-Control" hidden:"true"`
	Body         identity.KeySet
}

// jwks answers GET /.well-known/jwks.json.
func (a *api) jwks(context.Context, *struct{}) (*jwksOutput, error) {
	return &jwksOutput{CacheControl: keysLive, Body: a.Apps.Tokens.JWKS()}, nil
}
