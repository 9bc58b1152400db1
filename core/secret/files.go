package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600

	// othersMask are the bits by which anyone but the owner could reach a key.
	othersMask fs.FileMode = 0o077

	// maxKeyFile bounds what is read: a keyset with a hundred retired keys takes
	// some 30 KiB.
	maxKeyFile = 1 << 20
)

// ReadKeyFile reads a file of key material, and refuses one that others than its owner may reach. Its errors name what
// is wrong and never the content.
func ReadKeyFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, fmt.Errorf("is not a file of at most %d bytes", maxKeyFile)
	}
	if mode := info.Mode().Perm(); mode&othersMask != 0 {
		return nil, fmt.Errorf("mode %#o lets others read or write it: chmod %#o it", mode, fileMode)
	}
	return os.ReadFile(path) //nolint:gosec // the path is the operator's own setting
}

// CreateKeyFile makes a file of key material, and its folder, unless the file is there. It is written whole or not at
// all: a link appears at once, and it fails if another process made the key first, whose key then stands.
func CreateKeyFile(path string, generate func() ([]byte, error)) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data, err := generate()
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	draft, err := os.CreateTemp(dir, "."+filepath.Base(path)+".") // created with mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft.Name()) }() // a draft left behind is harmless
	if err := fill(draft, data); err != nil {
		return err
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// fill writes, syncs and closes: a key must not be used before it would survive a
// power cut.
func fill(f *os.File, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
