package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"nova/channels/web"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/secret"
)

// replayedHeader tells that an answer is the first one again.
const replayedHeader = "Idempotency-Replayed"

// keyForm is what a key may be: 1 to 128 visible ASCII characters.
var keyForm = regexp.MustCompile(`^[!-~]{1,128}$`)

// unhashed are the fields that the body's hash leaves out, wherever they stand. A retry may bring a new PIN after a
// wrong one, and a hash over four digits would tell them.
var unhashed = []string{"pin", "code", "otp_token"}

// Idempotent is embedded by the input of every operation that moves or reserves money. The header is required; the
// same key with the same body gets the first answer again, and with another body is refused.
type Idempotent struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"Makes a retry safe: 1 to 128 visible characters, unique to this operation" example:"0190c1de-5a0c-7d5e-8000-1234567890ab"`

	operation string
	path      string
	canonical []byte
}

// Resolve reads the key and the body before the handler runs.
func (in *Idempotent) Resolve(ctx huma.Context) []error {
	if !keyForm.MatchString(in.IdempotencyKey) {
		return []error{fault.New(fault.IdempotencyKeyRequired, "key of %d bytes", len(in.IdempotencyKey))}
	}
	body, err := io.ReadAll(ctx.BodyReader())
	if err != nil {
		return []error{fmt.Errorf("read body: %w", err)}
	}
	target := ctx.URL()
	in.operation, in.path = ctx.Operation().OperationID, target.Path
	if in.canonical, err = Canonical(body); err != nil {
		return []error{fault.New(fault.ValidationError, "body").Field("body", "is not valid")}
	}
	return nil
}

// Claim is what the ledger claims the request by: the key in the scope of the caller, as on a handset, never of a
// device or token, and of the operation; and the keyed hash of the body, and of the path, which says what the body is
// about.
func (in *Idempotent) Claim(ctx context.Context, bodies *secret.MAC) (ledger.Key, [32]byte, error) {
	caller, ok := web.Caller(ctx)
	if !ok {
		return ledger.Key{}, [32]byte{}, fault.New(fault.Unauthorized, "idempotent operation without a caller")
	}
	sum, err := bodies.Sum(bodies.Current(), []byte(in.operation), []byte(in.path), in.canonical)
	if err != nil {
		return ledger.Key{}, [32]byte{}, fmt.Errorf("hash body: %w", err)
	}
	return ledger.Key{Scope: caller.Subject().Scope(), Operation: in.operation, Value: in.IdempotencyKey}, sum, nil
}

// Replay is embedded by the output of the same operations.
type Replay struct {
	Replayed string `header:"Idempotency-Replayed" doc:"true when this is the first answer again"`
}

// Answer words what the ledger did: the header of a first answer that came again, on a result and on a refusal alike.
func Answer(result ledger.Result, err error) (Replay, error) {
	switch {
	case err == nil && result.Replayed:
		return Replay{Replayed: "true"}, nil
	case err != nil && result.Replayed:
		return Replay{}, huma.ErrorWithHeaders(err, http.Header{replayedHeader: {"true"}})
	default:
		return Replay{}, err
	}
}

// Canonical is a JSON body as it is hashed: without the unhashed fields, object keys sorted, no white space, texts in
// one form (RFC 8785), numbers as they were written. Two bodies that mean the same are the same bytes.
func Canonical(body []byte) ([]byte, error) {
	value, err := canonicalized(bytes.Clone(bytes.TrimSpace(body)))
	if err != nil || !slices.ContainsFunc(unhashed, func(name string) bool { return bytes.Contains(value, []byte(`"`+name+`":`)) }) {
		return value, err
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	var fields any
	if err := decoder.Decode(&fields); err != nil {
		return nil, fmt.Errorf("parse body: %w", err)
	}
	text, err := json.Marshal(stripped(fields))
	if err != nil {
		return nil, fmt.Errorf("write body: %w", err)
	}
	return canonicalized(text)
}

// canonicalized puts a JSON text, which it may overwrite, into its one form; nothing stays nothing.
func canonicalized(text []byte) ([]byte, error) {
	if len(text) == 0 {
		return nil, nil
	}
	value := jsontext.Value(text)
	if err := value.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
		return nil, fmt.Errorf("parse body: %w", err)
	}
	return value, nil
}

// stripped drops the unhashed fields at every depth: an authorization's code stands in an object of its own.
func stripped(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if slices.Contains(unhashed, name) {
				delete(v, name)
				continue
			}
			v[name] = stripped(inner)
		}
	case []any:
		for i := range v {
			v[i] = stripped(v[i])
		}
	}
	return value
}
