package identity_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/sql"
	"nova/sql/sqltest"
)

const rightPIN, wrongPIN = "1357", "8642"

var noon = time.Date(2026, time.November, 18, 16, 0, 0, 0, time.UTC)

// world is a database with a ledger's writer and one person who has a PIN.
type world struct {
	t        *testing.T
	db       *sql.DB
	url      string
	clock    *clock.Manual
	keyring  *secret.Keyring
	identity *identity.Service
	person   identity.Subject
	hop      int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, url := sqltest.Open(t)
	w := &world{t: t, db: db, url: url, clock: clock.NewManual(noon)}
	w.person = identity.Subject{Kind: identity.Customer, ID: ids.New(noon)}
	w.with(secret.EphemeralKeyring())
	w.set(rightPIN)
	return w
}

// with starts the service over with these keys, as a node does after a rotation.
func (w *world) with(keyring *secret.Keyring) {
	w.t.Helper()
	w.keyring = keyring
	credentials := identity.NewCredentials(keyring, identity.CredentialOptions{})
	db, err := ledger.OpenDB(w.t.Context(), w.url)
	require.NoError(w.t, err)
	writer, err := ledger.NewWriter(ledger.WriterOptions{DB: db, Clock: w.clock, Credentials: credentials, Node: "test"})
	require.NoError(w.t, err)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(w.t, writer.Close(ctx))
		require.NoError(w.t, db.Close())
	})
	w.identity = identity.New(identity.Options{
		DB: w.db, Writer: writer, Keys: ledger.NewStore(w.db, w.clock), Credentials: credentials, Keyring: keyring,
		Clock: w.clock,
	})
}

func (w *world) set(pin string) {
	w.t.Helper()
	require.NoError(w.t, w.db.InTx(w.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return w.identity.SetPINIn(ctx, tx, w.person, secret.New(pin))
	}))
}

func (w *world) key() ledger.Key {
	w.hop++
	return ledger.Key{Scope: "cus:" + w.person.ID.String(), Operation: "hop", Value: fmt.Sprintf("d:%d", w.hop)}
}

// try types a PIN on a hop of its own.
func (w *world) try(pin string) error {
	return w.identity.Authenticate(w.t.Context(), w.key(), w.identity.PIN(w.person, secret.New(pin)))
}

func (w *world) status() identity.Status {
	w.t.Helper()
	st, err := w.identity.Status(w.t.Context(), w.person)
	require.NoError(w.t, err)
	return st
}

// row is a credential as it stands.
type row struct {
	Sealed []byte `db:"sealed"`
	Pepper int    `db:"pepper_version"`
	KEK    int64  `db:"kek_key"`
}

func (w *world) row() row {
	w.t.Helper()
	var r row
	err := w.db.Get(w.t.Context(), &r, sql.Query{Name: "test.row", Text: `
		select sealed, pepper_version, kek_key from credentials where subject_id = $1`}, w.person.ID)
	require.NoError(w.t, err)
	return r
}

func (w *world) change(authorised ledger.Key, pin string) identity.PINChange {
	w.t.Helper()
	to, err := msisdn.FromNetwork("12462501001")
	require.NoError(w.t, err)
	return identity.PINChange{
		Key: w.key(), Subject: w.person, Authorised: authorised, PIN: secret.New(pin),
		To: to, Name: "Andre C.", Language: "en",
	}
}

func refused(t *testing.T, err error, code fault.Code) *fault.Error {
	t.Helper()
	require.Error(t, err)
	require.True(t, fault.Is(err, code), "want %s, got %v", code, err)
	return fault.From(err)
}

// keys writes a keyring into a folder and lets edit change a file of it, as an operator who rotates a key does.
func keys(t *testing.T, dir string, file string, edit func(old []byte) []byte) *secret.Keyring {
	t.Helper()
	require.NoError(t, secret.GenerateKeyring(dir))
	if edit != nil {
		path := filepath.Join(dir, file)
		old, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, edit(old), 0o600))
	}
	keyring, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	return keyring
}
