package identity

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"nova/core/fault"
)

// maxJWK bounds what is parsed of a device's key: a P-256 key with a name has some 200 bytes.
const maxJWK = 1024

// coordinateBytes is the size of a coordinate of P-256, and of an Ed25519 key (RFC 7518, 6.2.1; RFC 8037, 2).
const coordinateBytes = 32

// deviceKey is a device's public key, parsed.
type deviceKey struct {
	public crypto.PublicKey
	// text is the key in the one form of RFC 7638, 3.2, which its thumbprint is made of.
	text       string
	thumbprint [sha256.Size]byte
}

// jwk is a public key as an app sends it. A private half is an unknown field, and refused as one.
type jwk struct {
	KeyType   string   `json:"kty"`
	Curve     string   `json:"crv"`
	X         string   `json:"x"`
	Y         string   `json:"y"`
	KeyID     string   `json:"kid"`
	Use       string   `json:"use"`
	Algorithm string   `json:"alg"`
	KeyOps    []string `json:"key_ops"`
}

// parseDeviceKey reads a JWK of a P-256 or an Ed25519 key. Anything else is a VALIDATION_ERROR on the field public_key.
func parseDeviceKey(text []byte) (deviceKey, error) {
	if len(text) > maxJWK {
		return deviceKey{}, badKey("is too long")
	}
	var k jwk
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&k); err != nil || decoder.More() {
		return deviceKey{}, badKey("is not a public key in JWK")
	}
	switch {
	case k.KeyType == "EC" && k.Curve == "P-256":
		return p256(k)
	case k.KeyType == "OKP" && k.Curve == "Ed25519" && k.Y == "":
		return edwards(k)
	}
	return deviceKey{}, badKey("must be a P-256 or an Ed25519 key")
}

func p256(k jwk) (deviceKey, error) {
	x, okX := coordinate(k.X)
	y, okY := coordinate(k.Y)
	if !okX || !okY {
		return deviceKey{}, badKey("must have coordinates of 32 bytes")
	}
	// 4 marks an uncompressed point (SEC 1, 2.3.3); what is not on the curve is refused.
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), bytes.Join([][]byte{{4}, x, y}, nil))
	if err != nil {
		return deviceKey{}, badKey("is not a point of its curve")
	}
	return canonical(public, fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":%q,"y":%q}`, k.X, k.Y)), nil
}

func edwards(k jwk) (deviceKey, error) {
	x, ok := coordinate(k.X)
	if !ok {
		return deviceKey{}, badKey("must have 32 bytes")
	}
	return canonical(ed25519.PublicKey(x), fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":%q}`, k.X)), nil
}

// coordinate reads 32 bytes in base64url. The strict form has one spelling, so that a key has one thumbprint.
func coordinate(s string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil && len(b) == coordinateBytes
}

func canonical(public crypto.PublicKey, text string) deviceKey {
	return deviceKey{public: public, text: text, thumbprint: sha256.Sum256([]byte(text))}
}

func badKey(problem string) error {
	return fault.New(fault.ValidationError, "a device's public key").Field("public_key", problem)
}
