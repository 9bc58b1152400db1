package sms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/channels/sms"
	"nova/channels/sms/console"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/msisdn"
	"nova/core/outbox"
)

const (
	canaryCode   = "483920"
	canaryNumber = "12462501002"
)

var now = time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)

// memory is an outbox that behaves as core/outbox does: leases, attempts, one state a notice.
type memory struct {
	mu       sync.Mutex
	clock    clock.Clock
	waiting  map[uuid.UUID]*outbox.Claimed
	due      map[uuid.UUID]time.Time
	state    map[uuid.UUID]string
	order    []uuid.UUID
	failSent int // how many calls of Sent fail
	given    int
}

func newMemory(c clock.Clock, notices ...outbox.Notice) *memory {
	m := &memory{clock: c, waiting: map[uuid.UUID]*outbox.Claimed{}, due: map[uuid.UUID]time.Time{}, state: map[uuid.UUID]string{}}
	for _, n := range notices {
		m.waiting[n.ID] = &outbox.Claimed{Notice: n, CreatedAt: now}
		m.order = append(m.order, n.ID)
		m.state[n.ID] = "queued"
	}
	return m
}

func (m *memory) Claim(_ context.Context, n int, lease time.Duration) ([]outbox.Claimed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var claimed []outbox.Claimed
	at := m.clock.Now()
	for _, id := range m.order {
		if m.state[id] != "queued" || m.due[id].After(at) || len(claimed) == n {
			continue
		}
		c := m.waiting[id]
		c.Attempt++
		c.ClaimedUntil = at.Add(lease)
		m.due[id] = c.ClaimedUntil
		claimed = append(claimed, *c)
	}
	return claimed, nil
}

func (m *memory) Sent(_ context.Context, id uuid.UUID, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failSent > 0 {
		m.failSent--
		return errors.New("database gone")
	}
	m.state[id] = "sent"
	return nil
}

func (m *memory) Retry(_ context.Context, id uuid.UUID, after time.Duration, reason string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.due[id] = m.clock.Now().Add(after)
	if reason == "" {
		return errors.New("no reason")
	}
	return nil
}

func (m *memory) Fail(_ context.Context, id uuid.UUID, reason string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state[id] = "failed: " + reason
	return nil
}

func (m *memory) GiveUp(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.given++
	return 0, nil
}

func (m *memory) stateOf(id uuid.UUID) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state[id]
}

// words renders "template language arg=value..." of the arguments that the rows use.
type words struct{}

func (words) Text(language, key string, args map[string]string) (string, error) {
	if key == "sms.unknown" {
		return "", errors.New("no such text")
	}
	if key == "sms.endless" {
		return string(bytes.Repeat([]byte("a"), 460)), nil
	}
	return fmt.Sprintf("%s %s to %s code %s été", language, args["amount"], args["payee_number"], args["code"]), nil
}

// provider is a Sender whose first answers are given.
type provider struct {
	mu      sync.Mutex
	answers []error
	sent    []sms.Message
}

func (p *provider) Send(_ context.Context, m sms.Message) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.answers) > 0 {
		err := p.answers[0]
		p.answers = p.answers[1:]
		if err != nil {
			return "", err
		}
	}
	p.sent = append(p.sent, m)
	return "ref", nil
}

func notice(t *testing.T, change func(*outbox.Notice)) outbox.Notice {
	t.Helper()
	to, err := msisdn.FromNetwork(canaryNumber)
	require.NoError(t, err)
	n := outbox.Notice{
		ID: uuid.New(), Template: "sms.send.payer", To: to, Language: "en",
		Args: map[string]string{"amount": "50.00", "payee_number": "12462501001"},
	}
	if change != nil {
		change(&n)
	}
	return n
}

// bench is a worker with its outbox, provider, clock and log.
type bench struct {
	*sms.Worker
	outbox   *memory
	provider *provider
	clock    *clock.Manual
	log      *bytes.Buffer
}

func newBench(t *testing.T, answers []error, notices ...outbox.Notice) *bench {
	t.Helper()
	b := &bench{clock: clock.NewManual(now), provider: &provider{answers: answers}, log: &bytes.Buffer{}}
	b.outbox = newMemory(b.clock, notices...)
	b.Worker = sms.NewWorker(sms.Options{
		Outbox: b.outbox, Renderer: words{}, Sender: b.provider, Region: "BB", Clock: b.clock,
		Logger: slog.New(slog.NewJSONHandler(b.log, nil)),
		Unseal: func(outbox.Notice) (map[string]string, error) { return map[string]string{"code": canaryCode}, nil },
	})
	return b
}

// once runs the worker on what is due now, and then moves the clock on.
func (b *bench) once(t *testing.T, then time.Duration) {
	t.Helper()
	_, err := b.Once(t.Context())
	require.NoError(t, err)
	b.clock.Advance(then)
}

func TestANoticeBecomesOneSMS(t *testing.T) {
	n := notice(t, func(n *outbox.Notice) { n.Sealed = []byte{1} })
	b := newBench(t, nil, n)
	for range 5 {
		b.once(t, time.Hour)
	}
	require.Len(t, b.provider.sent, 1)
	m := b.provider.sent[0]
	require.Equal(t, "en 50.00 to 246 250 1001 code 483920 été", m.Text.Reveal())
	require.Equal(t, n.ID, m.ID, "the provider's idempotency key is the notice's id")
	require.Equal(t, "sent", b.outbox.stateOf(n.ID))
	require.Contains(t, b.log.String(), "+1246***1002")
	for _, secret := range []string{canaryNumber, canaryCode, "50.00"} {
		require.NotContains(t, b.log.String(), secret)
	}
	require.NotContains(t, fmt.Sprintf("%+v", m), canaryCode)
}

func TestWhatBecomesOfANoticeThatIsNotTaken(t *testing.T) {
	down := errors.New("connection refused")
	rows := []struct {
		name    string
		notice  func(*outbox.Notice)
		answers []error
		rounds  int
		state   string
		sent    int
	}{
		{"a provider that is down is tried again", nil, []error{down, down}, 3, "sent", 1},
		{"a provider that stays down is asked again later", nil, []error{down, down, down}, 3, "queued", 0},
		{"an account that is refused is tried again", nil, []error{fault.New(fault.CodeForbidden, "")}, 2, "sent", 1},
		{"a number that the provider refuses is given up", nil, []error{fault.New(fault.ValidationError, "bad "+canaryNumber)}, 3, "failed: VALIDATION_ERROR", 0},
		{"a template that no language has is given up", func(n *outbox.Notice) { n.Template = "sms.unknown" }, nil, 2, "failed: VALIDATION_ERROR", 0},
		{"a text that is too long is given up", func(n *outbox.Notice) { n.Template = "sms.endless" }, nil, 2, "failed: VALIDATION_ERROR", 0},
		{"an argument that was never filled is given up", func(n *outbox.Notice) { n.Args["amount"] = outbox.PlaceReceipt }, nil, 2, "failed: VALIDATION_ERROR", 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			n := notice(t, row.notice)
			b := newBench(t, row.answers, n)
			for range row.rounds {
				b.once(t, time.Hour)
			}
			require.Equal(t, row.state, b.outbox.stateOf(n.ID))
			require.Len(t, b.provider.sent, row.sent)
		})
	}
}

func TestRetriesBackOff(t *testing.T) {
	n := notice(t, nil)
	b := newBench(t, []error{errors.New("down")}, n)
	b.once(t, outbox.Backoff(1)-time.Second)
	b.once(t, time.Second)
	require.Empty(t, b.provider.sent, "it was tried before its time")
	b.once(t, 0)
	require.Len(t, b.provider.sent, 1)
}

func TestWhatWasSentAndNotRecordedIsRecordedAndNotSentAgain(t *testing.T) {
	n := notice(t, nil)
	b := newBench(t, nil, n)
	b.outbox.failSent = 2
	for range 4 {
		b.once(t, time.Hour)
	}
	require.Len(t, b.provider.sent, 1)
	require.Equal(t, "sent", b.outbox.stateOf(n.ID))
}

func TestALeaseThatMightEndDuringTheCallIsNotUsed(t *testing.T) {
	n := notice(t, nil)
	b := newBench(t, nil, n)
	// Claiming takes so long that the lease is nearly over when the answer arrives.
	b.Worker = sms.NewWorker(sms.Options{
		Outbox: slow{b.outbox, b.clock}, Renderer: words{}, Sender: b.provider, Clock: b.clock,
	})
	b.once(t, 0)
	require.Empty(t, b.provider.sent)
}

// slow is an outbox whose claims arrive nearly three minutes late.
type slow struct {
	*memory
	clock *clock.Manual
}

func (s slow) Claim(ctx context.Context, n int, lease time.Duration) ([]outbox.Claimed, error) {
	claimed, err := s.memory.Claim(ctx, n, lease)
	s.clock.Advance(lease - time.Second)
	return claimed, err
}

func TestStoppingFinishesWhatHasBegun(t *testing.T) {
	var notices []outbox.Notice
	for range 50 {
		notices = append(notices, notice(t, nil))
	}
	b := newBench(t, nil, notices...)
	entered, release := make(chan struct{}, 100), make(chan struct{})
	b.Worker = sms.NewWorker(sms.Options{
		Outbox: b.outbox, Renderer: words{}, Sender: gate{b.provider, entered, release}, Clock: b.clock, Poll: time.Millisecond,
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	<-entered
	cancel()
	close(release)
	require.NoError(t, <-ended)
	begun := len(b.provider.sent)
	require.Positive(t, begun)
	require.Less(t, begun, 50, "the rest of the batch waits for the end of its lease")
	sent := 0
	for _, n := range notices {
		if b.outbox.stateOf(n.ID) == "sent" {
			sent++
		}
	}
	require.Equal(t, begun, sent, "what was sent is recorded although the context has ended")
	require.Positive(t, b.outbox.given, "notices of dead senders are looked for")
}

// gate is a provider that waits for release.
type gate struct {
	*provider
	entered chan<- struct{}
	release <-chan struct{}
}

func (g gate) Send(ctx context.Context, m sms.Message) (string, error) {
	g.entered <- struct{}{}
	<-g.release
	return g.provider.Send(ctx, m)
}

func TestWorkersShareAnOutbox(t *testing.T) {
	var notices []outbox.Notice
	for range 250 {
		notices = append(notices, notice(t, nil))
	}
	b := newBench(t, nil, notices...)
	var workers sync.WaitGroup
	for range 4 {
		w := sms.NewWorker(sms.Options{Outbox: b.outbox, Renderer: words{}, Sender: b.provider, Clock: b.clock})
		workers.Go(func() {
			for {
				n, err := w.Once(t.Context())
				if err != nil || n == 0 {
					return
				}
			}
		})
	}
	workers.Wait()
	seen := map[uuid.UUID]bool{}
	for _, m := range b.provider.sent {
		require.False(t, seen[m.ID], "one notice was sent twice")
		seen[m.ID] = true
	}
	require.Len(t, seen, 250)
}

func TestTheConsoleLogsNeitherNumberNorText(t *testing.T) {
	var log bytes.Buffer
	sender := console.New(slog.New(slog.NewJSONHandler(&log, nil)))
	n := notice(t, func(n *outbox.Notice) { n.Sealed = []byte{1} })
	b := newBench(t, nil, n)
	w := sms.NewWorker(sms.Options{Outbox: b.outbox, Renderer: words{}, Sender: sender, Clock: b.clock,
		Unseal: func(outbox.Notice) (map[string]string, error) { return map[string]string{"code": canaryCode}, nil }})
	_, err := w.Once(t.Context())
	require.NoError(t, err)
	require.Len(t, sender.Sent(), 1)
	require.Contains(t, sender.Sent()[0].Text.Reveal(), canaryCode)
	require.Contains(t, log.String(), n.ID.String())
	require.NotContains(t, log.String(), canaryNumber)
	require.NotContains(t, log.String(), canaryCode)
}
