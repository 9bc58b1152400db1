package secret

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Box seals with AES-256-GCM under a keyset: new data under its primary key, old data
// opens under whichever key sealed it, so a key rotates by adding one to the file. It
// is safe for use by several goroutines.
type Box struct {
	handle *keyset.Handle
	aead   tink.AEAD
}

// Seal encrypts plain and binds it to aad, which is not stored: the place the data
// belongs to, such as "table|column|id", so that sealed data moved elsewhere does not
// open. It adds 33 bytes.
func (b *Box) Seal(plain []byte, aad string) ([]byte, error) {
	sealed, err := b.aead.Encrypt(plain, []byte(aad))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, nil
}

// Open decrypts what Seal made with the same aad. A failure is one and the same error
// whether the data was changed, belongs elsewhere, or its key is gone.
func (b *Box) Open(sealed []byte, aad string) ([]byte, error) {
	plain, err := b.aead.Decrypt(sealed, []byte(aad))
	if err != nil {
		return nil, fmt.Errorf("open sealed data: %w", err)
	}
	return plain, nil
}

// Current names the key that seals now. Rows that keep it beside their data can be
// found again when the key is to go.
func (b *Box) Current() (uint32, error) {
	primary, err := b.handle.Primary()
	if err != nil {
		return 0, fmt.Errorf("name the primary key: %w", err)
	}
	return primary.KeyID(), nil
}

// tinkPrefix is a version byte before the key's id at the head of all that Tink seals.
const (
	tinkPrefix      = 1
	tinkPrefixBytes = 5
)

// SealedBy names the key that sealed this, as Current does; false if it was not sealed
// by a Box.
func SealedBy(sealed []byte) (uint32, bool) {
	if len(sealed) < tinkPrefixBytes || sealed[0] != tinkPrefix {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:tinkPrefixBytes]), true
}

// newBox makes a box with one new key.
func newBox() (*Box, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a keyset: %w", err)
	}
	return boxOf(handle)
}

func boxOf(handle *keyset.Handle) (*Box, error) {
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("use a keyset: %w", err)
	}
	return &Box{handle: handle, aead: primitive}, nil
}

// parseBox reads a keyset in Tink's JSON. It stands in clear: the file's mode and
// whoever mounted it are its protection.
func parseBox(data []byte) (*Box, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(data)))
	if err != nil {
		// Tink's text may quote what it could not read, which is key material.
		return nil, fmt.Errorf("not a keyset in Tink's JSON")
	}
	return boxOf(handle)
}

// marshal is parseBox undone.
func (b *Box) marshal() ([]byte, error) {
	var buffer bytes.Buffer
	if err := insecurecleartextkeyset.Write(b.handle, keyset.NewJSONWriter(&buffer)); err != nil {
		return nil, fmt.Errorf("write a keyset: %w", err)
	}
	return buffer.Bytes(), nil
}
