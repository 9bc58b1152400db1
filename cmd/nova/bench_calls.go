package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// The two kinds of hops that are measured, as Africa's Talking calls: every call holds all inputs so far.

const (
	benchPath = "/ussd/africastalking/demo"
	// menuHops is how far one menu dialogue goes: up and down between home and My account. It stays under the hops
	// after which a dialogue is ended, and the text about as short as real ones.
	menuHops = 40
	// cashOutMinor is what each cash-out pays. The demo tariff takes the fee below, on which the tax is, and gives
	// the agent the commission.
	cashOutMinor      = 5_00
	cashOutFee        = 1_00
	cashOutTax        = 18
	cashOutCommission = 2
)

// dialogues are sessions of their own; no two runs share one.
type dialogues struct {
	run string
	crowd
}

// callback is the form of one call of the nth dialogue.
func (d dialogues) callback(b []byte, n int, text ...string) []byte {
	b = append(b, "sessionId=ATUid_"...)
	b = append(b, d.run...)
	b = append(b, 'x')
	digits := strconv.Itoa(n)
	for range 24 - len(digits) { // as long as theirs
		b = append(b, '0')
	}
	b = append(b, digits...)
	b = append(b, "&phoneNumber=%2B"...)
	b = append(b, customerNumber(n % d.customers)[1:]...)
	b = append(b, "&networkCode=62130&serviceCode=%2A123%23&text="...)
	for _, part := range text {
		b = append(b, part...)
	}
	return b
}

// session is the nth dialogue's id.
func (d dialogues) session(n int) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(string(d.callback(nil, n)), "sessionId="), "&")
	return id
}

// menuTexts are the texts of a menu dialogue's hops: 5, 5*0, 5*0*5 ...
var menuTexts = func() [menuHops]string {
	var texts [menuHops]string
	inputs := ""
	for i := range texts {
		inputs += "%2A" + []string{"5", "0"}[i%2]
		texts[i] = strings.TrimPrefix(inputs, "%2A")
	}
	return texts
}()

var (
	saysContinue = []byte("CON ")
	saysEnd      = []byte("END ")
	paid         = []byte("pays you BBD 5.00")
	confirm      = []byte("Enter PIN")
)

// dials opens the dialogues at home.
func (d dialogues) dials() calls {
	return calls{
		path: benchPath,
		form: func(b []byte, n int) []byte { return d.callback(b, n) },
		good: func(answer []byte) bool { return bytes.HasPrefix(answer, saysContinue) },
	}
}

// menuHops are hops of so many open dialogues, in turns, so that no dialogue hops twice at once.
func (d dialogues) menuHops(open int) calls {
	return calls{
		path: benchPath,
		form: func(b []byte, n int) []byte { return d.callback(b, n%open, menuTexts[n/open]) },
		good: func(answer []byte) bool { return bytes.HasPrefix(answer, saysContinue) },
	}
}

// bare are the same calls to the bare server, which knows no screens.
func (c calls) bare() calls {
	c.good = func(answer []byte) bool { return len(answer) > 0 }
	return c
}

// cashOuts are dialogues that withdraw cash at an agent of their own, or all at the same.
type cashOuts struct {
	dialogues
	hot bool
}

// scatter spreads customers over agents.
const scatter = 7919 // a prime, so that it has no part in common with the number of agents

func (c cashOuts) inputs(n int) string {
	agent := n * scatter % c.agents
	if c.hot {
		agent = 0
	}
	return fmt.Sprintf("2%%2A1%%2A%s%%2A%d", agentCode(agent), cashOutMinor/100)
}

// asked dials ahead up to the screen that asks for the PIN.
func (c cashOuts) asked() calls {
	return calls{
		path: benchPath,
		form: func(b []byte, n int) []byte { return c.callback(b, n, c.inputs(n)) },
		good: func(answer []byte) bool {
			return bytes.HasPrefix(answer, saysContinue) && bytes.Contains(answer, confirm)
		},
	}
}

// confirmed types the PIN.
func (c cashOuts) confirmed() calls {
	return calls{
		path: benchPath,
		form: func(b []byte, n int) []byte { return c.callback(b, n, c.inputs(n), "%2A"+benchPIN) },
		good: func(answer []byte) bool { return bytes.HasPrefix(answer, saysEnd) && bytes.Contains(answer, paid) },
	}
}
