package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"

	"nova/core/fault"
)

const (
	openAPIPath = "/openapi.json"
	tokenScheme = "bearer"
)

// newAPI makes the API whose operations Register adds.
func newAPI(a *App) huma.API {
	config := huma.DefaultConfig("Nova", a.o.Version)
	// The hooks would add $schema fields and Link headers, the docs page would load scripts from a public network, and
	// the schema routes would answer outside the error body.
	config.CreateHooks, config.DocsPath, config.SchemasPath, config.OpenAPIPath = nil, "", "", ""
	config.Formats = map[string]huma.Format{jsonType: strictJSON, formType: strictForm}
	config.NoFormatFallback = false
	// A misspelt filter that is ignored would answer everything.
	config.RejectUnknownQueryParameters = true
	config.Info.Description = "Mobile money over HTTP. Amounts are decimal strings, times RFC 3339 in UTC. " +
		"Every answer repeats X-Correlation-ID; every failure has one body and one code."
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		tokenScheme: {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
	}
	api := humafiber.New(a.fiber, config)
	api.UseMiddleware(decodeParams)
	a.serveDocument(api)
	a.serveDocs()
	return api
}

// serveDocument serves the API document. It is rendered at each request: it is asked for rarely, and operations may
// still be added after the app was made.
func (a *App) serveDocument(api huma.API) {
	a.Handle(http.MethodGet, openAPIPath, Open("public: the contract"), func(c *fiber.Ctx) error {
		document, err := json.Marshal(api.OpenAPI())
		if err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, "application/openapi+json")
		return c.Send(document)
	})
}

// Operation is a huma operation with its access.
type Operation struct {
	huma.Operation
	Access Access
}

// Register adds an operation to the API. Faults that the handler returns become their status and body. An operation
// without an access is a broken build, and panics.
func Register[I, O any](a *App, op Operation, handler func(context.Context, *I) (*O, error)) {
	a.declare(op.Method, fiberPattern(op.Path), op.Access)
	op.Access.action = op.OperationID
	if op.Access.Open == "" {
		op.Security = []map[string][]string{{tokenScheme: op.Access.scopes()}}
		if op.Access.Self == "" {
			op.Extensions = map[string]any{"x-purpose": string(op.Access.Purpose), "x-scope": op.Access.Scope}
		}
	}
	if op.MaxBodyBytes == 0 {
		// huma refuses a body that reaches its limit; the server has already refused those beyond ours.
		op.MaxBodyBytes = bodyLimit + 1
	}
	op.Middlewares = append(huma.Middlewares{a.permit(op.Access)}, op.Middlewares...)
	huma.Register(a.api, op.Operation, handler)
}

// fiberPattern is huma's "/x/{id}" as Fiber writes it.
func fiberPattern(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// permit answers FORBIDDEN, and then UNSUPPORTED_MEDIA_TYPE, before the parameters or the body are parsed.
func (a *App) permit(access Access) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		err := a.admit(humafiber.Unwrap(ctx), access)
		if err == nil {
			err = checkMediaType(ctx)
		}
		if err == nil {
			next(ctx)
			return
		}
		t := toldIn(ctx, err)
		ctx.SetStatus(t.status)
		ctx.SetHeader(fiber.HeaderContentType, jsonType)
		_ = json.NewEncoder(ctx.BodyWriter()).Encode(t) // a failed write means that the caller is gone
	}
}

// checkMediaType refuses a body of a type that the operation does not take. huma alone would take every registered
// format for every operation, forms included.
func checkMediaType(ctx huma.Context) error {
	body, sent := ctx.Operation().RequestBody, ctx.Header(fiber.HeaderContentType)
	if body == nil || sent == "" {
		return nil
	}
	base, _, _ := strings.Cut(sent, ";")
	if body.Content[strings.ToLower(strings.TrimSpace(base))] == nil {
		return fault.New(fault.UnsupportedMediaType, "content type is not one of the operation's")
	}
	return nil
}

// override happens once, because huma keeps its errors in package variables.
var override sync.Once

// overrideHumaErrors puts the one error body in the place of huma's, which echoes submitted values.
func overrideHumaErrors() {
	override.Do(func() {
		huma.ValidateStrictCasing = true
		huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
			return told(humaFault(status, message, errs))
		}
		huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
			return toldIn(ctx, humaFault(status, message, errs))
		}
	})
}

// toldIn is told for an operation: its error is noted for the log line and its headers are set.
func toldIn(ctx huma.Context, err error) *Error {
	noteError(humafiber.Unwrap(ctx), err)
	t := told(err)
	setRefusalHeaders(ctx.SetHeader, t)
	return t
}
