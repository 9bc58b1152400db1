package identity_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/argon2"

	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/secret"
)

// lockedRow is a PIN's row as the ledger's group reads it.
func lockedRow(b *testing.B, keyring *secret.Keyring, id uuid.UUID) string {
	b.Helper()
	salt := make([]byte, 16)
	hash, err := keyring.PINPepper.Sum(1, id[:], salt, []byte(rightPIN))
	require.NoError(b, err)
	sealed, err := keyring.PINKek.Seal(hash[:], "credentials|sealed|"+id.String())
	require.NoError(b, err)
	kek, ok := secret.SealedBy(sealed)
	require.True(b, ok)
	return fmt.Sprintf("customer %s %x %x 1 %d 0 - 0", id, sealed, salt, kek)
}

// BenchmarkPINCheck compares right PINs as the ledger's group does, from the row's text to the answer, and hashes the
// same PIN with argon2id at OWASP's minimum (19 MiB, t=2, p=1) between them, in one run on one goroutine. The goal is a
// ratio of 30.
func BenchmarkPINCheck(b *testing.B) {
	keyring, id := secret.EphemeralKeyring(), uuid.New()
	row := lockedRow(b, keyring, id)
	credentials := identity.NewCredentials(keyring, identity.CredentialOptions{})
	check := ledger.Check{Subject: id, Secret: secret.New(rightPIN)}
	const checksAtOnce = 2000
	var ours, argons time.Duration
	for b.Loop() {
		began := time.Now() //nolint:forbidigo // a benchmark's
		for range checksAtOnce {
			locked, err := credentials.Locked(row)
			if err == nil {
				err = locked.Verify(check, noon)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		between := time.Now() //nolint:forbidigo // a benchmark's
		argon2.IDKey([]byte(rightPIN), make([]byte, 16), 2, 19<<10, 1, 32)
		ours, argons = ours+between.Sub(began), argons+time.Since(between)
	}
	each := ours / time.Duration(b.N*checksAtOnce)
	argon := argons / time.Duration(b.N)
	b.ReportMetric(float64(time.Second/each), "PINs/s")      //nolint:forbidigo // a rate, not money
	b.ReportMetric(float64(time.Second/argon), "argon2id/s") //nolint:forbidigo // a rate, not money
	b.ReportMetric(float64(argon)/float64(each), "times")    //nolint:forbidigo // a ratio, not money
}
