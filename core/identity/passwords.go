package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"nova/core/fault"
	"nova/core/secret"
)

// Argon2id at OWASP's minimum (Password Storage Cheat Sheet): it takes tens of milliseconds and 19 MiB, which is why no
// handset's PIN is hashed so, and why so few are hashed at once.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16
	argonKey     = 32
	// hashesAtOnce bounds memory and processors: a flood of sign-ins waits, and money does not.
	hashesAtOnce = 2
	// hashesWaiting bounds who waits for that; more are refused.
	hashesWaiting = 32
)

const (
	// MinPassword is above what NIST SP 800-63B-4, 3.1.1.2 asks of a password beside a second factor (8), which staff
	// have outside a demonstration.
	MinPassword = 12
	// MaxPassword is above the 64 that must be allowed, and bounds what is hashed for an unauthenticated caller.
	MaxPassword = 128
)

// commonParts make a password that everybody tries first, whatever stands around them.
var commonParts = []string{"password", "passw0rd", "qwerty", "123456", "letmein", "welcome", "changeme"}

// passwords hashes passwords, a few at a time.
type passwords struct {
	queue chan struct{}
	slots chan struct{}
	// dummy is compared with where there is nobody, so that this takes as long.
	dummy string
}

func newPasswords() (*passwords, error) {
	p := &passwords{queue: make(chan struct{}, hashesWaiting), slots: make(chan struct{}, hashesAtOnce)}
	random := make([]byte, argonKey)
	_, _ = rand.Read(random) // crypto/rand.Read never fails
	var err error
	p.dummy, err = p.hash(context.Background(), secret.New(base64.RawStdEncoding.EncodeToString(random)))
	return p, err
}

// normalised is a password in the one form of its characters, so that it is the same from every keyboard.
func normalised(password secret.Text) string { return norm.NFKC.String(password.Reveal()) }

// checkPassword refuses a password by its length, and one that is known to everybody or is the person's own name.
func checkPassword(password secret.Text, email string) error {
	text := normalised(password)
	local, _, _ := strings.Cut(email, "@")
	lower := strings.ToLower(text)
	bad := fault.New(fault.ValidationError, "a password that will not do")
	switch length := utf8.RuneCountInString(text); {
	case !utf8.ValidString(text):
		return bad.Field("password", "is not text")
	case length < MinPassword || len(text) > MaxPassword:
		return bad.Field("password", fmt.Sprintf("must have %d to %d characters", MinPassword, MaxPassword))
	case len(local) > 2 && strings.Contains(lower, local), len(slices.Compact([]rune(lower))) < length/2,
		slices.ContainsFunc(commonParts, func(part string) bool { return strings.Contains(lower, part) }):
		return bad.Field("password", "is too easy to guess")
	}
	return nil
}

// issuedBytes are 100 random bits: nobody guesses them, and somebody types them once.
const issuedBytes = 13

// IssuePassword makes a password that its owner changes at the first sign-in, fit to be read aloud.
func IssuePassword(email string) secret.Text {
	for {
		random := make([]byte, issuedBytes)
		_, _ = rand.Read(random) // crypto/rand.Read never fails
		text := strings.ToLower(base32.StdEncoding.EncodeToString(random))[:20]
		issued := secret.New(text[:5] + "-" + text[5:10] + "-" + text[10:15] + "-" + text[15:])
		if checkPassword(issued, email) == nil { // a short name may stand in it by chance
			return issued
		}
	}
}

// hash is argon2id in PHC's form, with a salt of its own.
func (p *passwords) hash(ctx context.Context, password secret.Text) (string, error) {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // crypto/rand.Read never fails
	key, err := p.key(ctx, normalised(password), salt)
	if err != nil {
		return "", err
	}
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		encode(salt), encode(key)), nil
}

// matches compares a password with a hash that hash made. Another form is our own fault.
func (p *passwords) matches(ctx context.Context, stored string, password secret.Text) (bool, error) {
	parts := strings.Split(stored, "$")
	form := fmt.Sprintf("m=%d,t=%d,p=%d", argonMemory, argonTime, argonThreads)
	if len(parts) != 6 || parts[1] != "argon2id" || parts[3] != form {
		return false, fmt.Errorf("a stored password is no argon2id hash with %s", form)
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, fmt.Errorf("salt of a stored password: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, fmt.Errorf("hash of a stored password: %w", err)
	}
	key, err := p.key(ctx, normalised(password), salt)
	return err == nil && subtle.ConstantTimeCompare(key, want) == 1, err
}

// key derives, a few at a time. Who would have to wait behind too many is a SERVICE_UNAVAILABLE.
func (p *passwords) key(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case p.queue <- struct{}{}:
		defer func() { <-p.queue }()
	default:
		return nil, fault.New(fault.ServiceUnavailable, "%d passwords wait to be hashed", hashesWaiting)
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey), nil
}
