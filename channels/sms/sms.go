// Package sms tells people by SMS what core has written into the outbox: it claims notices, renders them from the
// language packs and hands them to a provider.
//
// It knows no errand and decides nothing about money. Its one rule: one notice is one SMS, as far as the provider
// allows. A notice is sent only under a lease that outlasts the call; it carries its id as the provider's idempotency
// key; and one that was sent but could not be recorded is recorded, not sent, when it comes again. What remains: a
// process that dies between the provider's answer and its record sends again when the lease is over, and so does a
// call that timed out after the provider took it, where the provider does not know idempotency keys.
package sms

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/msisdn"
	"nova/core/outbox"
	"nova/core/secret"
)

// Message is one SMS. Its text is a secret: it names people, amounts and codes.
type Message struct {
	// ID is the notice's, for providers that take an idempotency key.
	ID       uuid.UUID
	Template string
	To       msisdn.MSISDN
	Text     secret.Text
}

// Sender hands one SMS to a provider and returns the provider's own reference. A fault of kind Invalid, Unknown or
// Declined says that trying again can't help; every other error is tried again. Send is called by several goroutines.
type Sender interface {
	Send(ctx context.Context, m Message) (reference string, err error)
}

// Outbox is what the worker needs of core/outbox.
type Outbox interface {
	Claim(ctx context.Context, n int, lease time.Duration) ([]outbox.Claimed, error)
	Sent(ctx context.Context, id uuid.UUID, providerRef string) error
	Retry(ctx context.Context, id uuid.UUID, after time.Duration, reason string) error
	Fail(ctx context.Context, id uuid.UUID, reason string) error
	GiveUp(ctx context.Context) (int, error)
}

const (
	// batch is what one claim takes: at 8 calls of a second each it is worked off well within the lease.
	batch = 100
	// parallel bounds the calls to the provider at once.
	parallel = 8
	// sendTimeout bounds one call to the provider.
	sendTimeout = 10 * time.Second
	// lease outlasts a batch in which every call times out: batch / parallel x sendTimeout, and a margin.
	lease = 3 * time.Minute
	// recordTimeout bounds the writing of an outcome.
	recordTimeout = 5 * time.Second
	// poll is how long a notice waits at most where nothing else waits.
	poll = time.Second
	// giveUpEvery is how often notices are looked for whose last sender died.
	giveUpEvery = time.Minute
)

// Options are what a Worker is made of. Clock, Logger and Poll may be left out.
type Options struct {
	Outbox   Outbox
	Renderer Renderer
	Sender   Sender
	// Unseal opens a notice's sealed argument; nil refuses notices that have one.
	Unseal func(outbox.Notice) (map[string]string, error)
	// Region is the country in whose local form numbers are written.
	Region string
	Clock  clock.Clock
	Logger *slog.Logger
	Poll   time.Duration
}

// Worker sends notices. Several workers, in one process or many, share an outbox without sending twice.
type Worker struct {
	o Options

	mu sync.Mutex
	// unrecorded are the provider's references of what was sent and could not be recorded.
	unrecorded map[uuid.UUID]string
}

// NewWorker joins the parts.
func NewWorker(o Options) *Worker {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Poll <= 0 {
		o.Poll = poll
	}
	return &Worker{o: o, unrecorded: map[uuid.UUID]string{}}
}

// Run sends what is due until ctx ends, and then finishes what it has begun. It always returns nil: an outbox that
// can't be reached is logged and tried again.
func (w *Worker) Run(ctx context.Context) error {
	ticker := time.NewTicker(w.o.Poll)
	defer ticker.Stop()
	swept := time.Time{}
	for {
		if now := w.o.Clock.Now(); now.Sub(swept) >= giveUpEvery {
			swept = now
			w.giveUp(ctx)
		}
		n, err := w.Once(ctx)
		if err != nil && ctx.Err() == nil {
			w.o.Logger.LogAttrs(ctx, slog.LevelError, "sms: outbox not readable", slog.Any("error", err))
		}
		if n == batch && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (w *Worker) giveUp(ctx context.Context) {
	n, err := w.o.Outbox.GiveUp(ctx)
	if err != nil && ctx.Err() == nil {
		w.o.Logger.LogAttrs(ctx, slog.LevelError, "sms: giving up failed", slog.Any("error", err))
	}
	if n > 0 {
		w.o.Logger.LogAttrs(ctx, slog.LevelError, "sms: notices given up", slog.Int("count", n))
	}
}

// Once claims and works off one batch, and tells how many notices it claimed. When ctx ends, calls that have begun
// are finished and the rest of the batch is left to the end of its lease.
func (w *Worker) Once(ctx context.Context) (int, error) {
	claimed, err := w.o.Outbox.Claim(ctx, batch, lease)
	if err != nil {
		return 0, fmt.Errorf("claim notices: %w", err)
	}
	work := make(chan outbox.Claimed)
	var senders sync.WaitGroup
	for range min(parallel, len(claimed)) {
		senders.Go(func() {
			for notice := range work {
				w.tell(context.WithoutCancel(ctx), notice)
			}
		})
	}
	for _, notice := range claimed {
		if ctx.Err() != nil {
			break
		}
		work <- notice
	}
	close(work)
	senders.Wait()
	return len(claimed), nil
}

// tell sends one notice and records what became of it. Its ctx has no deadline of its own: each call sets one.
func (w *Worker) tell(ctx context.Context, c outbox.Claimed) {
	if reference, sent := w.sentBefore(c.ID); sent {
		w.recordSent(ctx, c, reference)
		return
	}
	if c.ClaimedUntil.Sub(w.o.Clock.Now()) < sendTimeout+recordTimeout {
		return // the lease might end during the call, and another worker would send the same
	}
	reference, err := w.send(ctx, c.Notice)
	switch {
	case err == nil:
		w.recordSent(ctx, c, reference)
	case hopeless(err):
		w.fail(ctx, c, err)
	default:
		w.retry(ctx, c, err)
	}
}

func (w *Worker) send(ctx context.Context, n outbox.Notice) (reference string, err error) {
	text, err := w.render(n)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return w.o.Sender.Send(ctx, Message{ID: n.ID, Template: n.Template, To: n.To, Text: secret.New(text)})
}

// hopeless tells that the message can never be worded, or that the provider will never take it.
func hopeless(err error) bool {
	switch fault.From(err).Kind {
	case fault.Invalid, fault.Unknown, fault.Declined:
		return true
	case fault.Internal, fault.Conflict, fault.Forbidden, fault.Unavailable:
		// Forbidden is our own account with the provider: it is put right, and then the notices go out.
	}
	return false
}

func (w *Worker) sentBefore(id uuid.UUID) (reference string, sent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	reference, sent = w.unrecorded[id]
	return reference, sent
}

// recordSent marks the notice sent. Where that fails, it is remembered, so that it is not sent again when its lease
// is over.
func (w *Worker) recordSent(ctx context.Context, c outbox.Claimed, reference string) {
	err := w.record(ctx, func(ctx context.Context) error { return w.o.Outbox.Sent(ctx, c.ID, reference) })
	w.mu.Lock()
	if err != nil {
		w.unrecorded[c.ID] = reference
	} else {
		delete(w.unrecorded, c.ID)
	}
	w.mu.Unlock()
	w.log(ctx, c, "sent", err)
}

func (w *Worker) retry(ctx context.Context, c outbox.Claimed, cause error) {
	after := outbox.Backoff(c.Attempt)
	err := w.record(ctx, func(ctx context.Context) error { return w.o.Outbox.Retry(ctx, c.ID, after, because(cause)) })
	w.log(ctx, c, "retry", cause, slog.Duration("after", after), slog.Any("record", err))
}

func (w *Worker) fail(ctx context.Context, c outbox.Claimed, cause error) {
	err := w.record(ctx, func(ctx context.Context) error { return w.o.Outbox.Fail(ctx, c.ID, because(cause)) })
	w.log(ctx, c, "failed", cause, slog.Any("record", err))
}

func (w *Worker) record(ctx context.Context, write func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	return write(ctx)
}

// because is the reason that is stored with the notice. A provider's own words may quote the number or the text, so
// only the code is kept; the log has the rest, masked.
func because(err error) string { return string(fault.From(err).Code) }

// log writes one line a notice: never the text, and the number masked.
func (w *Worker) log(ctx context.Context, c outbox.Claimed, outcome string, err error, more ...slog.Attr) {
	attrs := []slog.Attr{
		slog.String("notice", c.ID.String()), slog.String("template", c.Template), slog.Any("to", c.To),
		slog.Int("attempt", c.Attempt), slog.String("outcome", outcome),
		slog.Duration("waited", w.o.Clock.Now().Sub(c.CreatedAt)),
	}
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.Any("fault", fault.From(err)))
	}
	w.o.Logger.LogAttrs(ctx, level, "sms", append(attrs, more...)...)
}
