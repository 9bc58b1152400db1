package web

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"nova/core/fault"
)

// humaCodes are the statuses that huma itself gives to a request it can't take.
var humaCodes = map[int]fault.Code{
	http.StatusBadRequest:            fault.ValidationError,
	http.StatusUnprocessableEntity:   fault.ValidationError,
	http.StatusNotAcceptable:         fault.ValidationError,
	http.StatusRequestEntityTooLarge: fault.PayloadTooLarge,
	http.StatusUnsupportedMediaType:  fault.UnsupportedMediaType,
	http.StatusRequestTimeout:        fault.ServiceUnavailable,
}

// noBody is huma's message for a request without the body that its operation needs.
const noBody = "request body is required"

// humaFault turns huma's status and details into a fault. An error that a handler returned comes as the only one with
// status 500, and keeps its own code.
func humaFault(status int, message string, errs []error) error {
	code, refused := humaCodes[status]
	if !refused && len(errs) > 0 {
		return errors.Join(errs...)
	}
	if !refused {
		return fault.New(fault.InternalServerError, "huma answered %d", status)
	}
	e := fault.New(code, "request not valid")
	if message == noBody {
		e = e.Field("body", "is required")
	}
	for _, err := range errs {
		// A resolver's own fault says more than huma's status.
		if own := (*fault.Error)(nil); errors.As(err, &own) && own.Code != fault.ValidationError {
			return own
		}
	}
	for _, err := range errs {
		e = withProblems(e, err)
	}
	return e
}

// withProblems adds what one of huma's errors, or a resolver's, says about fields.
func withProblems(e *fault.Error, err error) *fault.Error {
	var own *fault.Error
	if errors.As(err, &own) {
		for field, p := range own.Fields {
			e = e.Field(field, p)
		}
		return e
	}
	var detail *huma.ErrorDetail
	if errors.As(err, &detail) {
		e = e.Field(fieldName(detail.Location, detail.Message), problem(detail.Message))
	}
	return e
}

// plainName is what a field's name may look like in an answer: a name of ours, or one that a developer mistyped, but
// nothing that could be a number or a secret sent in the wrong place.
var plainName = regexp.MustCompile(`^[A-Za-z][A-Za-z_\[\]0-9.-]{0,63}$`)

// digitRun is too many digits for a name.
var digitRun = regexp.MustCompile(`[0-9]{4}`)

// fieldName is huma's location as a caller knows the field: without "body." or "query." in front, and with the name of
// a required property that is missing.
func fieldName(location, message string) string {
	name := location
	for _, part := range []string{"body.", "query.", "path.", "header.", "form."} {
		if rest, ok := strings.CutPrefix(location, part); ok {
			name = rest
			break
		}
	}
	if missing, ok := strings.CutPrefix(message, "expected required property "); ok {
		missing, _, _ = strings.Cut(missing, " ")
		if location == "body" {
			return missing
		}
		return name + "." + missing
	}
	if !plainName.MatchString(name) || digitRun.MatchString(name) {
		return "body"
	}
	return name
}

// echoing are huma's messages that end in the words of a parser, which quotes what it could not parse.
var echoing = []string{
	"expected string to be RFC 5322 email", "expected string to be RFC 3986 uri", "expected string to be RFC 4122 uuid",
	"expected string to be regex", "expected duration", "invalid value", "cannot read multipart form",
}

// telling are the beginnings of messages that huma composes of the schema alone.
var telling = []string{"expected ", "unexpected property", "required ", "unknown query parameter", "invalid integer",
	"invalid boolean", "invalid date/time"}

// problem is huma's message without anything that was submitted. What is not known to be safe is told as "is not valid".
func problem(message string) string {
	for _, prefix := range echoing {
		if strings.HasPrefix(message, prefix) {
			return prefix
		}
	}
	if strings.HasPrefix(message, "expected required property ") {
		return "is required"
	}
	for _, prefix := range telling {
		if strings.HasPrefix(message, prefix) {
			return message
		}
	}
	return "is not valid"
}
