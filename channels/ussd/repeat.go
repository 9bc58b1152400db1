package ussd

import (
	"crypto/subtle"
	"strings"
)

// keyed is what was typed on this hop; repeat says that the hop was answered before.
//
// A session remembers how much of a cumulative text it has read, never the text: that
// holds the PIN from the hop where it was typed.
func (p *Pipeline) keyed(h *hop) (input string, repeat bool) {
	s, req := h.session, h.req
	switch {
	case req.Whole:
		if len(req.Input) <= s.Read {
			return "", true
		}
		// What lies beyond is one value, whatever stars are in it: people may type
		// them. Only the one that the gateway joined with goes.
		input = strings.TrimPrefix(req.Input[s.Read:], "*")
		s.Read = len(req.Input)
		return input, false
	case req.Seq > 0:
		if req.Seq <= s.Seq {
			return "", true
		}
		s.Seq = req.Seq
		return req.Input, false
	default:
		mac := p.typed(h)
		since := h.began.Sub(s.AnsweredAt)
		if since <= h.terms.RepeatWindow && equal(mac, s.InputMAC) {
			return "", true
		}
		s.InputMAC = mac
		return req.Input, false
	}
}

// sameOpening: the begin that opened the dialogue was delivered again.
func (p *Pipeline) sameOpening(h *hop) bool {
	return h.began.Sub(h.session.Began) <= openingWindow && equal(p.opening(h.req), h.session.Opening)
}

// typed is the keyed hash of an input, good in its own dialogue only.
func (p *Pipeline) typed(h *hop) []byte {
	return p.sum("input", string(h.session.Dialogue[:]), h.req.Input)
}

// opening is the keyed hash of what makes two begins the same.
func (p *Pipeline) opening(req *Request) []byte {
	return p.sum("begin", req.MSISDN.Digits(), req.ShortCode, req.Dialled, req.Input)
}

// sum is nil if the current key is gone, which equals nothing.
func (p *Pipeline) sum(parts ...string) []byte {
	list := make([][]byte, len(parts))
	for i, part := range parts {
		list[i] = []byte(part)
	}
	mac, err := p.hash.Sum(p.hash.Current(), list...)
	if err != nil {
		return nil
	}
	return mac[:]
}

func equal(a, b []byte) bool { return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1 }
