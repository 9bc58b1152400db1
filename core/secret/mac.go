package secret

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"maps"
	"slices"
	"sync"
)

// keyBytes is the size of an HMAC-SHA256 key: as long as its output (RFC 2104, 3).
const keyBytes = sha256.Size

// MAC makes keyed hashes under versioned keys: what is looked up or compared but never
// read back. Whoever stores a hash stores the version beside it. It is safe for use by
// several goroutines.
type MAC struct {
	current  int
	versions []int
	// hashes gives the keyed hashes of a version, to take one and put it back; nil: there is no such key. A function
	// hides the keys from printers as Text hides its text.
	hashes func(version int) *sync.Pool
}

// macOf readies a pool for each key: making a keyed hash costs more than hashing a number or a PIN with it.
func macOf(current int, keys map[int][]byte) *MAC {
	pools := make(map[int]*sync.Pool, len(keys))
	for version, key := range keys {
		pools[version] = &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}
	}
	versions := slices.Sorted(maps.Keys(keys))
	return &MAC{current: current, versions: versions, hashes: func(version int) *sync.Pool { return pools[version] }}
}

// Current is the version for new hashes.
func (m *MAC) Current() int { return m.current }

// Versions lists the versions that there are keys of, oldest first. Whatever looks for a hash that was stored looks for
// all of them.
func (m *MAC) Versions() []int { return slices.Clone(m.versions) }

// Sum is HMAC-SHA256 of the parts, each preceded by its length, so that no two lists
// of parts run together into one. A version without a key is an error.
func (m *MAC) Sum(version int, parts ...[]byte) ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	pool := m.hashes(version)
	if pool == nil {
		return sum, fmt.Errorf("keyed hash: no key of version %d", version)
	}
	h := pool.Get().(hash.Hash) //nolint:errcheck // the pool holds nothing else
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write(part)
	}
	h.Sum(sum[:0])
	h.Reset() // what was hashed may be a PIN, and must not lie in the pool
	pool.Put(h)
	return sum, nil
}

// newMACFile is a MAC's file with one new key, version 1.
func newMACFile() ([]byte, error) {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails: it crashes a program without randomness
	return macFile{Current: 1, Keys: map[int][]byte{1: key}}.marshal()
}

// marshal is parseMAC undone.
func (f macFile) marshal() ([]byte, error) {
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write keys: %w", err)
	}
	return append(data, '\n'), nil
}

// macFile is a MAC's file: versions count from 1, keys are base64.
type macFile struct {
	Current int            `json:"current"`
	Keys    map[int][]byte `json:"keys"`
}

func parseMAC(data []byte) (*MAC, error) {
	var file macFile
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		// The decoder's text may quote key material.
		return nil, fmt.Errorf("not JSON of current and keys")
	}
	for version, key := range file.Keys {
		if version < 1 || len(key) < keyBytes {
			return nil, fmt.Errorf("key %d: versions count from 1 and keys have %d bytes", version, keyBytes)
		}
	}
	if _, ok := file.Keys[file.Current]; !ok {
		return nil, fmt.Errorf("no key of the current version %d", file.Current)
	}
	return macOf(file.Current, file.Keys), nil
}
