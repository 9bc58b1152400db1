// Package configs is everything an operator can set: one struct, filled from defaults in code, then a YAML file, then
// the environment, and checked as a whole before anything opens.
//
// It opens no connection and knows no package that uses a setting; only cmd reads it. Its one rule: a setting that is
// misspelt, malformed or unsafe for its environment stops the start, and all faults are told at once.
package configs

import (
	"time"

	"nova/core/money"
	"nova/core/secret"
)

// Environment says what a process is for. Production refuses what only a demonstration may do.
type Environment string

// The environments.
const (
	Development Environment = "development"
	Production  Environment = "production"
)

// demoToken is the secret of the demonstration's gateway. It is public, so production refuses it.
const demoToken = "demo"

// Config is the one struct of settings. Each field's doc tag is its line in the README.
type Config struct {
	Environment Environment `env:"NOVA_ENVIRONMENT" yaml:"environment" doc:"development or production; production refuses demo secrets, generated keys and exposed one-time codes"`

	DatabaseURL     secret.Text `env:"DATABASE_URL" yaml:"database_url" doc:"PostgreSQL, postgres://user:password@host:port/name?sslmode=...; empty in development: a private server is started"`
	DatabaseURLFile string      `env:"DATABASE_URL_FILE" yaml:"database_url_file" doc:"file that holds DATABASE_URL"`
	RedisURL        secret.Text `env:"REDIS_URL" yaml:"redis_url" doc:"Redis, redis://host:port/0; several host:port with commas between are sentinels with NOVA_REDIS_MASTER, else a Cluster, as is one with ?cluster=true; empty in development: a private server is started"`
	RedisURLFile    string      `env:"REDIS_URL_FILE" yaml:"redis_url_file" doc:"file that holds REDIS_URL"`
	RedisMaster     string      `env:"NOVA_REDIS_MASTER" yaml:"redis_master" doc:"name of the master that the sentinels watch; empty: there are none"`

	HTTPAddr      string        `env:"NOVA_HTTP_ADDR" yaml:"http_addr" doc:"address that gateways and apps call"`
	AdminAddr     string        `env:"NOVA_ADMIN_ADDR" yaml:"admin_addr" doc:"address of /metrics, for operators only; empty turns it off"`
	Pprof         bool          `env:"NOVA_PPROF" yaml:"pprof" doc:"Go's profiles on the admin address"`
	Roles         []string      `env:"NOVA_ROLES" yaml:"roles" doc:"what this process does: ussd, rest, worker, console"`
	InFlight      int           `env:"NOVA_IN_FLIGHT" yaml:"in_flight" doc:"requests worked on at once; more are answered 503 or a polite END"`
	Deadline      time.Duration `env:"NOVA_DEADLINE" yaml:"deadline" doc:"time that one API request may take"`
	ShutdownAfter time.Duration `env:"NOVA_SHUTDOWN_AFTER" yaml:"shutdown_after" doc:"time that requests under way get to finish at shutdown"`

	PublicURL      string   `env:"NOVA_PUBLIC_URL" yaml:"public_url" doc:"scheme and authority that apps call, such as https://api.example.com, where a proxy stands before the server: devices sign it, and with https answers ask for HTTPS from then on (HSTS); empty: http and the request's Host"`
	TrustedProxies []string `env:"NOVA_TRUSTED_PROXIES" yaml:"trusted_proxies" doc:"networks of proxies whose X-Forwarded-For is believed when calls are counted"`

	CallsPerMinute        int `env:"NOVA_CALLS_PER_MINUTE" yaml:"calls_per_minute" doc:"API requests that one address, and one caller, may make a minute; 0: any number"`
	GatewayCallsPerMinute int `env:"NOVA_GATEWAY_CALLS_PER_MINUTE" yaml:"gateway_calls_per_minute" doc:"calls that one address may make at the gateways' doors a minute; 0: any number"`
	DialsPerMinute        int `env:"NOVA_DIALS_PER_MINUTE" yaml:"dials_per_minute" doc:"dialogues that one number may open a minute; a repeated hop costs nothing; 0: any number"`
	LookupsPerHour        int `env:"NOVA_LOOKUPS_PER_HOUR" yaml:"lookups_per_hour" doc:"people's numbers that one caller may look up on a handset an hour; 0: any number"`

	DataDir      string `env:"NOVA_DATA_DIR" yaml:"data_dir" doc:"where a development server keeps its private services, keys and files"`
	KeysDir      string `env:"NOVA_KEYS_DIR" yaml:"keys_dir" doc:"one file a key; empty: keys under the data folder"`
	GenerateKeys bool   `env:"NOVA_GENERATE_KEYS" yaml:"generate_keys" doc:"make missing keys at start; refused in production"`

	CheckpointsDir string `env:"NOVA_CHECKPOINTS_DIR" yaml:"checkpoints_dir" doc:"where signed checkpoints of the books and of the audit record are kept, best on another machine than the database; empty: checkpoints under the data folder"`

	Region     string            `env:"NOVA_REGION" yaml:"region" doc:"country whose local number forms people may type"`
	Currency   money.Currency    `env:"NOVA_CURRENCY" yaml:"currency" doc:"currency of wallets"`
	TimeZone   string            `env:"NOVA_TIME_ZONE" yaml:"time_zone" doc:"market time: days of limits and reports begin in it"`
	ShortCodes map[string]string `env:"NOVA_SHORT_CODES" yaml:"short_codes" doc:"short code to home: customer or agent"`
	HelpNumber string            `env:"NOVA_HELP_NUMBER" yaml:"help_number" doc:"number that a locked caller is told"`

	PINTries         int           `env:"NOVA_PIN_TRIES" yaml:"pin_tries" doc:"wrong PINs that lock a person"`
	PINLockMinutes   int           `env:"NOVA_PIN_LOCK_MINUTES" yaml:"pin_lock_minutes" doc:"minutes that a lock lasts"`
	StaffWithoutTOTP bool          `env:"NOVA_STAFF_WITHOUT_TOTP" yaml:"staff_without_totp" doc:"staff work with a password alone, for demonstrations; refused in production"`
	DeviceNewFor     time.Duration `env:"NOVA_DEVICE_NEW_FOR" yaml:"device_new_for" doc:"how long a bound device counts as new, and more is asked of it"`
	ExposeOTP        bool          `env:"NOVA_EXPOSE_OTP" yaml:"expose_otp" doc:"show one-time codes in answers, for demonstrations; refused in production"`
	TokenLife        time.Duration `env:"NOVA_TOKEN_LIFE" yaml:"token_life" doc:"life of an access token, 5 to 10 minutes"`

	SIMHold          time.Duration `env:"NOVA_SIM_HOLD" yaml:"sim_hold" doc:"how long a changed SIM holds cash-outs, withdrawal codes, PINs set against questions and higher tiers"`
	PINResetHold     time.Duration `env:"NOVA_PIN_RESET_HOLD" yaml:"pin_reset_hold" doc:"how long money out waits after a reset of the PIN"`
	SIMSwapURL       string        `env:"NOVA_SIM_SWAP_URL" yaml:"sim_swap_url" doc:"operator's SIM Swap API (GSMA Open Gateway), up to /sim-swap; empty: only what is reported here counts"`
	SIMSwapToken     secret.Text   `env:"NOVA_SIM_SWAP_TOKEN" yaml:"sim_swap_token" doc:"bearer token of the SIM Swap API"`
	SIMSwapTokenFile string        `env:"NOVA_SIM_SWAP_TOKEN_FILE" yaml:"sim_swap_token_file" doc:"file that holds the token of the SIM Swap API"`
	SIMSwapTimeout   time.Duration `env:"NOVA_SIM_SWAP_TIMEOUT" yaml:"sim_swap_timeout" doc:"time that the SIM Swap API may take, below that of a hop"`
	SIMSwapSilence   string        `env:"NOVA_SIM_SWAP_SILENCE" yaml:"sim_swap_silence" doc:"where the SIM Swap API does not answer: local (what is known here decides) or refuse"`

	TariffsFile string `env:"NOVA_TARIFFS_FILE" yaml:"tariffs_file" doc:"prices; empty: those built in"`
	LimitsFile  string `env:"NOVA_LIMITS_FILE" yaml:"limits_file" doc:"limits; empty: those built in"`

	PoliciesDir string `env:"NOVA_POLICIES_DIR" yaml:"policies_dir" doc:"folder of cedar policies, *.cedar, that say who may do what; empty: those built in"`
	StepUpAbove string `env:"NOVA_STEP_UP_ABOVE" yaml:"step_up_above" doc:"amount above which an app's money call asks for a second factor, in the currency of wallets; 0: none does for its amount"`

	CloseDays bool `env:"NOVA_CLOSE_DAYS" yaml:"close_days" doc:"workers close each business day a quarter of an hour after midnight, and sweep trust; off: nova ledger close-day does"`

	LogLevel  string `env:"NOVA_LOG_LEVEL" yaml:"log_level" doc:"debug, info, warn or error"`
	LogFormat string `env:"NOVA_LOG_FORMAT" yaml:"log_format" doc:"json or text"`

	Gateways []Gateway `envPrefix:"NOVA_GATEWAYS_" yaml:"gateways"`
}

// Gateway is one aggregator or operator that may relay dials, and the door that it comes through. The token must hold,
// and whatever else is configured of CIDRs, basic and HMAC.
type Gateway struct {
	Name    string `env:"NAME" yaml:"name" doc:"name in logs, metrics and session keys"`
	Adapter string `env:"ADAPTER" yaml:"adapter" doc:"folder under channels/ussd that speaks its protocol; empty: the name"`
	Mode    string `env:"MODE" yaml:"mode" doc:"what a callback's text holds: cumulative (all inputs) or last (the newest)"`

	Token             secret.Text `env:"TOKEN" yaml:"token" doc:"last part of the callback's path"`
	TokenFile         string      `env:"TOKEN_FILE" yaml:"token_file" doc:"file that holds the token"`
	CIDRs             []string    `env:"CIDRS" yaml:"cidrs" doc:"networks that it calls from; none: any"`
	TrustedProxies    []string    `env:"TRUSTED_PROXIES" yaml:"trusted_proxies" doc:"networks of proxies whose X-Forwarded-For is believed"`
	BasicUser         string      `env:"BASIC_USER" yaml:"basic_user" doc:"user of HTTP basic authentication"`
	BasicPassword     secret.Text `env:"BASIC_PASSWORD" yaml:"basic_password" doc:"password of HTTP basic authentication"`
	BasicPasswordFile string      `env:"BASIC_PASSWORD_FILE" yaml:"basic_password_file" doc:"file that holds the password"`
	HMACSecret        secret.Text `env:"HMAC_SECRET" yaml:"hmac_secret" doc:"key of the signature over the body"`
	HMACSecretFile    string      `env:"HMAC_SECRET_FILE" yaml:"hmac_secret_file" doc:"file that holds the key"`
	HMACHeader        string      `env:"HMAC_HEADER" yaml:"hmac_header" doc:"header that carries the signature"`

	Countries []string `env:"COUNTRIES" yaml:"countries" doc:"beginnings of callers' numbers that it vouches for, such as 1246; * alone: all"`
	Networks  []string `env:"NETWORKS" yaml:"networks" doc:"network codes that it vouches for; none: any"`
	Codes     []string `env:"CODES" yaml:"codes" doc:"short codes that it may relay; none: all"`

	HopDeadline  time.Duration `env:"DEADLINE" yaml:"deadline" doc:"time in which a hop is answered; 0: 4s"`
	SessionTTL   time.Duration `env:"SESSION_TTL" yaml:"session_ttl" doc:"how long a silent session lives; 0: 3m"`
	RepeatWindow time.Duration `env:"REPEAT_WINDOW" yaml:"repeat_window" doc:"time in which an equal input is the same hop delivered again; 0: 1s"`
	RecyclesIDs  bool          `env:"RECYCLES_IDS" yaml:"recycles_ids" doc:"it gives a session id again to a later dialogue"`
	Septets      int           `env:"SEPTETS" yaml:"septets" doc:"septets that a screen may hold, at most 182; 0: 160"`
	Charset      string        `env:"CHARSET" yaml:"charset" doc:"gsm7 (text is folded) or ucs2 (80 characters a screen); empty: gsm7"`
}

// What a gateway gets where its field is zero.
const (
	// DefaultHopDeadline is below the 5 to 10 seconds after which networks end a session themselves.
	DefaultHopDeadline = 4 * time.Second
	// DefaultSessionTTL is what most networks grant a dialogue.
	DefaultSessionTTL = 3 * time.Minute
	// DefaultRepeatWindow is too short for anybody to read a screen and type the same again.
	DefaultRepeatWindow = time.Second
	// AnyCountry lets a gateway vouch for every number.
	AnyCountry = "*"
	// DefaultSeptets fits every network; 182 is the protocol's end.
	DefaultSeptets = 160
	maxSeptets     = 182
	minSeptets     = 100
)

// Charsets and modes of a gateway.
const (
	GSM7       = "gsm7"
	UCS2       = "ucs2"
	Cumulative = "cumulative"
	Last       = "last"
)

// What holds where the SIM Swap API is silent.
const (
	SilenceLocal  = "local"
	SilenceRefuse = "refuse"
)

// Roles of a process.
const (
	RoleUSSD    = "ussd"
	RoleREST    = "rest"
	RoleWorker  = "worker"
	RoleConsole = "console"
)

// Default is the configuration of an environment before anything is set. Development's is the demonstration.
func Default(environment Environment) Config {
	c := Config{
		Environment: environment,
		HTTPAddr:    "127.0.0.1:8080", AdminAddr: "127.0.0.1:9090",
		Roles:    []string{RoleUSSD, RoleREST, RoleWorker, RoleConsole},
		InFlight: 1024, Deadline: 10 * time.Second, ShutdownAfter: 15 * time.Second,
		CallsPerMinute: 6000, DialsPerMinute: 60, LookupsPerHour: 240,
		DataDir: ".nova",
		Region:  "BB", Currency: "BBD", TimeZone: "America/Barbados",
		ShortCodes: map[string]string{"*123#": "customer", "*124#": "agent"},
		HelpNumber: "100", StepUpAbove: "500",
		PINTries: 3, PINLockMinutes: 60, TokenLife: 10 * time.Minute, DeviceNewFor: 24 * time.Hour,
		SIMHold: 24 * time.Hour, PINResetHold: 4 * time.Hour, SIMSwapTimeout: 1500 * time.Millisecond, SIMSwapSilence: SilenceLocal,
		CloseDays: true,
		LogLevel:  "info", LogFormat: "json",
	}
	if environment == Development {
		c.GenerateKeys, c.ExposeOTP, c.StaffWithoutTOTP = true, true, true
		c.DialsPerMinute, c.LookupsPerHour = 600, 6000 // who tries a demonstration out has one handset and dials by a script
		c.Gateways = []Gateway{{Name: "africastalking", Mode: Cumulative, Token: secret.New(demoToken), Countries: []string{AnyCountry}}}
	}
	return c
}

// Has tells that the process has the role.
func (c Config) Has(role string) bool {
	for _, r := range c.Roles {
		if r == role {
			return true
		}
	}
	return false
}

// AdapterName is the folder that speaks the gateway's protocol.
func (g Gateway) AdapterName() string {
	if g.Adapter != "" {
		return g.Adapter
	}
	return g.Name
}

// filled replaces the gateway's zero values.
func (g Gateway) filled() Gateway {
	if g.Mode == "" {
		g.Mode = Cumulative
	}
	if g.HopDeadline == 0 {
		g.HopDeadline = DefaultHopDeadline
	}
	if g.SessionTTL == 0 {
		g.SessionTTL = DefaultSessionTTL
	}
	if g.RepeatWindow == 0 {
		g.RepeatWindow = DefaultRepeatWindow
	}
	if g.Septets == 0 {
		g.Septets = DefaultSeptets
	}
	if g.Charset == "" {
		g.Charset = GSM7
	}
	return g
}
