package ussd

import (
	"context"
	"errors"
	"time"

	"nova/menus"
)

// roomToSave is what a save may need; with less left of the engine's time it gets the rest
// of the deadline.
const roomToSave = 250 * time.Millisecond

// finish saves the session with the reply in it; a copy of the hop that was first
// keeps the word.
func (p *Pipeline) finish(ctx context.Context, h *hop, out menus.Outcome) {
	s := h.session
	h.answer(out.Reply, answered)
	h.err = out.Err
	s.Reply, s.Ended, s.AnsweredAt = out.Reply, out.Reply.End, p.clock.Now()
	ctx, cancel := h.timeToSave(ctx)
	defer cancel()
	winner, err := p.sessions.Save(ctx, h.key, h.loaded, s, out.Resume, h.terms.TTL)
	switch {
	case err != nil:
		p.unsaved(h, err)
	case winner == nil:
		h.result = out.Reply.End && out.Err == nil
	case winner.Dialogue == h.before.Dialogue && winner.Hop == h.before.Hop:
		// The dialogue was closed meanwhile, by no hop: only this reply tells what
		// the hop did.
		h.result = out.Reply.End && out.Err == nil
	case out.Moved:
		// Another input of the same screen was first to be saved. What moved money must still be told: a copy of
		// this very hop has the same words, as they are made of the stored result.
		h.result = out.Reply.End && out.Err == nil
	default:
		h.answer(winner.Reply, raced)
	}
}

// unsaved: a last screen says what was done and needs no session after it; any other
// would ask for an input that nobody could understand.
func (p *Pipeline) unsaved(h *hop, err error) {
	h.err = errors.Join(err, h.err)
	if h.reply.End {
		h.result = true
		return
	}
	h.answer(p.engine.Sorry(h.session.Language, err, h.dial.Reference), failed)
}

// timeToSave gives a save the rest of the deadline if the menus took nearly all of
// theirs: what they did must not be lost with them.
func (h *hop) timeToSave(ctx context.Context) (context.Context, context.CancelFunc) {
	if until, ok := ctx.Deadline(); ok && time.Until(until) > roomToSave {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), h.terms.saveTime-h.terms.engineTime)
}
