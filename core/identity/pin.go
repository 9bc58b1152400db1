package identity

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"strings"

	"nova/core/fault"
	"nova/core/secret"
)

// PINs have 4 to 6 digits: what people remember and a keypad types without a mistake.
const (
	MinPINDigits = 4
	MaxPINDigits = 6
)

// pendingLabel keeps the hash of a PIN that waits for its repeat apart from every other use of the same key.
const pendingLabel = "pending pin"

// WeakPIN reports whether a PIN must be refused: not 4 to 6 digits, one digit or group repeated (1111, 1212,
// 123123), a run up or down (1234, 0987), or the year of birth in it. birthYear 0 means that it is not known.
func WeakPIN(pin secret.Text, birthYear int) bool {
	digits := pin.Reveal()
	return !wellFormedPIN(digits) || repeats(digits) || isRun(digits, 1) || isRun(digits, 9) ||
		birthYear > 0 && strings.Contains(digits, strconv.Itoa(birthYear))
}

// CheckPIN is WeakPIN as a fault on the field pin.
func CheckPIN(pin secret.Text, birthYear int) error {
	if !wellFormedPIN(pin.Reveal()) {
		return fault.New(fault.ValidationError, "malformed PIN").Field("pin", "must have 4 to 6 digits")
	}
	if WeakPIN(pin, birthYear) {
		return fault.New(fault.ValidationError, "weak PIN").Field("pin", "is too easy to guess")
	}
	return nil
}

func wellFormedPIN(digits string) bool {
	if len(digits) < MinPINDigits || len(digits) > MaxPINDigits {
		return false
	}
	return strings.Trim(digits, "0123456789") == ""
}

// repeats reports whether digits are one group, up to half as long, over and over.
func repeats(digits string) bool {
	for size := 1; size <= len(digits)/2; size++ {
		if len(digits)%size == 0 && strings.Repeat(digits[:size], len(digits)/size) == digits {
			return true
		}
	}
	return false
}

// isRun reports whether each digit is the one before it plus step, modulo ten; a step of 9 counts down.
func isRun(digits string, step byte) bool {
	for i := 1; i < len(digits); i++ {
		if (digits[i-1]-'0'+step)%10 != digits[i]-'0' {
			return false
		}
	}
	return true
}

// Pending is a new PIN that waits for its repeat, as a session may keep it: key version, salt and keyed hash.
func (s *Service) Pending(pin secret.Text) string {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // crypto/rand.Read never fails
	version := s.keyring.PINPepper.Current()
	return pendingText(s.keyring, version, salt, pin)
}

// MatchesPending reports whether pin is the one that Pending was given. Text of any other form matches nothing.
func (s *Service) MatchesPending(pending string, pin secret.Text) bool {
	parts := strings.Split(pending, ".")
	if len(parts) != 3 {
		return false
	}
	version, err := strconv.Atoi(parts[0])
	if err != nil {
		return false
	}
	salt, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	want := pendingText(s.keyring, version, salt, pin)
	return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(pending)) == 1
}

// pendingText is "" where the keyring has no such version.
func pendingText(keyring *secret.Keyring, version int, salt []byte, pin secret.Text) string {
	sum, err := keyring.PINPepper.Sum(version, []byte(pendingLabel), salt, []byte(pin.Reveal()))
	if err != nil {
		return ""
	}
	encode := base64.RawURLEncoding.EncodeToString
	return strconv.Itoa(version) + "." + encode(salt) + "." + encode(sum[:])
}
