package sessions

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"
)

// A record's plain text is a format byte and then fields: a tag byte, the length of
// the content as a uvarint, the content. Numbers are varints, times are microseconds
// since 1970, a list is a field repeated, a zero value is a field left out. Unknown
// tags are skipped, so that nodes of two releases can share a session during a
// deployment.
//
// JSON would need no code of ours, but took 10 µs a hop for a typical session against
// some 2 µs, out of about 30 µs that a hop may cost beyond its two round trips.
const format = 1

// The tags of all kinds of records. A number is never reused for another meaning.
const (
	tagDialogue   = 1
	tagCaller     = 2
	tagCallerKey  = 3
	tagSaves      = 4
	tagBegan      = 5
	tagRoot       = 6
	tagFlow       = 7
	tagScreen     = 8
	tagStack      = 9
	tagValue      = 10 // the name's length as a uvarint, the name, the value
	tagHop        = 11
	tagRead       = 12
	tagSeq        = 13
	tagTries      = 14
	tagPage       = 15
	tagLanguage   = 16
	tagMenu       = 17
	tagReply      = 18
	tagReplyEnd   = 19
	tagEnded      = 20
	tagInputMAC   = 21
	tagAnsweredAt = 22
	tagOpening    = 23
	tagIntent     = 24
	tagAt         = 25
)

// errMalformed covers every way in which unsealed bytes are no record.
var errMalformed = errors.New("malformed record")

// fields appends fields to a buffer.
type fields []byte

func (f *fields) text(tag byte, s string) {
	if s == "" {
		return
	}
	*f = append(*f, tag)
	*f = binary.AppendUvarint(*f, uint64(len(s)))
	*f = append(*f, s...)
}

func (f *fields) bytes(tag byte, b []byte) {
	if len(b) == 0 {
		return
	}
	*f = append(*f, tag)
	*f = binary.AppendUvarint(*f, uint64(len(b)))
	*f = append(*f, b...)
}

func (f *fields) id(tag byte, id uuid.UUID) {
	if id != uuid.Nil {
		f.bytes(tag, id[:])
	}
}

func (f *fields) number(tag byte, n int64) {
	if n == 0 {
		return
	}
	var varint [binary.MaxVarintLen64]byte
	f.bytes(tag, varint[:binary.PutVarint(varint[:], n)])
}

func (f *fields) flag(tag byte, on bool) {
	if on {
		f.number(tag, 1)
	}
}

func (f *fields) time(tag byte, t time.Time) {
	if !t.IsZero() {
		f.number(tag, t.UnixMicro())
	}
}

func (f *fields) list(tag byte, items []string) {
	for _, item := range items {
		*f = append(*f, tag)
		*f = binary.AppendUvarint(*f, uint64(len(item)))
		*f = append(*f, item...)
	}
}

func (f *fields) values(tag byte, values map[string]string) {
	for name, value := range values {
		var varint [binary.MaxVarintLen64]byte
		prefix := varint[:binary.PutUvarint(varint[:], uint64(len(name)))]
		*f = append(*f, tag)
		*f = binary.AppendUvarint(*f, uint64(len(prefix)+len(name)+len(value)))
		*f = append(*f, prefix...)
		*f = append(*f, name...)
		*f = append(*f, value...)
	}
}

// reader takes fields apart. Its strings are slices of one string, so that decoding a
// record allocates it once. The first problem sticks in err and ends the loop.
type reader struct {
	rest string
	err  error
}

// next gives the following field, or ok false at the end or after a problem.
func (r *reader) next() (tag byte, content string, ok bool) {
	if r.err != nil || r.rest == "" {
		return 0, "", false
	}
	tag = r.rest[0]
	length, rest, ok := uvarint(r.rest[1:])
	if !ok || length > uint64(len(rest)) {
		r.err = errMalformed
		return 0, "", false
	}
	r.rest = rest[length:]
	return tag, rest[:length], true
}

// number reads a varint that fills its field exactly.
func (r *reader) number(content string) int64 {
	u, rest, ok := uvarint(content)
	if !ok || rest != "" {
		r.err = errMalformed
		return 0
	}
	return int64(u>>1) ^ -int64(u&1) //nolint:gosec // G115: undoes the zigzag of a varint, whose overflow is its sign
}

func (r *reader) time(content string) time.Time {
	since := r.number(content)
	if since == 0 {
		return time.Time{} // as the writer, which leaves zeros out
	}
	return time.UnixMicro(since).UTC()
}

// fill copies a content of fixed length: an id or a keyed hash.
func (r *reader) fill(into []byte, content string) {
	if copy(into, content) != len(content) || len(into) != len(content) {
		r.err = errMalformed
	}
}

// typicalStack is as deep as nearly every dialogue goes.
const typicalStack = 4

func (r *reader) push(list []string, content string) []string {
	if len(list) == MaxStack {
		r.err = errMalformed
		return list
	}
	if list == nil {
		list = make([]string, 0, typicalStack)
	}
	return append(list, content)
}

func (r *reader) put(values map[string]string, content string) map[string]string {
	length, rest, ok := uvarint(content)
	if !ok || length > uint64(len(rest)) || len(values) == MaxValues {
		r.err = errMalformed
		return values
	}
	if values == nil {
		values = make(map[string]string)
	}
	values[rest[:length]] = rest[length:]
	return values
}

// uvarint is binary.Uvarint on a string.
func uvarint(s string) (n uint64, rest string, ok bool) {
	var shift uint
	for i := 0; i < len(s) && i < binary.MaxVarintLen64; i++ {
		if s[i] < 0x80 {
			overflow := i == binary.MaxVarintLen64-1 && s[i] > 1
			return n | uint64(s[i])<<shift, s[i+1:], !overflow
		}
		n |= uint64(s[i]&0x7f) << shift
		shift += 7
	}
	return 0, s, false
}

// open checks the format byte and returns a reader of what follows.
func open(plain []byte) reader {
	text := string(plain)
	if text == "" || text[0] != format {
		return reader{err: errMalformed}
	}
	return reader{rest: text[1:]}
}
