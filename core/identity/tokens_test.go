package identity_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
	"nova/sql/sqltest"
)

// desk is a token issuer with one client.
type desk struct {
	clock  *clock.Manual
	tokens *identity.Tokens
	client identity.APIClient
	signer *secret.Signer
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	db, _ := sqltest.Open(t)
	d := &desk{clock: clock.NewManual(noon), signer: secret.EphemeralSigner()}
	clients := identity.NewClients(db, secret.EphemeralKeyring(), d.clock)
	var err error
	d.client, _, err = clients.Create(t.Context(), identity.NewClient{
		Name: "demo", Secret: secret.New("demo-secret"), Scopes: []string{"ledger.read", "ussd.gateway"},
		Purposes: []string{"customer.transact"},
	})
	require.NoError(t, err)
	_, _, err = clients.Create(t.Context(), identity.NewClient{Name: "demo"})
	refused(t, err, fault.DuplicateEntity)
	d.tokens = issuer(d.clock, d.signer, "nova", "nova-api", clients)
	return d
}

func issuer(c clock.Clock, s *secret.Signer, iss, aud string, clients *identity.Clients) *identity.Tokens {
	return identity.NewTokens(identity.TokenOptions{Clients: clients, Signer: s, Clock: c, Issuer: iss, Audience: aud})
}

func TestATokenSaysWhoMayDoWhat(t *testing.T) {
	d := newDesk(t)
	token, err := d.tokens.ClientCredentials(t.Context(), "demo", secret.New("demo-secret"))
	require.NoError(t, err)
	require.Equal(t, 10*time.Minute, token.ExpiresIn)
	p, err := d.tokens.Verify(t.Context(), token.Access)
	require.NoError(t, err)
	require.Equal(t, identity.Subject{Kind: identity.Client, ID: d.client.ID}, p.Subject())
	require.Equal(t, []string{"ledger.read", "ussd.gateway"}, p.Scopes)
	require.Equal(t, []string{"customer.transact"}, p.Purposes)
	require.True(t, p.HasScope("ussd.gateway"))
	require.False(t, p.HasScope("ussd"))
	require.Equal(t, 1, p.AAL)
	require.NotContains(t, token.Access.Reveal(), "demo-secret")

	parts := strings.Split(token.Access.Reveal(), ".")
	require.Len(t, parts, 3)
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	for _, name := range []string{"sub", "jti", "iat", "exp", "aud", "iss", "aal", "amr", "scope", "sid", "purposes"} {
		require.Contains(t, string(body), `"`+name+`":`)
	}
}

func TestATokenMayBeNarrowedAndNotWidened(t *testing.T) {
	d := newDesk(t)
	token, err := d.tokens.ClientCredentials(t.Context(), "demo", secret.New("demo-secret"), "ussd.gateway")
	require.NoError(t, err)
	p, err := d.tokens.Verify(t.Context(), token.Access)
	require.NoError(t, err)
	require.Equal(t, []string{"ussd.gateway"}, p.Scopes)
	_, err = d.tokens.ClientCredentials(t.Context(), "demo", secret.New("demo-secret"), "ledger.write")
	refused(t, err, fault.CodeForbidden)
}

func TestClientCredentialsAreRefusedAlike(t *testing.T) {
	d := newDesk(t)
	for _, try := range [][2]string{
		{"demo", "demo-secret2"}, {"nobody", "demo-secret"}, {"", ""}, {"demo", ""}, {"demo", strings.Repeat("x", 201)},
	} {
		_, err := d.tokens.ClientCredentials(t.Context(), try[0], secret.New(try[1]))
		f := refused(t, err, fault.InvalidCredentials)
		require.Empty(t, f.Fields)
		require.Empty(t, f.Extra)
	}
}

func TestVerifyRefuses(t *testing.T) {
	d := newDesk(t)
	good, err := d.tokens.ClientCredentials(t.Context(), "demo", secret.New("demo-secret"))
	require.NoError(t, err)
	text := good.Access.Reveal()
	claims := jwt.MapClaims{
		"iss": "nova", "aud": "nova-api", "sub": "cli_00000000000000000000000000", "scope": "ledger.read", "aal": 1,
		"sid": "00000000-0000-0000-0000-000000000000", "jti": "00000000-0000-0000-0000-000000000000",
		"iat": noon.Unix(), "exp": noon.Add(time.Minute).Unix(),
	}
	hmac, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte("key"))
	require.NoError(t, err)
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, claims).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	signed := func(s *secret.Signer, iss, aud string) string {
		db, _ := sqltest.Open(t)
		clients := identity.NewClients(db, secret.EphemeralKeyring(), d.clock)
		_, _, err := clients.Create(t.Context(), identity.NewClient{Name: "x", Secret: secret.New("y")})
		require.NoError(t, err)
		token, err := issuer(d.clock, s, iss, aud, clients).ClientCredentials(t.Context(), "x", secret.New("y"))
		require.NoError(t, err)
		return token.Access.Reveal()
	}
	rows := []struct{ name, token string }{
		{"nothing", ""},
		{"rubbish", "abc"},
		{"too much", strings.Repeat("a", 9000)},
		{"a changed signature", text[:len(text)-2] + flip(text[len(text)-2:])},
		{"no signature", text[:strings.LastIndex(text, ".")+1]},
		{"signed with a shared secret", hmac},
		{"not signed", none},
		{"an unknown key", signed(secret.EphemeralSigner(), "nova", "nova-api")},
		{"another issuer", signed(d.signer, "elsewhere", "nova-api")},
		{"another audience", signed(d.signer, "nova", "elsewhere")},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := d.tokens.Verify(t.Context(), secret.New(row.token))
			refused(t, err, fault.Unauthorized)
		})
	}
	d.clock.Advance(10*time.Minute - time.Second)
	_, err = d.tokens.Verify(t.Context(), good.Access)
	require.NoError(t, err)
	d.clock.Advance(2 * time.Second)
	_, err = d.tokens.Verify(t.Context(), good.Access)
	refused(t, err, fault.Unauthorized)
}

// flip changes the last characters of a signature into others of the alphabet.
func flip(s string) string {
	if s == "AA" {
		return "BA"
	}
	return "AA"
}

func TestSigningKeysLieInFilesAndRotate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, secret.GenerateSigner(dir, identity.SignerName))
	first := filepath.Join(dir, "token_signer.pem")
	before, err := os.ReadFile(first)
	require.NoError(t, err)
	require.NoError(t, secret.GenerateSigner(dir, identity.SignerName))
	again, err := os.ReadFile(first)
	require.NoError(t, err)
	require.Equal(t, before, again, "a key that is there stays")
	old, err := secret.LoadSigner(dir, identity.SignerName)
	require.NoError(t, err)

	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, secret.GenerateSigner(other, identity.SignerName))
	second, err := os.ReadFile(filepath.Join(other, "token_signer.pem"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "token_signer_2.pem"), second, 0o600))
	rotated, err := secret.LoadSigner(dir, identity.SignerName)
	require.NoError(t, err)

	d := newDesk(t)
	byOld := issuedBy(t, d, old)
	byNew := issuedBy(t, d, rotated)
	_, err = issuer(d.clock, rotated, "nova", "nova-api", nil).Verify(t.Context(), byOld)
	require.NoError(t, err, "yesterday's token")
	_, err = issuer(d.clock, rotated, "nova", "nova-api", nil).Verify(t.Context(), byNew)
	require.NoError(t, err)
	_, err = issuer(d.clock, old, "nova", "nova-api", nil).Verify(t.Context(), byNew)
	refused(t, err, fault.Unauthorized)

	require.NoError(t, os.Chmod(first, 0o644))
	_, err = secret.LoadSigner(dir, identity.SignerName)
	require.ErrorContains(t, err, "chmod")
	_, err = secret.LoadSigner(t.TempDir(), identity.SignerName)
	require.ErrorContains(t, err, "no signing key")
}

func issuedBy(t *testing.T, d *desk, s *secret.Signer) secret.Text {
	t.Helper()
	db, _ := sqltest.Open(t)
	clients := identity.NewClients(db, secret.EphemeralKeyring(), d.clock)
	_, made, err := clients.Create(t.Context(), identity.NewClient{Name: "x"})
	require.NoError(t, err)
	token, err := issuer(d.clock, s, "nova", "nova-api", clients).ClientCredentials(t.Context(), "x", made)
	require.NoError(t, err)
	return token.Access
}

// A token that was found good is not asked for its signature again, and not believed a moment longer for it.
func TestARememberedTokenExpires(t *testing.T) {
	d := newDesk(t)
	token := issuedBy(t, d, d.signer)
	for range 3 {
		_, err := d.tokens.Verify(t.Context(), token)
		require.NoError(t, err)
	}
	d.clock.Advance(identity.DefaultTokenLife - time.Second)
	_, err := d.tokens.Verify(t.Context(), token)
	require.NoError(t, err)
	d.clock.Advance(time.Second)
	_, err = d.tokens.Verify(t.Context(), token)
	require.True(t, fault.Is(err, fault.Unauthorized), "%v", err)
	_, err = d.tokens.Verify(t.Context(), secret.New(token.Reveal()+"x"))
	require.True(t, fault.Is(err, fault.Unauthorized), "%v", err)
}
