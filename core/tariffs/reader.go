package tariffs

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// reader takes a YAML document apart and collects what is wrong with it, with the
// place: a decoder into structs would stop at the first fault.
type reader struct {
	faults []error
}

// object is a mapping and where it stands, "tariffs[0].versions[1]". One that could
// not be read has no fields, and nothing more is said about what it lacks.
type object struct {
	path   string
	fields map[string]any
}

func (o object) has(key string) bool {
	_, ok := o.fields[key]
	return ok
}

func (o object) at(key string) string {
	return strings.TrimPrefix(o.path+"."+key, ".")
}

func (r *reader) fault(path, format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...)))
}

// document is the root of the only document in data.
func (r *reader) document(data []byte, keys ...string) object {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root any
	if err := decoder.Decode(&root); err != nil && !errors.Is(err, io.EOF) {
		r.fault("document", "is not YAML: %s", yaml.FormatError(err, false, false))
		return object{}
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		r.fault("document", "is followed by another")
	}
	return r.mapping("", root, keys)
}

// mapping is v as an object that may have these keys and no other.
func (r *reader) mapping(path string, v any, keys []string) object {
	fields, ok := v.(map[string]any)
	if !ok {
		r.fault(cmp.Or(path, "document"), "is not a mapping")
		return object{path: path}
	}
	o := object{path: path, fields: fields}
	var unknown []string
	for key := range fields {
		if !slices.Contains(keys, key) {
			unknown = append(unknown, key)
		}
	}
	slices.Sort(unknown) // a map has no order, and faults should
	for _, key := range unknown {
		r.fault(o.at(key), "is not a field here: there are %s", strings.Join(keys, ", "))
	}
	return o
}

// field is the value of a key that must be there.
func (r *reader) field(o object, key string) (any, bool) {
	v, ok := o.fields[key]
	if !ok && o.fields != nil {
		r.fault(o.at(key), "is missing")
	}
	return v, ok
}

func (r *reader) object(o object, key string, keys ...string) object {
	v, ok := r.field(o, key)
	if !ok {
		return object{path: o.at(key)}
	}
	return r.mapping(o.at(key), v, keys)
}

// objects is a list, not an empty one, of objects with these keys.
func (r *reader) objects(o object, key string, keys ...string) []object {
	v, ok := r.field(o, key)
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		r.fault(o.at(key), "is not a list of at least one")
		return nil
	}
	objects := make([]object, len(list))
	for i, item := range list {
		objects[i] = r.mapping(fmt.Sprintf("%s[%d]", o.at(key), i), item, keys)
	}
	return objects
}

// text is a value in quotes; "" where there is a fault, which is then named.
func (r *reader) text(o object, key string) string {
	v, ok := r.field(o, key)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok || s == "" {
		r.fault(o.at(key), "is not text in quotes")
		return ""
	}
	return s
}

// integer is a whole number.
func (r *reader) integer(o object, key string) (int64, bool) {
	v, ok := r.field(o, key)
	if !ok {
		return 0, false
	}
	switch n := v.(type) {
	case int64:
		return n, true
	case uint64:
		if n <= 1<<62 {
			return int64(n), true
		}
	}
	r.fault(o.at(key), "is not a whole number")
	return 0, false
}
