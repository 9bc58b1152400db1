package secret

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// KeyNames are the keys of a keyring as AddKey takes them: the names of their files without the ending.
func KeyNames() []string {
	var names []string
	for _, s := range new(Keyring).slots() {
		names = append(names, s.name())
	}
	return names
}

func (s slot) name() string { return strings.TrimSuffix(s.file, ".json") }

// AddKey adds a new key to the file of a keyring's key and keeps the old ones, which open and compare what they made.
// With use it becomes the current one; without, it only stands there, so that every node of several can be started
// with it before one of them uses it, and the next call with use takes it instead of making another.
//
// The file is replaced whole. Two calls at once are told apart: one of them fails.
func AddKey(dir, name string, use bool) error {
	slots := new(Keyring).slots()
	at := slices.IndexFunc(slots, func(s slot) bool { return s.name() == name })
	if at < 0 {
		return fmt.Errorf("no key is called %q; there are %s", name, strings.Join(KeyNames(), ", "))
	}
	err := replaceKeyFile(filepath.Join(dir, slots[at].file), func(old []byte) ([]byte, error) {
		rotated, err := slots[at].rotate(old, use)
		if err != nil {
			return nil, err
		}
		return rotated, slots[at].parse(rotated) // what cannot be read must not replace what can
	})
	if err != nil {
		return fmt.Errorf("key file %s: %w", slots[at].file, err)
	}
	return nil
}

// AddSigningKey adds a signing key that sorts after all there are, and so signs from the next start on. Old ones go on
// verifying. A node verifies only with keys that it was started with.
func AddSigningKey(dir, name string) error {
	paths, err := signingKeys(dir, name)
	if err != nil {
		return err
	}
	for n := len(paths) + 1; n <= maxSigningKeys; n++ {
		path := filepath.Join(dir, fmt.Sprintf("%s_%04d.pem", name, n))
		if path <= paths[len(paths)-1] {
			continue
		}
		return CreateKeyFile(path, newSignerFile)
	}
	return fmt.Errorf("%d signing keys: remove those that nothing counts any more", len(paths))
}

// replaceKeyFile puts what change makes of a file of key material in its place. The draft's name is the lock, taken before
// the file is read: whoever finds it there leaves the file alone.
func replaceKeyFile(path string, change func(old []byte) ([]byte, error)) error {
	draft := path + ".rotating"
	f, err := os.OpenFile(draft, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode) //nolint:gosec // beside the operator's own file
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there: another rotation is at work, or broke off; then remove it", draft)
	}
	if err != nil {
		return err
	}
	var data []byte
	old, err := ReadKeyFile(path)
	if err == nil {
		data, err = change(old)
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(draft))
	}
	if err := fill(f, data); err != nil {
		return errors.Join(err, os.Remove(draft))
	}
	if err := os.Rename(draft, path); err != nil {
		return errors.Join(err, os.Remove(draft))
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename outlive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator's own folder
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// rotateBox is a keyset with a new key, or with its newest key in use.
func rotateBox(data []byte, use bool) ([]byte, error) {
	box, err := parseBox(data)
	if err != nil {
		return nil, err
	}
	primary, err := box.Current()
	if err != nil {
		return nil, err
	}
	newest, err := box.handle.Entry(box.handle.Len() - 1)
	if err != nil {
		return nil, fmt.Errorf("read a keyset: %w", err)
	}
	manager, id := keyset.NewManagerFromHandle(box.handle), newest.KeyID()
	if id == primary || !use {
		if id, err = manager.Add(aead.AES256GCMKeyTemplate()); err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
	}
	if use {
		if err := manager.SetPrimary(id); err != nil {
			return nil, fmt.Errorf("use a key: %w", err)
		}
	}
	handle, err := manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("use a keyset: %w", err)
	}
	rotated, err := boxOf(handle)
	if err != nil {
		return nil, err
	}
	return rotated.marshal()
}

// rotateMAC is a MAC's file with a new key, or with its newest key in use.
func rotateMAC(data []byte, use bool) ([]byte, error) {
	if _, err := parseMAC(data); err != nil {
		return nil, err
	}
	var file macFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, errors.New("not JSON of current and keys")
	}
	newest := file.Current
	for version := range file.Keys {
		newest = max(newest, version)
	}
	if newest == file.Current || !use {
		newest++
		file.Keys[newest] = make([]byte, keyBytes)
		_, _ = rand.Read(file.Keys[newest]) // never fails: it crashes a program without randomness
	}
	if use {
		file.Current = newest
	}
	return file.marshal()
}
