package web

import (
	"context"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"

	"nova/core/fault"
	"nova/sessions/rates"
)

// Rate is a class of routes that are limited alike. It stands where the route is declared.
type Rate string

const (
	// RateDefault is of all routes that say nothing else; its limits hold for every other class, too.
	RateDefault Rate = ""
	// RateSignIn is of routes that take a PIN, a password or a client's secret.
	RateSignIn Rate = "sign_in"
	// RateOTP is of routes that send or take a one-time code.
	RateOTP Rate = "otp"
	// RateLookup is of routes that tell whether somebody exists: a payee's name, a registration.
	RateLookup Rate = "lookup"
	// RateUpload is of routes that take files.
	RateUpload Rate = "upload"
	// RateGateway is of a gateway's hops, which nothing here limits: one gateway speaks for a whole network, and each
	// number is limited by its dials.
	RateGateway Rate = "gateway"
)

// Whom a limit counts for.
const (
	byAddress = "address"
	byCaller  = "caller" // a client, a person, a member of staff, by their token
	byDevice  = "device" // the bound device that the token names
	byName    = "name"   // whom a request without a token names: an MSISDN, an agent's code; see Allow
)

// limited is a row of the table: how often a class may be called, and by whom.
type limited struct {
	class Rate
	by    string
	limit rates.Limit
}

// perMinute names its limit after its row.
func perMinute(class Rate, by string, calls int, guard bool) limited {
	name := string(class)
	if class == RateDefault {
		name = "default"
	}
	return limited{class, by, rates.Limit{Name: name + "." + by, Rate: calls, Per: time.Minute, Guard: guard}}
}

// deviceCalls are more than a person's handset makes, whatever its app does.
const deviceCalls = 600

// limitsOf is the table of all limits. Behind one address stand a shop, a school or half of a mobile network, so it may do
// more than one caller; what is guessed at is limited by its name wherever it is guessed from. PINs and codes have their own
// counters besides, which lock: these limits make a search for numbers slow.
func limitsOf(callsPerMinute int) []limited {
	return []limited{
		perMinute(RateDefault, byAddress, callsPerMinute, false),
		perMinute(RateDefault, byCaller, callsPerMinute, false),
		perMinute(RateDefault, byDevice, deviceCalls, false),

		perMinute(RateSignIn, byAddress, 600, true),
		perMinute(RateSignIn, byName, 60, true),

		perMinute(RateOTP, byAddress, 300, true),
		perMinute(RateOTP, byCaller, 30, true),
		perMinute(RateOTP, byName, 30, true),

		perMinute(RateLookup, byAddress, 120, true),
		perMinute(RateLookup, byCaller, 30, true),
		perMinute(RateLookup, byName, 30, true),

		perMinute(RateUpload, byAddress, 300, false),
		perMinute(RateUpload, byCaller, 30, false),
	}
}

// Counter counts calls and grants or refuses them. *rates.Limiter is it.
type Counter interface {
	Take(ctx context.Context, asks ...rates.Ask) rates.Answer
}

// unlimited is the Counter of an app that was given none.
type unlimited struct{}

func (unlimited) Take(context.Context, ...rates.Ask) rates.Answer { return rates.Answer{} }

// count counts the call against all limits of the route's class, in one round trip: those of the address, and of the
// caller and the device that the token names. A gateway's door has its own.
func (a *App) count(c *fiber.Ctx, class Rate) error {
	v := visitOf(c.UserContext())
	v.counted = true
	address := a.address(c)
	v.address = address
	own := a.door(c.Path()).Limit
	if class == RateGateway || own != nil && own.IsZero() || c.Path() == healthPath {
		return nil
	}
	if own != nil {
		return a.take(c.UserContext(), rates.Ask{Limit: *own, Kind: byAddress, Value: address})
	}
	asks := a.asks(class, byAddress, address)
	if v.known {
		asks = append(asks, a.asks(class, byCaller, v.caller.String())...)
	}
	if v.caller.Device != "" {
		asks = append(asks, a.asks(class, byDevice, v.caller.Device)...)
	}
	return a.take(c.UserContext(), asks...)
}

// asks are the limits that a class has for one kind of caller, the default's included.
func (a *App) asks(class Rate, by, value string) []rates.Ask {
	var asks []rates.Ask
	for _, row := range a.limits {
		if row.by == by && (row.class == RateDefault || row.class == class) {
			asks = append(asks, rates.Ask{Limit: row.limit, Kind: by, Value: value})
		}
	}
	return asks
}

// take answers RATE_LIMIT_EXCEEDED for what was too much.
func (a *App) take(ctx context.Context, asks ...rates.Ask) error {
	answer := a.o.Rates.Take(ctx, asks...)
	if answer.Alone {
		a.o.Metrics.alone.Inc()
	}
	if !answer.Refused {
		return nil
	}
	a.o.Metrics.limited.WithLabelValues(answer.Limit).Inc()
	seconds := int((answer.RetryAfter + time.Second - 1) / time.Second) // begun seconds count
	return fault.New(fault.RateLimitExceeded, "limit %s", answer.Limit).With(retryAfter, max(seconds, 1))
}

// Allow counts the request once more, for whom its body names: an MSISDN or a login name that somebody tries a secret for, or
// asks about. Handlers of the classes sign-in, OTP and lookup call it before they look anything up; others need not. The
// name leaves the process as a keyed hash.
func Allow(ctx context.Context, name string) error {
	v := visitOf(ctx)
	if v.app == nil {
		return nil // not a request: a test of the handler alone
	}
	var asks []rates.Ask
	for _, row := range v.app.limits {
		if row.by == byName && row.class == v.access.Rate {
			asks = append(asks, rates.Ask{Limit: row.limit, Kind: byName, Value: name})
		}
	}
	if len(asks) == 0 {
		return nil
	}
	return v.app.take(ctx, asks...)
}

// countRest counts what no route has counted: requests that came to none, or whose token was not good. They are answered
// 429 instead when there are too many.
func (a *App) countRest(c *fiber.Ctx) error {
	err := c.Next()
	if visitOf(c.UserContext()).counted {
		return err
	}
	if tooMany := a.count(c, RateDefault); tooMany != nil {
		return tooMany
	}
	return err
}

// Networks of callers: an IPv6 customer has a whole /64, and counts as one.
const (
	wholeV4 = 32
	wholeV6 = 64
)

// address is the caller's network as limits count it. Where our own proxy passes on nonsense it is the proxy's.
func (a *App) address(c *fiber.Ctx) string {
	from, ok := Source(c, a.o.Proxies)
	if !ok {
		from, _ = peer(c)
	}
	bits := wholeV4
	if from.Is6() {
		bits = wholeV6
	}
	network, err := from.Prefix(bits)
	if err != nil {
		network = netip.Prefix{} // no address at all: a connection of a test's
	}
	return network.String()
}
