package sql

import (
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendObject appends a JSON object of texts, its names sorted: what encoding/json makes of a map, without reflection,
// because a group writes one for each notice and outcome. A text that is not UTF-8 is an error.
func AppendObject(b []byte, object map[string]string) ([]byte, error) {
	b = append(b, '{')
	var err error
	for i, name := range slices.Sorted(maps.Keys(object)) {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = jsontext.AppendQuote(b, name); err != nil {
			return nil, fmt.Errorf("name: %w", err)
		}
		if b, err = jsontext.AppendQuote(append(b, ':'), object[name]); err != nil {
			return nil, fmt.Errorf("text of %s: %w", name, err)
		}
	}
	return append(b, '}'), nil
}
