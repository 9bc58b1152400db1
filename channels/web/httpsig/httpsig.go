// Package httpsig verifies that a request was made by the holder of a key: HTTP Message
// Signatures (RFC 9421) with a digest of the body (RFC 9530). It reads bytes and decides; which
// key belongs to whom, and which requests must be signed, others know.
//
// A request carries, for example,
//
//	Content-Digest: sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:
//	Signature-Input: sig=("@method" "@target-uri" "content-digest");created=1700000000;keyid="dev_1"
//	Signature: sig=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:
//
// and the signature is over the listed parts of the message, one a line, with the list itself
// as the last line. So neither the parts nor the list can be changed.
//
// It is stricter than the RFC: a request has one signature under one label, a component has no
// parameters and stands once, and a parameter that it does not know is refused. What is accepted
// within the window of created can be sent again by whoever saw it; that is harmless where the
// signature covers an idempotency key, which is what Device asks for.
package httpsig

import (
	"crypto"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Skew is how far a signature's time may lie from ours, either way: a handset's clock is
// wrong by seconds, and a request is on its way for seconds.
const Skew = time.Minute

// Device is what a signature of a bound device must cover: what is asked of whom, the whole body,
// the token that it comes with, and the key that makes a repeat harmless.
var Device = []string{"@method", "@target-uri", "content-digest", "authorization", "idempotency-key"}

// Request is the signed message as it came.
type Request struct {
	Method string
	// TargetURI is absolute, as the sender addressed it: behind a proxy, with the public
	// scheme and authority.
	TargetURI string
	// Header gives all values of a field, one for each line that it came in. Names are in lower
	// case.
	Header func(name string) []string
	Body   []byte
}

// Check is what a signature must fulfil.
type Check struct {
	// Key is an ed25519.PublicKey, or an *ecdsa.PublicKey on P-256.
	Key crypto.PublicKey
	// KeyID is the name of the key that the signature must give.
	KeyID string
	// Required components must be covered. With content-digest the body is checked.
	Required []string
	Now      time.Time
}

// Verify returns nil if the request's one signature fulfils the check. An error says what is
// wrong, for operators; it quotes nothing of the request.
func Verify(r Request, c Check) error {
	p, signature, err := read(r)
	if err != nil {
		return err
	}
	if err := p.fulfil(c); err != nil {
		return err
	}
	base, err := r.base(p)
	if err != nil {
		return err
	}
	if slices.Contains(p.components, digestField) {
		if err := r.checkDigest(); err != nil {
			return err
		}
	}
	return verify(c.Key, p.alg, base, signature)
}

// fulfil checks what the signature says of itself.
func (p *parameters) fulfil(c Check) error {
	for _, name := range c.Required {
		if !slices.Contains(p.components, name) {
			return fmt.Errorf("signature does not cover %s", name)
		}
	}
	switch {
	case p.created == nil:
		return errors.New("signature has no created")
	case p.keyID == nil || *p.keyID != c.KeyID:
		return errors.New("signature is of another key")
	}
	created := time.Unix(*p.created, 0)
	if created.Before(c.Now.Add(-Skew)) || created.After(c.Now.Add(Skew)) {
		return fmt.Errorf("signature was made %s ago", c.Now.Sub(created).Round(time.Second))
	}
	if p.expires != nil && !c.Now.Before(time.Unix(*p.expires, 0)) {
		return errors.New("signature has expired")
	}
	return nil
}
