// Package secret holds what must not be seen: texts that no printer shows, boxes that
// seal a column or a record, keyed hashes, and the keyring that they take keys from.
//
// It knows nothing of what it keeps. Its one rule: a secret leaves only through a
// method whose name says so (Reveal, Open), so that every place that lets one out can
// be found by searching for it.
package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// masked is what every printer shows for a Text, an empty one included: even whether
// there is a secret is nobody's business.
const masked = "[secret]"

// Text is a PIN, an OTP, a token or a code. It prints as "[secret]" in every verb of
// fmt, JSON, text and slog. The zero value is no secret.
//
// The text stands in a closure, because fmt and test libraries print the unexported
// fields of a surrounding struct without asking for a method, and can see no further
// than a function's address. It also makes == a compile error: Equal is the comparison.
type Text struct {
	reveal func() string
}

// New keeps s from sight. The empty string is no secret.
func New(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{reveal: func() string { return s }}
}

// Reveal is the text itself, for the one place that must have it.
func (t Text) Reveal() string {
	if t.reveal == nil {
		return ""
	}
	return t.reveal()
}

// IsZero reports whether there is no secret.
func (t Text) IsZero() bool { return t.reveal == nil }

// Equal compares in a time that tells neither where two secrets differ nor whether
// their lengths do.
func (t Text) Equal(o Text) bool {
	a, b := sha256.Sum256([]byte(t.Reveal())), sha256.Sum256([]byte(o.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// String is "[secret]".
func (t Text) String() string { return masked }

// GoString is "[secret]", for %#v.
func (t Text) GoString() string { return masked }

// Format writes "[secret]" for every verb and flag.
func (t Text) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(masked)) } // fmt has no use for the error

// LogValue is "[secret]", for slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText is "[secret]", for JSON, XML, YAML and whatever else asks for text.
func (t Text) MarshalText() ([]byte, error) { return []byte(masked), nil }

// UnmarshalText takes a secret in, so that a request body or a setting can be decoded
// straight into a Text.
func (t *Text) UnmarshalText(text []byte) error {
	*t = New(string(text))
	return nil
}
