package africastalking_test

import (
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"nova/channels/ussd/africastalking"
	"nova/core/fault"
)

// FuzzDecode: whatever is posted is a whole request or a VALIDATION_ERROR.
func FuzzDecode(f *testing.F) {
	for _, name := range []string{"begin.form", "continue.form", "event.form"} {
		f.Add(captured(f, name))
	}
	f.Add("sessionId=&phoneNumber=%ZZ&text=%00")
	app := fiber.New(fiber.Config{Immutable: true})
	f.Fuzz(func(t *testing.T, body string) {
		for _, route := range (africastalking.Gateway{}).Routes() {
			var call fasthttp.RequestCtx
			call.Request.Header.SetMethod(fiber.MethodPost)
			call.Request.Header.SetContentType(formType)
			call.Request.SetBodyString(body)
			c := app.AcquireCtx(&call)
			req, err := route.Turn.Decode(c)
			app.ReleaseCtx(c)
			if err != nil {
				require.True(t, fault.Is(err, fault.ValidationError), "%v", err)
				continue
			}
			require.NotEmpty(t, req.SessionID)
			require.False(t, req.MSISDN.IsZero())
		}
	})
}
