package ussd

import (
	"context"
	"log/slog"
	"time"

	"nova/core/fault"
)

// fallbackTime is what queueing an SMS may take. The person waits for nothing then.
const fallbackTime = 3 * time.Second

// deliver runs an acknowledged hop and sends its screen. A delivery has as long again
// as the hop had.
func (p *Pipeline) deliver(ctx context.Context, a Async, req Request) {
	defer func() {
		if v := recover(); v != nil { // nobody stands above a worker
			p.mourn(ctx, &hop{req: &req}, "deliver", broken(v, &req))
		}
	}()
	h := p.run(ctx, &req)
	if req.Phase > Continue {
		return // nobody looks at that handset any more
	}
	limited, cancel := context.WithTimeout(ctx, h.terms.Deadline)
	defer cancel()
	err := a.Deliver(limited, req, h.reply)
	if err == nil {
		return
	}
	p.mourn(ctx, &h, "deliver", err)
	if h.result {
		p.tellBySMS(ctx, &h)
	}
}

// tellBySMS: the errand is done and its last screen is lost, so the person must hear
// of it in another way.
func (p *Pipeline) tellBySMS(ctx context.Context, h *hop) {
	if p.fallback == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, fallbackTime)
	defer cancel()
	err := p.fallback.Undelivered(ctx, Undelivered{
		Gateway: h.req.Gateway, To: h.req.MSISDN, Language: h.session.Language,
		Dialogue: h.session.Dialogue, Hop: h.session.Hop, Reply: h.reply,
	})
	if err != nil {
		p.mourn(ctx, h, "tell by SMS", err)
	}
}

// mourn logs what happened after a hop's own line was written.
func (p *Pipeline) mourn(ctx context.Context, h *hop, doing string, err error) {
	p.metrics.mishaps.WithLabelValues(h.req.Gateway, "undelivered").Inc()
	p.log.LogAttrs(ctx, slog.LevelError, "ussd reply not delivered",
		slog.String("gateway", h.req.Gateway),
		slog.String("session", nameless(h.req)),
		slog.String("ref", h.dial.Reference),
		slog.String("doing", doing),
		slog.String("code", string(fault.From(err).Code)),
		slog.String("error", err.Error()),
	)
}
