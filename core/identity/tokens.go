package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/secret"
)

const (
	// DefaultTokenLife is between the 5 and 10 minutes that the contract names: a token cannot be called back, so
	// it dies soon.
	DefaultTokenLife = 10 * time.Minute
	// maxToken bounds what is parsed for an unauthenticated caller.
	maxToken = 8 << 10
	// tokenLeeway is how far the clocks of the nodes that issue and verify may differ: a token may be read so long
	// before it was made, and never after it expired.
	tokenLeeway = 10 * time.Second
	// aalClient is the assurance of one secret.
	aalClient = 1
	// amrSecret is how a client proved itself.
	amrSecret = "client_secret"
)

// SignerName names the keys that sign access tokens.
const SignerName = "token_signer"

// Principal is who calls the API, as their token says.
type Principal struct {
	Kind     Kind
	ID       uuid.UUID
	Name     string
	Scopes   []string
	Purposes []string
	// AAL is the authenticator assurance level, AMR the methods behind it.
	AAL int
	AMR []string
	// Session is the sign-in that the token belongs to, Device the bound device ("" for none), Token the jti.
	Session, Token uuid.UUID
	Device         string
	// Roles are what a member of staff is, or an operator at the outlet.
	Roles []string
	// Bound is the hash of the one request that a step-up token is good for; "" for every other token.
	Bound string
}

// HasScope reports whether the token grants scope.
func (p Principal) HasScope(scope string) bool { return slices.Contains(p.Scopes, scope) }

// Subject is the principal as a subject of proofs.
func (p Principal) Subject() Subject { return Subject{Kind: p.Kind, ID: p.ID} }

// String names the principal in logs: the TypeID of its subject.
func (p Principal) String() string { return p.Subject().String() }

// Token is a fresh access token.
type Token struct {
	Access    secret.Text
	ExpiresIn time.Duration
	Scopes    []string
}

// TokenOptions are what Tokens is made of.
type TokenOptions struct {
	Clients  *Clients
	Signer   *secret.Signer
	Clock    clock.Clock
	Issuer   string
	Audience string
	// Life of a token; 0 means DefaultTokenLife.
	Life time.Duration
	// Revocations end tokens before their time; nil: they live it out.
	Revocations *Revocations
}

// Tokens issues and verifies access tokens: JWTs signed with Ed25519.
type Tokens struct {
	clients  *Clients
	signer   *secret.Signer
	clock    clock.Clock
	issuer   string
	audience string
	life     time.Duration
	parser   *jwt.Parser
	verified verified
	revoked  *Revocations
}

// claims are those that the contract names.
type claims struct {
	jwt.RegisteredClaims
	Name     string   `json:"name,omitempty"`
	AAL      int      `json:"aal"`
	AMR      []string `json:"amr"`
	Scope    string   `json:"scope"`
	SID      string   `json:"sid"`
	DID      string   `json:"did,omitempty"`
	Purposes []string `json:"purposes"`
	Roles    []string `json:"roles,omitempty"`
	Req      string   `json:"req,omitempty"`
}

// NewTokens makes the issuer.
func NewTokens(o TokenOptions) *Tokens {
	if o.Life <= 0 {
		o.Life = DefaultTokenLife
	}
	return &Tokens{
		clients: o.Clients, signer: o.Signer, clock: o.Clock,
		issuer: o.Issuer, audience: o.Audience, life: o.Life, revoked: o.Revocations,
		parser: jwt.NewParser(
			// One algorithm: the header must not choose how it is checked.
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
			jwt.WithIssuer(o.Issuer), jwt.WithAudience(o.Audience),
			jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithStrictDecoding(),
			jwt.WithTimeFunc(o.Clock.Now), jwt.WithLeeway(tokenLeeway),
		),
	}
}

// ClientCredentials is RFC 6749's grant for a client that acts for itself. Scopes narrow the token to fewer than
// the client has; one that it lacks is a FORBIDDEN. A wrong id or secret is an INVALID_CREDENTIALS.
func (t *Tokens) ClientCredentials(ctx context.Context, id string, s secret.Text, scopes ...string) (Token, error) {
	c, err := t.clients.Authenticate(ctx, id, s)
	if err != nil {
		return Token{}, t.clients.refused(ctx, id, err)
	}
	granted := c.Scopes
	if len(scopes) > 0 {
		granted = scopes
	}
	for _, scope := range granted {
		if !slices.Contains(c.Scopes, scope) {
			return Token{}, fault.New(fault.CodeForbidden, "client %s has no such scope", c.Name).
				Field("scope", "is not granted")
		}
	}
	return t.issue(Principal{
		Kind: Client, ID: c.ID, Name: c.Name, Scopes: granted, Purposes: c.Purposes,
		AAL: aalClient, AMR: []string{amrSecret}, Session: ids.New(t.clock.Now()),
	}, t.life)
}

// issue signs a token for a principal; one without an id of its own gets one.
func (t *Tokens) issue(p Principal, life time.Duration) (Token, error) {
	now := t.clock.Now()
	if p.Token == uuid.Nil {
		p.Token = ids.New(now)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: t.issuer, Audience: jwt.ClaimStrings{t.audience}, Subject: p.String(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(life)), ID: p.Token.String(),
		},
		Name: p.Name, AAL: p.AAL, AMR: p.AMR, Scope: joined(p.Scopes),
		SID: p.Session.String(), DID: p.Device, Purposes: p.Purposes, Roles: p.Roles, Req: p.Bound,
	})
	kid, key := t.signer.Current()
	token.Header["kid"] = kid
	signed, err := token.SignedString(key)
	if err != nil {
		return Token{}, fmt.Errorf("sign token: %w", err)
	}
	return Token{Access: secret.New(signed), ExpiresIn: life, Scopes: p.Scopes}, nil
}

// Verify reads a bearer token: algorithm, key, signature, issuer, audience and times, and whether its sign-in or client
// was revoked. Whatever is wrong is one UNAUTHORIZED.
//
// Where nobody can say what is revoked, PostgreSQL being silent, a person's token is a SERVICE_UNAVAILABLE after some
// seconds: a stolen phone must not work because a database does not. A client's goes on until it expires, minutes later:
// a gateway's callers then get the polite words that their door has for an outage.
func (t *Tokens) Verify(ctx context.Context, bearer secret.Text) (Principal, error) {
	p, err := t.read(bearer)
	if err != nil || t.revoked == nil {
		return p, err
	}
	revoked, err := t.isRevoked(ctx, p)
	if err != nil {
		return Principal{}, err
	}
	if revoked {
		return Principal{}, fault.New(fault.Unauthorized, "session %s of %s is revoked", p.Session, p)
	}
	return p, nil
}

func (t *Tokens) isRevoked(ctx context.Context, p Principal) (bool, error) {
	if p.Kind == Client {
		return t.revoked.Known(ctx, p.ID), nil // it has no sign-in
	}
	return t.revoked.Any(ctx, p.Session)
}

// read is who a token names, if it is good in itself.
func (t *Tokens) read(bearer secret.Text) (Principal, error) {
	text := bearer.Reveal()
	if text == "" || len(text) > maxToken {
		return Principal{}, fault.New(fault.Unauthorized, "no token, or one of more than %d bytes", maxToken)
	}
	hash, now := hashOf(bearer), t.clock.Now()
	if p, good := t.verified.get(hash, now); good {
		return p, nil
	}
	var c claims
	if _, err := t.parser.ParseWithClaims(text, &c, t.key); err != nil {
		return Principal{}, fault.Wrap(err, fault.Unauthorized, "token refused")
	}
	if !now.Before(c.ExpiresAt.Time) {
		// The parser's leeway is for a token from a clock that is ahead, and would let an old one live on.
		return Principal{}, fault.New(fault.Unauthorized, "token expired")
	}
	p, err := c.principal()
	if err != nil {
		return Principal{}, fault.Wrap(err, fault.Unauthorized, "token's claims refused")
	}
	t.verified.put(hash, p, c.ExpiresAt.Time)
	return p, nil
}

// key finds the public key that the token's header names.
func (t *Tokens) key(token *jwt.Token) (any, error) {
	kid, _ := token.Header["kid"].(string) // a kid of another type is no kid
	public, ok := t.signer.Public(kid)
	if !ok {
		return nil, errors.New("unknown kid")
	}
	return public, nil
}

// subjectPrefixes say which TypeID names which kind of subject.
var subjectPrefixes = map[Kind]ids.Prefix{
	Customer: ids.Customer, Operator: ids.Operator, Client: ids.Client, Staff: ids.Staff,
}

func (c claims) principal() (Principal, error) {
	p := Principal{
		Name: c.Name, Scopes: words(c.Scope), Purposes: c.Purposes, AAL: c.AAL, AMR: c.AMR, Device: c.DID,
		Roles: c.Roles, Bound: c.Req,
	}
	for kind, prefix := range subjectPrefixes {
		if id, err := ids.Parse(prefix, c.Subject); err == nil {
			p.Kind, p.ID = kind, id
		}
	}
	if p.Kind == "" {
		return Principal{}, errors.New("subject of no known kind")
	}
	var err error
	if p.Session, err = uuid.Parse(c.SID); err != nil {
		return Principal{}, fmt.Errorf("sid: %w", err)
	}
	if p.Token, err = uuid.Parse(c.ID); err != nil {
		return Principal{}, fmt.Errorf("jti: %w", err)
	}
	return p, nil
}
