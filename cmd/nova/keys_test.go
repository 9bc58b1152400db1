package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/secret"
	"nova/sql"
)

// withAPIN gives somebody a PIN under the keys of the folder.
func (b *booksAtATerminal) withAPIN(dir string) {
	b.t.Helper()
	keyring, err := secret.LoadKeyring(dir)
	require.NoError(b.t, err)
	service := identity.New(identity.Options{
		DB: b.db, Credentials: identity.NewCredentials(keyring, identity.CredentialOptions{}), Keyring: keyring,
		Clock: clock.System{},
	})
	require.NoError(b.t, b.db.InTx(b.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return service.SetPINIn(ctx, tx, identity.Subject{Kind: identity.Customer, ID: uuid.New()}, secret.New("1357"))
	}))
}

func TestKeysRotateAndWhatTheyMadeMoves(t *testing.T) {
	b := newBooksAtATerminal(t)
	dir := filepath.Join(b.dir, "keys")
	require.NoError(t, secret.GenerateKeyring(dir))
	require.NoError(t, secret.GenerateSigner(dir, identity.SignerName))
	b.withAPIN(dir)
	for _, name := range []string{"pin-kek", "pepper", "field", "token_signer"} {
		out, err := runNova(t, "keys", "rotate", name)
		require.NoError(t, err)
		require.Contains(t, out, "has a new version; start the nodes again")
		for _, file := range []string{"pin_kek.json", "pin_pepper.json"} {
			text, err := os.ReadFile(filepath.Join(dir, file))
			require.NoError(t, err)
			require.NotContains(t, out, string(text))
		}
	}
	out, err := runNova(t, "keys", "rewrap")
	require.NoError(t, err)
	require.Equal(t, `PINs moved: 1
second factors of staff moved: 0
customers' documents moved: 0
left under older keys: 0 PINs (KEK), 1 PINs (pepper), 0 clients (pepper), 0 second factors
`, out)
	signer, err := secret.LoadSigner(dir, identity.SignerName)
	require.NoError(t, err)
	require.Len(t, signer.KeyIDs(), 2)
	var rotations int
	require.NoError(t, b.db.Get(t.Context(), &rotations, sql.Query{
		Name: "test", Text: "select count(*) from audit_events where action = 'keys.rotate'",
	}))
	require.Equal(t, 4, rotations)
}

func TestAKeyThatIsNoneIsNotRotated(t *testing.T) {
	b := newBooksAtATerminal(t)
	require.NoError(t, secret.GenerateKeyring(filepath.Join(b.dir, "keys")))
	_, err := runNova(t, "keys", "rotate", "master")
	require.ErrorContains(t, err, "there are session, field, pin_kek")
	require.ErrorContains(t, err, ledger.SignerName)
}

func TestAStagedKeyWaitsForTheNextRotation(t *testing.T) {
	b := newBooksAtATerminal(t)
	dir := filepath.Join(b.dir, "keys")
	require.NoError(t, secret.GenerateKeyring(dir))
	_, err := runNova(t, "keys", "rotate", "pin_pepper", "--stage")
	require.NoError(t, err)
	keyring, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	require.Equal(t, 1, keyring.PINPepper.Current())
	_, err = runNova(t, "keys", "rotate", "pin_pepper")
	require.NoError(t, err)
	keyring, err = secret.LoadKeyring(dir)
	require.NoError(t, err)
	require.Equal(t, 2, keyring.PINPepper.Current())
}
