package httpsig

import (
	"errors"
	"strconv"
	"strings"
)

// lexer takes a structured field apart from its front (RFC 8941, 4.2).
type lexer struct{ rest string }

// take takes one byte if it is next.
func (l *lexer) take(b byte) bool {
	if l.rest == "" || l.rest[0] != b {
		return false
	}
	l.rest = l.rest[1:]
	return true
}

// spaces takes all that are next, and tells whether there were any.
func (l *lexer) spaces() bool {
	trimmed := strings.TrimLeft(l.rest, " ")
	taken := len(trimmed) < len(l.rest)
	l.rest = trimmed
	return taken
}

// key is a lower-case name, "" if none is next.
func (l *lexer) key() string {
	n := 0
	for n < len(l.rest) && keyByte(l.rest[n], n) {
		n++
	}
	key := l.rest[:n]
	l.rest = l.rest[n:]
	return key
}

func keyByte(b byte, at int) bool {
	first := 'a' <= b && b <= 'z' || b == '*'
	return first || at > 0 && ('0' <= b && b <= '9' || b == '_' || b == '-' || b == '.')
}

// seconds is a time, and how it is written.
func (l *lexer) seconds() (*int64, string, error) {
	n, ok := l.integer()
	if !ok {
		return nil, "", errors.New("a time is not a number of seconds")
	}
	return &n, strconv.FormatInt(n, 10), nil
}

// parameterText is a text, and how it is written.
func (l *lexer) parameterText() (*string, string, error) {
	text, ok := l.text()
	if !ok {
		return nil, "", errors.New("a parameter is not a text")
	}
	return &text, quoted(text), nil
}

// maxDigits is an integer's length (RFC 8941, 3.3.1).
const maxDigits = 15

// integer is a number of seconds since 1970, without a sign.
func (l *lexer) integer() (int64, bool) {
	n := 0
	for n < len(l.rest) && '0' <= l.rest[n] && l.rest[n] <= '9' {
		n++
	}
	digits := l.rest[:n]
	l.rest = l.rest[n:]
	if n == 0 || n > maxDigits {
		return 0, false
	}
	value, err := strconv.ParseInt(digits, 10, 64)
	return value, err == nil
}

// text is a quoted string of visible ASCII and spaces.
func (l *lexer) text() (string, bool) {
	if !l.take('"') {
		return "", false
	}
	var b strings.Builder
	for l.rest != "" {
		next := l.rest[0]
		l.rest = l.rest[1:]
		switch {
		case next == '"':
			return b.String(), true
		case next == '\\':
			if l.rest == "" || l.rest[0] != '"' && l.rest[0] != '\\' {
				return "", false
			}
			b.WriteByte(l.rest[0])
			l.rest = l.rest[1:]
		case next < ' ' || next > '~':
			return "", false
		default:
			b.WriteByte(next)
		}
	}
	return "", false
}
