package web

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"time"
)

// NewLogger writes one JSON object a line, or text where format says "text". Times are UTC.
//
// What must not be logged has types that mask themselves; the handler is a second net below them: in every text it
// hides what looks like a whole phone number, such as one that a driver's error quotes.
func NewLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == "text" {
		return slog.New(masking{slog.NewTextHandler(w, o)})
	}
	return slog.New(masking{slog.NewJSONHandler(w, o)})
}

// masking hides numbers in texts and errors, and puts times into UTC. Numbers proper (counts, durations, minor units)
// are left alone.
//
// slog's own hook (ReplaceAttr) is called for every attribute and costs as much as all the rest of a line; here a line
// that hides nothing, which is nearly every one, is only looked at.
type masking struct{ slog.Handler }

// Handle writes a line.
func (m masking) Handle(ctx context.Context, r slog.Record) error {
	r.Time = r.Time.UTC()
	clean := hideNumbers(r.Message) == r.Message
	r.Attrs(func(attr slog.Attr) bool {
		_, changed := masked(attr.Value)
		clean = clean && !changed
		return clean
	})
	if clean {
		return m.Handler.Handle(ctx, r)
	}
	safe := slog.NewRecord(r.Time, r.Level, hideNumbers(r.Message), r.PC)
	r.Attrs(func(attr slog.Attr) bool {
		attr.Value, _ = masked(attr.Value)
		safe.AddAttrs(attr)
		return true
	})
	return m.Handler.Handle(ctx, safe)
}

// WithAttrs masks what stands on every line to come.
func (m masking) WithAttrs(attrs []slog.Attr) slog.Handler {
	safe, _ := maskedAttrs(attrs)
	return masking{m.Handler.WithAttrs(safe)}
}

// WithGroup opens a group.
func (m masking) WithGroup(name string) slog.Handler { return masking{m.Handler.WithGroup(name)} }

// masked is a value as it may be written, and whether that is another than it was.
func masked(value slog.Value) (_ slog.Value, changed bool) {
	value = value.Resolve()
	switch value.Kind() {
	case slog.KindString:
		text := value.String()
		safe := hideNumbers(text)
		return slog.StringValue(safe), len(safe) != len(text)
	case slog.KindTime:
		return slog.TimeValue(value.Time().UTC()), value.Time().Location() != time.UTC
	case slog.KindGroup:
		attrs, changed := maskedAttrs(value.Group())
		return slog.GroupValue(attrs...), changed
	case slog.KindAny:
		if err, ok := value.Any().(error); ok {
			return slog.StringValue(hideNumbers(err.Error())), true
		}
		return value, false
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindUint64, slog.KindLogValuer:
		return value, false
	default:
		return value, false
	}
}

// maskedAttrs are attributes as they may be written; the list given stays as it is.
func maskedAttrs(attrs []slog.Attr) (safe []slog.Attr, changed bool) {
	safe = make([]slog.Attr, len(attrs))
	for i, attr := range attrs {
		value, other := masked(attr.Value)
		safe[i], changed = slog.Attr{Key: attr.Key, Value: value}, changed || other
	}
	return safe, changed
}

const (
	// A run of 9 to 15 digits is taken for a phone number. Shorter ones are amounts, times and dates.
	shortestNumber = 9
	longestNumber  = 15
	// shownDigits is how many of the last digits stay, so that two lines about one number can be told to belong together.
	shownDigits = 4
)

// hideNumbers replaces all but the last four digits of each run that stands alone. Runs inside identifiers and
// hexadecimal (a letter, digit, "-" or "_" beside them) are not numbers.
func hideNumbers(s string) string {
	var b strings.Builder
	last := 0
	for i := 0; i < len(s); {
		if s[i] < '0' || s[i] > '9' {
			i++
			continue
		}
		end := i
		for end < len(s) && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		if standsAlone(s, i, end) {
			b.WriteString(s[last:i])
			b.WriteString("***")
			last = end - shownDigits
		}
		i = end
	}
	if last == 0 {
		return s
	}
	b.WriteString(s[last:])
	return b.String()
}

func standsAlone(s string, from, to int) bool {
	if n := to - from; n < shortestNumber || n > longestNumber {
		return false
	}
	return (from == 0 || !identifying(s[from-1])) && (to == len(s) || !identifying(s[to]))
}

func identifying(b byte) bool { return alphanumeric(b) || b == '-' || b == '_' }
