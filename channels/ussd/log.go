package ussd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nova/core/fault"
)

// metrics are counted by gateway; what varies in them is one of a fixed few.
type metrics struct {
	hops    *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	reports *prometheus.CounterVec
	doors   *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "nova", Subsystem: "ussd", Name: name, Help: help}, labels)
	}
	m := &metrics{
		hops:    counter("hops_total", "Hops by how they went.", "gateway", "outcome"),
		reports: counter("reports_total", "How gateways say that dialogues ended.", "gateway", "report"),
		doors:   counter("refused_calls_total", "Calls that a gateway's door refused or that could not be decoded.", "gateway", "reason"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "nova", Subsystem: "ussd", Name: "hop_seconds", Help: "Time to answer a hop.",
			// Up to the default deadline, finest where nearly all hops are.
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 4}, //nolint:forbidigo // Prometheus' own type
		}, []string{"gateway"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.hops, m.reports, m.doors, m.seconds} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// record writes a hop's one log line and counts it.
func (p *Pipeline) record(ctx context.Context, h *hop) {
	took := p.clock.Now().Sub(h.began)
	level := slog.LevelInfo
	if h.outcome == answered && isOurs(h.err) {
		h.outcome = failed
	}
	if isOurs(h.err) {
		level = slog.LevelError
	}
	if h.terms != nil { // a label for every name that a caller invents would never end
		p.metrics.hops.WithLabelValues(h.req.Gateway, string(h.outcome)).Inc()
		p.metrics.seconds.WithLabelValues(h.req.Gateway).Observe(took.Seconds())
	}
	if h.req.Report != "" {
		p.metrics.reports.WithLabelValues(h.req.Gateway, h.req.Report).Inc()
	}
	if p.log.Enabled(ctx, level) {
		p.log.LogAttrs(ctx, level, "ussd hop", h.attrs(p.correlation(ctx), took)...)
	}
}

// isOurs: we or a dependency broke. All else is business as usual.
func isOurs(err error) bool {
	if err == nil {
		return false
	}
	kind := fault.From(err).Kind
	return kind == fault.Internal || kind == fault.Unavailable
}

// attrs are the line's fields. What was typed and who typed it are none of them.
func (h *hop) attrs(correlation string, took time.Duration) []slog.Attr {
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs,
		slog.String("gateway", h.req.Gateway),
		slog.String("session", nameless(h.req)),
		slog.String("phase", h.req.Phase.String()),
		slog.String("outcome", string(h.outcome)),
		slog.Duration("took", took),
		slog.String("ref", h.dial.Reference),
	)
	if correlation != "" {
		attrs = append(attrs, slog.String("correlation", correlation))
	}
	if s := h.session; s != nil {
		attrs = append(attrs,
			slog.String("dialogue", s.Dialogue.String()),
			slog.Int("hop", s.Hop),
			slog.String("from", h.flow+"/"+h.screen),
			slog.String("to", s.Flow+"/"+s.Screen),
		)
	}
	if h.req.Report != "" {
		attrs = append(attrs, slog.String("report", h.req.Report))
	}
	attrs = append(attrs, slog.Bool("end", h.reply.End))
	if h.loaded.Problem != nil {
		attrs = append(attrs, slog.String("problem", h.loaded.Problem.Error()))
	}
	if h.err != nil {
		attrs = append(attrs, slog.String("code", string(fault.From(h.err).Code)), slog.String("error", h.err.Error()))
	}
	return attrs
}

// nationalDigits at the end of a number identify a person.
const nationalDigits = 7

// nameless is the session id, unless the gateway makes it of the caller's number.
func nameless(req *Request) string {
	digits := req.MSISDN.Digits()
	if len(digits) >= nationalDigits && strings.Contains(req.SessionID, digits[len(digits)-nationalDigits:]) {
		return "[caller]"
	}
	return req.SessionID
}

// refuseCall logs and counts a call that never became a hop.
func (p *Pipeline) refuseCall(ctx context.Context, gateway, reason string, err error) {
	p.metrics.doors.WithLabelValues(gateway, reason).Inc()
	attrs := []slog.Attr{slog.String("gateway", gateway), slog.String("reason", reason)}
	if c := p.correlation(ctx); c != "" {
		attrs = append(attrs, slog.String("correlation", c))
	}
	var f *fault.Error
	if errors.As(err, &f) {
		// Fields name what is wrong and never repeat it; other texts of a decoder may.
		for field, problem := range f.Fields {
			attrs = append(attrs, slog.String(field, problem))
		}
	}
	p.log.LogAttrs(ctx, slog.LevelWarn, "ussd call refused", attrs...)
}
