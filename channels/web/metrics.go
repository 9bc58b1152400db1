package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the server's numbers on a registry of their own. Labels are patterns, names and codes, never values
// from a request: those would let a caller make series without end.
type Metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	inFlight  prometheus.Gauge
	overloads prometheus.Counter
	panics    prometheus.Counter
	limited   *prometheus.CounterVec
	alone     prometheus.Counter
	hops      *prometheus.CounterVec
	hopTime   *prometheus.HistogramVec
}

// buckets reach from a menu hop (a millisecond) to what a handset no longer waits for, in seconds.
var buckets = []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10} //nolint:forbidigo // seconds, not money

// NewMetrics makes the numbers and their registry.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nova_http_requests_total", Help: "Requests by method, route pattern and status.",
		}, []string{"method", "route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "nova_http_request_seconds", Help: "Time to answer by route pattern.", Buckets: buckets,
		}, []string{"route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "nova_http_in_flight", Help: "Requests being worked on.",
		}),
		overloads: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nova_http_overloads_total", Help: "Requests refused because the server was full.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nova_http_panics_total", Help: "Handlers that panicked.",
		}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nova_http_rate_limited_total", Help: "Requests refused because there were too many, by limit.",
		}, []string{"limit"}),
		alone: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nova_http_rates_alone_total", Help: "Requests that this node counted alone because Redis did not answer.",
		}),
		hops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nova_ussd_hops_total", Help: "USSD hops by gateway and outcome.",
		}, []string{"gateway", "outcome"}),
		hopTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "nova_ussd_hop_seconds", Help: "Time to answer a USSD hop by gateway.", Buckets: buckets,
		}, []string{"gateway"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.inFlight, m.overloads, m.panics, m.limited, m.alone, m.hops, m.hopTime,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Registry takes further numbers: queue lengths, pool sizes.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Hop counts one USSD hop. Both labels come from configuration and code: a gateway's name and an outcome's.
func (m *Metrics) Hop(gateway, outcome string, took time.Duration) {
	m.hops.WithLabelValues(gateway, outcome).Inc()
	m.hopTime.WithLabelValues(gateway).Observe(took.Seconds())
}

func (m *Metrics) request(method, route string, status int, took time.Duration) {
	if route == unmatched || route == unread {
		// A method is the caller's own word where no route vouches for it.
		method = ""
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// handler shows the numbers in Prometheus' text format.
func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
