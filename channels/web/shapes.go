package web

import (
	"bytes"
	"strings"

	"github.com/gofiber/fiber/v2"

	"nova/core/fault"
)

// What HTTP lets a request look like and no client of ours sends is refused, because a proxy before us may read it otherwise
// than we do: which path it is for, where its body ends, which of two headers counts. fasthttp itself refuses two lengths, two
// hosts, codings but chunked, nameless headers, and control characters.

// once are the headers that decide something and may come once. Two Authorization headers are no token: 401.
var once = []string{
	fiber.HeaderContentType, "Idempotency-Key", CorrelationHeader, "X-Device-Id", "Signature", "Signature-Input", "Content-Digest",
}

// refuseShapes refuses a request whose target or body could be read in two ways.
func (a *App) refuseShapes(c *fiber.Ctx) error {
	h := &c.Request().Header
	coded := headerLines(h.RawHeaders(), fiber.HeaderTransferEncoding) > 0
	framedTwice := coded && (headerLines(h.RawHeaders(), fiber.HeaderContentLength) > 0 || h.ContentLength() != chunked)
	if framedTwice || folded(h.RawHeaders()) {
		c.Context().SetConnectionClose() // what follows on the connection may be part of the body
		return fault.New(fault.ValidationError, "body framed in two ways, or a header folded")
	}
	if a.door(c.Path()).Machines {
		return c.Next() // a gateway's client is not ours to choose
	}
	if !plainTarget(string(h.RequestURI())) {
		return fault.New(fault.ValidationError, "request target that is no plain path").Field("path", "is not plain")
	}
	if proto := string(h.Protocol()); proto != "HTTP/1.1" && proto != "HTTP/1.0" || len(h.Host()) == 0 && proto == "HTTP/1.1" {
		return fault.New(fault.ValidationError, "protocol or host")
	}
	return c.Next()
}

// refuseRepeats refuses a second header of those that may come once.
func refuseRepeats(c *fiber.Ctx) error {
	raw := c.Request().Header.RawHeaders()
	for _, name := range once {
		if headerLines(raw, name) > 1 {
			return fault.New(fault.ValidationError, "%s comes twice", name).Field(strings.ToLower(name), "comes twice")
		}
	}
	return c.Next()
}

// headerLines counts the lines of a header as they came: fasthttp keeps one value of some.
func headerLines(raw []byte, name string) int {
	n := 0
	for len(raw) > 0 {
		var line []byte
		line, raw, _ = bytes.Cut(raw, []byte{'\n'})
		if len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(string(line[:len(name)]), name) {
			n++
		}
	}
	return n
}

// folded tells that a header goes on in a line of its own, as RFC 9112, 5.2, forbids.
func folded(raw []byte) bool {
	return bytes.Contains(raw, []byte("\n ")) || bytes.Contains(raw, []byte("\n\t"))
}

// hiding are escapes of what would change the path's shape for whoever decodes it first: / \ . and NUL.
var hiding = []string{"%2f", "%5c", "%2e", "%00"}

// plainTarget tells that a request's target is a path, and one only, for every proxy that may look at it: no scheme before
// it, no empty segment or dots, no fragment, no backslash, and nothing of the kind in an escape.
func plainTarget(target string) bool {
	path, _, _ := strings.Cut(target, "?")
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(target, "\\#") || !escaped(path) {
		return false
	}
	lower := strings.ToLower(path)
	for _, escape := range hiding {
		if strings.Contains(lower, escape) {
			return false
		}
	}
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		if segment == "" && !last || segment == "." || segment == ".." || strings.HasSuffix(segment, ".") {
			return false
		}
	}
	return true
}

// escaped tells that each % begins an escape, and that all else is printable ASCII.
func escaped(path string) bool {
	for i := 0; i < len(path); i++ {
		switch b := path[i]; {
		case b <= ' ' || b > '~':
			return false
		case b == '%':
			if i+2 >= len(path) || !hexDigit(path[i+1]) || !hexDigit(path[i+2]) {
				return false
			}
		}
	}
	return true
}

func hexDigit(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'f'
}
