// Package console is the SMS provider of a development machine: it takes every message, logs that it did, and sends
// nothing.
//
// Its one rule: neither the number nor the text is written anywhere in clear. Tests read both from Sent.
package console

import (
	"context"
	"log/slog"
	"sync"

	"nova/channels/sms"
	"nova/menus/gsm7"
)

// kept bounds what Sent remembers, so that a long demonstration does not fill the memory.
const kept = 1000

// Sender takes messages and keeps the newest thousand in memory.
type Sender struct {
	logger *slog.Logger

	mu   sync.Mutex
	sent []sms.Message
}

// New makes a provider that logs to logger.
func New(logger *slog.Logger) *Sender { return &Sender{logger: logger} }

// Send takes the message. Its reference is the notice's id.
func (s *Sender) Send(ctx context.Context, m sms.Message) (string, error) {
	septets, _ := gsm7.Septets(m.Text.Reveal())
	s.logger.LogAttrs(ctx, slog.LevelInfo, "sms console", slog.String("notice", m.ID.String()),
		slog.String("template", m.Template), slog.Any("to", m.To), slog.Int("septets", septets))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, m)
	if len(s.sent) > kept {
		s.sent = s.sent[len(s.sent)-kept:]
	}
	return "console:" + m.ID.String(), nil
}

// Sent are the newest messages, the oldest first.
func (s *Sender) Sent() []sms.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]sms.Message(nil), s.sent...)
}
