package ussd_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"nova/channels/ussd"
	"nova/channels/ussd/ussdtest"
	"nova/channels/web"
	"nova/core/fault"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/sessions"
)

// patience bounds what another goroutine does.
const patience = 10 * time.Second

// pushed is a gateway that takes its answers by a call of ours: here, to a channel.
type pushed struct {
	mu      sync.Mutex
	boxes   map[string]chan sessions.Reply
	refuses bool
	// holds, where there is one, keeps deliveries back until it is closed.
	holds chan struct{}
}

func newPushed() *pushed { return &pushed{boxes: map[string]chan sessions.Reply{}} }

func (p *pushed) box(session string) chan sessions.Reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.boxes[session] == nil {
		p.boxes[session] = make(chan sessions.Reply, 100)
	}
	return p.boxes[session]
}

func (p *pushed) Name() string { return gateway }

type pushedCall struct{ Session, Caller, Code, Input, Phase string }

func (p *pushed) Decode(c *fiber.Ctx) (ussd.Request, error) {
	var in pushedCall
	if err := json.Unmarshal(c.Body(), &in); err != nil {
		return ussd.Request{}, fault.Wrap(err, fault.ValidationError, "push")
	}
	m, err := msisdn.FromNetwork(in.Caller)
	if err != nil {
		return ussd.Request{}, err
	}
	phases := map[string]ussd.Phase{"": ussd.Begin, "continue": ussd.Continue, "abort": ussd.Cancel}
	return ussd.Request{
		SessionID: in.Session, MSISDN: m, ShortCode: in.Code, Phase: phases[in.Phase], Input: in.Input,
	}, nil
}

func (p *pushed) Ack(c *fiber.Ctx, _ ussd.Request) error { return c.SendString("ack") }

func (p *pushed) Deliver(ctx context.Context, req ussd.Request, r sessions.Reply) error {
	if p.holds != nil {
		<-p.holds
	}
	if p.refuses {
		return errors.New("no route to the handset")
	}
	if _, ok := ctx.Deadline(); !ok {
		return errors.New("a delivery has no deadline")
	}
	p.box(req.SessionID) <- r
	return nil
}

func (p *pushed) await(t testing.TB, session string) sessions.Reply {
	t.Helper()
	select {
	case r := <-p.box(session):
		return r
	case <-time.After(patience):
		t.Error("nothing was delivered")
		return sessions.Reply{}
	}
}

func express(h ussdtest.Hop) ussdtest.Call {
	in := pushedCall{Session: h.Session, Caller: h.Caller, Code: h.Code}
	if len(h.Ahead) > 0 {
		in.Code = h.Code[:len(h.Code)-1]
		for _, key := range h.Ahead {
			in.Code += "*" + key
		}
		in.Code += "#"
	}
	if !h.IsBegin() {
		in.Phase, in.Input = "continue", h.Last()
	}
	body, err := json.Marshal(in)
	if err != nil {
		panic(err)
	}
	return ussdtest.Call{Type: fiber.MIMEApplicationJSON, Body: string(body)}
}

func TestAsynchronousGatewayStandsWhatEveryGatewayMust(t *testing.T) {
	g := newPushed()
	ussdtest.Run(t, ussdtest.Dialect{Async: g, Express: express, Await: g.await}, []ussdtest.Case{
		{Name: "is acknowledged", JSON: `{"Session":"s1","Caller":"12462501001","Code":"*123#"}`, WantCode: 200, WantBody: "ack"},
		{Name: "is not", JSON: `{`, WantCode: 400, WantBody: "VALIDATION_ERROR"},
		{Name: "is not ours", Token: "guess", JSON: `{`, WantCode: 403},
	})
}

// push calls an asynchronous gateway and gives the status of its acknowledgement.
func push(t testing.TB, app *web.App, in pushedCall) int {
	t.Helper()
	body, err := json.Marshal(in)
	require.NoError(t, err)
	var c fasthttp.RequestCtx
	c.Request.SetRequestURI("/ussd/demo/demo")
	c.Request.Header.SetMethod(fiber.MethodPost)
	c.Request.SetBody(body)
	app.Fiber().Handler()(&c)
	return c.Response.StatusCode()
}

func mountPushed(t testing.TB, r *rig, g *pushed) *web.App {
	t.Helper()
	door, err := ussd.NewDoor(ussd.DoorOptions{Token: secret.New("demo")})
	require.NoError(t, err)
	app := web.New(web.Options{Doors: []web.Door{r.p.WebDoor()}})
	require.NoError(t, ussd.Mount(app, r.p, []ussd.Gateway{{Door: door, Async: g}}))
	return app
}

func TestResultThatCannotBeDeliveredBecomesAnSMS(t *testing.T) {
	r, g := newRig(t, nil), newPushed()
	app := mountPushed(t, r, g)
	call := pushedCall{Session: "s1", Caller: "12462501001", Code: "*123#"}
	require.Equal(t, 200, push(t, app, call))
	g.await(t, "s1")
	call.Phase = "continue"
	for _, key := range []string{"1", "2462501002", "50"} {
		call.Input = key
		r.pass()
		push(t, app, call)
		g.await(t, "s1")
	}
	g.refuses = true
	call.Input = "999999"
	r.pass()
	push(t, app, call)
	require.NoError(t, wait(func() bool { return r.logged("not delivered") == 1 }))
	require.Empty(t, r.lost.all(), "a question that is lost tells nothing")
	call.Input = pin
	push(t, app, call)
	require.NoError(t, wait(func() bool { return len(r.lost.all()) == 1 }))
	lost := r.lost.all()[0]
	require.Equal(t, marcia, lost.To)
	require.Equal(t, 6, lost.Hop)
	require.Contains(t, lost.Reply.Text, "Sent BBD 50.00")
	require.Equal(t, 1, r.menu.Moves(t))
	push(t, app, call)
	require.NoError(t, wait(func() bool { return r.logged("not delivered") == 3 }))
	require.Len(t, r.lost.all(), 1, "delivered again, it is told once")
}

func TestWhoHungUpIsSentNothing(t *testing.T) {
	r, g := newRig(t, nil), newPushed()
	app := mountPushed(t, r, g)
	push(t, app, pushedCall{Session: "s1", Caller: "12462501001", Code: "*123#", Phase: "abort"})
	require.NoError(t, r.p.Close(context.Background()))
	require.Empty(t, g.box("s1"))
}

func TestFullPoolIsNotAcknowledged(t *testing.T) {
	r, g := newRig(t, nil), newPushed()
	g.holds = make(chan struct{})
	app := mountPushed(t, r, g)
	taken, refused := 0, 0
	for range 50 {
		switch status := push(t, app, pushedCall{Session: "s1", Caller: "12462501001", Code: "*123#"}); status {
		case 200:
			taken++
		case 503:
			refused++
		default:
			t.Fatalf("status %d", status)
		}
	}
	require.Positive(t, refused)
	close(g.holds)
	require.NoError(t, r.p.Close(context.Background()))
	require.Len(t, g.box("s1"), taken, "what was acknowledged is delivered")
	require.Equal(t, 503, push(t, app, pushedCall{Session: "s1", Caller: "12462501001"}), "nothing is taken after the close")
}

func TestCloseWaitsNoLongerThanItMay(t *testing.T) {
	r, g := newRig(t, nil), newPushed()
	g.holds = make(chan struct{})
	app := mountPushed(t, r, g)
	push(t, app, pushedCall{Session: "s1", Caller: "12462501001", Code: "*123#"})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, r.p.Close(ctx), context.Canceled)
	close(g.holds)
}

// wait polls for what another goroutine does.
func wait(done func() bool) error {
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(time.Millisecond) { //nolint:forbidigo // real time
		if done() {
			return nil
		}
	}
	return errors.New("it does not happen")
}
