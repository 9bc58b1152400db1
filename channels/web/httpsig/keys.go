package httpsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"time"
)

// The algorithms of RFC 9421, 3.3, that handsets' key stores have.
const (
	algEd25519 = "ed25519"
	algP256    = "ecdsa-p256-sha256"
)

// half is the length of each of the two numbers of an ECDSA signature on P-256.
const half = 32

// verify checks a signature. The key alone decides how; a signature that names another algorithm
// is refused.
func verify(key crypto.PublicKey, alg *string, base, signature []byte) error {
	var good bool
	var want string
	switch k := key.(type) {
	case ed25519.PublicKey:
		want = algEd25519
		good = len(k) == ed25519.PublicKeySize && ed25519.Verify(k, base, signature)
	case *ecdsa.PublicKey:
		want = algP256
		good = k.Curve == elliptic.P256() && len(signature) == 2*half && verifyP256(k, base, signature)
	default:
		return fmt.Errorf("a key of type %T", key)
	}
	switch {
	case alg != nil && *alg != want:
		return errors.New("signature names another algorithm than the key's")
	case !good:
		return errors.New("signature is not the key's")
	}
	return nil
}

func verifyP256(key *ecdsa.PublicKey, base, signature []byte) bool {
	sum := sha256.Sum256(base)
	r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
	return ecdsa.Verify(key, sum[:], r, s)
}

// label is the one that Sign gives.
const label = "sig"

// Signing is what a sender signs with.
type Signing struct {
	// Key is an ed25519.PrivateKey, or an *ecdsa.PrivateKey on P-256.
	Key   crypto.Signer
	KeyID string
	// Components are covered, in this order.
	Components []string
	Created    time.Time
}

// Sign gives the values of Signature-Input and Signature, as an app makes them. Content-Digest must
// stand among the request's fields if it is covered.
func Sign(r Request, s Signing) (input, signature string, err error) {
	created := s.Created.Unix()
	p := &parameters{components: s.Components, order: []parameter{
		{"created", strconv.FormatInt(created, 10)}, {"keyid", quoted(s.KeyID)},
	}}
	base, err := r.base(p)
	if err != nil {
		return "", "", err
	}
	raw, err := sign(s.Key, base)
	if err != nil {
		return "", "", fmt.Errorf("sign: %w", err)
	}
	return label + "=" + p.written(), label + "=:" + base64.StdEncoding.EncodeToString(raw) + ":", nil
}

func sign(key crypto.Signer, base []byte) ([]byte, error) {
	switch k := key.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(k, base), nil
	case *ecdsa.PrivateKey:
		sum := sha256.Sum256(base)
		r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
		if err != nil {
			return nil, err
		}
		raw := make([]byte, 2*half)
		r.FillBytes(raw[:half])
		s.FillBytes(raw[half:])
		return raw, nil
	default:
		return nil, fmt.Errorf("a key of type %T", key)
	}
}
