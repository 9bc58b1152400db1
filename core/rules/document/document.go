// Package document reads the documents that rule books are written in: YAML that staff edit by hand, in which a slip
// would cost somebody money.
//
// It is pure, and knows what a mapping, a list and an amount look like, not what they mean: price lists and limits read
// themselves with it. It takes a document apart instead of decoding it into structs, because a decoder stops at the
// first fault.
//
// Its one rule: what is missing, unknown or malformed is named with its place, all of it at once.
package document

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

const (
	// MaxSize bounds a document, in bytes: some thousand lines, and quickly read.
	MaxSize = 64 << 10
	// maxFaults bounds what is told at once; who has mended so many may ask again.
	maxFaults = 100
)

// whole is the path of the document itself.
const whole = "document"

// Fault is one thing that is wrong. Path says where, "tariffs[0].versions[1].fee"; Problem is a phrase that follows it,
// without what stood there; Value is that, for operators; "" for none.
type Fault struct {
	Path, Problem, Value string
}

// String is the fault as an operator's log shows it.
func (f Fault) String() string {
	if f.Value == "" {
		return f.Path + ": " + f.Problem
	}
	return fmt.Sprintf("%s: %s: %q", f.Path, f.Problem, f.Value)
}

// Faults are all that is wrong with a document, in reading order.
type Faults []Fault

// Error names every fault, a line each.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// Fields are the problems by path, as callers may be told them; of several at one place the first.
func (f Faults) Fields() map[string]string {
	fields := make(map[string]string, len(f))
	for _, fault := range f {
		if fields[fault.Path] == "" {
			fields[fault.Path] = fault.Problem
		}
	}
	return fields
}

// Reader takes one document apart. The zero value is ready.
type Reader struct {
	faults Faults
}

// Object is a mapping and where it stands. One that could not be read has no fields, and nothing more is said about
// what it lacks.
type Object struct {
	path   string
	fields map[string]any
}

// Has tells whether a field is there.
func (o Object) Has(key string) bool {
	_, ok := o.fields[key]
	return ok
}

// Read tells whether there was a mapping to read.
func (o Object) Read() bool { return o.fields != nil }

// Path is where the mapping stands.
func (o Object) Path() string { return cmp.Or(o.path, whole) }

// At is where its field stands.
func (o Object) At(key string) string { return strings.TrimPrefix(o.path+"."+key, ".") }

// Err is Faults about what; nil if there are none.
func (r *Reader) Err(what string) error {
	if len(r.faults) == 0 {
		return nil
	}
	return fmt.Errorf("read %s: %w", what, r.faults)
}

// Fault notes a problem at a path.
func (r *Reader) Fault(path, problem string) { r.FaultOf("", path, problem) }

// FaultOf notes a problem with a value.
func (r *Reader) FaultOf(value, path, problem string) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, Fault{Path: path, Problem: problem, Value: value})
	}
}

// Root is the mapping that the only document in data consists of.
func (r *Reader) Root(data []byte, keys ...string) Object {
	if len(data) > MaxSize {
		r.Fault(whole, fmt.Sprintf("is larger than %d bytes", MaxSize))
		return Object{}
	}
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		r.Fault(whole, "is not plain text")
		return Object{}
	}
	if reused(data) {
		r.Fault(whole, "has an anchor or an alias, and must say what it means where it means it")
		return Object{}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root any
	if err := decoder.Decode(&root); err != nil && !errors.Is(err, io.EOF) {
		r.FaultOf(yaml.FormatError(err, false, false), whole, "is not YAML"+line(err))
		return Object{}
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		r.Fault(whole, "is followed by another")
	}
	return r.mapping("", root, keys)
}

// reused tells whether parts of a document stand for others: a few lines could then be read as millions.
func reused(data []byte) bool {
	return slices.ContainsFunc(lexer.Tokenize(string(data)), func(t *token.Token) bool {
		return t.Type == token.AnchorType || t.Type == token.AliasType
	})
}

// line says where the decoder stopped, if it does itself.
func line(err error) string {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil || at.GetToken().Position == nil {
		return ""
	}
	return fmt.Sprintf(" in line %d", at.GetToken().Position.Line)
}

// mapping is v as an object that may have these keys and no other.
func (r *Reader) mapping(path string, v any, keys []string) Object {
	fields, ok := v.(map[string]any)
	if !ok {
		r.Fault(cmp.Or(path, whole), "is not a mapping")
		return Object{path: path}
	}
	o := Object{path: path, fields: fields}
	var unknown []string
	for key := range fields {
		if !slices.Contains(keys, key) {
			unknown = append(unknown, key)
		}
	}
	slices.Sort(unknown) // a map has no order, and faults should
	for _, key := range unknown {
		r.Fault(o.At(key), "is not a field here: there are "+strings.Join(keys, ", "))
	}
	return o
}
