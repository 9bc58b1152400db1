package ledger

import (
	"crypto/sha256"
	"encoding/binary"
)

// Key is an idempotency key. Its scope is a person or a client ("cus:<uuid>"), never a channel, device or token, so
// that a retry through another door is still a retry.
type Key struct {
	Scope, Operation, Value string
}

// Digest is what is stored: SHA-256 over the parts, each with its length before it, so that no two keys run
// together.
func (k Key) Digest() [sha256.Size]byte {
	buf := make([]byte, 0, 12+len(k.Scope)+len(k.Operation)+len(k.Value))
	for _, part := range [...]string{k.Scope, k.Operation, k.Value} {
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(part))) //nolint:gosec // a key's part is far below 4 GiB
		buf = append(buf, part...)
	}
	return sha256.Sum256(buf)
}

func (k Key) complete() bool { return k.Scope != "" && k.Operation != "" && k.Value != "" }
