package web

import (
	"context"
	"crypto/rand"

	"github.com/gofiber/fiber/v2"
)

// CorrelationHeader names the header that ties a request, its answer and its log lines together.
const CorrelationHeader = "X-Correlation-ID"

// maxCorrelation bounds a caller's own id: a UUID, a trace id and common prefixes fit.
const maxCorrelation = 64

// sane tells that a caller's id can be logged and echoed as it is: 1 to 64 letters, digits and - _ . : /, beginning
// with a letter or digit.
func sane(id string) bool {
	if id == "" || len(id) > maxCorrelation || !alphanumeric(id[0]) {
		return false
	}
	for i := range len(id) {
		switch b := id[i]; {
		case alphanumeric(b), b == '-', b == '_', b == '.', b == ':', b == '/':
		default:
			return false
		}
	}
	return true
}

func alphanumeric(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// newCorrelation is 26 characters of base32: 130 random bits.
func newCorrelation() string { return rand.Text() }

// correlate begins every request.
func (a *App) correlate(c *fiber.Ctx) error {
	a.greet(c)
	return c.Next()
}

// greet puts on the answer what it has whatever happens next: the caller's id, or one of ours, and the security
// headers.
func (a *App) greet(c *fiber.Ctx) {
	id := c.Get(CorrelationHeader)
	if !sane(id) {
		id = newCorrelation()
	}
	c.Set(CorrelationHeader, id)
	c.SetUserContext(context.WithValue(c.UserContext(), visitKey{}, &visit{app: a, correlation: id}))
	a.secure(c)
}
