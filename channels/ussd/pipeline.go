package ussd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"nova/core/clock"
	"nova/core/msisdn"
	"nova/sessions"
)

// Sessions is where dialogues live between hops. *sessions.Store is it.
type Sessions interface {
	Load(ctx context.Context, key sessions.Key, caller msisdn.MSISDN, withResume bool) (sessions.Loaded, error)
	Save(ctx context.Context, key sessions.Key, l sessions.Loaded, next *sessions.Session, r *sessions.Resume,
		ttl time.Duration) (winner *sessions.Session, err error)
}

// Hasher makes the keyed hashes by which a repeat is recognised. *secret.MAC is it.
type Hasher interface {
	Current() int
	Sum(version int, parts ...[]byte) ([32]byte, error)
}

// Meter counts hops by gateway and how they went. *web.Metrics is it.
type Meter interface {
	Hop(gateway, outcome string, took time.Duration)
}

type noMeter struct{}

func (noMeter) Hop(string, string, time.Duration) {}

// Fallback tells a person by SMS what an asynchronous gateway would not deliver.
type Fallback interface {
	// Undelivered is called when the last screen of an errand was lost. Copies of one
	// hop call it with the same dialogue and hop: it must notify once.
	Undelivered(ctx context.Context, lost Undelivered) error
}

// Undelivered is a result that did not reach its handset.
type Undelivered struct {
	Gateway  string
	To       msisdn.MSISDN
	Language string
	Dialogue uuid.UUID
	Hop      int
	// Reply may hold a withdrawal code: seal it wherever it is kept.
	Reply sessions.Reply
}

// Options are what a Pipeline works with.
type Options struct {
	Engine   Engine
	Sessions Sessions
	Hash     Hasher
	Clock    clock.Clock
	Log      *slog.Logger
	// Gateways are the terms of each.
	Gateways []Terms
	// Meter counts hops; nil: nobody does. Registry takes the pipeline's other counters;
	// nil: none does.
	Meter    Meter
	Registry prometheus.Registerer
	// Fallback is for asynchronous gateways; nil: what is lost is only logged.
	Fallback Fallback
	// Workers is how many hops of asynchronous gateways run at once, 0: 64.
	Workers int
}

// Pipeline takes hops. It is safe for use by many goroutines.
type Pipeline struct {
	engine   Engine
	sessions Sessions
	hash     Hasher
	clock    clock.Clock
	log      *slog.Logger
	terms    map[string]*terms
	mounted  map[string]mounted // by gateway; written by Mount, before anybody is served
	meter    Meter
	metrics  *metrics
	fallback Fallback
	pool     *pool
}

// New checks the options, all gateways' terms at once.
func New(o Options) (*Pipeline, error) {
	if o.Engine == nil || o.Sessions == nil || o.Hash == nil || o.Clock == nil || o.Log == nil {
		return nil, errors.New("a pipeline needs engine, sessions, hash, clock and log")
	}
	p := &Pipeline{
		engine: o.Engine, sessions: o.Sessions, hash: o.Hash, clock: o.Clock, log: o.Log,
		terms:    make(map[string]*terms, len(o.Gateways)),
		mounted:  make(map[string]mounted, len(o.Gateways)),
		meter:    o.Meter,
		fallback: o.Fallback,
		pool:     newPool(o.Workers),
	}
	if p.meter == nil {
		p.meter = noMeter{}
	}
	var faults []error
	for _, g := range o.Gateways {
		t, err := g.compile()
		if err == nil && p.terms[g.Name] != nil {
			err = fmt.Errorf("gateway %s stands twice", g.Name)
		}
		faults = append(faults, err)
		p.terms[g.Name] = t
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	var err error
	p.metrics, err = newMetrics(o.Registry)
	return p, err
}

// Close waits until the hops of asynchronous gateways that were acknowledged are
// delivered, or ctx ends. No hop is taken afterwards.
func (p *Pipeline) Close(ctx context.Context) error { return p.pool.close(ctx) }
