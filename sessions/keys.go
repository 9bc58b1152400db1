package sessions

import (
	"encoding/hex"
	"fmt"

	"nova/core/fault"
	"nova/core/msisdn"
)

const (
	// MaxID bounds a gateway's session id. The longest one known has 70 bytes.
	MaxID = 128
	// maxGateway bounds our own names of gateways.
	maxGateway = 32
	// maxPrefix bounds the prefix that lets several installations share a Redis.
	maxPrefix = 32
)

// caller is a person as Redis may know one.
type caller struct {
	mac     [32]byte
	version int // of the key that made mac
}

// callerOf hashes a number under the current key.
func (s *Store) callerOf(m msisdn.MSISDN) (caller, error) {
	version := s.callers.Current()
	mac, err := s.callers.Sum(version, []byte(m.Digits()))
	return caller{mac: mac, version: version}, err
}

// recordKey is "{gateway:session id}" behind the prefix. Session ids come from
// outside, so every byte that could end the hash tag, or make two names one, is
// escaped. An id that holds the caller's number, as that of a gateway without session
// ids does, is replaced by a keyed hash.
func (s *Store) recordKey(key Key, m msisdn.MSISDN, c caller) (string, error) {
	switch {
	case key.Gateway == "" || len(key.Gateway) > maxGateway:
		return "", fault.New(fault.ValidationError, "gateway name of %d bytes", len(key.Gateway))
	case key.ID == "":
		return "", fault.New(fault.ValidationError, "session id missing").Field("session_id", "is required")
	case len(key.ID) > MaxID:
		return "", fault.New(fault.ValidationError, "session id of %d bytes", len(key.ID)).
			Field("session_id", "is too long")
	}
	id := key.ID
	if m.StandsIn(id) {
		mac, err := s.callers.Sum(c.version, []byte("session id"), []byte(id))
		if err != nil {
			return "", fmt.Errorf("hash session id: %w", err)
		}
		id = hashed + hex.EncodeToString(mac[:])
	}
	b := make([]byte, 0, len(s.prefix)+len(key.Gateway)+len(id)+len("{:}"))
	b = append(b, s.prefix...)
	b = append(b, '{')
	b = escape(b, key.Gateway)
	b = append(b, ':')
	b = escape(b, id)
	return string(append(b, '}')), nil
}

// resumeKey is "resume:" and the keyed hash of the caller. After the caller key was
// rotated, pointers under the old one are not found: a hint is lost, nothing more.
func (s *Store) resumeKey(c caller) string {
	b := make([]byte, 0, len(s.prefix)+len("resume:")+hex.EncodedLen(len(c.mac)))
	b = append(b, s.prefix...)
	b = append(b, "resume:"...)
	return string(hex.AppendEncode(b, c.mac[:]))
}

// hashed marks ids that are hashes. A gateway that sends such an id itself harms only
// its own sessions.
const hashed = "mac."

const upperHex = "0123456789ABCDEF"

// escape writes what is not plainly part of a name as %XX.
func escape(b []byte, name string) []byte {
	for i := range len(name) {
		if c := name[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '~'
}
