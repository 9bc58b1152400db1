// Package ids makes and reads the names of things: UUIDv7 inside, TypeIDs such as
// txn_01jd5x... outside, and the short receipt numbers that people read aloud.
//
// It knows nothing of what the prefixes name. Its one rule: an id is random, never
// derived from a person's data.
package ids

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
)

// Prefix is the part of a TypeID that says what it names.
type Prefix string

// The prefixes of the HTTP contract.
const (
	Customer    Prefix = "cus"
	User        Prefix = "usr" // a customer, as some clients write it
	Agent       Prefix = "agt"
	Operator    Prefix = "opr"
	Outlet      Prefix = "out"
	Merchant    Prefix = "mer"
	Wallet      Prefix = "wal"
	Account     Prefix = "acc"
	Posting     Prefix = "pst"
	Hold        Prefix = "hld"
	Transaction Prefix = "txn"
	Instruction Prefix = "ins"
	Dispute     Prefix = "dsp"
	Attachment  Prefix = "att"
	Preview     Prefix = "pvs"
	OTP         Prefix = "otp"
	Device      Prefix = "dev"
	KYCCase     Prefix = "kyc"
	File        Prefix = "file"
	QR          Prefix = "qr"
	Reference   Prefix = "ref"
	Client      Prefix = "cli"
	Quote       Prefix = "qte"
	Payout      Prefix = "pay"
	Statement   Prefix = "stm"
	Notice      Prefix = "ntc"
	Dialogue    Prefix = "dlg"
	Staff       Prefix = "stf"
	Approval    Prefix = "apr"
	Challenge   Prefix = "chl"
)

// New is a UUIDv7 (RFC 9562, 5.7): the millisecond of now, then 74 random bits, so
// ids of one kind sort by age and new rows land at the end of an index. Two ids of the
// same millisecond stand in no order.
func New(now time.Time) uuid.UUID {
	var id uuid.UUID
	// crypto/rand.Read never fails: it crashes the program when the system has no
	// randomness.
	_, _ = rand.Read(id[6:])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(now.UnixMilli(), 0)))
	copy(id[:6], ms[2:])
	id[6] = 0x70 | id[6]&0x0f // version 7
	id[8] = 0x80 | id[8]&0x3f // RFC 9562 variant
	return id
}

// Floor is the least id that New makes at a time or later.
func Floor(at time.Time) uuid.UUID {
	id := New(at)
	clear(id[6:])
	return id
}

// suffixLength is TypeID's: 26 characters of 5 bits hold 130 bits, of which the first
// two are always 0, so the first character is at most '7'.
const suffixLength = 26

// suffixAlphabet is TypeID's base32: Crockford's, in lower case.
const suffixAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// suffixValues is suffixAlphabet read backwards; notInAlphabet marks the rest.
var suffixValues = invert(suffixAlphabet)

const notInAlphabet = 0xff

func invert(alphabet string) [256]byte {
	var values [256]byte
	for i := range values {
		values[i] = notInAlphabet
	}
	for i := range len(alphabet) {
		values[alphabet[i]] = byte(i)
	}
	return values
}

// Format is the TypeID (spec 0.3): the prefix, an underscore, and the UUID as 26
// characters of base32.
func Format(p Prefix, id uuid.UUID) string {
	var suffix [suffixLength]byte
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	for i := suffixLength - 1; i >= 0; i-- {
		suffix[i] = suffixAlphabet[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(p) + "_" + string(suffix[:])
}

// Parse reads a TypeID that must carry this prefix. Anything else, upper case and a
// first character over '7' included, is a VALIDATION_ERROR.
func Parse(p Prefix, s string) (uuid.UUID, error) {
	suffix, ok := strings.CutPrefix(s, string(p)+"_")
	if !ok {
		return uuid.Nil, fault.New(fault.ValidationError, "id without the prefix %s_", p)
	}
	if len(suffix) != suffixLength || suffix[0] > '7' {
		return uuid.Nil, fault.New(fault.ValidationError, "malformed %s_ id", p)
	}
	var hi, lo uint64
	for i := range suffixLength {
		v := suffixValues[suffix[i]]
		if v == notInAlphabet {
			return uuid.Nil, fault.New(fault.ValidationError, "malformed %s_ id", p)
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(v)
	}
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	return id, nil
}
