package web

import (
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
)

// decoded is a path parameter without its percent-encoding. Fiber hands it over as it stands in the path, and its own
// UnescapePath would turn "+" into a space. One that can't be decoded stays as it is, and no parser takes it.
func decoded(raw string) string {
	if plain, err := url.PathUnescape(raw); err == nil {
		return plain
	}
	return raw
}

// decodedContext gives operations their path parameters percent-decoded, and one format of answers.
type decodedContext struct{ requestContext }

// requestContext is huma.Context under a name that an embedded field may have beside its method Context.
type requestContext huma.Context

// Param is the decoded path parameter.
func (c decodedContext) Param(name string) string { return decoded(c.requestContext.Param(name)) }

// Header hides Accept: every operation answers JSON, and huma would label an answer with whatever format it reads.
func (c decodedContext) Header(name string) string {
	if name == fiber.HeaderAccept {
		return ""
	}
	return c.requestContext.Header(name)
}

// Unwrap lets humafiber find Fiber's context.
func (c decodedContext) Unwrap() huma.Context { return c.requestContext }

func decodeParams(ctx huma.Context, next func(huma.Context)) { next(decodedContext{ctx}) }
