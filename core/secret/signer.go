package secret

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

const (
	// kidBytes of the public key's hash name a key.
	kidBytes = 8
	// maxSigningKeys bounds the search for a free file's name.
	maxSigningKeys = 9999
	pemType        = "PRIVATE KEY"
)

// Signer holds Ed25519 keys, each named by its kid. The last file in order of names signs; every one verifies, so a key
// rotates by adding a file, and the old one is removed when nothing that it signed counts any more.
type Signer struct {
	current string
	keys    map[string]ed25519.PrivateKey
}

// LoadSigner reads all keys of dir with a name: "token_signer.pem" and what sorts after it, "token_signer_2027.pem". It
// refuses one that others than its owner may read.
func LoadSigner(dir, name string) (*Signer, error) {
	paths, err := signingKeys(dir, name)
	if err != nil {
		return nil, err
	}
	s := &Signer{keys: make(map[string]ed25519.PrivateKey, len(paths))}
	for _, path := range paths {
		key, err := loadSigningKey(path)
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", path, err)
		}
		s.current = s.add(key)
	}
	return s, nil
}

// signingKeys are the files of signing keys with a name, in order; none is an error.
func signingKeys(dir, name string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, name+"*.pem"))
	if err != nil {
		return nil, fmt.Errorf("list signing keys in %s: %w", dir, err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no signing key %s*.pem in %s", name, dir)
	}
	slices.Sort(paths)
	return paths, nil
}

// GenerateSigner makes dir and a first key in it where there is none: for development and a first installation.
func GenerateSigner(dir, name string) error {
	if err := CreateKeyFile(filepath.Join(dir, name+".pem"), newSignerFile); err != nil {
		return fmt.Errorf("generate signing key: %w", err)
	}
	return nil
}

// newSignerFile is a signing key's file with a new key.
func newSignerFile() ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

// EphemeralSigner is a signer that dies with the process, for tests.
func EphemeralSigner() *Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("secret: make a signing key: %v", err))
	}
	s := &Signer{keys: map[string]ed25519.PrivateKey{}}
	s.current = s.add(key)
	return s
}

// add names a key by its public half and returns the name.
func (s *Signer) add(key ed25519.PrivateKey) string {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		panic(fmt.Sprintf("secret: an Ed25519 key's public half is a %T", key.Public()))
	}
	kid := kidOf(public)
	s.keys[kid] = key
	return kid
}

// Current is the key that signs, and its name.
func (s *Signer) Current() (kid string, key ed25519.PrivateKey) { return s.current, s.keys[s.current] }

// KeyIDs are the names of all keys, in order.
func (s *Signer) KeyIDs() []string { return slices.Sorted(maps.Keys(s.keys)) }

// Public is the key that verifies what kid signed; false for a name that is not known.
func (s *Signer) Public(kid string) (ed25519.PublicKey, bool) {
	key, ok := s.keys[kid]
	if !ok {
		return nil, false
	}
	public, ok := key.Public().(ed25519.PublicKey)
	return public, ok
}

func loadSigningKey(path string) (ed25519.PrivateKey, error) {
	data, err := ReadKeyFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != pemType {
		return nil, errors.New("not a PEM file of a PKCS #8 private key")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("not a PKCS #8 private key") // the parser's text could quote key material
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("not an Ed25519 key")
	}
	return key, nil
}

// publicType is the PEM type of a public key (PKIX).
const publicType = "PUBLIC KEY"

// PublicPEM is the public halves of all keys, for whoever must verify what they signed and may not sign.
func (s *Signer) PublicPEM() ([]byte, error) {
	var text []byte
	for _, kid := range s.KeyIDs() {
		public, _ := s.Public(kid)
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			return nil, fmt.Errorf("encode public key %s: %w", kid, err)
		}
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: publicType, Bytes: der})...)
	}
	return text, nil
}

// Verifier holds public keys, each named by its kid.
type Verifier map[string]ed25519.PublicKey

// Public is the key that verifies what kid signed; false for a name that is not known.
func (v Verifier) Public(kid string) (ed25519.PublicKey, bool) {
	key, ok := v[kid]
	return key, ok
}

// ParseVerifier reads what PublicPEM writes.
func ParseVerifier(text []byte) (Verifier, error) {
	v := Verifier{}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read public key: %w", err)
		}
		key, ok := parsed.(ed25519.PublicKey)
		if !ok || block.Type != publicType {
			return nil, errors.New("read public key: not an Ed25519 key")
		}
		v[kidOf(key)] = key
	}
	if len(v) == 0 {
		return nil, errors.New("read public key: no PEM block of a public key")
	}
	return v, nil
}

// kidOf names a key by its public half.
func kidOf(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:kidBytes])
}
