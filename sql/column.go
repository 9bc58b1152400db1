package sql

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Column collects the values of one array argument, in the text form that PostgreSQL reads: what a group writes goes
// from memory into the statement without a slice and a reflection in between. The zero value is an empty array.
// It is not safe for concurrent use.
type Column struct{ buf []byte }

// timeForm is what PostgreSQL reads without asking for a style.
const timeForm = "2006-01-02T15:04:05.999999Z"

func (c *Column) next() {
	if len(c.buf) == 0 {
		c.buf = append(c.buf, '{')
		return
	}
	c.buf = append(c.buf, ',')
}

// Null adds a NULL.
func (c *Column) Null() {
	c.next()
	c.buf = append(c.buf, "NULL"...)
}

// UUID adds an id; the zero id is NULL.
func (c *Column) UUID(id uuid.UUID) {
	if id == uuid.Nil {
		c.Null()
		return
	}
	c.next()
	var text [36]byte
	hex.Encode(text[:8], id[:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:], id[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	c.buf = append(c.buf, text[:]...)
}

// Int adds a whole number.
func (c *Column) Int(n int64) {
	c.next()
	c.buf = strconv.AppendInt(c.buf, n, 10)
}

// Bool adds a truth value.
func (c *Column) Bool(b bool) {
	c.next()
	if b {
		c.buf = append(c.buf, 't')
		return
	}
	c.buf = append(c.buf, 'f')
}

// Time adds an instant; the zero time is NULL.
func (c *Column) Time(t time.Time) {
	if t.IsZero() {
		c.Null()
		return
	}
	c.next()
	c.buf = t.UTC().AppendFormat(c.buf, timeForm)
}

// Text adds a text, the empty one included.
func (c *Column) Text(s string) {
	c.next()
	c.buf = append(c.buf, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			c.buf = append(c.buf, '\\')
		}
		c.buf = append(c.buf, s[i])
	}
	c.buf = append(c.buf, '"')
}

// Bytes adds binary data; nil is NULL.
func (c *Column) Bytes(b []byte) {
	if b == nil {
		c.Null()
		return
	}
	c.next()
	c.buf = append(c.buf, `"\\x`...)
	c.buf = hex.AppendEncode(c.buf, b)
	c.buf = append(c.buf, '"')
}

// Array is the argument.
func (c *Column) Array() string {
	if len(c.buf) == 0 {
		return "{}"
	}
	return string(c.buf) + "}"
}

// Empty tells that nothing was added.
func (c *Column) Empty() bool { return len(c.buf) == 0 }

// Reset empties the column and keeps its memory.
func (c *Column) Reset() { c.buf = c.buf[:0] }

// Columns are the array arguments of one statement, in order.
type Columns []Column

// Args are the arguments, one array each.
func (cs Columns) Args() []any {
	args := make([]any, len(cs))
	for i := range cs {
		args[i] = cs[i].Array()
	}
	return args
}

// UUIDs is an array argument of ids.
func UUIDs(ids []uuid.UUID) string {
	var c Column
	for _, id := range ids {
		c.UUID(id)
	}
	return c.Array()
}
