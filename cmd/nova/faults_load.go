package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"nova/core/clock"
)

// The load of the faults: people on handsets, and a gateway between them and two nodes that sends a hop again, byte
// for byte and to either node, when no screen comes.

const (
	// diallers work at once, each with people and an agent of its own.
	diallers = 10
	// hotPeople are everybody's, as payers and as payees; agent 0 is everybody's, too.
	hotPeople = 2
	// ownPeople are each dialler's own: nobody else dials with their numbers.
	ownPeople = 3
	// gatewayPatience is how long the gateway waits for a screen. It is less than Nova's own deadline, so that a hop
	// often comes again while its first copy is still under way.
	gatewayPatience = time.Second
	// gatewayTries bounds the deliveries of one hop, gatewayPause is between them.
	gatewayTries = 5
	gatewayPause = 100 * time.Millisecond
	// smallest and largest are where the unique amounts of errands begin. A hot payer's largest ones soon leave them
	// without money, so that errands race for what is left.
	smallest = 1_00
	largest  = 200_00
)

// faultsCrowd are the people of a run. The agents are the hot one and each dialler's.
var faultsCrowd = crowd{customers: hotPeople + diallers*ownPeople, agents: 1 + diallers}

// dialler is somebody who runs one errand after the other, and writes down what was said.
type dialler struct {
	arena  *arena
	place  int
	r      *rand.Rand
	client *http.Client
	// begun counts dialogues.
	begun int
	// codes are the live withdrawal codes by payer.
	codes map[int]*errand
	// mu guards the deliveries of errands: copies of a hop are sent at once.
	mu      sync.Mutex
	errands []*errand
}

func (a *arena) dialler(seed uint64, place int) *dialler {
	return &dialler{
		arena: a, place: place, r: rand.New(rand.NewPCG(seed, uint64(1+place))), //nolint:gosec // replayable on purpose
		client: &http.Client{Timeout: gatewayPatience, Transport: &http.Transport{MaxIdleConnsPerHost: 4}},
		codes:  map[int]*errand{},
	}
}

// hop is one call of the gateway: the same bytes however often it is delivered.
type hop struct {
	name     string
	body     []byte
	confirms bool
}

// dialogue is a session of one caller.
type dialogue struct {
	id, caller string
	seq        int
}

func (d *dialler) dialogue(caller string) *dialogue {
	d.begun++
	return &dialogue{id: fmt.Sprintf("s%d-%d", d.place, d.begun), caller: caller}
}

// begin is the dial, inputs behind the short code included.
func (g *dialogue) begin(code string, ahead ...string) hop {
	dialled := strings.TrimSuffix(code, "#") + strings.Join(append([]string{""}, ahead...), "*") + "#"
	return g.hop("begin", dialled, "")
}

// key is an input on the present screen.
func (g *dialogue) key(input string) hop { return g.hop("continue", customerCode, input) }

// confirm is the input that moves money: the PIN.
func (g *dialogue) confirm() hop {
	h := g.key(benchPIN)
	h.confirms = true
	return h
}

const (
	customerCode = "*123#"
	agentDial    = "*124#"
)

func (g *dialogue) hop(kind, code, input string) hop {
	g.seq++
	body, err := json.Marshal(map[string]any{
		"session_id": g.id, "msisdn": "+" + g.caller, "service_code": code, "type": kind, "input": input, "sequence": g.seq,
	})
	if err != nil {
		panic(err) // words and numbers
	}
	return hop{name: g.id + ":" + strconv.Itoa(g.seq), body: body}
}

// ask delivers a hop until a screen comes, the first time to the node given, and writes down every delivery.
func (d *dialler) ask(ctx context.Context, e *errand, h hop, node int) answer {
	for try := range gatewayTries {
		if a := d.deliver(ctx, e, h, (node+try)%len(d.arena.nodes)); a.Means != meansSilence {
			return a
		}
		idle(ctx, gatewayPause)
	}
	return answer{}
}

// askBoth delivers a hop to both nodes at once.
func (d *dialler) askBoth(ctx context.Context, e *errand, h hop) answer {
	var answers [2]answer
	var both sync.WaitGroup
	for i := range answers {
		both.Go(func() { answers[i] = d.ask(ctx, e, h, i) })
	}
	both.Wait()
	if answers[1].Means == meansDone {
		return answers[1]
	}
	return answers[0]
}

// deliver is one call.
func (d *dialler) deliver(ctx context.Context, e *errand, h hop, node int) answer {
	to := d.arena.nodes[node]
	record := delivery{Hop: h.name, Node: to.name, Confirms: h.confirms, Sent: clock.System{}.Now()}
	text, ends, err := d.call(ctx, to.addr, h.body)
	if err == nil {
		record.answer, record.Answered = read(text, ends), clock.System{}.Now()
	} else {
		record.Text = err.Error()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if record.Amount != 0 && record.Amount != e.Amount && !h.confirms {
		record.Means = meansHome // a line or a code of another errand of this person's
	}
	e.Deliveries = append(e.Deliveries, record)
	return record.answer
}

// call posts to the native door. An answer that is no screen is as good as none.
func (d *dialler) call(ctx context.Context, addr string, body []byte) (text string, ends bool, err error) {
	ask, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/v1/ussd/session", bytes.NewReader(body))
	if err != nil {
		return "", false, err
	}
	ask.Header.Set("Content-Type", "application/json")
	ask.Header.Set("Authorization", "Bearer "+d.arena.token)
	got, err := d.client.Do(ask)
	if err != nil {
		return "", false, err
	}
	defer func() { _ = got.Body.Close() }() // read whole
	answered, err := io.ReadAll(io.LimitReader(got.Body, maxAnswer))
	if err != nil {
		return "", false, err
	}
	if got.StatusCode >= http.StatusInternalServerError {
		return "", false, fmt.Errorf("status %d", got.StatusCode)
	}
	var screen struct{ Action, Message string }
	if err := json.Unmarshal(answered, &screen); err != nil || got.StatusCode != http.StatusOK {
		return fmt.Sprintf("status %d: %s", got.StatusCode, answered), true, nil
	}
	return screen.Message, screen.Action == "end", nil
}
