package secret_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/secret"
)

// onP256 is a key of another kind, private and public, as files hold them.
func onP256(t *testing.T) (private, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	open, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	file := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return file("PRIVATE KEY", der), file("PUBLIC KEY", open)
}

// TestWhatIsNoSigningKeyIsRefused: a key of another kind would sign, or verify, by other rules.
func TestWhatIsNoSigningKeyIsRefused(t *testing.T) {
	p256, _ := onP256(t)
	for name, row := range map[string]struct{ text, want string }{
		"nothing":         {"", "not a PEM file"},
		"no PEM":          {"MC4CAQAwBQYDK2VwBCIEIA==", "not a PEM file"},
		"a public key":    {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not a PEM file"},
		"rubbish in PEM":  {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a PKCS #8"},
		"a key on P-256":  {p256, "not an Ed25519 key"},
		"others may read": {"", "mode 0644"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, secret.GenerateSigner(dir, "token_signer"))
			write(t, dir, "token_signer_0002.pem", row.text)
			if row.want == "mode 0644" {
				require.NoError(t, os.Chmod(filepath.Join(dir, "token_signer_0002.pem"), 0o644))
			}
			_, err := secret.LoadSigner(dir, "token_signer")
			require.ErrorContains(t, err, "token_signer_0002.pem")
			require.ErrorContains(t, err, row.want)
		})
	}
}

func TestAVerifierTakesPublicEd25519KeysAlone(t *testing.T) {
	private, public := onP256(t)
	s := secret.EphemeralSigner()
	text, err := s.PublicPEM()
	require.NoError(t, err)
	v, err := secret.ParseVerifier(text)
	require.NoError(t, err)
	kid, _ := s.Current()
	want, _ := s.Public(kid)
	got, ok := v.Public(kid)
	require.True(t, ok)
	require.Equal(t, want, got)
	_, ok = v.Public("another")
	require.False(t, ok)
	for name, text := range map[string]string{
		"nothing": "", "no PEM": "hello", "a private key": private, "a public key on P-256": public,
		"rubbish": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
	} {
		_, err := secret.ParseVerifier([]byte(text))
		require.ErrorContains(t, err, "read public key", name)
	}
}
