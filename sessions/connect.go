package sessions

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"nova/core/secret"
	"nova/sessions/rates"
)

const (
	// wait bounds dialling, one read and one write. A healthy Redis answers within
	// 1 ms; a person waits for the screen, so a sick one must fail fast.
	wait = 300 * time.Millisecond
	// poolWait bounds waiting for a free connection, when every one is in use.
	poolWait = 500 * time.Millisecond
	// retries of a command after a broken connection or a time-out. Every command of
	// this package may be sent twice.
	retries = 1
	// redirects bounds how often a Cluster may send a command elsewhere.
	redirects = 3
	// minBackoff and maxBackoff frame the pause before a retry.
	minBackoff = 8 * time.Millisecond
	maxBackoff = 64 * time.Millisecond
	// topologyAge bounds how long a Cluster's map of slots is believed unasked.
	topologyAge = 10 * time.Second
	// buffer holds a hop's request or answer: a record and a resume pointer at most.
	// The client's default is four times that, for every connection.
	buffer = 2 * MaxRecord
	// defaultPool is the connections a node (or each node of a Cluster) may use at once.
	defaultPool = 64
)

// Options say where Redis is and how it is spoken to.
type Options struct {
	// URL is "redis://[user:password@]host:port[/db]", or "rediss://" for TLS. Several
	// hosts are separated by commas: with Master they are Sentinels, otherwise the
	// seeds of a Cluster. "?cluster=true" makes a Cluster of one seed.
	URL secret.Text
	// Master is the Sentinels' name of the master, empty where there are none.
	Master string
	// SentinelUser and SentinelPassword are for the Sentinels themselves.
	SentinelUser     string
	SentinelPassword secret.Text
	// PoolSize is how many connections a Redis node may be given at once; 0 means 64.
	PoolSize int

	// Prefix is put before every key, where installations share a Redis.
	Prefix string
	// ResumeTTL is how long an unfinished errand is offered again; 0 means an hour.
	ResumeTTL time.Duration
	// Keys seals records (Session) and hashes callers (Caller).
	Keys *secret.Keyring
	// Dials limits how often one caller may open a dialogue; zero: not at all.
	Dials rates.Limit
	// Mishap, where given, is told of what failed without changing an answer, to log
	// and count it: a resume pointer that could not be written, rates that this node counts
	// alone.
	Mishap func(ctx context.Context, err error)
}

// connect makes the client that the URL asks for, without calling the server. Errors
// never repeat the URL, which holds a password.
func connect(o Options) (redis.UniversalClient, error) {
	u, err := universal(o)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Master != "":
		return redis.NewFailoverClient(u.Failover()), nil
	case u.IsClusterMode:
		c := u.Cluster()
		// The Cluster's redirects are its retries; both would multiply the waiting.
		c.MaxRetries = -1
		c.ClusterStateReloadInterval = topologyAge
		return redis.NewClusterClient(c), nil
	default:
		return redis.NewClient(u.Simple()), nil
	}
}

// universal is the settings that one node, Sentinel and Cluster share.
func universal(o Options) (*redis.UniversalOptions, error) {
	u := &redis.UniversalOptions{
		MasterName:       o.Master,
		SentinelUsername: o.SentinelUser,
		SentinelPassword: o.SentinelPassword.Reveal(),

		// Without it a deadline would end no wait: see the timeouts below.
		ContextTimeoutEnabled: true,
		DialTimeout:           wait,
		DialerRetries:         1,
		ReadTimeout:           wait,
		WriteTimeout:          wait,
		PoolTimeout:           poolWait,
		MaxRetries:            retries,
		MaxRedirects:          redirects,
		MinRetryBackoff:       minBackoff,
		MaxRetryBackoff:       maxBackoff,

		PoolSize:        defaultPool,
		ReadBufferSize:  buffer,
		WriteBufferSize: buffer,
		// No second pool for pipelines: it would hold connections of 256 KiB each.
		PipelinePoolSize: -1,
		// Connecting is one round trip shorter without each of these.
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if o.PoolSize > 0 {
		u.PoolSize = o.PoolSize
	}
	u.MaxActiveConns = u.PoolSize
	return u, locate(u, o.URL.Reveal())
}

// locate reads the URL into the settings.
func locate(u *redis.UniversalOptions, raw string) error {
	scheme, rest, _ := strings.Cut(raw, "://")
	switch scheme {
	case "redis":
	case "rediss":
		u.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	default:
		return errors.New("redis url: must begin with redis:// or rediss://")
	}
	// net/url takes one host only, and its errors repeat what they could not read.
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if err := credentials(u, authority[:at]); err != nil {
			return err
		}
		authority = authority[at+1:]
	}
	for i, host := range strings.Split(authority, ",") {
		if !hostPort(host) {
			return fmt.Errorf("redis url: host %d is not host:port", i+1)
		}
		u.Addrs = append(u.Addrs, host)
	}
	return finish(u, tail)
}

func credentials(u *redis.UniversalOptions, userinfo string) error {
	user, password, _ := strings.Cut(userinfo, ":")
	var errUser, errPassword error
	u.Username, errUser = url.PathUnescape(user)
	u.Password, errPassword = url.PathUnescape(password)
	if errUser != nil || errPassword != nil {
		return errors.New("redis url: user or password is not percent-encoded")
	}
	return nil
}

func hostPort(host string) bool {
	i := strings.LastIndexByte(host, ':')
	if i <= 0 {
		return false
	}
	port, err := strconv.ParseUint(host[i+1:], 10, 16)
	return err == nil && port > 0
}

// finish reads "/db?cluster=true" and checks that the parts go together.
func finish(u *redis.UniversalOptions, tail string) error {
	path, query, _ := strings.Cut(tail, "?")
	switch query {
	case "", "cluster=false":
		u.IsClusterMode = u.MasterName == "" && len(u.Addrs) > 1
	case "cluster=true":
		u.IsClusterMode = true
	default:
		return errors.New("redis url: the only setting behind ? is cluster=true")
	}
	if db := strings.TrimPrefix(path, "/"); db != "" {
		n, err := strconv.ParseUint(db, 10, 8)
		if err != nil {
			return errors.New("redis url: the database behind / must be a number under 256")
		}
		u.DB = int(n)
	}
	if u.IsClusterMode && (u.MasterName != "" || u.DB != 0) {
		return errors.New("redis url: a Cluster has neither a Sentinel master nor databases")
	}
	return nil
}
