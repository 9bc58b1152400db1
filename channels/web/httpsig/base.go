package httpsig

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

const (
	digestField  = "content-digest"
	digestPrefix = "sha-256="
)

// target is a target URI in its parts, which are never decoded: what was signed are bytes.
type target struct{ scheme, authority, path, query string }

// ports are left out of an authority where they are the scheme's own (RFC 9421, 2.2.3).
var ports = map[string]string{"http": ":80", "https": ":443"}

func parseTarget(uri string) (target, error) {
	scheme, rest, found := strings.Cut(uri, "://")
	if !found {
		return target{}, errors.New("target uri is not absolute")
	}
	t := target{scheme: strings.ToLower(scheme), query: "?"}
	if at := strings.IndexByte(rest, '?'); at >= 0 {
		rest, t.query = rest[:at], rest[at:]
	}
	at := strings.IndexByte(rest, '/')
	if at < 0 {
		rest, at = rest+"/", len(rest)
	}
	t.authority, t.path = strings.TrimSuffix(strings.ToLower(rest[:at]), ports[t.scheme]), rest[at:]
	return t, nil
}

// requestTarget is the target in its usual form (RFC 9421, 2.2.5).
func (t target) requestTarget() string {
	if t.query == "?" {
		return t.path
	}
	return t.path + t.query
}

// derived are the components that are no fields (RFC 9421, 2.2).
func (r Request) derived(name string) (string, error) {
	t, err := parseTarget(r.TargetURI)
	if err != nil {
		return "", err
	}
	switch name {
	case "@method":
		return r.Method, nil
	case "@target-uri":
		return r.TargetURI, nil
	case "@authority":
		return t.authority, nil
	case "@scheme":
		return t.scheme, nil
	case "@request-target":
		return t.requestTarget(), nil
	case "@path":
		return t.path, nil
	case "@query":
		return t.query, nil
	default:
		return "", errors.New("a derived component is not known")
	}
}

// component is the value of a part of the message.
func (r Request) component(name string) (string, error) {
	if strings.HasPrefix(name, "@") {
		return r.derived(name)
	}
	if !fieldName(name) {
		return "", errors.New("a component is not a field's name in lower case")
	}
	values := r.Header(name)
	if len(values) == 0 {
		return "", errors.New("a covered field is missing")
	}
	trimmed := make([]string, len(values))
	for i, value := range values {
		trimmed[i] = strings.Trim(value, " \t")
	}
	return strings.Join(trimmed, ", "), nil
}

func fieldName(name string) bool {
	return name != "" && strings.Trim(name, fieldBytes) == ""
}

// fieldBytes are what a field's name is made of (RFC 9110, 5.6.2), in lower case.
const fieldBytes = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"

// base is what is signed (RFC 9421, 2.5).
func (r Request) base(p *parameters) ([]byte, error) {
	var b strings.Builder
	for _, name := range p.components {
		value, err := r.component(name)
		if err != nil {
			return nil, err
		}
		if strings.ContainsAny(value, "\r\n\x00") {
			return nil, errors.New("a covered component is more than a line")
		}
		b.WriteString(quoted(name) + ": " + value + "\n")
	}
	b.WriteString(`"@signature-params": ` + p.written())
	return []byte(b.String()), nil
}

// Digest is the value of Content-Digest for a body.
func Digest(body []byte) string {
	sum := sha256.Sum256(body)
	return digestPrefix + ":" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// checkDigest compares the body with the SHA-256 that Content-Digest must hold, once. Digests of
// other algorithms may stand beside it.
func (r Request) checkDigest() error {
	sum := sha256.Sum256(r.Body)
	found := 0
	for _, member := range strings.Split(strings.Join(r.Header(digestField), ","), ",") {
		encoded, ours := strings.CutPrefix(strings.Trim(member, " \t"), digestPrefix)
		if !ours {
			continue
		}
		found++
		digest, err := byteSequence(encoded)
		if err != nil {
			return fmt.Errorf("content-digest: %w", err)
		}
		if subtle.ConstantTimeCompare(digest, sum[:]) != 1 {
			return errors.New("content-digest is of another body")
		}
	}
	if found != 1 {
		return fmt.Errorf("content-digest: %d of sha-256 instead of one", found)
	}
	return nil
}
