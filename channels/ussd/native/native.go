// Package native is Nova's own gateway: JSON at /v1/ussd/session and, for the agents'
// menu, /v1/ussd/agent/menu, for gateways that can be told how to call and for tests of
// them. A client token with the scope ussd.gateway opens it; failures before a session
// and a caller are known have the API's error body.
package native

import (
	"regexp"

	"github.com/gofiber/fiber/v2"

	"nova/channels/ussd"
	"nova/channels/web"
	"nova/core/fault"
	"nova/core/msisdn"
	"nova/core/policy"
	"nova/menus"
	"nova/menus/gsm7"
	"nova/sessions"
)

// Name is the gateway's, also among the terms: both routes share its sessions.
const Name = "native"

// Scope is what a client's token must hold.
const Scope = "ussd.gateway"

// The routes.
const (
	sessionPath = "/v1/ussd/session"
	agentPath   = "/v1/ussd/agent/menu"
)

// Limits on what is sent beside the input, which the pipeline bounds: short codes with
// inputs behind them, names of networks and languages.
const (
	maxCode = 182
	maxName = 64
)

// Gateway is one of the two routes.
type Gateway struct {
	// Root is the home, whatever was dialled; "" leaves it to the short code.
	Root menus.Root
}

// Mount registers both routes with their access, and describes them in the API's
// document.
func Mount(app *web.App, p *ussd.Pipeline) {
	for _, operation := range Operations() {
		app.API().OpenAPI().AddOperation(operation)
	}
	app.Handle(fiber.MethodPost, sessionPath, web.Needs(policy.CustomerTransact, Scope).Limited(web.RateGateway),
		p.Serve(Name, Gateway{}, nil))
	app.Handle(fiber.MethodPost, agentPath, web.Needs(policy.AgentTransact, Scope).Limited(web.RateGateway),
		p.Serve(Name, Gateway{Root: menus.AgentRoot}, nil))
}

// Name is the gateway's.
func (Gateway) Name() string { return Name }

// call is the body of a request.
type call struct {
	SessionID   string `json:"session_id"`
	MSISDN      string `json:"msisdn"`
	ServiceCode string `json:"service_code"`
	Type        string `json:"type"`
	Input       string `json:"input"`
	Network     string `json:"network"`
	Sequence    int    `json:"sequence"`
	Language    string `json:"language"`
	IMSI        string `json:"imsi,omitempty"`
}

// answer is the body of a response.
type answer struct {
	SessionID string `json:"session_id"`
	Action    string `json:"action"`
	Message   string `json:"message"`
	Septets   int    `json:"septets"`
}

// imsiForm is that of ITU-T E.212: country, network and subscriber, 15 digits at most.
var imsiForm = regexp.MustCompile(`^[0-9]{6,15}$`)

// phases are the words for type.
var phases = map[string]ussd.Phase{
	"begin": ussd.Begin, "continue": ussd.Continue, "cancel": ussd.Cancel, "timeout": ussd.Timeout,
}

// The words for action.
const (
	actionContinue = "continue"
	actionEnd      = "end"
)

// Decode reads the body. Unknown fields are refused: one that is misspelt would be
// believed to work.
func (g Gateway) Decode(c *fiber.Ctx) (ussd.Request, error) {
	if !c.Is("json") {
		return ussd.Request{}, fault.New(fault.UnsupportedMediaType, "not JSON")
	}
	var in call
	if err := strict(c.Request().Body(), &in); err != nil {
		return ussd.Request{}, err
	}
	caller, err := in.check()
	if err != nil {
		return ussd.Request{}, err
	}
	return ussd.Request{
		SessionID: in.SessionID, MSISDN: caller, RawMSISDN: in.MSISDN, ShortCode: in.ServiceCode,
		Network: in.Network, Phase: phases[in.Type], Input: in.Input, Seq: in.Sequence,
		Language: in.Language, IMSI: in.IMSI, Root: g.Root,
	}, nil
}

// check names every problem at once.
func (in *call) check() (msisdn.MSISDN, error) {
	problems := fault.New(fault.ValidationError, "native call")
	caller, err := msisdn.FromNetwork(in.MSISDN)
	if err != nil {
		problems = problems.Field("msisdn", "is not a phone number")
	}
	if n := len(in.SessionID); n == 0 || n > sessions.MaxID {
		problems = problems.Field("session_id", "has 1 to 128 characters")
	}
	if _, ok := phases[in.Type]; !ok {
		problems = problems.Field("type", "is begin, continue, cancel or timeout")
	}
	if n := len(in.ServiceCode); n == 0 || n > maxCode {
		problems = problems.Field("service_code", "has 1 to 182 characters")
	}
	if in.Sequence < 0 {
		problems = problems.Field("sequence", "counts from 1")
	}
	if len(in.Network) > maxName {
		problems = problems.Field("network", "has at most 64 characters")
	}
	if in.IMSI != "" && !imsiForm.MatchString(in.IMSI) {
		problems = problems.Field("imsi", "has 6 to 15 digits")
	}
	if len(problems.Fields) > 0 {
		return msisdn.MSISDN{}, problems
	}
	return caller, nil
}

// Encode writes the screen and its length in a handset's septets.
func (Gateway) Encode(c *fiber.Ctx, req ussd.Request, r sessions.Reply) error {
	out := answer{SessionID: req.SessionID, Action: actionContinue, Message: r.Text}
	if r.End {
		out.Action = actionEnd
	}
	if n, ok := gsm7.Septets(r.Text); ok { // otherwise it goes in UCS-2
		out.Septets = n
	}
	return c.JSON(out)
}

// Refuse answers in the API's error body.
func (Gateway) Refuse(c *fiber.Ctx, err error) error { return web.WriteError(c, err) }
