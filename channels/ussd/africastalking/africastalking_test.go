package africastalking_test

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/channels/ussd"
	"nova/channels/ussd/africastalking"
	"nova/channels/ussd/ussdtest"
	"nova/menus"
	"nova/sessions"
)

const formType = "application/x-www-form-urlencoded"

// form is a callback as Africa's Talking posts it.
func form(h ussdtest.Hop, text string) ussdtest.Call {
	v := url.Values{"serviceCode": {h.Code}, "networkCode": {"99999"}, "text": {text}}
	if h.Session != "" {
		v.Set("sessionId", h.Session)
	}
	if h.Caller != "" {
		v.Set("phoneNumber", "+"+h.Caller)
	}
	return ussdtest.Call{Type: formType, Body: v.Encode()}
}

// screen reads CON and END.
func screen(t testing.TB, body []byte) sessions.Reply {
	t.Helper()
	verb, text, ok := strings.Cut(string(body), " ")
	require.True(t, ok && (verb == "CON" || verb == "END"), "%q begins with neither CON nor END", body)
	return sessions.Reply{Text: text, End: verb == "END"}
}

// cumulative is an account that sends all inputs so far.
func cumulative() ussdtest.Dialect {
	return ussdtest.Dialect{
		Turn: africastalking.Gateway{}, Reply: screen, Cumulative: true,
		Terms: ussd.Terms{Codes: map[string]menus.Root{
			"*123#": menus.CustomerRoot, "*384*70421#": menus.CustomerRoot,
		}},
		Express: func(h ussdtest.Hop) ussdtest.Call {
			return form(h, strings.Join(append(append([]string{}, h.Ahead...), h.Inputs...), "*"))
		},
	}
}

// lastInput is an account that sends this screen's input alone, and what was dialled
// ahead inside the code.
func lastInput() ussdtest.Dialect {
	d := cumulative()
	d.Turn, d.Cumulative, d.BlankIsBegin = africastalking.Gateway{LastInput: true}, false, true
	d.Express = func(h ussdtest.Hop) ussdtest.Call {
		if !h.IsBegin() {
			return form(h, h.Last())
		}
		if len(h.Ahead) > 0 {
			h.Code = strings.TrimSuffix(h.Code, "#") + "*" + strings.Join(h.Ahead, "*") + "#"
		}
		return form(h, "")
	}
	return d
}

// captured is a body that was seen on the wire, number and inputs replaced.
func captured(t testing.TB, name string) string {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return strings.TrimSuffix(string(body), "\n")
}

const (
	home      = "CON Nova\n1 Send money"
	number    = "CON Enter number"
	amount    = "CON Enter amount"
	confirm   = "CON Send BBD 50.00\nto Andre C.\nEnter PIN to send"
	sent      = "END Sent BBD 50.00 to Andre C.\nRef 7K3M9Q"
	dialAgain = "END Please dial again."
	plain     = "text/plain; charset=utf-8"
)

func TestCumulativeCallback(t *testing.T) {
	const s1 = "sessionId=s1&phoneNumber=%2B12462501001&serviceCode=%2A123%23&networkCode=99999"
	const s2 = "networkCode=99999&serviceCode=%2A123%23&sessionId=s2&phoneNumber=+12462501001"
	const s3 = "sessionId=s3&phoneNumber=12462501001&serviceCode=%2A123%23"
	ussdtest.Run(t, cumulative(), []ussdtest.Case{
		{Name: "captured: a dial opens the home", Form: captured(t, "begin.form"), WantCode: 200, WantBody: home, WantType: plain},
		{Name: "captured: a later body is read from where the last one ended", Form: captured(t, "continue.form"), WantCode: 200, WantPart: "CON "},
		{Name: "captured: the end is acknowledged", Path: "/events", Form: captured(t, "event.form"), WantCode: 200, WantBody: "OK"},
		{Name: "an ended session is over", Form: strings.Replace(captured(t, "continue.form"), "%2A50", "%2A50%2A1", 1), WantCode: 200, WantBody: dialAgain},

		{Name: "opens the session", Form: s1 + "&text=", WantCode: 200, WantBody: home},
		{Name: "no choice of the menu asks again", Form: s1 + "&text=7", WantCode: 200, WantBody: "CON Wrong choice.\nNova\n1 Send money"},
		{Name: "reads only what is new", Form: s1 + "&text=7*1", WantCode: 200, WantBody: number},
		{Name: "an older hop that comes late repeats the screen", Form: s1 + "&text=7", WantCode: 200, WantBody: number},
		{Name: "stars escaped or not", Form: s1 + "&text=7%2A1%2A2462501002", WantCode: 200, WantBody: amount},
		{Name: "an empty input is read as one", Form: s1 + "&text=7*1*2462501002*", WantCode: 200, WantBody: "CON Wrong amount.\nEnter amount"},
		{Name: "and the next one follows it", Form: s1 + "&text=7*1*2462501002**50", WantCode: 200, WantBody: confirm},
		{Name: "the PIN pays", Form: s1 + "&text=7*1*2462501002**50*135724", WantCode: 200, WantBody: sent},
		{Name: "redelivered last hop pays nothing again", Form: s1 + "&text=7*1*2462501002**50*135724", WantCode: 200, WantBody: sent},
		{Name: "nothing follows an END", Form: s1 + "&text=7*1*2462501002**50*135724*1", WantCode: 200, WantBody: dialAgain},

		{Name: "a plus that was not escaped, fields in another order, no text", Form: s2, WantCode: 200, WantBody: home},
		{Name: "a number without plus", Form: s3 + "&text=", WantCode: 200, WantBody: home},
		{Name: "the same number in another notation is the same caller", Form: s2 + "&text=1", WantCode: 200, WantBody: number},
		{Name: "a code that is not ours", Form: "sessionId=s4&phoneNumber=12462501001&serviceCode=%2A999%23&text=", WantCode: 200, WantPart: "END Sorry"},

		{Name: "wrong token", Token: "guess", Form: s1 + "&text=", WantCode: 403},
		{Name: "wrong token at the events", Token: "guess", Path: "/events", Form: captured(t, "event.form"), WantCode: 403},
		{Name: "no session id", Form: "phoneNumber=12462501001&text=", WantCode: 400, WantBody: "VALIDATION_ERROR: sessionId is required"},
		{Name: "not a phone number", Form: "sessionId=s5&phoneNumber=MTN&text=", WantCode: 400, WantPart: "phoneNumber is not a phone number"},
		{Name: "an event without session", Path: "/events", Form: "phoneNumber=12462501001&status=Success", WantCode: 400, WantPart: "sessionId"},
		{Name: "an event of an unknown session, with a new word", Path: "/events", Form: "sessionId=s6&phoneNumber=12462501001&status=Paused", WantCode: 200, WantBody: "OK"},
		{Name: "JSON is not a form", JSON: `{"sessionId":"s7"}`, WantCode: 400, WantBody: "VALIDATION_ERROR: body must be a posted form"},
		{Name: "GET is not a post", Method: "GET", WantCode: 400, WantBody: "VALIDATION_ERROR: body must be a posted form"},
		{
			Name: "a charset for a content encoding is ignored", Form: "sessionId=s8&phoneNumber=12462501001&serviceCode=%2A123%23&text=",
			Headers: map[string]string{"Content-Encoding": "utf-8"}, WantCode: 200, WantBody: home,
		},
		{
			Name: "a charset behind the content type", Form: "sessionId=s9&phoneNumber=12462501001&serviceCode=%2A123%23&text=1",
			Headers: map[string]string{"Content-Type": formType + "; charset=utf-8"}, WantCode: 200, WantBody: number,
		},
	})
}

func TestLastInputCallback(t *testing.T) {
	const s1 = "sessionId=s1&phoneNumber=%2B12462501001&serviceCode=%2A123%23"
	ussdtest.Run(t, lastInput(), []ussdtest.Case{
		{Name: "opens the session", Form: s1 + "&text=", WantCode: 200, WantBody: home},
		{Name: "one input", Form: s1 + "&text=1", WantCode: 200, WantBody: number},
		{Name: "the same within a second is the same hop", Form: s1 + "&text=1", WantCode: 200, WantBody: number},
		{Name: "another one is not", Form: s1 + "&text=2462501002", WantCode: 200, WantBody: amount},
		{Name: "an input to a session that nobody opened", Form: "sessionId=s2&phoneNumber=12462501001&serviceCode=%2A123%23&text=1", WantCode: 200, WantBody: dialAgain},
	})
}
