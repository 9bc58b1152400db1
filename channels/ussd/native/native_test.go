package native_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"nova/channels/ussd"
	"nova/channels/ussd/native"
	"nova/channels/ussd/ussdtest"
	"nova/channels/web"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/policy"
	"nova/core/secret"
	"nova/menus"
	"nova/menus/gsm7"
	"nova/sessions"
)

// tokens are the clients of these tests, by bearer token.
type tokens map[string]identity.Principal

func (t tokens) Verify(_ context.Context, token secret.Text) (identity.Principal, error) {
	if p, ok := t[token.Reveal()]; ok {
		return p, nil
	}
	return identity.Principal{}, fault.New(fault.Unauthorized, "no such token")
}

var (
	purposes = []string{string(policy.CustomerTransact), string(policy.AgentTransact)}
	clients  = tokens{
		"gateway":  {Kind: "client", Scopes: []string{native.Scope}, Purposes: purposes},
		"stranger": {Kind: "client", Scopes: []string{"wallets.read"}, Purposes: purposes},
	}
)

// dialect speaks to /v1/ussd; counted sends the sequence.
func dialect(counted bool) ussdtest.Dialect {
	return ussdtest.Dialect{
		Turn: native.Gateway{}, Tokens: clients,
		Headers: map[string]string{"Authorization": "Bearer gateway"},
		Terms:   ussd.Terms{Codes: map[string]menus.Root{"*123#": menus.CustomerRoot, "*124#": menus.AgentRoot}},
		Mount: func(_ testing.TB, app *web.App, p *ussd.Pipeline) string {
			native.Mount(app, p)
			return "/v1/ussd"
		},
		Express: func(h ussdtest.Hop) ussdtest.Call { return express(h, counted) },
		Reply:   screen,
	}
}

func express(h ussdtest.Hop, counted bool) ussdtest.Call {
	body := map[string]any{"session_id": h.Session, "msisdn": h.Caller, "service_code": h.Code, "type": "begin"}
	if len(h.Ahead) > 0 {
		body["service_code"] = strings.TrimSuffix(h.Code, "#") + "*" + strings.Join(h.Ahead, "*") + "#"
	}
	if !h.IsBegin() {
		body["type"], body["input"] = "continue", h.Last()
	}
	if counted {
		body["sequence"] = len(h.Inputs) + 1
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return ussdtest.Call{Path: "/session", Type: "application/json", Body: string(text)}
}

func screen(t testing.TB, body []byte) sessions.Reply {
	t.Helper()
	var out struct {
		SessionID string `json:"session_id"`
		Action    string
		Message   string
		Septets   int
	}
	require.NoError(t, json.Unmarshal(body, &out), "%s", body)
	n, _ := gsm7.Septets(out.Message)
	require.Equal(t, n, out.Septets)
	require.Contains(t, []string{"continue", "end"}, out.Action)
	return sessions.Reply{Text: out.Message, End: out.Action == "end"}
}

const s1 = `{"session_id":"s1","msisdn":"+12462501001","service_code":"*123#",`

var cases = []ussdtest.Case{
	{
		Name: "begins", Path: "/session", JSON: s1 + `"type":"begin","network":"demo","sequence":1,"language":"en"}`, WantCode: 200,
		WantBody: `{"session_id":"s1","action":"continue","message":"Nova\n1 Send money","septets":17}`, WantType: "application/json",
	},
	{
		Name: "continues", Path: "/session", JSON: s1 + `"type":"continue","input":"1","sequence":2}`, WantCode: 200,
		WantBody: `{"session_id":"s1","action":"continue","message":"Enter number","septets":12}`,
	},
	{
		Name: "the same sequence is the same hop, whatever it brings", Path: "/session",
		JSON: s1 + `"type":"continue","input":"2","sequence":2}`, WantCode: 200,
		WantBody: `{"session_id":"s1","action":"continue","message":"Enter number","septets":12}`,
	},
	{
		Name: "cancels", Path: "/session", JSON: s1 + `"type":"cancel"}`, WantCode: 200,
		WantBody: `{"session_id":"s1","action":"end","message":"Please dial again.","septets":18}`,
	},
	{
		Name: "what was cancelled is over", Path: "/session", JSON: s1 + `"type":"continue","input":"1","sequence":3}`, WantCode: 200,
		WantBody: `{"session_id":"s1","action":"end","message":"Please dial again.","septets":18}`,
	},
	{
		Name: "a timeout of an unknown session", Path: "/session", WantCode: 200, WantPart: `"action":"end"`,
		JSON: `{"session_id":"s0","msisdn":"12462501001","service_code":"*123#","type":"timeout"}`,
	},
	{
		Name: "a SIM that the network names", Path: "/session", WantCode: 200, WantPart: `"action":"continue"`,
		JSON: `{"session_id":"i1","msisdn":"12462501001","service_code":"*123#","type":"begin","imsi":"342310009876543"}`,
	},
	{
		Name: "a SIM that can be none", Path: "/session", WantCode: 400, WantPart: `"imsi":"has 6 to 15 digits"`,
		JSON: `{"session_id":"i2","msisdn":"12462501001","service_code":"*123#","type":"begin","imsi":"SIM-1"}`,
	},
	{
		Name: "the agents' menu", Path: "/agent/menu", WantCode: 200, WantPart: `"action":"continue"`,
		JSON: `{"session_id":"a1","msisdn":"12462501001","service_code":"*124#","type":"begin"}`,
	},

	{
		Name: "no token", Path: "/session", Headers: map[string]string{"Authorization": "none"}, JSON: "{", WantCode: 401,
		WantPart: `"errorCode":"UNAUTHORIZED"`,
	},
	{
		Name: "a token without the scope", Path: "/session", Headers: map[string]string{"Authorization": "Bearer stranger"}, JSON: "{",
		WantCode: 403, WantPart: `"errorCode":"FORBIDDEN"`,
	},
	{Name: "not JSON", Path: "/session", Form: "a=b", WantCode: 415, WantPart: `"errorCode":"UNSUPPORTED_MEDIA_TYPE"`},
	{Name: "half of it", Path: "/session", JSON: `{"session_id":`, WantCode: 400, WantPart: `"body":"is not a JSON object"`},
	{Name: "two of it", Path: "/session", JSON: `{}{}`, WantCode: 400, WantPart: `"body":"is more than one object"`},
	{
		Name: "an unknown field, without repeating it", Path: "/session", JSON: s1 + `"type":"begin","pin":"1357"}`, WantCode: 400,
		WantBody: `{"errorCode":"VALIDATION_ERROR","message":"The request is not valid.","details":{"body":"has an unknown field"}}`,
	},
	{
		Name: "a field in another case, which would override what a filter saw", Path: "/session", WantCode: 400,
		JSON: s1 + `"MSISDN":"+12462501003","type":"begin"}`, WantPart: `"body":"has a field twice, or in another case"`,
	},
	{
		Name: "a field twice", Path: "/session", WantCode: 400,
		JSON: s1 + `"type":"begin","type":"cancel"}`, WantPart: `"body":"has a field twice, or in another case"`,
	},
	{Name: "a sequence that is text", Path: "/session", JSON: s1 + `"type":"begin","sequence":"1"}`, WantCode: 400, WantPart: `"sequence":"has the wrong type"`},
	{
		Name: "every problem at once", Path: "/session", JSON: `{"msisdn":"MTN","type":"open","sequence":-1}`, WantCode: 400,
		WantBody: `{"errorCode":"VALIDATION_ERROR","message":"The request is not valid.","details":{"msisdn":"is not a phone number",` +
			`"sequence":"counts from 1","service_code":"has 1 to 182 characters","session_id":"has 1 to 128 characters",` +
			`"type":"is begin, continue, cancel or timeout"}}`,
	},
}

func TestWithSequence(t *testing.T) { ussdtest.Run(t, dialect(true), cases) }

func TestWithoutSequence(t *testing.T) { ussdtest.Run(t, dialect(false), nil) }

// TestAgentMenuOpensTheAgentsHome: the route decides, not the code.
func TestAgentMenuOpensTheAgentsHome(t *testing.T) {
	req, err := decode(`{"session_id":"a","msisdn":"12462500011","service_code":"*123#","type":"begin"}`, native.Gateway{Root: menus.AgentRoot})
	require.NoError(t, err)
	require.Equal(t, menus.AgentRoot, req.Root)
}

func decode(body string, g native.Gateway) (ussd.Request, error) {
	app := fiber.New(fiber.Config{Immutable: true})
	var call fasthttp.RequestCtx
	call.Request.Header.SetMethod(fiber.MethodPost)
	call.Request.Header.SetContentType(fiber.MIMEApplicationJSON)
	call.Request.SetBodyString(body)
	c := app.AcquireCtx(&call)
	defer app.ReleaseCtx(c)
	return g.Decode(c)
}

// TestOperationsDescribeWhatIsServed: the document's examples are calls that work.
func TestOperationsDescribeWhatIsServed(t *testing.T) {
	document := huma.OpenAPI{}
	for _, op := range native.Operations() {
		document.AddOperation(op)
		example, err := json.Marshal(op.RequestBody.Content["application/json"].Example)
		require.NoError(t, err)
		_, err = decode(string(example), native.Gateway{})
		require.NoError(t, err)
		properties := op.RequestBody.Content["application/json"].Schema.Properties
		var sent map[string]any
		require.NoError(t, json.Unmarshal(example, &sent))
		require.Len(t, properties, len(sent), "a field is missing in schema or example")
		for name := range sent {
			require.Contains(t, properties, name)
		}
	}
	require.Len(t, document.Paths, 2)
}

func TestMountedRoutesStandInTheDocument(t *testing.T) {
	app := web.New(web.Options{})
	native.Mount(app, nil) // nobody calls
	document, err := json.Marshal(app.API().OpenAPI())
	require.NoError(t, err)
	for route, access := range app.Routes() {
		method, path, _ := strings.Cut(route, " ")
		if !strings.HasPrefix(path, "/v1/ussd/") {
			continue
		}
		require.Equal(t, native.Scope, access.Scope)
		require.Contains(t, string(document), `"`+path+`":{"`+strings.ToLower(method)+`"`)
	}
}

// FuzzDecode: whatever is posted is a whole request or a fault of the caller's.
func FuzzDecode(f *testing.F) {
	f.Add(s1 + `"type":"begin"}`)
	f.Add(`{"session_id":"s","msisdn":" 12462501001","service_code":"1","type":"timeout","input":"\u0000","sequence":9e9}`)
	f.Fuzz(func(t *testing.T, body string) {
		req, err := decode(body, native.Gateway{})
		if err != nil {
			require.Equal(t, fault.Invalid, fault.From(err).Kind)
			return
		}
		require.NotEmpty(t, req.SessionID)
		require.False(t, req.MSISDN.IsZero())
	})
}
