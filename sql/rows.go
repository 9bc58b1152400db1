package sql

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// RowReader reads rows that a statement put into one text, a line a row and words between spaces: that costs either
// side a fraction of a row's protocol, and several tables' rows come in one answer. The first thing that is not as
// expected stays in Err, and ends it.
type RowReader struct {
	text, row string
	err       error
}

// NewRowReader reads a text.
func NewRowReader(text string) *RowReader { return &RowReader{text: text} }

// Next goes on with another text.
func (r *RowReader) Next(text string) { r.text = text }

// Line moves to the next row; false where there is none, or something was not as expected.
func (r *RowReader) Line() bool {
	if r.text == "" || r.err != nil {
		return false
	}
	r.row, r.text, _ = strings.Cut(r.text, "\n")
	return true
}

// Word is the row's next word.
func (r *RowReader) Word() string {
	var word string
	word, r.row, _ = strings.Cut(r.row, " ")
	return word
}

// Rest is all that is left of the row, spaces included.
func (r *RowReader) Rest() string { return r.row }

// More tells that the row has more words.
func (r *RowReader) More() bool { return r.row != "" }

// Number is a whole number.
func (r *RowReader) Number() int64 {
	n, err := strconv.ParseInt(r.Word(), 10, 64)
	r.note(err)
	return n
}

// Small is a number that fits an int everywhere.
func (r *RowReader) Small() int { return int(r.Number()) }

// UUID is an id.
func (r *RowReader) UUID() uuid.UUID {
	id, err := uuid.Parse(r.Word())
	r.note(err)
	return id
}

// Time is an instant, written as microseconds since 1970 (UTC).
func (r *RowReader) Time() time.Time { return time.UnixMicro(r.Number()).UTC() }

// Optional is a number, or nil where the row says "-".
func (r *RowReader) Optional() *int64 {
	word := r.Word()
	if word == "-" {
		return nil
	}
	n, err := strconv.ParseInt(word, 10, 64)
	r.note(err)
	return &n
}

// Bytes is binary data in hexadecimal digits, or nil where the row says "-".
func (r *RowReader) Bytes() []byte {
	word := r.Word()
	if word == "-" {
		return nil
	}
	b, err := hex.DecodeString(word)
	r.note(err)
	return b
}

// Err is what was not as expected first, nil if all was.
func (r *RowReader) Err() error { return r.err }

func (r *RowReader) note(err error) {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("read row: %w", err)
	}
}
