package rest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"nova/channels/web"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
)

const (
	grantClientCredentials = "client_credentials"
	oauthPath              = "/v1/oauth/token"
	jsonType               = "application/json"
	formType               = "application/x-www-form-urlencoded"
	basicScheme            = "Basic "
)

// tokenRequest is RFC 6749, section 4.4.2, with the client's credentials as section 2.3.1 allows them in the body.
type tokenRequest struct {
	// Unknown parameters of a form are ignored, as section 3.2 demands; Resolve refuses them in JSON.
	_ struct{} `additionalProperties:"true"`

	GrantType    string      `json:"grant_type,omitempty" doc:"client_credentials" example:"client_credentials" maxLength:"64"`
	ClientID     string      `json:"client_id,omitempty" doc:"The client's name or id, unless HTTP Basic carries it" example:"demo" maxLength:"200"`
	ClientSecret secret.Text `json:"client_secret,omitzero" doc:"The client's secret, unless HTTP Basic carries it" maxLength:"200"`
	Scope        string      `json:"scope,omitempty" doc:"Space-separated; fewer than the client has. All, if left out" example:"wallets.read txns.read" maxLength:"1000"`
}

type tokenInput struct {
	Authorization string `header:"Authorization" hidden:"true" maxLength:"1000"`
	Body          tokenRequest
}

// Resolve refuses unknown fields of a JSON body, as every other operation does.
func (in *tokenInput) Resolve(ctx huma.Context) []error {
	if strings.HasPrefix(strings.ToLower(ctx.Header("Content-Type")), formType) {
		return nil
	}
	decoder := json.NewDecoder(ctx.BodyReader())
	decoder.DisallowUnknownFields()
	var again tokenRequest
	err := decoder.Decode(&again)
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "unknown field"): // encoding/json has no type for it
		return []error{fault.New(fault.ValidationError, "token request").Field("body", "has an unknown field")}
	default:
		return []error{fault.New(fault.ValidationError, "token request").Field("body", "is not valid JSON")}
	}
}

// TokenBody is RFC 6749, section 5.1.
type TokenBody struct {
	AccessToken string `json:"access_token" doc:"A signed JWT"`
	TokenType   string `json:"token_type" enum:"Bearer" example:"Bearer"`
	ExpiresIn   int    `json:"expires_in" doc:"Seconds" example:"600"`
	Scope       string `json:"scope" doc:"Space-separated" example:"wallets.read txns.read"`
}

type tokenOutput struct {
	Pragma string `header:"Pragma" hidden:"true"`
	Body   TokenBody
}

func tokenOperation() web.Operation {
	return web.Operation{
		Access: web.Open("public: the client's secret is in the request").Limited(web.RateSignIn),
		Operation: huma.Operation{
			OperationID: "oauth_token", Method: http.MethodPost, Path: oauthPath, Tags: []string{"Clients"},
			Summary: "Access token for a client",
			Description: "The client credentials grant of RFC 6749, section 4.4, as a form or as JSON. The client proves " +
				"itself by HTTP Basic or in the body, not both. Failures have the API's error body: a wrong secret is " +
				"INVALID_CREDENTIALS, everything else VALIDATION_ERROR with the parameter that is at fault.",
			Errors:      []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusUnsupportedMediaType, http.StatusTooManyRequests},
			RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{formType: {}}},
		},
	}
}

// describeTokenForm gives the form the same schema as the JSON body.
func describeTokenForm(app *web.App) {
	content := app.API().OpenAPI().Paths[oauthPath].Post.RequestBody.Content
	content[formType].Schema = content[jsonType].Schema
}

// token answers POST /v1/oauth/token.
func (a *api) token(ctx context.Context, in *tokenInput) (*tokenOutput, error) {
	if in.Body.GrantType != grantClientCredentials {
		return nil, badToken("grant_type", "is not client_credentials")
	}
	id, key, err := in.credentials()
	if err != nil {
		return nil, in.refusal(err)
	}
	if err := web.Allow(ctx, id); err != nil {
		return nil, err
	}
	t, err := a.Tokens.ClientCredentials(ctx, id, key, strings.Fields(in.Body.Scope)...)
	if err != nil {
		return nil, in.refusal(err)
	}
	return &tokenOutput{Pragma: "no-cache", Body: tokenBody(t)}, nil
}

func tokenBody(t identity.Token) TokenBody {
	return TokenBody{
		AccessToken: t.Access.Reveal(), TokenType: "Bearer", ExpiresIn: int(t.ExpiresIn.Seconds()),
		Scope: strings.Join(t.Scopes, " "),
	}
}

// credentials are the client's, from the header or the body; both at once are refused (RFC 6749, section 2.3).
func (in *tokenInput) credentials() (id string, key secret.Text, err error) {
	if in.Authorization == "" {
		if in.Body.ClientID == "" || in.Body.ClientSecret.IsZero() {
			return "", key, fault.New(fault.InvalidCredentials, "no client credentials")
		}
		return in.Body.ClientID, in.Body.ClientSecret, nil
	}
	if !in.Body.ClientSecret.IsZero() {
		return "", key, badToken("client_secret", "is in the header as well")
	}
	id, key, ok := basicCredentials(in.Authorization)
	if !ok {
		return "", key, fault.New(fault.InvalidCredentials, "Authorization is not HTTP Basic")
	}
	if in.Body.ClientID != "" && in.Body.ClientID != id {
		return "", key, badToken("client_id", "differs from the header's")
	}
	return id, key, nil
}

// basicCredentials reads HTTP Basic, whose two parts are form-encoded (RFC 6749, section 2.3.1).
func basicCredentials(header string) (id string, key secret.Text, ok bool) {
	if len(header) <= len(basicScheme) || !strings.EqualFold(header[:len(basicScheme)], basicScheme) {
		return "", key, false
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(header[len(basicScheme):]))
	if err != nil {
		return "", key, false
	}
	user, password, found := bytes.Cut(plain, []byte(":"))
	name, nameErr := url.QueryUnescape(string(user))
	word, wordErr := url.QueryUnescape(string(password))
	if !found || nameErr != nil || wordErr != nil || name == "" || word == "" {
		return "", key, false
	}
	return name, secret.New(word), true
}

func badToken(parameter, problem string) error {
	return fault.New(fault.ValidationError, "token request").Field(parameter, problem)
}

// refusal gives a failure RFC 6749's form (section 5.2): a scope that the client lacks is 400, and a client that came
// by HTTP Basic is told to come again that way.
func (in *tokenInput) refusal(err error) error {
	if fault.Is(err, fault.CodeForbidden) {
		return badToken("scope", "is not granted to this client")
	}
	if fault.Is(err, fault.InvalidCredentials) && in.Authorization != "" {
		return huma.ErrorWithHeaders(err, http.Header{"Www-Authenticate": {basicScheme + `realm="nova"`}})
	}
	return err
}
