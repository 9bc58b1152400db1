package web

import (
	stdjson "encoding/json"
	"fmt"
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
)

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// strictJSON is huma's JSON, read strictly: a name that comes twice, text that is not UTF-8 and a second value after the
// first are refused, because another reader of the same body might take the other one. Unknown fields are refused by the
// schema.
var strictJSON = huma.Format{
	Marshal:   huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(data []byte, v any) error { return json.Unmarshal(data, v) },
}

// strictForm reads a form as a flat object of strings, for RFC 6749, section 4.4.2. A name that comes twice is refused,
// as the RFC's section 3.2 demands. Nothing is ever answered as a form.
var strictForm = huma.Format{
	Marshal: strictJSON.Marshal,
	Unmarshal: func(data []byte, v any) error {
		values, err := url.ParseQuery(string(data))
		if err != nil {
			return fmt.Errorf("form is malformed")
		}
		fields := make(map[string]string, len(values))
		for name, list := range values {
			if len(list) > 1 {
				return fmt.Errorf("a name comes twice")
			}
			fields[name] = list[0]
		}
		flat, err := stdjson.Marshal(fields)
		if err != nil {
			return err
		}
		return stdjson.Unmarshal(flat, v)
	},
}
