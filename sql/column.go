package sql

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// Column collects the values of one array argument in the binary form that PostgreSQL stores: what a group writes
// goes from memory into the statement without a text, a slice or a reflection in between, and PostgreSQL parses
// nothing. All values of a column are of one type. The zero value is an empty array. It is not safe for concurrent
// use.
type Column struct {
	buf   []byte
	n     int
	oid   uint32
	nulls bool
}

// PostgreSQL's numbers for the element types (pg_type.oid), which are the same in every installation.
const (
	oidBool      = 16
	oidBytes     = 17
	oidInt8      = 20
	oidText      = 25
	oidDate      = 1082
	oidTimestamp = 1184
	oidUUID      = 2950
)

// headerSize is an array's head: dimensions, whether there are NULLs, element type, length, lower bound.
const headerSize = 20

// postgresEpoch is where PostgreSQL counts times and dates from, in seconds since 1970.
const postgresEpoch = 946_684_800

const secondsOfDay = 24 * 60 * 60

// start begins a value of so many bytes.
func (c *Column) start(oid uint32, size int) {
	if len(c.buf) == 0 {
		c.buf = append(c.buf, make([]byte, headerSize)...)
	}
	c.n++
	c.oid = oid
	c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(size)) //nolint:gosec // a value is far below 4 GiB
}

func (c *Column) null(oid uint32) {
	c.start(oid, 0)
	c.nulls = true
	const none = 0xFFFFFFFF // a length of -1
	binary.BigEndian.PutUint32(c.buf[len(c.buf)-4:], none)
}

// UUID adds an id; the zero id is NULL.
func (c *Column) UUID(id uuid.UUID) {
	if id == uuid.Nil {
		c.null(oidUUID)
		return
	}
	c.start(oidUUID, len(id))
	c.buf = append(c.buf, id[:]...)
}

// Int adds a whole number to an array of bigint.
func (c *Column) Int(n int64) {
	c.start(oidInt8, 8)
	c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(n)) //nolint:gosec // the bits are what is sent
}

// Bool adds a truth value.
func (c *Column) Bool(b bool) {
	c.start(oidBool, 1)
	if b {
		c.buf = append(c.buf, 1)
		return
	}
	c.buf = append(c.buf, 0)
}

// Time adds an instant; the zero time is NULL.
func (c *Column) Time(t time.Time) {
	if t.IsZero() {
		c.null(oidTimestamp)
		return
	}
	c.start(oidTimestamp, 8)
	micros := t.UnixMicro() - postgresEpoch*1_000_000
	c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(micros)) //nolint:gosec // the bits are what is sent
}

// Date adds a calendar date, "2026-11-30"; what is no date is NULL.
func (c *Column) Date(day string) {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		c.null(oidDate)
		return
	}
	c.start(oidDate, 4)
	days := (t.Unix() - postgresEpoch) / secondsOfDay
	c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(days)) //nolint:gosec // the bits are what is sent
}

// Text adds a text, the empty one included.
func (c *Column) Text(s string) {
	c.start(oidText, len(s))
	c.buf = append(c.buf, s...)
}

// TextOrNull adds a text; the empty one is NULL.
func (c *Column) TextOrNull(s string) {
	if s == "" {
		c.null(oidText)
		return
	}
	c.Text(s)
}

// Bytes adds binary data; nil is NULL.
func (c *Column) Bytes(b []byte) {
	if b == nil {
		c.null(oidBytes)
		return
	}
	c.start(oidBytes, len(b))
	c.buf = append(c.buf, b...)
}

// Array is the argument. It is valid until the next Reset or value.
func (c *Column) Array() any {
	if c.n == 0 {
		return "{}" // an empty array of whatever type
	}
	head := c.buf[:headerSize]
	binary.BigEndian.PutUint32(head, 1)
	nulls := uint32(0)
	if c.nulls {
		nulls = 1
	}
	binary.BigEndian.PutUint32(head[4:], nulls)
	binary.BigEndian.PutUint32(head[8:], c.oid)
	binary.BigEndian.PutUint32(head[12:], uint32(c.n)) //nolint:gosec // rows of one statement
	binary.BigEndian.PutUint32(head[16:], 1)
	return c.buf
}

// Empty tells that nothing was added.
func (c *Column) Empty() bool { return c.n == 0 }

// Reset empties the column and keeps its memory.
func (c *Column) Reset() { *c = Column{buf: c.buf[:0]} }

// Columns are the array arguments of one statement, in order.
type Columns []Column

// Rows is how many rows the columns stand for.
func (cs Columns) Rows() int { return cs[0].n }

// AppendTo appends the arguments, one array each. They are valid until the next Reset or value.
func (cs Columns) AppendTo(args []any) []any {
	for i := range cs {
		args = append(args, cs[i].Array())
	}
	return args
}

// Args are the arguments, one array each.
func (cs Columns) Args() []any { return cs.AppendTo(make([]any, 0, len(cs))) }

// Reset empties the columns and keeps their memory.
func (cs Columns) Reset() {
	for i := range cs {
		cs[i].Reset()
	}
}

// UUIDs is an array argument of ids.
func UUIDs(ids []uuid.UUID) any {
	var c Column
	for _, id := range ids {
		c.UUID(id)
	}
	return c.Array()
}
