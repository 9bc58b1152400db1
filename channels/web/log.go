package web

import (
	"io"
	"log/slog"
	"strings"
)

// NewLogger writes one JSON object a line, or text where format says "text". Times are UTC.
//
// What must not be logged has types that mask themselves; the handler is a second net below them: in every text it
// hides what looks like a whole phone number, such as one that a driver's error quotes.
func NewLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: mask}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

// mask hides numbers in texts and errors. Numbers proper (counts, durations, minor units) are left alone.
func mask(_ []string, attr slog.Attr) slog.Attr {
	value := attr.Value
	if value.Kind() == slog.KindTime {
		attr.Value = slog.TimeValue(value.Time().UTC())
	}
	if value.Kind() == slog.KindString {
		attr.Value = slog.StringValue(hideNumbers(value.String()))
	}
	if err, ok := value.Any().(error); ok && value.Kind() == slog.KindAny {
		attr.Value = slog.StringValue(hideNumbers(err.Error()))
	}
	return attr
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
