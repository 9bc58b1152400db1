package configs

import (
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"nova/core/secret"
)

const (
	// shortestToken keeps a path token beyond guessing; 16 random characters are 80 bits and more.
	shortestToken = 16
	maxPINTries   = 10
	maxLock       = 24 * 60 // minutes
	// A hop that is given less cannot reach the database, and one given more finds the handset gone.
	minHopDeadline, maxHopDeadline = 500 * time.Millisecond, 30 * time.Second
	minSessionTTL, maxSessionTTL   = 10 * time.Second, time.Hour
	maxRepeatWindow                = 10 * time.Second
	minTokenLife, maxTokenLife     = 5 * time.Minute, 10 * time.Minute
	maxDeadline                    = time.Minute
	minHold, maxHold               = time.Hour, 30 * 24 * time.Hour
	minSIMSwap, maxSIMSwap         = 100 * time.Millisecond, 3 * time.Second
	// maxPerMinute is far beyond what one server answers, and within what a rate can be counted by.
	maxPerMinute = 10_000_000
)

var (
	shortCodeForm = regexp.MustCompile(`^\*[0-9]{1,10}(\*[0-9]{1,10})*#$`)
	nameForm      = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	countryForm   = regexp.MustCompile(`^[1-9][0-9]{0,6}$`)
)

var (
	roles   = []string{RoleUSSD, RoleREST, RoleWorker, RoleConsole}
	homes   = []string{"customer", "agent"}
	formats = []string{"json", "text"}
)

// Check lists everything that is wrong, as Faults; nil when nothing is.
func (c Config) Check() error {
	if faults := c.faults(); len(faults) > 0 {
		return faults
	}
	return nil
}

func (c Config) faults() Faults {
	var f Faults
	c.checkServer(&f)
	c.checkStores(&f)
	c.checkMarket(&f)
	c.checkPeople(&f)
	c.checkGateways(&f)
	if c.Environment == Production {
		c.checkProduction(&f)
	}
	return f
}

// need notes a fault unless ok.
func (f *Faults) need(ok bool, format string, args ...any) {
	if !ok {
		f.addf(format, args...)
	}
}

func (c Config) checkServer(f *Faults) {
	f.need(c.Environment == Development || c.Environment == Production, "NOVA_ENVIRONMENT is neither development nor production")
	f.need(address(c.HTTPAddr), "NOVA_HTTP_ADDR is not host:port")
	f.need(c.AdminAddr == "" || address(c.AdminAddr), "NOVA_ADMIN_ADDR is not host:port")
	f.need(c.AdminAddr != c.HTTPAddr, "NOVA_ADMIN_ADDR is the same as NOVA_HTTP_ADDR: metrics would be public")
	f.need(len(c.Roles) > 0, "NOVA_ROLES is empty: the process would do nothing")
	for i, role := range c.Roles {
		f.need(slices.Contains(roles, role), "NOVA_ROLES: %q is none of %s", role, strings.Join(roles, ", "))
		f.need(!slices.Contains(c.Roles[:i], role), "NOVA_ROLES names %s twice", role)
	}
	f.need(c.InFlight > 0, "NOVA_IN_FLIGHT is not above 0")
	f.need(c.Deadline > 0 && c.Deadline <= maxDeadline, "NOVA_DEADLINE is not between 0 and %s", maxDeadline)
	f.need(c.ShutdownAfter >= 0 && c.ShutdownAfter <= maxDeadline, "NOVA_SHUTDOWN_AFTER is not between 0 and %s", maxDeadline)
	c.checkCallers(f)
	var level slog.Level
	f.need(level.UnmarshalText([]byte(c.LogLevel)) == nil, "NOVA_LOG_LEVEL is none of debug, info, warn, error")
	f.need(slices.Contains(formats, c.LogFormat), "NOVA_LOG_FORMAT is neither json nor text")
}

// checkCallers looks at how callers are known and counted.
func (c Config) checkCallers(f *Faults) {
	for name, calls := range map[string]int{
		"CALLS": c.CallsPerMinute, "GATEWAY_CALLS": c.GatewayCallsPerMinute, "DIALS": c.DialsPerMinute,
	} {
		f.need(calls >= 0 && calls <= maxPerMinute, "NOVA_%s_PER_MINUTE is not between 0 and %d", name, maxPerMinute)
	}
	f.need(c.LookupsPerHour >= 0 && c.LookupsPerHour <= maxPerMinute, "NOVA_LOOKUPS_PER_HOUR is not between 0 and %d", maxPerMinute)
	for _, cidr := range c.TrustedProxies {
		f.need(network(cidr), "NOVA_TRUSTED_PROXIES: %q is not a network such as 10.0.0.0/8", cidr)
	}
	f.need(c.PublicURL == "" || origin(c.PublicURL), "NOVA_PUBLIC_URL is not a scheme and an authority such as https://api.example.com")
}

// origin tells that a URL has a scheme and an authority and nothing else.
func origin(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && scheme(raw, "http", "https") && raw == u.Scheme+"://"+u.Host
}

func address(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	return err == nil && port != ""
}

func (c Config) checkStores(f *Faults) {
	f.need(c.DataDir != "", "NOVA_DATA_DIR is empty")
	f.need(c.DatabaseURL.IsZero() || databaseURL(c.DatabaseURL.Reveal()),
		"DATABASE_URL is not postgres://user:password@host:port/name?sslmode=...")
	f.need(c.RedisURL.IsZero() || scheme(c.RedisURL.Reveal(), "redis", "rediss"), "REDIS_URL is not redis://host:port/0")
	for name, path := range map[string]string{"NOVA_TARIFFS_FILE": c.TariffsFile, "NOVA_LIMITS_FILE": c.LimitsFile} {
		f.need(path == "" || readable(path), "%s names no file that can be read", name)
	}
	f.need(c.PoliciesDir == "" || folder(c.PoliciesDir), "NOVA_POLICIES_DIR names no folder")
}

func folder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func databaseURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && scheme(raw, "postgres", "postgresql") && u.Query().Get("sslmode") != ""
}

func scheme(raw string, allowed ...string) bool {
	u, err := url.Parse(raw)
	return err == nil && slices.Contains(allowed, u.Scheme) && u.Host != ""
}

func readable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func (c Config) checkMarket(f *Faults) {
	region, err := language.ParseRegion(c.Region)
	f.need(err == nil && region.IsCountry() && len(c.Region) == 2, "NOVA_REGION is not a country's two letters")
	f.need(c.Currency.Valid(), "NOVA_CURRENCY is not a currency that Nova knows")
	_, err = time.LoadLocation(c.TimeZone)
	f.need(err == nil && c.TimeZone != "" && c.TimeZone != "Local", "NOVA_TIME_ZONE is not a time zone's name")
	f.need(len(c.ShortCodes) > 0 || !c.Has(RoleUSSD), "NOVA_SHORT_CODES is empty")
	for _, code := range sortedKeys(c.ShortCodes) {
		f.need(shortCodeForm.MatchString(code), "NOVA_SHORT_CODES: %q is not a short code such as *123#", code)
		f.need(slices.Contains(homes, c.ShortCodes[code]), "NOVA_SHORT_CODES: %s leads to neither customer nor agent", code)
	}
}

func (c Config) checkPeople(f *Faults) {
	f.need(c.PINTries >= 1 && c.PINTries <= maxPINTries, "NOVA_PIN_TRIES is not between 1 and %d", maxPINTries)
	f.need(c.PINLockMinutes >= 1 && c.PINLockMinutes <= maxLock, "NOVA_PIN_LOCK_MINUTES is not between 1 and %d", maxLock)
	f.need(c.TokenLife >= minTokenLife && c.TokenLife <= maxTokenLife, "NOVA_TOKEN_LIFE is not between %s and %s", minTokenLife, maxTokenLife)
	_, err := c.StepUp()
	f.need(err == nil || !c.Currency.Valid(), "NOVA_STEP_UP_ABOVE is not an amount of %s", c.Currency)
	f.need(c.SIMHold >= minHold && c.SIMHold <= maxHold, "NOVA_SIM_HOLD is not between %s and %s", minHold, maxHold)
	f.need(c.DeviceNewFor >= minHold && c.DeviceNewFor <= maxHold, "NOVA_DEVICE_NEW_FOR is not between %s and %s", minHold, maxHold)
	f.need(c.PINResetHold >= minHold && c.PINResetHold <= maxHold, "NOVA_PIN_RESET_HOLD is not between %s and %s", minHold, maxHold)
	c.checkSIMSwaps(f)
	f.need(c.HelpNumber != "" && len(c.HelpNumber) <= 15, "NOVA_HELP_NUMBER is empty or longer than a screen has room for")
}

// checkSIMSwaps looks at the operator's API, which is off where it has no URL. Numbers and a token go there, so only
// this machine is called without TLS.
func (c Config) checkSIMSwaps(f *Faults) {
	f.need(c.SIMSwapSilence == SilenceLocal || c.SIMSwapSilence == SilenceRefuse, "NOVA_SIM_SWAP_SILENCE is neither local nor refuse")
	f.need(c.SIMSwapTimeout >= minSIMSwap && c.SIMSwapTimeout <= maxSIMSwap,
		"NOVA_SIM_SWAP_TIMEOUT is not between %s and %s", minSIMSwap, maxSIMSwap)
	if c.SIMSwapURL == "" {
		return
	}
	local := strings.HasPrefix(c.SIMSwapURL, "http://127.0.0.1:") || strings.HasPrefix(c.SIMSwapURL, "http://localhost:")
	f.need(scheme(c.SIMSwapURL, "https") || local, "NOVA_SIM_SWAP_URL is not https://host")
}

func (c Config) checkGateways(f *Faults) {
	f.need(len(c.Gateways) > 0 || !c.Has(RoleUSSD), "NOVA_GATEWAYS: the role ussd needs a gateway")
	seen := map[string]bool{}
	for i, g := range c.Gateways {
		at := &gatewayFaults{f, i}
		at.need(nameForm.MatchString(g.Name), "NAME is not a name of lower-case letters, digits, - and _")
		at.need(!seen[g.Name], "NAME is used twice")
		seen[g.Name] = true
		at.need(nameForm.MatchString(g.AdapterName()), "ADAPTER is not a folder's name")
		at.need(g.Mode == Cumulative || g.Mode == Last, "MODE is neither cumulative nor last")
		g.checkDoor(at)
		c.checkVouching(at, g)
		at.need(g.HopDeadline >= minHopDeadline && g.HopDeadline <= maxHopDeadline, "DEADLINE is not between %s and %s", minHopDeadline, maxHopDeadline)
		at.need(g.SessionTTL >= minSessionTTL && g.SessionTTL <= maxSessionTTL, "SESSION_TTL is not between %s and %s", minSessionTTL, maxSessionTTL)
		at.need(g.RepeatWindow > 0 && g.RepeatWindow <= maxRepeatWindow, "REPEAT_WINDOW is not between 0 and %s", maxRepeatWindow)
		at.need(g.Septets >= minSeptets && g.Septets <= maxSeptets, "SEPTETS is not between %d and %d", minSeptets, maxSeptets)
		at.need(g.Charset == GSM7 || g.Charset == UCS2, "CHARSET is neither gsm7 nor ucs2")
	}
}

// gatewayFaults notes faults under a gateway's number.
type gatewayFaults struct {
	*Faults
	index int
}

func (g *gatewayFaults) need(ok bool, format string, args ...any) {
	if !ok {
		g.addf("NOVA_GATEWAYS_%d_"+format, append([]any{g.index}, args...)...)
	}
}

// checkDoor refuses a gateway that anybody could pretend to be.
func (g Gateway) checkDoor(at *gatewayFaults) {
	at.need(!g.Token.IsZero(), "TOKEN is empty: anybody could call")
	at.need((g.BasicUser == "") == g.BasicPassword.IsZero(), "BASIC_USER and BASIC_PASSWORD go together")
	at.need((g.HMACHeader == "") == g.HMACSecret.IsZero(), "HMAC_HEADER and HMAC_SECRET go together")
	at.need(!strings.ContainsAny(g.Token.Reveal(), "/?#% "), "TOKEN can't stand in a path")
	for _, cidr := range slices.Concat(g.CIDRs, g.TrustedProxies) {
		at.need(network(cidr), "CIDRS or TRUSTED_PROXIES: %q is not a network such as 10.0.0.0/8", cidr)
	}
	at.need(len(g.TrustedProxies) == 0 || len(g.CIDRs) > 0, "TRUSTED_PROXIES does nothing without CIDRS")
}

func network(cidr string) bool {
	if _, err := netip.ParsePrefix(cidr); err == nil {
		return true
	}
	_, err := netip.ParseAddr(cidr)
	return err == nil
}

func (c Config) checkVouching(at *gatewayFaults, g Gateway) {
	at.need(len(g.Countries) > 0, "COUNTRIES is empty: name the beginnings of numbers, or %s for all", AnyCountry)
	for _, country := range g.Countries {
		all := country == AnyCountry && len(g.Countries) == 1
		at.need(all || countryForm.MatchString(country), "COUNTRIES: %q is not the beginning of a number such as 1246", country)
	}
	for _, code := range g.Codes {
		at.need(c.ShortCodes[code] != "", "CODES: %q is not among NOVA_SHORT_CODES", code)
	}
}

// checkProduction refuses what only a demonstration may do.
func (c Config) checkProduction(f *Faults) {
	f.need(!c.ExposeOTP, "NOVA_EXPOSE_OTP is on in production")
	f.need(!c.StaffWithoutTOTP, "NOVA_STAFF_WITHOUT_TOTP is on in production")
	f.need(!c.GenerateKeys, "NOVA_GENERATE_KEYS is on in production: keys must come from outside")
	f.need(!c.DatabaseURL.IsZero(), "DATABASE_URL is not set")
	f.need(!c.RedisURL.IsZero(), "REDIS_URL is not set")
	for i, g := range c.Gateways {
		at := &gatewayFaults{f, i}
		at.need(!g.Token.Equal(secret.New(demoToken)), "TOKEN is the demonstration's, which everybody knows")
		at.need(len(g.Token.Reveal()) >= shortestToken, "TOKEN is shorter than %d characters", shortestToken)
	}
}
