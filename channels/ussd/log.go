package ussd

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nova/channels/web"
	"nova/core/fault"
	"nova/sessions"
)

// metrics are what this package counts besides hops, by gateway; what else varies in
// them is one of a fixed few.
type metrics struct {
	reports *prometheus.CounterVec
	mishaps *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nova_ussd_reports_total", Help: "How gateways say that dialogues ended.",
		}, []string{"gateway", "report"}),
		mishaps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nova_ussd_mishaps_total", Help: "Calls refused, not decoded or not taken, and screens not delivered.",
		}, []string{"gateway", "reason"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.reports, m.mishaps} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// correlationID ties a hop's line to its request's, which has the same field.
const correlationID = "correlation_id"

// record writes a hop's one log line and counts it.
func (p *Pipeline) record(ctx context.Context, h *hop) {
	took := p.clock.Now().Sub(h.began)
	level := slog.LevelInfo
	if fault.Ours(h.err) {
		level = slog.LevelError
		if h.outcome == answered {
			h.outcome = failed
		}
	}
	p.meter.Hop(h.req.Gateway, string(h.outcome), took)
	if h.req.Report != "" {
		p.metrics.reports.WithLabelValues(h.req.Gateway, h.req.Report).Inc()
	}
	if p.log.Enabled(ctx, level) {
		var room [maxAttrs]slog.Attr
		p.log.LogAttrs(ctx, level, "ussd hop", h.attrs(room[:0], web.Correlation(ctx), took)...)
	}
}

// maxAttrs is the most fields that a hop's line has.
const maxAttrs = 16

// attrs are the line's fields, appended to room. What was typed and who typed it are
// none of them.
func (h *hop) attrs(room []slog.Attr, correlation string, took time.Duration) []slog.Attr {
	attrs := append(room,
		slog.String("gateway", h.req.Gateway),
		slog.String("session", nameless(h.req)),
		slog.String("phase", h.req.Phase.String()),
		slog.String("outcome", string(h.outcome)),
		slog.Duration("took", took),
		slog.String("ref", h.dial.Reference),
	)
	if correlation != "" {
		attrs = append(attrs, slog.String(correlationID, correlation))
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
		attrs = append(attrs, slog.String("code", string(fault.From(h.err).Code)))
		if fault.Ours(h.err) {
			// A refusal's detail may quote what was typed, and a PIN may be typed anywhere.
			attrs = append(attrs, slog.String("error", h.err.Error()))
		}
	}
	return attrs
}

// nameless is the session id, unless the gateway makes it of the caller's number, or it
// is none that we would keep.
func nameless(req *Request) string {
	if len(req.SessionID) > sessions.MaxID {
		return "[over-long]"
	}
	if req.MSISDN.StandsIn(req.SessionID) {
		return "[caller]"
	}
	return req.SessionID
}

// refuseCall logs and counts a call that never became a hop.
func (p *Pipeline) refuseCall(ctx context.Context, gateway, reason string, err error, more ...slog.Attr) {
	p.metrics.mishaps.WithLabelValues(gateway, reason).Inc()
	attrs := []slog.Attr{slog.String("gateway", gateway), slog.String("reason", reason)}
	if c := web.Correlation(ctx); c != "" {
		attrs = append(attrs, slog.String(correlationID, c))
	}
	if err != nil {
		f := fault.From(err)
		attrs = append(attrs, slog.String("code", string(f.Code)))
		// Fields name what is wrong and never repeat it; other texts of a decoder may.
		for _, field := range slices.Sorted(maps.Keys(f.Fields)) {
			attrs = append(attrs, slog.String("field", field+" "+f.Fields[field]))
		}
	}
	p.log.LogAttrs(ctx, slog.LevelWarn, "ussd call refused", append(attrs, more...)...)
}
