package ledger

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/money"
)

// lockedRows is the answer of a group's locks: a text a part, a line a row, words between spaces.
type lockedRows struct {
	Credentials                        string
	Balances, Holds, Changes, Counters string
	Keys, Intents                      string
	References                         string `db:"client_references"`
	Reversed                           string
}

// rowReader reads such a text. The first thing that is not as expected stays in err, and ends it.
type rowReader struct {
	text, row string
	err       error
}

// next goes on with another part.
func (r *rowReader) next(text string) { r.text = text }

// line moves to the next row.
func (r *rowReader) line() bool {
	if r.text == "" || r.err != nil {
		return false
	}
	r.row, r.text, _ = strings.Cut(r.text, "\n")
	return true
}

func (r *rowReader) word() string {
	var word string
	word, r.row, _ = strings.Cut(r.row, " ")
	return word
}

func (r *rowReader) number() int64 {
	n, err := strconv.ParseInt(r.word(), 10, 64)
	r.note(err)
	return n
}

func (r *rowReader) small() int { return int(r.number()) }

func (r *rowReader) id() uuid.UUID {
	id, err := uuid.Parse(r.word())
	r.note(err)
	return id
}

func (r *rowReader) time() time.Time { return time.UnixMicro(r.number()).UTC() }

// optional is a number, or nil where the row says "-".
func (r *rowReader) optional() *int64 {
	word := r.word()
	if word == "-" {
		return nil
	}
	n, err := strconv.ParseInt(word, 10, 64)
	r.note(err)
	return &n
}

// hex is binary data, or nil where the row says "-".
func (r *rowReader) hex() []byte {
	word := r.word()
	if word == "-" {
		return nil
	}
	b, err := hex.DecodeString(word)
	r.note(err)
	return b
}

func (r *rowReader) note(err error) {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("read locked row: %w", err)
	}
}

// keyRow reads body, created_at, code, result.
func (r *rowReader) keyRow() keyRow {
	row := keyRow{Body: r.hex(), CreatedAt: r.time(), Code: fault.Code(r.word())}
	row.Result = string(r.hex())
	return row
}

// addBalance reads account_id, lane, currency, credit_normal, status, tier, floor, posted, held, sequence, booked_at.
func (st *State) addBalance(r *rowReader) {
	a := &account{id: r.id(), lane: r.small(), currency: money.Currency(r.word()), normal: Debit}
	if r.word() == "1" {
		a.normal = Credit
	}
	a.status, a.tier, a.floor = Status(r.word()), r.small(), r.optional()
	a.posted, a.held, a.sequence, a.bookedAt = r.number(), r.number(), r.number(), r.time()
	st.accounts[a.id] = a
}

// addHold reads id, account_id, minor, captured, status, code_version, code_hash, tries, fee, expires_at, kind.
func (st *State) addHold(r *rowReader) {
	h := &hold{Hold: Hold{ID: r.id(), Account: r.id(), Minor: r.number(), Captured: r.number()}}
	h.Status = HoldStatus(r.word())
	h.version, h.codeHash, h.Tries, h.Fee = r.small(), r.hex(), r.small(), r.number()
	h.ExpiresAt, h.Kind = r.time(), HoldKind(r.row)
	st.holds[h.ID] = h
	if h.Kind == WithdrawalCode && h.Status == HoldActive {
		st.liveCodes[h.Account] = h.ID
	}
}
