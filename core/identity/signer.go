package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

const (
	signerDirMode  fs.FileMode = 0o700
	signerFileMode fs.FileMode = 0o600
	// othersMask are the bits by which anyone but the owner could reach a key.
	othersMask fs.FileMode = 0o077
	// firstSigner is the file that GenerateSigner makes. A later key sorts after it, "token_signer_2027.pem".
	firstSigner = "token_signer.pem"
	// signerPattern finds the keys of a folder.
	signerPattern = "token_signer*.pem"
	// kidBytes of the public key's hash name a key.
	kidBytes = 8
	pemType  = "PRIVATE KEY"
)

// Signer holds the Ed25519 keys that sign access tokens, each named by its kid. The last file in order of names
// signs; every one verifies, so a key rotates by adding a file and, a token's lifetime later, removing the old one.
type Signer struct {
	current string
	keys    map[string]ed25519.PrivateKey
}

// LoadSigner reads all keys of dir, and refuses one that others than its owner may read.
func LoadSigner(dir string) (*Signer, error) {
	paths, err := filepath.Glob(filepath.Join(dir, signerPattern))
	if err != nil {
		return nil, fmt.Errorf("list signing keys in %s: %w", dir, err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no signing key %s in %s", signerPattern, dir)
	}
	slices.Sort(paths)
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

// GenerateSigner makes dir and a first key in it where there is none: for development and a first installation.
func GenerateSigner(dir string) error {
	if err := os.MkdirAll(dir, signerDirMode); err != nil {
		return fmt.Errorf("generate signing key: %w", err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("generate signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode signing key: %w", err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})
	return createOnce(filepath.Join(dir, firstSigner), block)
}

// EphemeralSigner is a signer that dies with the process, for tests.
func EphemeralSigner() *Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("identity: make a signing key: %v", err))
	}
	s := &Signer{keys: map[string]ed25519.PrivateKey{}}
	s.current = s.add(key)
	return s
}

// add names a key by its public half and returns the name.
func (s *Signer) add(key ed25519.PrivateKey) string {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		panic(fmt.Sprintf("identity: an Ed25519 key's public half is a %T", key.Public()))
	}
	sum := sha256.Sum256(public)
	kid := hex.EncodeToString(sum[:kidBytes])
	s.keys[kid] = key
	return kid
}

// public is the key that verifies what kid signed.
func (s *Signer) public(kid string) (ed25519.PublicKey, bool) {
	key, ok := s.keys[kid]
	if !ok {
		return nil, false
	}
	public, ok := key.Public().(ed25519.PublicKey)
	return public, ok
}

func loadSigningKey(path string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&othersMask != 0 {
		return nil, fmt.Errorf("mode %#o lets others read or write it: chmod %#o it", mode, signerFileMode)
	}
	data, err := os.ReadFile(path) //nolint:gosec // the path is the operator's own setting
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

// createOnce writes the file whole or leaves the one that is there: of two processes that start together, one wins.
func createOnce(path string, data []byte) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	draft, err := os.CreateTemp(filepath.Dir(path), ".draft.") // created with mode 0600
	if err != nil {
		return fmt.Errorf("create signing key: %w", err)
	}
	defer func() { _ = os.Remove(draft.Name()) }() // a draft left behind is harmless
	_, err = draft.Write(data)
	if err == nil {
		err = draft.Sync()
	}
	if err := errors.Join(err, draft.Close()); err != nil {
		return fmt.Errorf("write signing key: %w", err)
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create signing key: %w", err)
	}
	return nil
}
