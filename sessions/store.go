package sessions

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"nova/core/fault"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/sessions/rates"
)

// ErrOtherCaller says that the session belongs to another number. Nothing of it is
// given out.
var ErrOtherCaller = fault.New(fault.CodeForbidden, "session of another caller")

// ErrUnreadable says that a record was there and could not be unsealed or decoded: it
// was altered, copied from elsewhere, or sealed under a key that is gone. It counts
// as absent and is overwritten by the next Save.
var ErrUnreadable = errors.New("session record is unreadable")

// defaultResumeTTL is long enough to come back after a dropped call, and short enough
// that what is offered is still meant.
const defaultResumeTTL = time.Hour

// Store is the sessions in Redis. It is safe for use by many goroutines.
type Store struct {
	redis     redis.UniversalClient
	convoy    *convoy // nil for a Cluster
	box       *secret.Box
	callers   *secret.MAC
	prefix    string
	resumeTTL time.Duration
	mishap    func(context.Context, error)
	rates     *rates.Limiter
	dials     rates.Limit
}

// Open makes a store; it fails on bad options only. Redis is called at the first use,
// or by Ping.
func Open(o Options) (*Store, error) {
	if len(o.Prefix) > maxPrefix || strings.ContainsAny(o.Prefix, "{}") {
		return nil, fmt.Errorf("redis prefix: at most %d bytes without braces", maxPrefix)
	}
	if o.Keys == nil || o.Keys.Session == nil || o.Keys.Caller == nil {
		return nil, errors.New("sessions need the session and caller keys")
	}
	client, err := connect(o)
	if err != nil {
		return nil, err
	}
	s := &Store{
		redis:     client,
		box:       o.Keys.Session,
		callers:   o.Keys.Caller,
		prefix:    o.Prefix,
		resumeTTL: o.ResumeTTL,
		mishap:    o.Mishap,
		dials:     o.Dials,
	}
	if node, ok := client.(*redis.Client); ok {
		s.convoy = &convoy{client: node}
	}
	if s.resumeTTL <= 0 {
		s.resumeTTL = defaultResumeTTL
	}
	if s.mishap == nil {
		s.mishap = func(context.Context, error) {}
	}
	s.rates = rates.New(rates.Options{
		Redis: counting{s}, Hash: o.Keys.Caller, Prefix: o.Prefix,
		Mishap: func(ctx context.Context, err error) { s.mishap(ctx, fmt.Errorf("count rates in redis: %w", err)) },
	})
	return s, nil
}

// Rates is a limiter on the store's connections.
func (s *Store) Rates() *rates.Limiter { return s.rates }

// counting is the store as the limiter knows it.
type counting struct{ store *Store }

// Run has Redis do the commands.
func (c counting) Run(ctx context.Context, commands ...redis.Cmder) error {
	return c.store.run(ctx, commands...)
}

// Failed looks at a Cluster anew.
func (c counting) Failed(err error) { _ = c.store.unavailable(err, "count rates") } // the limiter knows what failed

// Ping tells whether Redis answers, for health checks.
func (s *Store) Ping(ctx context.Context) error {
	return s.unavailable(s.redis.Ping(ctx).Err(), "ping")
}

// unavailable is the fault of a Redis that failed, nil for nil. A Cluster is also
// asked anew who serves what: its client sends pipelines to a dead master until its
// map of slots is old, however often they fail.
func (s *Store) unavailable(err error, doing string) error {
	if err == nil {
		return nil
	}
	if c, ok := s.redis.(*redis.ClusterClient); ok {
		c.ReloadState(context.Background())
	}
	return fault.Wrap(err, fault.ServiceUnavailable, "%s", doing)
}

// Close gives back the connections.
func (s *Store) Close() error { return s.redis.Close() }

// Loaded is what Load found, and what Save needs to know about it.
type Loaded struct {
	Session *Session // nil: none
	Resume  *Resume  // nil: none, or not asked for
	// Version is what a Save on this Loaded expects to find in Redis.
	Version string
	// Dials is whether the caller may open a dialogue, where the pointer was asked for and
	// Options.Dials limits it. A session that is there counts nothing and refuses nothing:
	// it is a begin that comes again.
	Dials rates.Answer
	// Problem is for the log: the record or the pointer was ErrUnreadable, or the
	// pointer's own node of a Cluster did not answer. Each then counts as absent.
	Problem error

	key    Key
	name   string // of the record in Redis
	caller caller
	saves  int // of the record that was read
}

// Load reads a session in one round trip, and the caller's resume pointer with it if
// asked. No session is not an error. ErrOtherCaller comes with a Loaded that knows no
// more of the session than its version, so that where ids recycle a begin may take its
// place.
// SERVICE_UNAVAILABLE: Redis did not answer in time. VALIDATION_ERROR: no usable key.
func (s *Store) Load(ctx context.Context, key Key, m msisdn.MSISDN, withResume bool) (Loaded, error) {
	l := Loaded{key: key}
	var err error
	if l.caller, err = s.callerOf(m); err != nil {
		return Loaded{}, fmt.Errorf("hash caller: %w", err)
	}
	if l.name, err = s.recordKey(key, m, l.caller); err != nil {
		return Loaded{}, err
	}
	stored, pointed, err := s.read(ctx, &l, withResume)
	if err != nil {
		return Loaded{}, s.unavailable(err, "load session")
	}
	if len(pointed) > 0 {
		l.point(s.openResume(pointed, s.resumeKey(l.caller)))
	}
	if len(stored) == 0 {
		return l, nil
	}
	return s.admit(l, stored, m)
}

// read reads the record and, if asked, the resume pointer, wherever in a Cluster each lies.
func (s *Store) read(ctx context.Context, l *Loaded, withResume bool) (stored, pointed []byte, err error) {
	record := redis.NewStringCmd(ctx, "get", l.name)
	if !withResume {
		if err = s.run(ctx, record); err == nil {
			stored, err = absent(record)
		}
		return stored, nil, err
	}
	pointer := redis.NewStringCmd(ctx, "get", s.resumeKey(l.caller))
	dial := s.dial(ctx, l)
	if err = s.run(ctx, append(dial.Commands(), record, pointer)...); err != nil {
		return nil, nil, err
	}
	l.Dials = dial.Answer(ctx, nil)
	pointed, l.Problem = absent(pointer)
	if l.Problem != nil {
		l.Problem = s.unavailable(l.Problem, "load resume pointer")
	}
	stored, err = absent(record)
	return stored, pointed, err
}

// dial counts a begin for its caller. One that is delivered again has the same record's name
// and costs nothing.
func (s *Store) dial(ctx context.Context, l *Loaded) *rates.Batch {
	return s.rates.Prepare(ctx, rates.Ask{
		Limit: s.dials, Kind: "number", Value: hex.EncodeToString(l.caller.mac[:]), Once: l.name,
	})
}

// absent turns "no such key" into no bytes.
func absent(cmd *redis.StringCmd) ([]byte, error) {
	stored, err := cmd.Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return stored, err
}

func (l *Loaded) point(p *Resume, err error) {
	l.Resume = p
	if err != nil {
		l.Problem = err
	}
}

// admit shows the record to its own caller only.
func (s *Store) admit(l Loaded, stored []byte, m msisdn.MSISDN) (Loaded, error) {
	l.Version = versionOf(stored)
	c, err := s.openRecord(stored, l.name)
	if err != nil {
		l.Problem = errors.Join(l.Problem, err)
		return l, nil
	}
	l.saves = c.saves
	mac := l.caller.mac
	if c.callerKey != l.caller.version {
		// Made before the caller key was rotated: hash again with the key of then.
		if mac, err = s.callers.Sum(c.callerKey, []byte(m.Digits())); err != nil {
			l.Problem = errors.Join(l.Problem, fmt.Errorf("%w: caller key %d", ErrUnreadable, c.callerKey))
			return l, nil
		}
	}
	if subtle.ConstantTimeCompare(mac[:], c.session.Caller[:]) != 1 {
		return l, ErrOtherCaller
	}
	l.Session = c.session
	return l, nil
}
