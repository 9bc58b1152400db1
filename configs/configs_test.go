package configs_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/configs"
	"nova/core/money"
)

var update = flag.Bool("update", false, "rewrite example.env and the README's table")

func TestTheDefaultsAreTheDemonstration(t *testing.T) {
	c, err := configs.Load(nil)
	require.NoError(t, err)
	require.Equal(t, configs.Development, c.Environment)
	require.Equal(t, "127.0.0.1:8080", c.HTTPAddr)
	require.Equal(t, "agent", c.ShortCodes["*124#"])
	require.True(t, c.ExposeOTP)
	require.Equal(t, filepath.Join(".nova", "keys"), c.KeysDir)
	require.Len(t, c.Gateways, 1)
	g := c.Gateways[0]
	require.Equal(t, "africastalking", g.Name)
	require.Equal(t, "demo", g.Token.Reveal())
	require.Equal(t, configs.DefaultHopDeadline, g.HopDeadline)
	require.Equal(t, configs.DefaultSeptets, g.Septets)
}

// write puts a file into the test's own folder.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestTheEnvironmentWinsOverTheFileAndTheFileOverTheDefaults(t *testing.T) {
	file := write(t, "nova.yaml", `
http_addr: 127.0.0.1:1111
admin_addr: 127.0.0.1:2222
short_codes: {"*555#": customer}
gateways:
  - name: north
    adapter: africastalking
    token: in-the-file
    cidrs: [10.0.0.0/8]
    countries: ["1246"]
    deadline: 2s
`)
	c, err := configs.Load([]string{
		"NOVA_CONFIG_FILE=" + file, "NOVA_ADMIN_ADDR=127.0.0.1:3333", "NOVA_ROLES=ussd,rest", "NOVA_GATEWAYS_0_SEPTETS=182",
		"NOVA_GATEWAYS_1_NAME=south", "NOVA_GATEWAYS_1_TOKEN=t", "NOVA_GATEWAYS_1_CIDRS=192.0.2.0/24,198.51.100.7", "NOVA_GATEWAYS_1_COUNTRIES=*", "NOVA_LOG_LEVEL=",
	})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:1111", c.HTTPAddr)
	require.Equal(t, "127.0.0.1:3333", c.AdminAddr)
	require.Equal(t, []string{"ussd", "rest"}, c.Roles)
	require.True(t, c.Has(configs.RoleREST))
	require.False(t, c.Has(configs.RoleWorker))
	require.Equal(t, "info", c.LogLevel, "an empty value leaves the default")
	require.Len(t, c.Gateways, 2)
	require.Equal(t, "in-the-file", c.Gateways[0].Token.Reveal())
	require.Equal(t, "africastalking", c.Gateways[0].AdapterName())
	require.Equal(t, 2*time.Second, c.Gateways[0].HopDeadline)
	require.Equal(t, 182, c.Gateways[0].Septets)
	require.Equal(t, []string{"192.0.2.0/24", "198.51.100.7"}, c.Gateways[1].CIDRs)
}

func TestPoliciesAreBuiltInOrAFolder(t *testing.T) {
	c, err := configs.Load(nil)
	require.NoError(t, err)
	files, err := c.Policies()
	require.NoError(t, err)
	names, err := fs.Glob(files, "*.cedar")
	require.NoError(t, err)
	require.NotEmpty(t, names)

	folder := filepath.Dir(write(t, "own.cedar", "// nobody may do anything"))
	c, err = configs.Load([]string{"NOVA_POLICIES_DIR=" + folder})
	require.NoError(t, err)
	files, err = c.Policies()
	require.NoError(t, err)
	names, err = fs.Glob(files, "*.cedar")
	require.NoError(t, err)
	require.Equal(t, []string{"own.cedar"}, names)
}

func TestTheAmountForASecondFactor(t *testing.T) {
	rows := []struct {
		name    string
		environ []string
		want    money.Amount
	}{
		{"the default", nil, money.Of(500_00, "BBD")},
		{"in a currency without decimals", []string{"NOVA_CURRENCY=XOF"}, money.Of(500, "XOF")},
		{"with cents", []string{"NOVA_STEP_UP_ABOVE=20.50"}, money.Of(20_50, "BBD")},
		{"none", []string{"NOVA_STEP_UP_ABOVE=0"}, money.Of(0, "BBD")},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c, err := configs.Load(row.environ)
			require.NoError(t, err)
			got, err := c.StepUp()
			require.NoError(t, err)
			require.Equal(t, row.want, got)
		})
	}
}

func TestRedisMayHaveSeveralNodes(t *testing.T) {
	const nodes = "redis://a:6379,b:6379,c:6379"
	c, err := configs.Load([]string{"REDIS_URL=" + nodes, "NOVA_REDIS_MASTER=nova"})
	require.NoError(t, err)
	require.Equal(t, nodes, c.RedisURL.Reveal())
	require.Equal(t, "nova", c.RedisMaster)
}

func TestSecretsComeFromFilesAndNeverShow(t *testing.T) {
	const canary = "canary-password-8817"
	path := write(t, "url", "postgres://nova:"+canary+"@db/nova?sslmode=require\n")
	c, err := configs.Load([]string{
		"DATABASE_URL_FILE=" + path, "NOVA_GATEWAYS_0_TOKEN_FILE=" + write(t, "token", canary),
	})
	require.NoError(t, err)
	require.Equal(t, "postgres://nova:"+canary+"@db/nova?sslmode=require", c.DatabaseURL.Reveal())
	require.Equal(t, canary, c.Gateways[0].Token.Reveal())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		require.NotContains(t, fmt.Sprintf(verb, c), canary)
	}
	require.Contains(t, fmt.Sprintf("%v", c), "[secret]")
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	const canary = "canary-token-3306"
	file := write(t, "nova.yaml", "gateways:\n  - name: north\n    token: "+canary+"\n    tokn: "+canary+"\n")
	rows := []struct {
		name    string
		environ []string
		want    []string
	}{
		{"a misspelt name", []string{"NOVA_HTTP_ADR=x"}, []string{"NOVA_HTTP_ADR is not a setting"}},
		{"a misspelt name of a gateway", []string{"NOVA_GATEWAYS_0_TOKN=" + canary}, []string{"NOVA_GATEWAYS_0_TOKN is not a setting"}},
		{"a gap in the gateways", []string{"NOVA_GATEWAYS_5_TOKEN=" + canary}, []string{"NOVA_GATEWAYS_5_TOKEN is not a setting"}},
		{"the tests' own names are left alone", []string{"NOVA_TEST_DATABASE_URL=x", "NOVA_DEV_EXEC=x", "NOVA_LOG_LEVEL=loud"}, []string{"1 fault(s)"}},
		{"values that do not parse", []string{"NOVA_PIN_TRIES=three", "NOVA_GATEWAYS_0_DEADLINE=soon"}, []string{"NOVA_PIN_TRIES is not a int", "NOVA_GATEWAYS_n_DEADLINE is not a time.Duration"}},
		{"a misspelt name in the file", []string{"NOVA_CONFIG_FILE=" + file}, []string{`unknown field "tokn"`}},
		{"a file that is not there", []string{"NOVA_CONFIG_FILE=/nowhere/nova.yaml"}, []string{"NOVA_CONFIG_FILE"}},
		{"a secret's file that is not there", []string{"DATABASE_URL_FILE=/nowhere/url"}, []string{"DATABASE_URL_FILE"}},
		{"a secret given twice", []string{"DATABASE_URL=postgres://a@b/c?sslmode=disable", "DATABASE_URL_FILE=" + file}, []string{"DATABASE_URL and DATABASE_URL_FILE are both set"}},
		{"a database without sslmode", []string{"DATABASE_URL=postgres://nova:" + canary + "@db/nova"}, []string{"DATABASE_URL is not postgres://"}},
		{"a Redis URL of another kind", []string{"REDIS_URL=http://" + canary}, []string{"REDIS_URL is not"}},
		{"a mode beside the Redis URL, which says it", []string{"NOVA_REDIS_MODE=cluster"}, []string{"NOVA_REDIS_MODE is not a setting"}},
		{"several at once", []string{
			"NOVA_HTTP_ADDR=8080", "NOVA_ROLES=ussd,cook,ussd", "NOVA_REGION=Barbados", "NOVA_CURRENCY=BTC",
			"NOVA_TIME_ZONE=Mars/Olympus", "NOVA_SHORT_CODES=123:customer,*124#:nobody", "NOVA_PIN_TRIES=99", "NOVA_SIM_HOLD=1m", "NOVA_PIN_RESET_HOLD=1s",
			"NOVA_SIM_SWAP_URL=http://operator.example", "NOVA_SIM_SWAP_TIMEOUT=1m", "NOVA_SIM_SWAP_SILENCE=allow",
			"NOVA_PIN_LOCK_MINUTES=-1", "NOVA_LOG_FORMAT=xml", "NOVA_IN_FLIGHT=-1", "NOVA_DIALS_PER_MINUTE=-1", "NOVA_LOOKUPS_PER_HOUR=-1", "NOVA_CALLS_PER_MINUTE=99999999",
			"NOVA_GATEWAY_CALLS_PER_MINUTE=-1", "NOVA_TRUSTED_PROXIES=10.0.0.0/8,proxy", "NOVA_PUBLIC_URL=https://api.example.com/v1",
			"NOVA_TOKEN_LIFE=1h", "NOVA_DEADLINE=1h", "NOVA_TARIFFS_FILE=/nowhere", "NOVA_POLICIES_DIR=/nowhere", "NOVA_HELP_NUMBER=" + strings.Repeat("1", 16),
		}, []string{
			"NOVA_HTTP_ADDR is not", `"cook" is none of`, "names ussd twice", "NOVA_REGION", "NOVA_CURRENCY", "NOVA_TIME_ZONE",
			`"123" is not a short code`, "*124# leads to neither", "NOVA_PIN_TRIES", "NOVA_PIN_LOCK_MINUTES", "NOVA_SIM_HOLD", "NOVA_PIN_RESET_HOLD",
			"NOVA_SIM_SWAP_URL", "NOVA_SIM_SWAP_TIMEOUT", "NOVA_SIM_SWAP_SILENCE", "NOVA_LOG_FORMAT", "NOVA_IN_FLIGHT", "NOVA_DIALS_PER_MINUTE", "NOVA_LOOKUPS_PER_HOUR", "NOVA_CALLS_PER_MINUTE", "NOVA_GATEWAY_CALLS", `"proxy" is not a network`, "NOVA_PUBLIC_URL", "NOVA_TOKEN_LIFE", "NOVA_DEADLINE", "NOVA_TARIFFS_FILE", "NOVA_POLICIES_DIR",
			"NOVA_HELP_NUMBER",
		}},
		{"an amount that the currency does not have", []string{"NOVA_STEP_UP_ABOVE=500.001"}, []string{"NOVA_STEP_UP_ABOVE is not an amount of BBD"}},
		{"an amount below nothing", []string{"NOVA_STEP_UP_ABOVE=-1"}, []string{"NOVA_STEP_UP_ABOVE is not an amount of BBD"}},
		{"a gateway's faults", []string{
			"NOVA_GATEWAYS_0_NAME=Big One", "NOVA_GATEWAYS_0_MODE=all", "NOVA_GATEWAYS_0_CIDRS=10.0.0.0/99",
			"NOVA_GATEWAYS_0_BASIC_USER=u", "NOVA_GATEWAYS_0_HMAC_SECRET=" + canary, "NOVA_GATEWAYS_0_COUNTRIES=BB",
			"NOVA_GATEWAYS_0_CODES=*999#", "NOVA_GATEWAYS_0_DEADLINE=1ms", "NOVA_GATEWAYS_0_SESSION_TTL=1s",
			"NOVA_GATEWAYS_0_SEPTETS=200", "NOVA_GATEWAYS_0_CHARSET=latin1", "NOVA_GATEWAYS_0_TOKEN=a/b",
		}, []string{"_NAME", "_MODE", "CIDRS", "BASIC_USER", "HMAC_HEADER", "COUNTRIES", "CODES", "DEADLINE", "SESSION_TTL",
			"SEPTETS", "CHARSET", "TOKEN can't stand"}},
		{"a gateway without a token, whatever else its door asks for", []string{
			"NOVA_GATEWAYS_0_NAME=a", "NOVA_GATEWAYS_1_NAME=b", "NOVA_GATEWAYS_1_CIDRS=192.0.2.0/24", "NOVA_GATEWAYS_1_COUNTRIES=*",
		}, []string{"NOVA_GATEWAYS_1_TOKEN is empty"}},
		{"a gateway that vouches for nobody", []string{"NOVA_GATEWAYS_0_NAME=a", "NOVA_GATEWAYS_1_NAME=b", "NOVA_GATEWAYS_1_TOKEN=x"}, []string{"NOVA_GATEWAYS_1_COUNTRIES is empty"}},
		{"a gateway named twice", []string{"NOVA_GATEWAYS_0_NAME=a", "NOVA_GATEWAYS_1_NAME=a", "NOVA_GATEWAYS_1_TOKEN=x"}, []string{"NOVA_GATEWAYS_1_NAME is used twice"}},
		{"metrics on the public port", []string{"NOVA_ADMIN_ADDR=127.0.0.1:8080"}, []string{"metrics would be public"}},
		{"an unknown environment", []string{"NOVA_ENVIRONMENT=staging"}, []string{"NOVA_ENVIRONMENT"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := configs.Load(row.environ)
			require.Error(t, err)
			for _, want := range row.want {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), canary, "a fault shows a secret")
		})
	}
}

func TestProductionRefusesWhatOnlyADemonstrationMayDo(t *testing.T) {
	safe := []string{
		"NOVA_ENVIRONMENT=production", "DATABASE_URL=postgres://nova@db/nova?sslmode=verify-full", "REDIS_URL=rediss://r:6379/0",
		"NOVA_GATEWAYS_0_NAME=africastalking", "NOVA_GATEWAYS_0_TOKEN=0123456789abcdef",
		"NOVA_GATEWAYS_0_COUNTRIES=1246",
	}
	c, err := configs.Load(safe)
	require.NoError(t, err)
	require.False(t, c.ExposeOTP)
	require.False(t, c.StaffWithoutTOTP)
	require.False(t, c.GenerateKeys)
	rows := []struct{ name, set, want string }{
		{"one-time codes in answers", "NOVA_EXPOSE_OTP=true", "NOVA_EXPOSE_OTP"},
		{"staff without a second factor", "NOVA_STAFF_WITHOUT_TOTP=true", "NOVA_STAFF_WITHOUT_TOTP"},
		{"keys made at start", "NOVA_GENERATE_KEYS=true", "NOVA_GENERATE_KEYS"},
		{"the demonstration's token", "NOVA_GATEWAYS_0_TOKEN=demo", "NOVA_GATEWAYS_0_TOKEN is the demonstration's"},
		{"a short token", "NOVA_GATEWAYS_0_TOKEN=short", "shorter than 16"},
		{"no database", "DATABASE_URL=", "DATABASE_URL is not set"},
		{"no Redis", "REDIS_URL=", "REDIS_URL is not set"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := configs.Load(append(append([]string{}, safe...), row.set))
			require.ErrorContains(t, err, row.want)
		})
	}
	t.Run("named in the file", func(t *testing.T) {
		file := write(t, "nova.yaml", "environment: production\n")
		_, err := configs.Load([]string{"NOVA_CONFIG_FILE=" + file})
		require.ErrorContains(t, err, "needs a gateway", "the demonstration's gateway is no default in production")
	})
}

func TestEverySettingIsDocumentedAndInExampleEnv(t *testing.T) {
	if *update {
		require.NoError(t, os.WriteFile("example.env", []byte(configs.Example()), 0o644))
	}
	text, err := os.ReadFile("example.env")
	require.NoError(t, err)
	var listed, want []string
	for _, line := range strings.Split(string(text), "\n") {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "#"), "="); ok && !strings.HasPrefix(line, "# ") {
			listed = append(listed, name)
		}
	}
	seen := map[string]bool{}
	for _, s := range configs.Settings() {
		want = append(want, s.Name)
		require.NotEmpty(t, s.Doc, s.Name)
		require.False(t, seen[s.Name], "%s is listed twice", s.Name)
		seen[s.Name] = true
	}
	require.Equal(t, want, listed)
	require.Equal(t, configs.Example(), string(text), "run go test ./configs -update")
}

func TestExampleEnvUncommentedIsTheDefault(t *testing.T) {
	var environ []string
	for _, line := range strings.Split(configs.Example(), "\n") {
		if strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "# ") {
			environ = append(environ, strings.TrimPrefix(line, "#"))
		}
	}
	got, err := configs.Load(environ)
	require.NoError(t, err)
	want, err := configs.Load(nil)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got))
}
