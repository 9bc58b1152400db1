package identity

import "encoding/base64"

// PublicKey is one key of a JWKS: an Ed25519 key as RFC 8037, 2 writes it.
type PublicKey struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	KeyID     string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
}

// KeySet is a JWKS document (RFC 7517, 5).
type KeySet struct {
	Keys []PublicKey `json:"keys"`
}

// JWKS is the public halves of all keys whose tokens are taken, in the order of their names: for whoever verifies a
// token elsewhere. A key that has been rotated out stands in it until its file is removed.
func (t *Tokens) JWKS() KeySet {
	set := KeySet{Keys: []PublicKey{}}
	for _, kid := range t.signer.KeyIDs() {
		public, _ := t.signer.Public(kid) // named by the signer itself
		set.Keys = append(set.Keys, PublicKey{
			KeyType: "OKP", Curve: "Ed25519", X: base64.RawURLEncoding.EncodeToString(public), KeyID: kid,
			Use: "sig", Algorithm: "EdDSA",
		})
	}
	return set
}
