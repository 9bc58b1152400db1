package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strconv"
	"time"

	"github.com/google/uuid"

	"nova/sql"
)

// Hash is a SHA-256 sum.
type Hash [sha256.Size]byte

// String is the hash in hexadecimal digits, as documents show it.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// What is hashed begins with a mark of its kind, so that no text of one kind can pass for another's: RFC 6962, 2.1.
const (
	leafMark = 0
	nodeMark = 1
	sealMark = 2
)

// Seal closes a group: the Merkle root of its postings, chained to the seal before it in its lane. Whoever knows a
// lane's newest seal knows that no posting before it was changed, removed, added or moved.
type Seal struct {
	Lane     int
	Number   int64
	At       time.Time
	Postings int
	// Root is the root of the Merkle tree of the group's postings in their places.
	Root Hash
	// Hash is that of this seal and, by it, of all before it in the lane.
	Hash Hash
}

// newSeal chains a group's postings to the lane's head, the hash of the seal before; empty for the first.
func newSeal(lane int, number int64, at time.Time, leaves []Hash, head []byte) Seal {
	s := Seal{Lane: lane, Number: number, At: at.Truncate(time.Microsecond), Postings: len(leaves), Root: merkleRoot(leaves)}
	s.Hash = s.chained(head)
	return s
}

// chained is the seal's hash behind another one.
func (s *Seal) chained(head []byte) Hash {
	text := fmt.Appendf([]byte{sealMark}, "%d %d %d %d %s %x", s.Lane, s.Number, s.At.UnixMicro(), s.Postings, s.Root, head)
	return sha256.Sum256(text)
}

// AppendTo and Rows make the seal a part of what a group writes.
func (s *Seal) AppendTo(args []any) []any {
	return append(args, s.Lane, s.Number, s.At, s.Postings, s.Root[:], s.Hash[:])
}

// addTo makes the seal a row of its lane's.
func (s *Seal) addTo(c sql.Columns) {
	c[0].Int(s.Number)
	c[1].Time(s.At)
	c[2].Int(int64(s.Postings))
	c[3].Bytes(s.Root[:])
	c[4].Bytes(s.Hash[:])
}

// Rows is one, or none for a group without postings.
func (s *Seal) Rows() int { return min(s.Postings, 1) }

// appendLeaf writes a posting and its entries, in their order, as they are hashed. Texts stand behind their lengths in
// bytes, so that none can pass for what follows it. The query leaves writes the same in SQL.
func appendLeaf(b []byte, p *posting, entries []Entry) []byte {
	b = append(append(b, leafMark), p.id.String()...)
	b = append(b, ' ')
	if p.reverses != uuid.Nil {
		b = append(b, p.reverses.String()...)
	}
	b = strconv.AppendInt(append(b, ' '), p.bookedAt.UnixMicro(), 10)
	for _, word := range [...]string{string(p.valueDate), string(p.currency), p.receipt} {
		b = append(append(b, ' '), word...)
	}
	for _, text := range [...]string{p.narration, p.reference, p.metadata} {
		b = strconv.AppendInt(append(b, ' '), int64(len(text)), 10)
		b = append(append(b, ':'), text...)
	}
	for i := range entries {
		b = appendEntryText(b, &entries[i])
	}
	return b
}

// leafHash is the hash of a posting with its entries.
func leafHash(p *posting, entries []Entry) Hash {
	return sha256.Sum256(appendLeaf(make([]byte, 0, 1024), p, entries))
}

func appendEntryText(b []byte, e *Entry) []byte {
	b = append(append(b, '\n'), e.Account.String()...)
	for _, n := range [...]int64{int64(e.Lane), e.Sequence} {
		b = strconv.AppendInt(append(b, ' '), n, 10)
	}
	side := " D "
	if e.Side == Credit {
		side = " C "
	}
	b = strconv.AppendInt(append(b, side...), e.Minor, 10)
	return strconv.AppendInt(append(b, ' '), e.BalanceAfter, 10)
}

func nodeHash(left, right Hash) Hash {
	text := make([]byte, 0, 1+2*sha256.Size)
	text = append(append(append(text, nodeMark), left[:]...), right[:]...)
	return sha256.Sum256(text)
}

// merkleRoot is the tree hash of RFC 6962, 2.1; of no leaves it is the hash of nothing.
func merkleRoot(leaves []Hash) Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := split(len(leaves))
	return nodeHash(merkleRoot(leaves[:k]), merkleRoot(leaves[k:]))
}

// merklePath is the audit path of RFC 6962, 2.1.1: what the leaf is hashed with on its way to the root.
func merklePath(leaves []Hash, place int) []Hash {
	if len(leaves) <= 1 {
		return nil
	}
	k := split(len(leaves))
	if place < k {
		return append(merklePath(leaves[:k], place), merkleRoot(leaves[k:]))
	}
	return append(merklePath(leaves[k:], place-k), merkleRoot(leaves[:k]))
}

// rootOfPath is the root that a leaf in its place and its path lead to; false for a path of the wrong length.
func rootOfPath(leaf Hash, place, size int, path []Hash) (Hash, bool) {
	if size <= 1 {
		return leaf, len(path) == 0 && place == 0 && size == 1
	}
	if len(path) == 0 || place < 0 || place >= size {
		return Hash{}, false
	}
	k, last := split(size), len(path)-1
	if place < k {
		left, ok := rootOfPath(leaf, place, k, path[:last])
		return nodeHash(left, path[last]), ok
	}
	right, ok := rootOfPath(leaf, place-k, size-k, path[:last])
	return nodeHash(path[last], right), ok
}

// split is the largest power of two below n.
func split(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) } //nolint:gosec // n is at least 2
