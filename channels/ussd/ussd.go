// Package ussd turns what gateways call us with into screens: one pipeline of hops for
// all of them, and one small adapter for each, in a folder of its own. It knows no
// wording, no money and no Redis; menus, core and sessions do.
//
// Its one rule: a hop has its effect once. Gateways deliver late, twice and at the same
// time, so every hop is first asked whether it is new; an old one gets its stored
// screen again, byte for byte, and of two copies in flight both get the winner's.
//
// To add a gateway:
//
//  1. channels/ussd/<name>/<name>.go: a Turn (answers in the HTTP response) or an Async
//     (answers by a call of its own). Decode refuses what has no session id or no
//     number, and nothing else; vendor words stop here. 80-170 lines.
//  2. channels/ussd/<name>/testdata: captured callbacks, numbers and PINs replaced.
//  3. channels/ussd/<name>/<name>_test.go: ussdtest.Run with a Dialect and cases; a
//     fuzz test of Decode.
//  4. one line in cmd/nova/gateways.go.
package ussd

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/gofiber/fiber/v2"

	"nova/core/msisdn"
	"nova/menus"
	"nova/sessions"
)

// Phase is where in its life a dialogue is, as the gateway tells it.
type Phase uint8

const (
	// Begin opens a dialogue: somebody dialled.
	Begin Phase = iota
	// Continue brings what was typed on a screen. A gateway that sends cumulative
	// texts may say Continue for a dial with inputs in it: an unknown session begins.
	Continue
	// Cancel is a person who hung up.
	Cancel
	// Timeout is a network that waited too long, for the person or for us.
	Timeout
	// Ended is a report after the fact, which nobody waits for.
	Ended
)

// phaseNames are the words of logs, indexed by Phase.
var phaseNames = [...]string{Begin: "begin", Continue: "continue", Cancel: "cancel", Timeout: "timeout", Ended: "ended"}

// String is the phase in lower case.
func (p Phase) String() string {
	if int(p) >= len(phaseNames) {
		return fmt.Sprintf("phase(%d)", uint8(p))
	}
	return phaseNames[p]
}

// Request is one call of a gateway, in our words. Strings in it outlive the handler
// that decoded them. It holds what was typed, a PIN included, and the caller's number:
// it prints as its gateway's name and nothing else.
type Request struct {
	// Gateway is the configured name. The route that took the call sets it.
	Gateway string
	// SessionID is the gateway's own, as sent. Decode refuses a call without one.
	SessionID string
	// MSISDN is the caller; RawMSISDN the same as the gateway wrote it, for an answer
	// that must repeat it.
	MSISDN    msisdn.MSISDN
	RawMSISDN string
	// ShortCode is the code that was dialled, "*123#"; any of "123" and "*123*1#" will
	// do, what lies beyond the configured code is dialled ahead.
	ShortCode string
	// Network is the gateway's name for the caller's network, "" if it tells none.
	Network string
	Phase   Phase
	// Input is what was typed: on this screen, or, with Whole, since the begin, the
	// inputs joined by "*".
	Input string
	Whole bool
	// Dialled is the whole string dialled, where a begin tells it beside ShortCode.
	Dialled string
	// Seq counts the hops of a session from 1, where the gateway does; 0 is no counter.
	// The same Seq is the same hop.
	Seq int
	// IMSI and Language are what a network may tell of the handset, "" if it does not.
	IMSI     string
	Language string
	// Root overrides the home that the short code opens, where the route decides it.
	Root menus.Root
	// Report is the gateway's own word on how a dialogue ended, with Ended. It is logged
	// and counted, so Decode gives one of a fixed few.
	Report string
	// Echo carries what Encode or Deliver must repeat, by the vendor's names.
	Echo map[string]string
}

// Format writes the gateway for every verb and flag: a Request holds secrets.
func (r Request) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "request of %s", r.Gateway) // fmt has no use for the error
}

// LogValue is the gateway, for slog.
func (r Request) LogValue() slog.Value { return slog.StringValue("request of " + r.Gateway) }

// Turn is a gateway that takes its answer in the response.
type Turn interface {
	// Name is the adapter's folder, and the gateway's name unless configured otherwise.
	Name() string
	// Decode reads a call. An error is a call without a session or a caller: 400.
	Decode(c *fiber.Ctx) (Request, error)
	// Encode writes the screen.
	Encode(c *fiber.Ctx, req Request, reply sessions.Reply) error
}

// Async is a gateway that takes its answer by a call of ours, after its own was
// acknowledged.
type Async interface {
	Name() string
	Decode(c *fiber.Ctx) (Request, error)
	// Ack answers the gateway's call before the menu is asked.
	Ack(c *fiber.Ctx, req Request) error
	// Deliver sends the screen; ctx ends with the gateway's deadline.
	Deliver(ctx context.Context, req Request, reply sessions.Reply) error
}

// Route is a further address of a gateway, below its own.
type Route struct {
	// Method is an HTTP method; Path is appended to the gateway's own: "/events".
	Method, Path string
	// Turn decodes and answers what comes there, and its Name is not asked; nil is the
	// Async itself.
	Turn Turn
}

// Router is a Turn or Async with other routes than the one POST to its own address.
type Router interface {
	// Routes lists all of them, that one included.
	Routes() []Route
}

// Refuser is a Turn or Async that says in its own way that a call can't be decoded.
// The others answer 400 with a line of text.
type Refuser interface {
	Refuse(c *fiber.Ctx, err error) error
}

// Engine is the menus, as a hop needs them. *menus.Engine is it.
type Engine interface {
	// Begin opens the home, or registration, and feeds what was dialled ahead.
	Begin(ctx context.Context, s *sessions.Session, d menus.Dial, r *sessions.Resume, ahead []string) menus.Outcome
	// Input feeds one input to the screen that awaits it.
	Input(ctx context.Context, s *sessions.Session, d menus.Dial, input string) menus.Outcome
	// Sorry is a polite end that words a failure and shows its reference.
	Sorry(language string, err error, ref string) sessions.Reply
	// DialAgain is the end "Please dial again."
	DialAgain(language string) sessions.Reply
	// Version names the menus, for the session to remember.
	Version() string
}
