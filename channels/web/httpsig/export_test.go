package httpsig

import "crypto"

// VerifySigned is verify without an algorithm, for the RFC's own bases of responses, which no request has.
func VerifySigned(key crypto.PublicKey, base, signature []byte) error {
	return verify(key, nil, base, signature)
}

// Written parses a Signature-Input and writes it again.
func Written(input string) (string, error) {
	p, err := parseInput(input)
	if err != nil {
		return "", err
	}
	return p.label + "=" + p.written(), nil
}
