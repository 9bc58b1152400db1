package web

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"

	"nova/core/clock"
	"nova/sessions/rates"
)

const (
	// defaultReadTimeout bounds the reading of one request, so that a slow sender can't hold a connection for ever.
	defaultReadTimeout = 10 * time.Second
	// defaultInFlight is the overload limit where none is configured.
	defaultInFlight = 1024
	// defaultDeadline is what a handler's context gives it where its door says nothing else.
	defaultDeadline = 10 * time.Second
)

// Options shape the app. The zero value works: no token is accepted, and nothing is logged.
type Options struct {
	// Version is the build's, as the API document shows it.
	Version string
	Logger  *slog.Logger
	Clock   clock.Clock
	Metrics *Metrics
	// Tokens verifies bearer tokens; nil accepts none.
	Tokens Authenticator
	// Policies decide beyond purpose and scope; nil: nothing does. Audit keeps what was refused; nil: nobody does.
	Policies Decider
	Audit    Recorder
	// StepUps asks for second factors, and Devices knows the keys that devices sign with; nil: there are none.
	StepUps StepUps
	Devices Devices
	// InFlight bounds the requests being worked on at once; 0 means defaultInFlight.
	InFlight int
	// Deadline bounds the work on one request; 0 means defaultDeadline.
	Deadline time.Duration
	// ReadTimeout bounds the reading of one request, head and body; 0 means ten seconds.
	ReadTimeout time.Duration
	// Doors are families of paths that differ from the JSON API.
	Doors []Door
	// Rates counts calls; nil: nobody does. CallsPerMinute is what one address, and one caller, may do; 0: any number.
	Rates          Counter
	CallsPerMinute int
	// PublicURL is the scheme and authority that callers use, where a proxy stands before us; empty: http and Host.
	PublicURL string
	// Proxies are ours: a call from one is its X-Forwarded-For's.
	Proxies []netip.Prefix
}

// Door says how the paths under a prefix differ from the JSON API: gateways are answered in their own words.
type Door struct {
	// Prefix is a whole path segment or more: "/ussd" covers "/ussd/x" and not "/ussdx".
	Prefix string
	// Deadline replaces Options.Deadline; 0 leaves it.
	Deadline time.Duration
	// OwnDeadline: the door's handlers bound the work on each request themselves.
	OwnDeadline bool
	// BodyLimit lowers or raises the limit of a body, in bytes; 0 leaves it.
	BodyLimit int
	// Sorry answers a request that no handler answered, because the server is full (SERVICE_UNAVAILABLE) or because
	// its handler panicked (INTERNAL_SERVER_ERROR); nil means the JSON error body.
	Sorry func(c *fiber.Ctx, err error) error
	// Machines: no browser calls here, so that answers need no headers for one.
	Machines bool
	// OwnLog: the door's handlers write a line for each request that they answer. Here it gets one only when it came
	// to no route or was not answered with success.
	OwnLog bool
	// Limit replaces all limits by one on an address; a zero Limit limits nothing, nil leaves those of the API.
	Limit *rates.Limit
	// IgnoreEncoding drops a Content-Encoding header instead of refusing it; the body is read as it came.
	IgnoreEncoding bool
}

func withDefaults(o Options) Options {
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	if o.Tokens == nil {
		o.Tokens = nobody{}
	}
	if o.Policies == nil {
		o.Policies = floor{}
	}
	if o.Audit == nil {
		o.Audit = unrecorded{}
	}
	if o.StepUps == nil {
		o.StepUps = oneFactor{}
	}
	if o.Devices == nil {
		o.Devices = noDevices{}
	}
	if o.Rates == nil {
		o.Rates = unlimited{}
	}
	if o.InFlight <= 0 {
		o.InFlight = defaultInFlight
	}
	if o.ReadTimeout <= 0 {
		o.ReadTimeout = defaultReadTimeout
	}
	if o.Deadline <= 0 {
		o.Deadline = defaultDeadline
	}
	return o
}
