// Package africastalking speaks Africa's Talking's USSD callback: a form in, and text
// that begins with CON or END out. Look-alikes with the same fields (mobilesasa,
// Hellio) are served as well.
//
// It follows developers.africastalking.com/docs/ussd and captured calls: there is no
// lifecycle field, no counter and no signature, and a person who hangs up is told of
// only at the Events URL.
package africastalking

import (
	"bytes"

	"github.com/gofiber/fiber/v2"

	"nova/channels/ussd"
	"nova/core/fault"
	"nova/core/msisdn"
	"nova/sessions"
)

// name is the adapter's, and the first part of its path.
const name = "africastalking"

// The callback's fields.
const (
	fieldSession = "sessionId"
	fieldCaller  = "phoneNumber"
	fieldCode    = "serviceCode"
	fieldNetwork = "networkCode"
	fieldText    = "text"
	fieldStatus  = "status"
)

// mimeForm is the one type that the form parser reads; of any other body it would find
// every field missing.
var mimeForm = []byte(fiber.MIMEApplicationForm)

// What a reply begins with. Anything else, and the person sees an error of theirs.
const (
	verbContinue = "CON "
	verbEnd      = "END "
)

// Gateway is the callback.
type Gateway struct {
	// LastInput: text holds what was typed on this screen alone, as accounts may be
	// set up, and not all inputs so far.
	LastInput bool
}

// Name is the gateway's.
func (Gateway) Name() string { return name }

// Routes are the callback, by any method so that a GET is told what is wrong, and the
// Events URL below it.
func (g Gateway) Routes() []ussd.Route {
	return []ussd.Route{
		{Method: fiber.MethodPost, Turn: g},
		{Method: fiber.MethodGet, Turn: g},
		{Method: fiber.MethodPost, Path: "/events", Turn: events{}},
	}
}

// Decode reads the form. No text and an empty one are the same: somebody dialled.
func (g Gateway) Decode(c *fiber.Ctx) (ussd.Request, error) {
	req, err := decode(c)
	if err != nil {
		return ussd.Request{}, err
	}
	req.Input = field(c, fieldText)
	req.Whole = !g.LastInput
	if req.Input != "" {
		req.Phase = ussd.Continue
	}
	return req, nil
}

// Encode writes the screen behind its verb, from the first byte on.
func (Gateway) Encode(c *fiber.Ctx, _ ussd.Request, r sessions.Reply) error {
	verb := verbContinue
	if r.End {
		verb = verbEnd
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	return c.SendString(verb + r.Text)
}

// events is the Events URL: a report of how a session ended, which closes it.
type events struct{}

// reports are the words for status, which is logged and counted.
var reports = map[string]string{"Success": "success", "Incomplete": "incomplete", "Failed": "failed"}

// unknownReport stands for a word that the vendor has added since.
const unknownReport = "unknown"

// Name is the gateway's.
func (events) Name() string { return name }

// Decode reads who and how. The rest of the form (input, lastAppResponse) repeats what
// was typed and shown, and is not looked at.
func (events) Decode(c *fiber.Ctx) (ussd.Request, error) {
	req, err := decode(c)
	if err != nil {
		return ussd.Request{}, err
	}
	req.Phase = ussd.Ended
	if req.Report = reports[field(c, fieldStatus)]; req.Report == "" {
		req.Report = unknownReport
	}
	return req, nil
}

// Encode says OK whatever became of the report.
func (events) Encode(c *fiber.Ctx, _ ussd.Request, _ sessions.Reply) error {
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	return c.SendString("OK")
}

// decode reads what the callback and the event share.
func decode(c *fiber.Ctx) (ussd.Request, error) {
	if c.Method() != fiber.MethodPost || !bytes.HasPrefix(c.Request().Header.ContentType(), mimeForm) {
		return ussd.Request{}, fault.New(fault.ValidationError, "not a form").Field("body", "must be a posted form")
	}
	id := field(c, fieldSession)
	if id == "" {
		return ussd.Request{}, fault.New(fault.ValidationError, "no session").Field(fieldSession, "is required")
	}
	raw := field(c, fieldCaller)
	caller, err := msisdn.FromNetwork(raw)
	if err != nil {
		return ussd.Request{}, fault.Wrap(err, fault.ValidationError, "caller").Field(fieldCaller, "is not a phone number")
	}
	return ussd.Request{
		SessionID: id, MSISDN: caller, RawMSISDN: raw,
		ShortCode: field(c, fieldCode), Network: field(c, fieldNetwork),
	}, nil
}

// field is a form value: a copy, as the form's memory serves the next call as well.
func field(c *fiber.Ctx, name string) string { return string(c.Request().PostArgs().Peek(name)) }
