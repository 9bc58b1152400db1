package main

import (
	"context"
	"strings"
)

// What people do on their handsets: they follow the screens, and dial again when one does not come.

// manner is how the confirmation of an errand is delivered.
type manner uint8

const (
	// once is the ordinary way: again only when no screen comes.
	once manner = iota
	// atOnce reaches both nodes at the same time.
	atOnce
	// repeated is delivered once more after its answer, to the other node.
	repeated
	// dropped loses the dialogue at the PIN; two later ones take the same intent up at once.
	dropped
	manners
)

// redials bounds how often somebody dials to hear what became of an errand.
const redials = 2

// run is one errand after the other until over tells to stop. Their amounts are like no other dialler's.
func (d *dialler) run(ctx context.Context, over func() bool) {
	for n := 0; !over() && ctx.Err() == nil; n++ {
		cents := int64(n*diallers + d.place)
		own := hotPeople + d.place*ownPeople + d.r.IntN(ownPeople)
		switch d.r.IntN(8) {
		case 0:
			d.pay(ctx, d.send(d.r.IntN(hotPeople), own, largest+cents), manner(d.r.IntN(int(dropped))))
		case 1, 2:
			d.code(ctx, own, smallest+cents)
		case 3, 4:
			d.pay(ctx, d.cashOut(own, d.agent(), smallest+cents), manner(d.r.IntN(int(manners))))
		default:
			d.pay(ctx, d.send(own, d.payee(own), smallest+cents), manner(d.r.IntN(int(manners))))
		}
	}
}

// agent is the hot one or the dialler's own.
func (d *dialler) agent() int { return d.r.IntN(2) * (1 + d.place) }

// payee is a hot person or any other, but not the payer.
func (d *dialler) payee(payer int) int {
	if d.r.IntN(2) == 0 {
		return d.r.IntN(hotPeople)
	}
	other := hotPeople + d.r.IntN(faultsCrowd.customers-hotPeople)
	if other == payer {
		return 0
	}
	return other
}

func (d *dialler) send(payer, payee int, amount int64) *errand {
	to := digits(customerNumber(payee))
	return d.note(errand{
		Kind: sending, Payer: digits(customerNumber(payer)), Payee: to, Amount: amount,
		Inputs: []string{"1", local(to), typed(amount)},
	})
}

func (d *dialler) cashOut(payer, agent int, amount int64) *errand {
	return d.note(errand{
		Kind: cashingOut, Payer: digits(customerNumber(payer)), Payee: agentCode(agent), Amount: amount,
		Inputs: []string{"2", "1", agentCode(agent), typed(amount)},
	})
}

func (d *dialler) note(e errand) *errand {
	d.errands = append(d.errands, &e)
	return &e
}

func digits(number string) string { return strings.TrimPrefix(number, "+") }

// local is a number as people type it.
func local(number string) string { return strings.TrimPrefix(number, "1") }

// typed is an amount as people type it.
func typed(minor int64) string { return strings.ReplaceAll(shown(minor), ",", "") }

// node is where a hop goes first.
func (d *dialler) node() int { return d.r.IntN(len(d.arena.nodes)) }

// pay dials an errand up to its PIN, confirms it, and dials again until it is known what became of it.
func (d *dialler) pay(ctx context.Context, e *errand, how manner) {
	g := d.dialogue(e.Payer)
	if d.ask(ctx, e, g.begin(customerCode, e.Inputs...), d.node()).Means != meansAsk {
		idle(ctx, gatewayPause) // whoever cannot dial tries again a little later
		return                  // nothing was confirmed
	}
	if how == dropped {
		d.takeUpTwice(ctx, e)
	} else if known(d.confirm(ctx, e, g, how)) {
		return
	}
	for range redials {
		if known(d.takeUp(ctx, e, d.dialogue(e.Payer), d.node())) {
			return
		}
	}
}

// known: the person need not ask again.
func known(a answer) bool { return a.Means == meansDone || a.Means == meansRefused }

// confirm types the PIN.
func (d *dialler) confirm(ctx context.Context, e *errand, g *dialogue, how manner) answer {
	d.learnFee(e)
	h, node := g.confirm(), d.node()
	switch how {
	case atOnce:
		return d.askBoth(ctx, e, h)
	case repeated:
		a := d.ask(ctx, e, h, node)
		d.ask(ctx, e, h, 1-node)
		return a
	case once, dropped, manners:
	}
	return d.ask(ctx, e, h, node)
}

// learnFee keeps what the confirmation showed.
func (d *dialler) learnFee(e *errand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, seen := range e.Deliveries {
		if seen.Means == meansAsk && seen.Fee != 0 {
			e.Fee = seen.Fee
		}
	}
}

// takeUp dials home, where a line tells what became of the errand, or offers to go on with it under the same intent.
func (d *dialler) takeUp(ctx context.Context, e *errand, g *dialogue, node int) answer {
	a := d.ask(ctx, e, g.begin(customerCode), node)
	if a.Means != meansWaiting {
		return a
	}
	if a = d.ask(ctx, e, g.key("9"), node); a.Means != meansAsk {
		return a
	}
	d.learnFee(e)
	return d.ask(ctx, e, g.confirm(), node)
}

// takeUpTwice goes on with a dropped errand in two dialogues at once, one at each node.
func (d *dialler) takeUpTwice(ctx context.Context, e *errand) {
	first, second := d.dialogue(e.Payer), d.dialogue(e.Payer)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		d.takeUp(ctx, e, first, 0)
	}()
	d.takeUp(ctx, e, second, 1)
	<-finished
}

// code gets a withdrawal code and has an agent pay on it. Who has one already is shown it.
func (d *dialler) code(ctx context.Context, payer int, amount int64) {
	e := d.note(errand{
		Kind: reserving, Payer: digits(customerNumber(payer)), Amount: amount, Inputs: []string{"2", "2", typed(amount)},
	})
	g := d.dialogue(e.Payer)
	a := d.ask(ctx, e, g.begin(customerCode, e.Inputs...), d.node())
	if a.Means == meansHome && d.codes[payer] != nil {
		e = d.codes[payer]
		a = d.show(ctx, e)
	} else if a.Means == meansAsk {
		d.codes[payer] = e
		a = d.confirm(ctx, e, g, manner(d.r.IntN(int(dropped))))
	}
	if a.Means == meansDone && d.redeem(ctx, e, a.Code) {
		delete(d.codes, payer)
	}
}

// show asks for the live code.
func (d *dialler) show(ctx context.Context, e *errand) answer {
	g := d.dialogue(e.Payer)
	if a := d.ask(ctx, e, g.begin(customerCode, "2", "2", "1"), d.node()); a.Means != meansAsk {
		return a
	}
	return d.ask(ctx, e, g.key(benchPIN), d.node())
}

// redeem is the dialler's own agent, who pays cash on a code. It tells whether that is known to be done.
func (d *dialler) redeem(ctx context.Context, e *errand, code string) bool {
	pay := d.redemption(e)
	g := d.dialogue(digits(operatorNumber(1 + d.place)))
	ahead := []string{"2", "1", local(e.Payer), strings.ReplaceAll(code, " ", "")}
	if d.ask(ctx, pay, g.begin(agentDial, ahead...), d.node()).Means != meansAsk {
		return false
	}
	if d.confirm(ctx, pay, g, manner(d.r.IntN(int(dropped)))).Means == meansDone {
		return true
	}
	return d.ask(ctx, pay, d.dialogue(g.caller).begin(agentDial), d.node()).Means == meansDone
}

// redemption is the one payment of a code, however often the agent tries.
func (d *dialler) redemption(e *errand) *errand {
	for _, before := range d.errands {
		if before.Kind == redeeming && before.Amount == e.Amount {
			return before
		}
	}
	return d.note(errand{Kind: redeeming, Payer: e.Payer, Payee: agentCode(1 + d.place), Amount: e.Amount})
}

// askAgain dials once more about every errand that was confirmed and of which nobody knows how it ended.
func (d *dialler) askAgain(ctx context.Context) {
	for _, e := range d.errands {
		if len(e.confirmations()) == 0 || known(e.Deliveries[len(e.Deliveries)-1].answer) {
			continue
		}
		switch e.Kind {
		case sending, cashingOut:
			d.ask(ctx, e, d.dialogue(e.Payer).begin(customerCode), d.node())
		case redeeming:
			d.ask(ctx, e, d.dialogue(digits(operatorNumber(1+d.place))).begin(agentDial), d.node())
		case reserving:
			d.show(ctx, e)
		}
	}
}
