package web

import (
	_ "embed"
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/swaggest/swgui/v5emb"
)

const (
	docsPath = "/docs"
	// docsPolicy lets the page run our own files and nothing else. Swagger UI sets style attributes, which need
	// 'unsafe-inline' for styles; scripts need nothing of the kind, because docs.html holds none.
	docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
		"font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

// The page is ours because Swagger UI's own starts from a script in the page, which the policy forbids.
//
//go:embed docs.html
var docsPage []byte

//go:embed docs.js
var docsScript []byte

// docsAssets are the only files of Swagger UI that the page asks for.
var docsAssets = []string{"swagger-ui.css", "swagger-ui-bundle.js"}

// serveDocs serves the API document as a page, without any network but ours.
func (a *App) serveDocs() {
	access := Open("public: the contract as a page")
	a.Handle(http.MethodGet, docsPath, access, docsFile(docsPage, fiber.MIMETextHTMLCharsetUTF8))
	a.Handle(http.MethodGet, docsPath+"/docs.js", access, docsFile(docsScript, fiber.MIMETextJavaScriptCharsetUTF8))
	assets := adaptor.HTTPHandler(v5emb.New("Nova", openAPIPath, docsPath))
	for _, name := range docsAssets {
		a.Handle(http.MethodGet, docsPath+"/"+name, access, func(c *fiber.Ctx) error {
			c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
			return assets(c)
		})
	}
}

func docsFile(content []byte, mediaType string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
		c.Set(fiber.HeaderContentType, mediaType)
		return c.Send(content)
	}
}
