package rest

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"nova/core/clock"
)

// Words of health, for the whole and for each part.
const (
	available   = "available"
	degraded    = "degraded"
	unavailable = "unavailable"
)

const (
	// probeTimeout bounds one check: a balancer waits no longer.
	probeTimeout = time.Second
	// freshFor is how long an answer stands, so that asking often costs nothing.
	freshFor = time.Second
)

// Check is one part that health looks at. Probe returns nil when the part works.
type Check struct {
	Name  string
	Probe func(ctx context.Context) error
	// Vital: without this part the service is unavailable; without another one it is degraded.
	Vital bool
}

// HealthOptions are what Health is made of.
type HealthOptions struct {
	Version string
	Checks  []Check
	// Draining tells that the process is shutting down; nil for never.
	Draining func() bool
	Clock    clock.Clock
	Logger   *slog.Logger
}

// Health answers whether the service can work. It is safe for concurrent use.
type Health struct {
	o HealthOptions

	mu     sync.Mutex
	asked  time.Time
	words  map[string]string
	status string
}

// NewHealth joins the checks.
func NewHealth(o HealthOptions) *Health {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Draining == nil {
		o.Draining = func() bool { return false }
	}
	return &Health{o: o}
}

// HealthBody is the answer of GET /v1/health.
type HealthBody struct {
	Status  string            `json:"status" enum:"available,degraded,unavailable" example:"available"`
	Version string            `json:"version" example:"1.0.0"`
	Time    Time              `json:"time"`
	Checks  map[string]string `json:"checks" doc:"Part to its state" example:"{\"postgres\":\"available\",\"redis\":\"available\",\"outbox\":\"available\"}"`
}

type healthOutput struct {
	Status int
	Body   HealthBody
}

// health answers GET /v1/health: 503 when unavailable.
func (a *api) health(ctx context.Context, _ *struct{}) (*healthOutput, error) {
	body := a.Health.Now(ctx)
	status := http.StatusOK
	if body.Status == unavailable {
		status = http.StatusServiceUnavailable
	}
	return &healthOutput{Status: status, Body: body}, nil
}

// Now is the health now, or a second ago. Whoever asks while the parts are being looked at waits for that answer.
func (h *Health) Now(ctx context.Context) HealthBody {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.o.Clock.Now()
	if h.words == nil || now.Sub(h.asked) >= freshFor {
		h.look(ctx)
		h.asked = now
	}
	body := HealthBody{Status: h.status, Version: h.o.Version, Time: Time(now), Checks: h.words}
	if h.o.Draining() {
		body.Status = unavailable
	}
	return body
}

// look asks all parts at once. A part's change is logged, not each look. Called with the health locked.
func (h *Health) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	failures := make([]error, len(h.o.Checks))
	var probes sync.WaitGroup
	for i, check := range h.o.Checks {
		probes.Go(func() { failures[i] = check.Probe(ctx) })
	}
	probes.Wait()
	words, status := make(map[string]string, len(failures)), available
	for i, check := range h.o.Checks {
		words[check.Name] = check.word(failures[i])
		status = worse(status, words[check.Name])
		if words[check.Name] != h.words[check.Name] {
			h.o.Logger.LogAttrs(ctx, slog.LevelWarn, "health", slog.String("check", check.Name),
				slog.String("state", words[check.Name]), slog.Any("error", failures[i]))
		}
	}
	h.words, h.status = words, status
}

func (c Check) word(err error) string {
	switch {
	case err == nil:
		return available
	case c.Vital:
		return unavailable
	default:
		return degraded
	}
}

func worse(a, b string) string {
	rank := map[string]int{available: 0, degraded: 1, unavailable: 2}
	if rank[b] > rank[a] {
		return b
	}
	return a
}
