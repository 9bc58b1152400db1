package native

import (
	"github.com/danielgtaylor/huma/v2"

	"nova/core/policy"
)

// Operations are the two routes for the API's document; huma serves neither. Their
// examples are calls that the tests make.
func Operations() []*huma.Operation {
	return []*huma.Operation{
		operation(sessionPath, "ussd-session", "One hop of a USSD dialogue", policy.CustomerTransact,
			"Begins, continues or closes a dialogue. The short code says which menu opens; inputs may be dialled behind it."),
		operation(agentPath, "ussd-agent-menu", "One hop of a dialogue of the agents' menu", policy.AgentTransact,
			"As /v1/ussd/session, rooted at the agents' menu. A caller who is no operator gets a polite end."),
	}
}

func operation(path, id, summary string, purpose policy.Purpose, about string) *huma.Operation {
	return &huma.Operation{
		OperationID: id, Method: "POST", Path: path, Summary: summary, Tags: []string{"ussd"},
		Description: about + " Once a session and a caller are known the answer is 200 and a screen: failures are polite ends.",
		Security:    []map[string][]string{{"bearer": {Scope}}},
		Extensions:  map[string]any{"x-purpose": string(purpose), "x-scope": Scope},
		RequestBody: &huma.RequestBody{Required: true, Content: media(requestSchema(), call{
			SessionID: "a1b2c3", MSISDN: "+12462501001", ServiceCode: "*123#", Type: "continue",
			Input: "1", Network: "demo", Sequence: 2, Language: "en", IMSI: "342310009876543",
		})},
		Responses: map[string]*huma.Response{
			"200": {Description: "The screen to show.", Content: media(responseSchema(), answer{
				SessionID: "a1b2c3", Action: actionContinue, Message: "Enter number", Septets: 12,
			})},
			"400": failure("No session or caller could be read."),
			"401": failure("No token, or not a good one."),
			"403": failure("The token lacks the scope or the purpose."),
			"415": failure("The body is not JSON."),
		},
	}
}

func failure(about string) *huma.Response {
	return &huma.Response{Description: about, Content: map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/Error"}},
	}}
}

func media(schema *huma.Schema, example any) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: schema, Example: example}}
}

func requestSchema() *huma.Schema {
	one, code, name, id := 1, maxCode, maxName, 128
	text := func(about string, most *int) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Description: about, MaxLength: most}
	}
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: false,
		Required: []string{"session_id", "msisdn", "service_code", "type"},
		Properties: map[string]*huma.Schema{
			"session_id":   {Type: huma.TypeString, MinLength: &one, MaxLength: &id, Description: "The gateway's id of the dialogue, the same in all its hops."},
			"msisdn":       {Type: huma.TypeString, Pattern: `^\+?[0-9]{7,15}$`, Description: "The caller's number with its country code."},
			"service_code": {Type: huma.TypeString, MinLength: &one, MaxLength: &code, Description: "What was dialled: *123#, or *123*1*2462501002# with inputs dialled ahead."},
			"type":         {Type: huma.TypeString, Enum: []any{"begin", "continue", "cancel", "timeout"}, Description: "Where the dialogue is."},
			"input":        text("What was typed on the last screen, and nothing before it. With begin: inputs dialled ahead, joined by *.", nil),
			"network":      text("The gateway's name of the caller's network.", &name),
			"sequence": {Type: huma.TypeInteger, Minimum: number(0),
				Description: "Counts the hops of a session from 1. The same sequence is the same hop and gets the same screen; " +
					"without it an equal input within a second is."},
			"imsi": {Type: huma.TypeString, Pattern: imsiForm.String(),
				Description: "The SIM's, where the network tells it with a begin: another one than before holds cash-outs for a while. Only a keyed hash is kept."},
			"language": text("The handset's language, until the customer's own is known.", nil),
		},
	}
}

func responseSchema() *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"session_id", "action", "message", "septets"},
		Properties: map[string]*huma.Schema{
			"session_id": {Type: huma.TypeString},
			"action":     {Type: huma.TypeString, Enum: []any{actionContinue, actionEnd}, Description: "Whether the person may answer."},
			"message":    {Type: huma.TypeString, Description: "The screen."},
			"septets":    {Type: huma.TypeInteger, Description: "Its length in the handset's 7-bit alphabet; 0 if it needs UCS-2."},
		},
	}
}

func number(n float64) *float64 { return &n } //nolint:forbidigo // huma's own type
