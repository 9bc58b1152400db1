package document

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"nova/core/money"
)

// field is the value of a key that must be there.
func (r *Reader) field(o Object, key string) (any, bool) {
	v, ok := o.fields[key]
	if !ok && o.Read() {
		r.Fault(o.At(key), "is missing")
	}
	return v, ok
}

// Object is a field that is a mapping with these keys and no other.
func (r *Reader) Object(o Object, key string, keys ...string) Object {
	v, ok := r.field(o, key)
	if !ok {
		return Object{path: o.At(key)}
	}
	return r.mapping(o.At(key), v, keys)
}

// Objects is a list, not an empty one, of mappings with these keys.
func (r *Reader) Objects(o Object, key string, keys ...string) []Object {
	list := r.list(o, key)
	objects := make([]Object, len(list))
	for i, item := range list {
		objects[i] = r.mapping(fmt.Sprintf("%s[%d]", o.At(key), i), item, keys)
	}
	return objects
}

func (r *Reader) list(o Object, key string) []any {
	v, ok := r.field(o, key)
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		r.Fault(o.At(key), "is not a list of at least one")
		return nil
	}
	return list
}

// Text is a value in quotes; "" where there is a fault, which is then named.
func (r *Reader) Text(o Object, key string) string {
	v, ok := r.field(o, key)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok || s == "" {
		r.Fault(o.At(key), "is not text in quotes")
		return ""
	}
	return s
}

// Word is a text out of a list; "" where there is a fault, which is then named.
func Word[W ~string](r *Reader, o Object, key string, all []W) W {
	return known(r, o.At(key), W(r.Text(o, key)), all)
}

// Words is a list, not an empty one, of texts out of a list.
func Words[W ~string](r *Reader, o Object, key string, all []W) []W {
	var words []W
	for i, item := range r.list(o, key) {
		path := fmt.Sprintf("%s[%d]", o.At(key), i)
		text, ok := item.(string)
		if !ok || text == "" {
			r.Fault(path, "is not a word")
			continue
		}
		words = append(words, known(r, path, W(text), all))
	}
	return words
}

func known[W ~string](r *Reader, path string, word W, all []W) W {
	if word == "" || slices.Contains(all, word) {
		return word
	}
	names := make([]string, len(all))
	for i, w := range all {
		names[i] = string(w)
	}
	r.FaultOf(string(word), path, "is none of "+strings.Join(names, ", "))
	return ""
}

// Integer is a whole number from least to most; least where there is a fault, which is then named.
func (r *Reader) Integer(o Object, key string, least, most int64) int64 {
	v, ok := r.field(o, key)
	if !ok {
		return least
	}
	n, ok := whole64(v)
	if !ok {
		r.Fault(o.At(key), "is not a whole number")
		return least
	}
	if n < least || n > most {
		r.FaultOf(fmt.Sprint(n), o.At(key), fmt.Sprintf("is not between %d and %d", least, most))
		return least
	}
	return n
}

// whole64 takes the two types that the decoder has for whole numbers.
func whole64(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case uint64:
		return int64(n), n <= 1<<62
	}
	return 0, false
}

// Currency is a known one. Where there is a fault, amounts are judged by two decimals, so that their own faults are
// found as well.
func (r *Reader) Currency(o Object, key string) money.Currency {
	text := r.Text(o, key)
	c := money.Currency(text)
	if c.Valid() {
		return c
	}
	if text != "" {
		r.FaultOf(text, o.At(key), "is not known")
	}
	return money.USD
}

// Amount is none or more of a currency, as text in quotes; nothing where there is a fault, which is then named.
func (r *Reader) Amount(o Object, key string, c money.Currency) money.Amount {
	text := r.Text(o, key)
	a, err := money.Parse(text, c)
	if text != "" && err != nil {
		r.FaultOf(text, o.At(key), "is no amount of "+string(c))
	}
	return money.Of(a.Minor, c)
}

// Moment is a time with its zone, as text in quotes.
func (r *Reader) Moment(o Object, key string) time.Time {
	text := r.Text(o, key)
	t, err := time.Parse(time.RFC3339, text)
	if text != "" && err != nil {
		r.FaultOf(text, o.At(key), "is not a time as 2026-01-01T00:00:00-04:00")
	}
	return t.UTC()
}
