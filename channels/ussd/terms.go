package ussd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"nova/core/fault"
	"nova/menus"
	"nova/menus/gsm7"
)

// Terms are what is agreed with one gateway: what it may vouch for and how long it
// waits. Zero values mean the defaults.
type Terms struct {
	// Name is the gateway's in routes, session keys, logs and metrics: lower-case
	// letters, digits, "-" and "_".
	Name string
	// Codes are the short codes it relays, "*123#", and the home that each opens.
	Codes map[string]menus.Root
	// Countries are leading digits of the callers it vouches for, "1246", "254";
	// AnyCountry alone means all.
	Countries []string
	// Networks are its names of the networks it vouches for; none: any.
	Networks []string
	// Deadline is how long after a call the answer must leave.
	Deadline time.Duration
	// TTL is how long a session may be silent.
	TTL time.Duration
	// RepeatWindow is how long after an answer an equal input counts as the same hop,
	// where neither a counter nor a cumulative text tells.
	RepeatWindow time.Duration
	// RecyclesIDs: the gateway gives an id again to a later dialogue.
	RecyclesIDs bool
	// Budget is what its screens hold.
	Budget gsm7.Budget
}

// AnyCountry in Terms.Countries lets a gateway vouch for every number.
const AnyCountry = "*"

const (
	// defaultDeadline is under the 5 s of the strictest known gateway, with time to
	// travel.
	defaultDeadline = 4 * time.Second
	// defaultTTL is what most networks grant a whole dialogue, here between two hops.
	defaultTTL = 3 * time.Minute
	// defaultRepeatWindow: nobody reads a screen and types the same again in less.
	defaultRepeatWindow = time.Second
	// minDeadline leaves time for two round trips to Redis and one to PostgreSQL.
	minDeadline = 200 * time.Millisecond

	// openingWindow: an equal begin on a recycled id that comes within it is the same
	// begin delivered again, a later one is a new dial.
	openingWindow = 5 * time.Second
)

// Shares of the deadline, in percent: when the menus must have answered, and when the
// session must be saved. The rest is for the answer to leave.
const (
	engineShare = 85
	saveShare   = 97
)

// defaultBudget is what every network shows.
const defaultBudget = 160

// maxName is what sessions takes as a gateway's name.
const maxName = 32

// terms are Terms checked and made ready for the hot path.
type terms struct {
	Terms
	engineTime time.Duration
	saveTime   time.Duration
	codes      []code
	networks   map[string]bool
	anyCountry bool
}

// compile checks all of the terms at once.
func (t Terms) compile() (*terms, error) {
	c := &terms{Terms: t}
	orElse(&c.Deadline, defaultDeadline)
	orElse(&c.TTL, defaultTTL)
	orElse(&c.RepeatWindow, defaultRepeatWindow)
	if c.Budget.Septets == 0 && !c.Budget.UCS2 {
		c.Budget.Septets = defaultBudget
	}
	c.engineTime = c.Deadline * engineShare / 100
	c.saveTime = c.Deadline * saveShare / 100
	c.anyCountry = slices.Contains(t.Countries, AnyCountry)
	c.networks = make(map[string]bool, len(t.Networks))
	for _, n := range t.Networks {
		c.networks[strings.ToLower(n)] = true
	}
	var err error
	c.codes, err = compileCodes(t.Codes)
	err = errors.Join(err, t.check(c.Deadline))
	if err != nil {
		return nil, fmt.Errorf("gateway %s: %w", t.Name, err)
	}
	return c, nil
}

func orElse(d *time.Duration, otherwise time.Duration) {
	if *d == 0 {
		*d = otherwise
	}
}

func (t Terms) check(deadline time.Duration) error {
	var faults []error
	if !isName(t.Name) {
		faults = append(faults, fmt.Errorf("a name has 1-%d lower-case letters, digits, - or _", maxName))
	}
	if deadline < minDeadline {
		faults = append(faults, fmt.Errorf("a deadline of %v is under %v", deadline, minDeadline))
	}
	if t.TTL < 0 || t.RepeatWindow < 0 {
		faults = append(faults, errors.New("times are not negative"))
	}
	if len(t.Countries) == 0 {
		faults = append(faults, fmt.Errorf("no countries: name leading digits, or %q for any", AnyCountry))
	}
	for _, country := range t.Countries {
		if country != AnyCountry && strings.Trim(country, "0123456789") != "" || country == "" {
			faults = append(faults, fmt.Errorf("country %q: give leading digits, such as 1246", country))
		}
	}
	return errors.Join(faults...)
}

func isName(s string) bool {
	return s != "" && len(s) <= maxName && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// vouches refuses a caller or a network that is not the gateway's to vouch for: a
// stolen door must not open every account.
func (t *terms) vouches(req *Request) error {
	if len(t.networks) > 0 && !t.networks[strings.ToLower(req.Network)] {
		return fault.New(fault.CodeForbidden, "a network that %s does not vouch for", t.Name)
	}
	if t.anyCountry {
		return nil
	}
	digits := req.MSISDN.Digits()
	for _, country := range t.Countries {
		if strings.HasPrefix(digits, country) {
			return nil
		}
	}
	return fault.New(fault.CodeForbidden, "a country that %s does not vouch for", t.Name)
}
