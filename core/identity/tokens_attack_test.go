package identity_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
)

// goodClaims are those of a token that Verify takes.
func goodClaims() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": "nova", "aud": "nova-api", "sub": "cli_00000000000000000000000000", "scope": "ledger.read", "aal": 1,
		"amr": []string{"client_secret"}, "purposes": []string{},
		"sid": "00000000-0000-0000-0000-000000000000", "jti": "00000000-0000-0000-0000-000000000000",
		"iat": noon.Unix(), "exp": noon.Add(time.Minute).Unix(),
	}
}

// forged signs claims as whoever holds key, under any header.
func forged(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims, header map[string]any) secret.Text {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	maps.Copy(token.Header, header)
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return secret.New(text)
}

func TestClaimsDecideWhetherATokenIsGood(t *testing.T) {
	d := newDesk(t)
	kid, key := d.signer.Current()
	rows := []struct {
		name string
		edit func(c jwt.MapClaims)
		good bool
	}{
		{"as it was issued", func(jwt.MapClaims) {}, true},
		{"issued by a clock ten seconds ahead", func(c jwt.MapClaims) { c["iat"] = noon.Add(10 * time.Second).Unix() }, true},
		{"issued by a clock further ahead", func(c jwt.MapClaims) { c["iat"] = noon.Add(11 * time.Second).Unix() }, false},
		{"valid from ten seconds ahead", func(c jwt.MapClaims) { c["nbf"] = noon.Add(10 * time.Second).Unix() }, true},
		{"valid from later on", func(c jwt.MapClaims) { c["nbf"] = noon.Add(11 * time.Second).Unix() }, false},
		{"expired this second", func(c jwt.MapClaims) { c["exp"] = noon.Unix() }, false},
		{"expired a second ago: no leeway", func(c jwt.MapClaims) { c["exp"] = noon.Add(-time.Second).Unix() }, false},
		{"no expiry", func(c jwt.MapClaims) { delete(c, "exp") }, false},
		{"another audience", func(c jwt.MapClaims) { c["aud"] = "elsewhere" }, false},
		{"no audience", func(c jwt.MapClaims) { delete(c, "aud") }, false},
		{"another issuer", func(c jwt.MapClaims) { c["iss"] = "elsewhere" }, false},
		{"no issuer", func(c jwt.MapClaims) { delete(c, "iss") }, false},
		{"a subject of no kind", func(c jwt.MapClaims) { c["sub"] = "wal_00000000000000000000000000" }, false},
		{"no subject", func(c jwt.MapClaims) { delete(c, "sub") }, false},
		{"no session", func(c jwt.MapClaims) { delete(c, "sid") }, false},
		{"no id", func(c jwt.MapClaims) { delete(c, "jti") }, false},
		{"roles that are no list", func(c jwt.MapClaims) { c["roles"] = "admin" }, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			claims := goodClaims()
			row.edit(claims)
			token := forged(t, jwt.SigningMethodEdDSA, key, claims, map[string]any{"kid": kid})
			_, err := d.tokens.Verify(t.Context(), token)
			if row.good {
				require.NoError(t, err)
				return
			}
			refused(t, err, fault.Unauthorized)
		})
	}
}

func TestTheHeaderDoesNotChooseHowATokenIsChecked(t *testing.T) {
	d := newDesk(t)
	kid, key := d.signer.Current()
	public, ok := key.Public().(ed25519.PublicKey)
	require.True(t, ok)
	_, strangers, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	eddsa, named := jwt.SigningMethodEdDSA, map[string]any{"kid": kid}
	good := forged(t, eddsa, key, goodClaims(), named)
	_, err = d.tokens.Verify(t.Context(), good)
	require.NoError(t, err)
	rows := []struct {
		name  string
		token secret.Text
	}{
		{"HS256 with the public key as its secret", forged(t, jwt.SigningMethodHS256, []byte(public), goodClaims(), named)},
		{"alg none", forged(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, goodClaims(), named)},
		{"alg None, as some libraries miss", forged(t, eddsa, key, goodClaims(), map[string]any{"kid": kid, "alg": "None"})},
		{"a stranger's key under our name", forged(t, eddsa, strangers, goodClaims(), named)},
		{"a kid that is not known", forged(t, eddsa, key, goodClaims(), map[string]any{"kid": "../token_signer.pem"})},
		{"no kid", forged(t, eddsa, key, goodClaims(), nil)},
		{"a kid that is a number", forged(t, eddsa, key, goodClaims(), map[string]any{"kid": 1})},
		{"a key that the token brings along", forged(t, eddsa, strangers, goodClaims(), map[string]any{
			"jwk": map[string]string{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public)},
		})},
		{"tampered with", tampered(t, good)},
		{"oversized", secret.New(good.Reveal() + strings.Repeat("A", 8<<10))},
		{"four parts", secret.New(good.Reveal() + ".AAAA")},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := d.tokens.Verify(t.Context(), row.token)
			refused(t, err, fault.Unauthorized)
		})
	}
}

// tampered widens the scope of a token and keeps its signature.
func tampered(t *testing.T, good secret.Text) secret.Text {
	t.Helper()
	parts := strings.Split(good.Reveal(), ".")
	claims := goodClaims()
	claims["scope"] = "ledger.read ledger.write"
	text, err := json.Marshal(claims)
	require.NoError(t, err)
	parts[1] = base64.RawURLEncoding.EncodeToString(text)
	return secret.New(strings.Join(parts, "."))
}

func TestJWKSVerifiesWhatWeSign(t *testing.T) {
	d := newDesk(t)
	text, err := json.Marshal(d.tokens.JWKS())
	require.NoError(t, err)
	require.NotContains(t, string(text), `"d"`, "no private half")
	var set identity.KeySet
	require.NoError(t, json.Unmarshal(text, &set))
	require.Len(t, set.Keys, 1)
	x, err := base64.RawURLEncoding.DecodeString(set.Keys[0].X)
	require.NoError(t, err)
	token := issuedBy(t, d, d.signer)
	parsed, err := jwt.NewParser(jwt.WithTimeFunc(d.clock.Now)).Parse(token.Reveal(), func(token *jwt.Token) (any, error) {
		require.Equal(t, set.Keys[0].KeyID, token.Header["kid"])
		return ed25519.PublicKey(x), nil
	})
	require.NoError(t, err)
	require.True(t, parsed.Valid)
	require.Equal(t, []string{"OKP", "Ed25519", "sig", "EdDSA"},
		[]string{set.Keys[0].KeyType, set.Keys[0].Curve, set.Keys[0].Use, set.Keys[0].Algorithm})
}
