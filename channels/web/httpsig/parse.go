package httpsig

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits on what is read for a caller who has proved nothing yet.
const (
	maxField      = 4096
	maxComponents = 32
	maxLabel      = 64
)

const (
	inputField     = "signature-input"
	signatureField = "signature"
)

// parameters are one member of Signature-Input (RFC 9421, 4.1).
type parameters struct {
	label      string
	components []string
	// order is the parameters' own, which the signature base repeats.
	order []parameter

	created, expires *int64  // nil: not given
	keyID, alg       *string // nil: not given
}

// parameter is a name and its value as it is written.
type parameter struct{ name, written string }

// written is the member as the signature base repeats it, strictly serialised (RFC 8941, 4.1).
func (p *parameters) written() string {
	var b strings.Builder
	b.WriteByte('(')
	for i, name := range p.components {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(quoted(name))
	}
	b.WriteByte(')')
	for _, one := range p.order {
		b.WriteString(";" + one.name + "=" + one.written)
	}
	return b.String()
}

// read finds the request's one signature.
func read(r Request) (*parameters, []byte, error) {
	input, err := single(r, inputField)
	if err != nil {
		return nil, nil, err
	}
	p, err := parseInput(input)
	if err != nil {
		return nil, nil, fmt.Errorf("signature-input: %w", err)
	}
	field, err := single(r, signatureField)
	if err != nil {
		return nil, nil, err
	}
	label, encoded, found := strings.Cut(field, "=")
	if !found || label != p.label {
		return nil, nil, errors.New("signature: not of the one label of signature-input")
	}
	signature, err := byteSequence(encoded)
	if err != nil {
		return nil, nil, fmt.Errorf("signature: %w", err)
	}
	return p, signature, nil
}

// single is the value of a field that comes once.
func single(r Request, name string) (string, error) {
	values := r.Header(name)
	if len(values) != 1 {
		return "", fmt.Errorf("%s: %d fields instead of one", name, len(values))
	}
	if len(values[0]) > maxField {
		return "", fmt.Errorf("%s: longer than %d bytes", name, maxField)
	}
	return strings.Trim(values[0], " \t"), nil
}

// byteSequence reads ":base64:" to its end (RFC 8941, 3.3.5).
func byteSequence(s string) ([]byte, error) {
	inner, ok := strings.CutPrefix(s, ":")
	if ok {
		inner, ok = strings.CutSuffix(inner, ":")
	}
	if !ok {
		return nil, errors.New("not one byte sequence")
	}
	data, err := base64.StdEncoding.Strict().DecodeString(inner)
	if err != nil || strings.ContainsAny(inner, "\r\n") { // which the decoder skips
		return nil, errors.New("not base64")
	}
	return data, nil
}

// parseInput reads `label=("name" "name");created=1;keyid="x"` to its end.
func parseInput(s string) (*parameters, error) {
	l := &lexer{rest: s}
	p := &parameters{label: l.key()}
	if p.label == "" || len(p.label) > maxLabel || !l.take('=') || !l.take('(') {
		return nil, errors.New("not one labelled list")
	}
	if err := p.readComponents(l); err != nil {
		return nil, err
	}
	for l.take(';') {
		l.spaces()
		if err := p.readParameter(l); err != nil {
			return nil, err
		}
	}
	if l.rest != "" {
		return nil, errors.New("more than one signature, or what is none")
	}
	return p, nil
}

func (p *parameters) readComponents(l *lexer) error {
	for l.spaces(); !l.take(')'); {
		name, ok := l.text()
		switch {
		case !ok:
			return errors.New("a component is not a name")
		case len(p.components) == maxComponents:
			return fmt.Errorf("more than %d components", maxComponents)
		case slices.Contains(p.components, name):
			return errors.New("a component stands twice")
		}
		p.components = append(p.components, name)
		// A component's own parameters (;sf, ;bs, ;req) begin right behind it.
		if spaced := l.spaces(); !spaced && !strings.HasPrefix(l.rest, ")") {
			return errors.New("a component has parameters, which are not taken")
		}
	}
	return nil
}

// readParameter reads one of those that the RFC lists (2.3), each once.
func (p *parameters) readParameter(l *lexer) error {
	name := l.key()
	if slices.ContainsFunc(p.order, func(one parameter) bool { return one.name == name }) {
		return errors.New("a parameter stands twice")
	}
	if !l.take('=') {
		return errors.New("a parameter has no value")
	}
	written, err := "", errors.New("a parameter is not known")
	switch name {
	case "created":
		p.created, written, err = l.seconds()
	case "expires":
		p.expires, written, err = l.seconds()
	case "keyid":
		p.keyID, written, err = l.parameterText()
	case "alg":
		p.alg, written, err = l.parameterText()
	case "nonce", "tag":
		_, written, err = l.parameterText()
	}
	p.order = append(p.order, parameter{name, written})
	return err
}

// quoted writes a string (RFC 8941, 4.1.6).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
