package configs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/goccy/go-yaml"

	"nova/core/secret"
)

const (
	// FileName is the setting that names the YAML file. It stands outside Config, because it says where that is.
	FileName = "NOVA_CONFIG_FILE"
	// ownPrefix is ours alone: a name under it that we do not know is somebody's mistake.
	ownPrefix = "NOVA_"
	// testPrefix and devPrefix belong to the tests' own services and to `nova dev exec`, below which servers run too.
	testPrefix = "NOVA_TEST_"
	devPrefix  = "NOVA_DEV_"
	// maxFile bounds a configuration or secret file.
	maxFile = 1 << 20
)

// Load reads the configuration: defaults, then the file that NOVA_CONFIG_FILE names, then the environment, then the
// files that hold secrets. Its error lists every fault of all of them.
func Load(environ []string) (Config, error) {
	vars := env.ToMap(environ)
	file, err := readFile(vars[FileName])
	if err != nil {
		return Config{}, Faults{fmt.Sprintf("%s: %v", FileName, err)}
	}
	var faults Faults
	c := Default(environmentOf(vars, file))
	if len(file) > 0 {
		faults.add(decode(file, &c))
	}
	faults = append(faults, fromEnvironment(&c, vars)...)
	faults = append(faults, unknownNames(vars, len(c.Gateways))...)
	faults = append(faults, c.readSecrets()...)
	if c.KeysDir == "" {
		c.KeysDir = filepath.Join(c.DataDir, "keys")
	}
	if c.CheckpointsDir == "" {
		c.CheckpointsDir = filepath.Join(c.DataDir, "checkpoints")
	}
	for i := range c.Gateways {
		c.Gateways[i] = c.Gateways[i].filled()
	}
	faults = append(faults, c.faults()...)
	if len(faults) > 0 {
		return Config{}, faults
	}
	return c, nil
}

// Faults are everything that is wrong with a configuration. No fault repeats a secret.
type Faults []string

// Error lists the faults, one a line.
func (f Faults) Error() string {
	return fmt.Sprintf("configuration has %d fault(s):\n  - %s", len(f), strings.Join(f, "\n  - "))
}

func (f *Faults) add(err error) {
	if err != nil {
		*f = append(*f, err.Error())
	}
}

func (f *Faults) addf(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// environmentOf looks ahead, because the defaults depend on it.
func environmentOf(vars map[string]string, file []byte) Environment {
	if name := vars["NOVA_ENVIRONMENT"]; name != "" {
		return Environment(name)
	}
	var head struct {
		Environment Environment `yaml:"environment"`
	}
	if err := yaml.Unmarshal(file, &head); err == nil && head.Environment != "" {
		return head.Environment
	}
	return Development
}

func readFile(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() || info.Size() > maxFile {
		return nil, errors.New("is a folder or larger than a configuration can be")
	}
	return os.ReadFile(path) //nolint:gosec // the operator names the file
}

// decode reads the file strictly. The library's own message would show the lines around the mistake, and they may
// hold a token.
func decode(file []byte, c *Config) error {
	if err := yaml.UnmarshalWithOptions(file, c, yaml.Strict()); err != nil {
		return fmt.Errorf("%s: %s", FileName, yaml.FormatError(err, false, false))
	}
	return nil
}

// fromEnvironment overrides what the environment names. An empty value leaves what was there.
func fromEnvironment(c *Config, vars map[string]string) Faults {
	err := env.ParseWithOptions(c, env.Options{Environment: vars})
	if err == nil {
		return nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return Faults{err.Error()}
	}
	faults := make(Faults, 0, len(all.Errors))
	for _, one := range all.Errors {
		faults = append(faults, fieldFault(one))
	}
	return faults
}

// fieldFault names the setting instead of the struct's field, and not the value: it may be a secret in the wrong place.
func fieldFault(err error) string {
	var parse env.ParseError
	if !errors.As(err, &parse) {
		return err.Error()
	}
	for _, s := range Settings() {
		if s.field == parse.Name {
			return fmt.Sprintf("%s is not a %s", strings.Replace(s.Name, gatewayPrefix, "NOVA_GATEWAYS_n_", 1), parse.Type)
		}
	}
	return fmt.Sprintf("%s is not a %s", parse.Name, parse.Type)
}

// unknownNames finds names under our prefix that no setting has, and gateways that leave a gap in their numbers.
func unknownNames(vars map[string]string, gateways int) Faults {
	known := map[string]bool{FileName: true}
	for _, s := range Settings() {
		for _, name := range s.names(gateways) {
			known[name] = true
		}
	}
	var faults Faults
	for _, name := range sortedKeys(vars) {
		tools := strings.HasPrefix(name, testPrefix) || strings.HasPrefix(name, devPrefix)
		if strings.HasPrefix(name, ownPrefix) && !tools && !known[name] {
			faults.addf("%s is not a setting", name)
		}
	}
	return faults
}

// fileSecret is a secret that may stand in a file of its own.
type fileSecret struct {
	name string
	text *secret.Text
	path string
}

// readSecrets fills the secrets that are given by path.
func (c *Config) readSecrets() Faults {
	secrets := []fileSecret{
		{"DATABASE_URL", &c.DatabaseURL, c.DatabaseURLFile}, {"REDIS_URL", &c.RedisURL, c.RedisURLFile},
		{"NOVA_SIM_SWAP_TOKEN", &c.SIMSwapToken, c.SIMSwapTokenFile},
	}
	for i := range c.Gateways {
		g, name := &c.Gateways[i], fmt.Sprintf("NOVA_GATEWAYS_%d_", i)
		secrets = append(secrets, fileSecret{name + "TOKEN", &g.Token, g.TokenFile},
			fileSecret{name + "BASIC_PASSWORD", &g.BasicPassword, g.BasicPasswordFile},
			fileSecret{name + "HMAC_SECRET", &g.HMACSecret, g.HMACSecretFile})
	}
	var faults Faults
	for _, s := range secrets {
		faults.add(s.read())
	}
	return faults
}

// read takes the file's text without the line end that editors leave. The demonstration's token gives way to a file.
func (s fileSecret) read() error {
	if s.path == "" {
		return nil
	}
	if !s.text.IsZero() && !s.text.Equal(secret.New(demoToken)) {
		return fmt.Errorf("%s and %s_FILE are both set", s.name, s.name)
	}
	text, err := readFile(s.path)
	if err != nil {
		return fmt.Errorf("%s_FILE: %w", s.name, err)
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		return fmt.Errorf("%s_FILE is empty", s.name)
	}
	*s.text = secret.New(value)
	return nil
}
