package ussd

import (
	"context"
	"errors"
	"time"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/secret"
	"nova/menus"
	"nova/sessions"
)

// Limits on what a call may bring.
const (
	// maxWhole bounds a cumulative text: maxHops inputs of ordinary length.
	maxWhole = 4096
	// maxHops ends a dialogue that goes in circles. The longest errand takes eight.
	maxHops = 100
)

// outcome is how a hop went, for logs and metrics.
type outcome string

const (
	answered  outcome = "answered"
	replayed  outcome = "replayed"   // a repeat: the stored screen again
	raced     outcome = "raced"      // a copy in flight was first: its screen
	dialAgain outcome = "dial_again" // unknown, ended or endless session
	closed    outcome = "closed"     // cancel, timeout or report
	refused   outcome = "refused"    // not to be vouched for, unknown code, another caller
	failed    outcome = "failed"     // we or a dependency broke
)

// hop is one call on its way through the pipeline.
type hop struct {
	req   *Request
	terms *terms
	key   sessions.Key
	dial  menus.Dial
	began time.Time

	loaded  sessions.Loaded
	session *sessions.Session // as the menus change it, nil: none
	// before and the screen are of the session as it was loaded.
	before       sessions.Session
	flow, screen string

	reply   sessions.Reply
	outcome outcome
	err     error
	// result: the menus answered anew and the dialogue is over.
	result bool
}

// Hop answers one call with a screen. It never fails: what goes wrong is a polite end
// with a reference that stands in the log line, too.
func (p *Pipeline) Hop(ctx context.Context, req Request) sessions.Reply {
	return p.run(ctx, &req).reply
}

// run is Hop for those who must know more than the reply.
func (p *Pipeline) run(ctx context.Context, req *Request) (h hop) {
	h = hop{req: req, began: p.clock.Now()}
	h.dial.Reference = reference()
	defer func() {
		if v := recover(); v != nil {
			p.fail(&h, broken(v, req))
		}
		p.record(ctx, &h)
	}()
	h.terms = p.terms[req.Gateway]
	if h.terms == nil {
		p.fail(&h, fault.New(fault.InternalServerError, "gateway %q has no terms", req.Gateway))
		return h
	}
	h.key = sessions.Key{Gateway: req.Gateway, ID: req.SessionID}
	h.dial = menus.Dial{
		Gateway: req.Gateway, Network: req.Network, Caller: req.MSISDN,
		Budget: h.terms.Budget, Reference: h.dial.Reference, IMSI: secret.New(req.IMSI),
	}
	limited, cancel := context.WithTimeout(ctx, h.terms.engineTime)
	defer cancel()
	p.decide(limited, &h)
	return h
}

// decide loads the session and does what the phase asks.
func (p *Pipeline) decide(ctx context.Context, h *hop) {
	req := h.req
	err := h.terms.vouches(req)
	if err == nil && len(req.Input) > maxWhole {
		err = fault.New(fault.ValidationError, "text of %d bytes", len(req.Input))
	}
	if err != nil {
		p.fail(h, err)
		return
	}
	h.loaded, err = p.sessions.Load(ctx, h.key, req.MSISDN, req.Phase == Begin)
	// On an id that comes again, the one who dials now is its owner.
	reused := errors.Is(err, sessions.ErrOtherCaller) && req.Phase == Begin && h.terms.RecyclesIDs
	if err != nil && !reused {
		p.fail(h, err)
		return
	}
	if h.session = h.loaded.Session; h.session != nil {
		h.before, h.flow, h.screen = *h.session, h.session.Flow, h.session.Screen
	}
	switch req.Phase {
	case Begin:
		p.begin(ctx, h)
	case Continue:
		p.proceed(ctx, h)
	case Cancel, Timeout, Ended:
		p.close(ctx, h)
	default:
		p.fail(h, fault.New(fault.InternalServerError, "%s says %s", req.Gateway, req.Phase))
	}
}

// begin opens a dialogue unless it is open.
func (p *Pipeline) begin(ctx context.Context, h *hop) {
	if h.session != nil && (!h.terms.RecyclesIDs || p.sameOpening(h)) {
		h.answer(h.session.Reply, replayed)
		return
	}
	p.open(ctx, h)
}

// proceed feeds what is new to an open dialogue.
func (p *Pipeline) proceed(ctx context.Context, h *hop) {
	s := h.session
	if s == nil {
		p.unknown(ctx, h)
		return
	}
	input, repeat := p.keyed(h)
	switch {
	case repeat:
		h.answer(s.Reply, replayed)
		return
	case s.Ended:
		h.answer(p.engine.DialAgain(s.Language), dialAgain)
		return
	}
	s.Hop++
	h.dial.Root = menus.Root(s.Root)
	if s.Hop > maxHops {
		p.finish(ctx, h, menus.Outcome{Reply: p.engine.DialAgain(s.Language)})
		h.outcome = dialAgain
		return
	}
	p.finish(ctx, h, p.ask(h, func() menus.Outcome {
		return p.engine.Input(ctx, s, h.dial, clean(input))
	}))
}

// unknown meets a session that is not there. A cumulative text holds all that was
// typed, so it begins anew as if it were dialled: to the screen where it was, or, where
// it reaches past a secret, to "Please dial again."
func (p *Pipeline) unknown(ctx context.Context, h *hop) {
	if !h.req.Whole {
		h.answer(p.engine.DialAgain(language(h.req)), dialAgain)
		return
	}
	var err error
	if h.loaded, err = p.sessions.Load(ctx, h.key, h.req.MSISDN, true); err != nil {
		p.fail(h, err)
		return
	}
	if h.loaded.Session != nil {
		// A copy was first in between: a begin's reply is the same for both.
		h.answer(h.loaded.Session.Reply, raced)
		return
	}
	p.open(ctx, h)
}

// open mints a dialogue and feeds what was dialled ahead. It is the one place that asks whether
// the caller dials too often: what is delivered again never comes here.
func (p *Pipeline) open(ctx context.Context, h *hop) {
	if dials := h.loaded.Dials; dials.Refused {
		p.fail(h, fault.New(fault.RateLimitExceeded, "limit %s", dials.Limit))
		return
	}
	root, ahead, ok := h.terms.resolve(h.req)
	if !ok {
		p.fail(h, fault.New(fault.NotFound, "a short code that %s does not relay", h.req.Gateway))
		return
	}
	s := &sessions.Session{
		Dialogue: ids.New(h.began), Began: h.began, Root: string(root), Hop: 1, Seq: h.req.Seq,
		Language: language(h.req), Menu: p.engine.Version(),
	}
	if h.req.Whole {
		s.Read = len(h.req.Input)
	}
	if h.terms.RecyclesIDs {
		s.Opening = p.opening(h.req)
	}
	h.session, h.dial.Root = s, root
	if len(ahead) > maxAhead {
		p.finish(ctx, h, menus.Outcome{Reply: p.engine.DialAgain(s.Language)})
		h.outcome = dialAgain
		return
	}
	for i := range ahead {
		ahead[i] = clean(ahead[i])
	}
	p.finish(ctx, h, p.ask(h, func() menus.Outcome {
		return p.engine.Begin(ctx, s, h.dial, h.loaded.Resume, ahead)
	}))
}

// ask runs the menus. A panic in a flow is that hop's failure and nobody else's.
func (p *Pipeline) ask(h *hop, menu func() menus.Outcome) (out menus.Outcome) {
	defer func() {
		if v := recover(); v != nil {
			err := broken(v, h.req)
			out = menus.Outcome{Reply: p.engine.Sorry(h.session.Language, err, h.dial.Reference), Err: err}
		}
	}()
	return menu()
}

// close ends a dialogue that the network ended. Nothing is asked of the menus, so no
// money moves; what was left waiting stays for the next dial.
func (p *Pipeline) close(ctx context.Context, h *hop) {
	s := h.session
	if s == nil || s.Ended {
		h.answer(p.engine.DialAgain(language(h.req)), closed)
		return
	}
	h.answer(p.engine.DialAgain(s.Language), closed)
	s.Ended = true
	// A hop in flight that is first will have ended or gone on by itself.
	_, h.err = p.sessions.Save(ctx, h.key, h.loaded, s, nil, h.terms.TTL)
}

func (h *hop) answer(r sessions.Reply, o outcome) { h.reply, h.outcome = r, o }

// fail ends the dialogue politely. The stored session stays as it is: what comes next
// may succeed.
func (p *Pipeline) fail(h *hop, err error) {
	h.err = err
	tongue := language(h.req)
	if h.session != nil && h.session.Language != "" {
		tongue = h.session.Language
	}
	how := refused
	if fault.Ours(err) {
		how = failed
	}
	h.answer(p.engine.Sorry(tongue, err, h.dial.Reference), how)
}
