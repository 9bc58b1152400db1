package secret

import (
	"errors"
	"fmt"
	"path/filepath"
)

// Keyring is every key of a node, one file each, so that each can be mounted, rotated
// and withheld by itself.
type Keyring struct {
	Session *Box // live dialogues in Redis
	Field   *Box // columns of PostgreSQL: identity documents, codes, notices
	PINKek  *Box // wraps the keyed hash of every PIN

	PINPepper *MAC // hashes PINs, OTPs and codes
	Index     *MAC // looks up what is stored sealed
	Body      *MAC // recognises a request body that comes again
	Caller    *MAC // names a caller in Redis without the number
}

// slot is one file of a keyring.
type slot struct {
	file     string
	parse    func(data []byte) error
	generate func() ([]byte, error)
	// rotate adds a key to a file's content, and puts the newest one to use or not.
	rotate func(data []byte, use bool) ([]byte, error)
}

// slots is the table of the keyring's files.
func (k *Keyring) slots() []slot {
	return []slot{
		boxSlot("session.json", &k.Session),
		boxSlot("field.json", &k.Field),
		boxSlot("pin_kek.json", &k.PINKek),
		macSlot("pin_pepper.json", &k.PINPepper),
		macSlot("index.json", &k.Index),
		macSlot("body.json", &k.Body),
		macSlot("caller.json", &k.Caller),
	}
}

func boxSlot(file string, to **Box) slot {
	return slot{
		file:   file,
		rotate: rotateBox,
		parse: func(data []byte) (err error) {
			*to, err = parseBox(data)
			return err
		},
		generate: func() ([]byte, error) {
			box, err := newBox()
			if err != nil {
				return nil, err
			}
			return box.marshal()
		},
	}
}

func macSlot(file string, to **MAC) slot {
	return slot{
		file: file,
		parse: func(data []byte) (err error) {
			*to, err = parseMAC(data)
			return err
		},
		generate: newMACFile,
		rotate:   rotateMAC,
	}
}

// LoadKeyring reads all keys of dir. It names every fault at once: what is missing,
// what is malformed, and what others than its owner may read, which is refused.
func LoadKeyring(dir string) (*Keyring, error) {
	var k Keyring
	var faults []error
	for _, s := range k.slots() {
		if err := s.load(dir); err != nil {
			faults = append(faults, fmt.Errorf("key file %s: %w", s.file, err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("load keyring %s: %w", dir, err)
	}
	return &k, nil
}

func (s slot) load(dir string) error {
	data, err := ReadKeyFile(filepath.Join(dir, s.file))
	if err != nil {
		return err
	}
	return s.parse(data)
}

// GenerateKeyring makes the keys that dir lacks, and dir itself, and leaves those that
// are there. It is for development and a first installation: a lost key that is made
// anew opens nothing that the old one sealed.
func GenerateKeyring(dir string) error {
	for _, s := range new(Keyring).slots() {
		if err := CreateKeyFile(filepath.Join(dir, s.file), s.generate); err != nil {
			return fmt.Errorf("generate key file %s: %w", s.file, err)
		}
	}
	return nil
}

// EphemeralKeyring is a keyring that dies with the process, for tests.
func EphemeralKeyring() *Keyring {
	var k Keyring
	for _, s := range k.slots() {
		data, err := s.generate()
		if err == nil {
			err = s.parse(data)
		}
		if err != nil {
			panic(fmt.Sprintf("secret: make %s: %v", s.file, err))
		}
	}
	return &k
}
