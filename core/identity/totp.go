package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238's default, and the only one that all authenticator apps know
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"nova/core/secret"
)

// TOTP as RFC 6238 has it and every authenticator app does it: SHA-1, six digits, thirty seconds.
const (
	totpPeriod = 30 // seconds
	totpDigits = 6
	// totpSecretBytes is RFC 4226's recommendation (4, R6).
	totpSecretBytes = 20
	// totpDrift is how many steps a phone's clock may be off, either way.
	totpDrift = 1
)

// totpAAD binds a sealed secret to its row.
func totpAAD(id uuid.UUID) string { return "staff|totp_sealed|" + id.String() }

func newTOTPSecret() []byte {
	s := make([]byte, totpSecretBytes)
	_, _ = rand.Read(s) // crypto/rand.Read never fails
	return s
}

// totpURI is what an authenticator app reads from a QR code.
func totpURI(issuer, email string, key []byte) secret.Text {
	values := url.Values{
		"secret": {base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key)}, "issuer": {issuer},
		"algorithm": {"SHA1"}, "digits": {strconv.Itoa(totpDigits)}, "period": {strconv.Itoa(totpPeriod)},
	}
	u := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + email, RawQuery: values.Encode()}
	return secret.New(u.String())
}

// totpStep finds the time step whose code this is, among those near now. All are compared, whichever is right.
func totpStep(key []byte, code secret.Text, now time.Time) (step int64, right bool) {
	current := now.Unix() / totpPeriod
	for at := current - totpDrift; at <= current+totpDrift; at++ {
		if subtle.ConstantTimeCompare([]byte(totpCode(key, at)), []byte(code.Reveal())) == 1 {
			step, right = at, true
		}
	}
	return step, right
}

// totpCode is HOTP of a time step (RFC 4226, 5.3).
func totpCode(key []byte, step int64) string {
	mac := hmac.New(sha1.New, key)
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step)) //nolint:gosec // steps since 1970 are positive
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	value := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", totpDigits, value%1_000_000)
}
