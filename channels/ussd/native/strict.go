package native

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"nova/core/fault"
)

// strict decodes one JSON object and nothing after it.
func strict(body []byte, in *call) error {
	if !utf8.Valid(body) {
		return fault.New(fault.ValidationError, "not UTF-8").Field("body", "is not UTF-8")
	}
	if err := exactKeys(body); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(in)
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return malformed("body", "is more than one object")
	}
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return malformed(kind.Field, "has the wrong type")
	case strings.Contains(err.Error(), "unknown field"):
		return malformed("body", "has an unknown field")
	}
	return malformed("body", "is not a JSON object")
}

// malformed drops the decoder's own text, which quotes what it could not read.
func malformed(field, problem string) error {
	return fault.New(fault.ValidationError, "native call").Field(field, problem)
}

// exactKeys refuses a name in another case, or one that comes twice: encoding/json takes both, and a filter before us
// that reads "msisdn" must see the number that we see. What is malformed otherwise is left to the decoder.
func exactKeys(body []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	seen := map[string]bool{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil
		}
		key, _ := name.(string) // an object's names are strings
		if seen[key] || key != strings.ToLower(key) {
			return malformed("body", "has a field twice, or in another case")
		}
		seen[key] = true
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return nil
		}
	}
	return nil
}
