package sessions_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/secret"
	"nova/sessions"
)

func TestOpenReadsItsOptions(t *testing.T) {
	for _, row := range []struct {
		name, url, master, prefix string
		mode                      string // empty: refused
	}{
		{"one node", "redis://localhost:6379", "", "", "node"},
		{"one node, a database", "redis://localhost:6379/3", "", "", "node"},
		{"one node, a trailing slash", "redis://localhost:6379/", "", "", "node"},
		{"one node over IPv6", "redis://[::1]:6379", "", "", "node"},
		{"one node over TLS with a user", "rediss://nova:s%40cret%2F@localhost:6379", "", "", "node"},
		{"a prefix", "redis://localhost:6379", "", "blue:", "node"},
		{"several hosts are a Cluster", "redis://a:1,b:2,c:3", "", "", "cluster"},
		{"a Cluster of one seed", "redis://a:1/?cluster=true", "", "", "cluster"},
		{"a Cluster of one seed, no slash", "redis://a:1?cluster=true", "", "", "cluster"},
		{"Sentinels", "redis://a:1,b:2/1", "mymaster", "", "sentinel"},

		{"no url", "", "", "", ""},
		{"another scheme", "http://localhost:6379", "", "", ""},
		{"no port", "redis://localhost", "", "", ""},
		{"no host", "redis://:6379", "", "", ""},
		{"an empty host in the list", "redis://a:1,,b:2", "", "", ""},
		{"a scheme in the list", "redis://a:1,redis://b:2", "", "", ""},
		{"a port that is none", "redis://a:70000", "", "", ""},
		{"an unknown setting", "redis://a:1?read_timeout=9", "", "", ""},
		{"a database that is no number", "redis://a:1/zero", "", "", ""},
		{"a database of a Cluster", "redis://a:1,b:2/1", "", "", ""},
		{"a Cluster with a Sentinel master", "redis://a:1,b:2?cluster=true", "mymaster", "", ""},
		{"a password badly encoded", "redis://nova:canary%zz@a:1", "", "", ""},
		{"a prefix with a brace", "redis://a:1", "", "{x", ""},
		{"a prefix too long", "redis://a:1", "", "0123456789012345678901234567890123", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := sessions.Open(sessions.Options{
				URL: secret.New(row.url), Master: row.master, Prefix: row.prefix, Keys: secret.EphemeralKeyring(),
			})
			if row.mode == "" {
				require.Error(t, err)
				require.NotContains(t, err.Error(), "canary", "errors do not repeat the url")
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.mode, s.Mode())
			require.NoError(t, s.Close())
		})
	}
}

func TestURLIsRead(t *testing.T) {
	u, err := sessions.Settings(sessions.Options{URL: secret.New("rediss://nova:s%40cret%2F@a:1,b:2"), PoolSize: 7})
	require.NoError(t, err)
	require.Equal(t, "nova", u.Username)
	require.Equal(t, "s@cret/", u.Password)
	require.Equal(t, []string{"a:1", "b:2"}, u.Addrs)
	require.NotNil(t, u.TLSConfig)
	require.Equal(t, 7, u.PoolSize)
	require.True(t, u.ContextTimeoutEnabled)
}

func TestOpenNeedsKeys(t *testing.T) {
	for name, keys := range map[string]*secret.Keyring{"none": nil, "empty": {}} {
		_, err := sessions.Open(sessions.Options{URL: secret.New("redis://a:1"), Keys: keys})
		require.Error(t, err, name)
	}
}
