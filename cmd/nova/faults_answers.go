package main

import (
	"regexp"
	"strconv"
	"strings"
)

// meaning is what a screen lets the person believe.
type meaning uint8

const (
	// meansSilence: no screen came, within a gateway's patience or at all.
	meansSilence meaning = iota
	// meansLost: the dialogue is over and nothing is said about money: "Please dial again."
	meansLost
	// meansHome is a first page that tells of no errand of ours.
	meansHome
	// meansLive: a withdrawal code waits.
	meansLive
	// meansAsk: payee, amount and fee are shown, and the PIN is asked for.
	meansAsk
	// meansDone: the errand is done, with its receipt or its code.
	meansDone
	// meansRefused: understood and not done: "Not enough money".
	meansRefused
	// meansNothing: "Nothing was sent."
	meansNothing
	// meansWaiting: a dial is told that the errand is not done and may be taken up again.
	meansWaiting
	// meansOpen: nobody knows yet, an SMS will tell.
	meansOpen
	// meansStrange: no person could make sense of it.
	meansStrange
)

var meanings = [...]string{
	"no screen", "dial again", "home", "live code", "asks", "done", "refused", "nothing sent", "waits", "open", "strange",
}

func (m meaning) String() string { return meanings[m] }

// answer is a screen as a person reads it. What a screen does not tell is zero.
type answer struct {
	Means   meaning
	Text    string
	Receipt string
	Code    string
	// Amount and Fee are in minor units.
	Amount, Fee int64
	// Ends: the network closed the dialogue with this screen.
	Ends bool
}

// wordings are the meanings of what Nova says in English: the first pattern that fits decides.
var wordings = []struct {
	means   meaning
	pattern *regexp.Regexp
}{
	{meansDone, regexp.MustCompile(`^Sent BBD (?P<amount>\S+) to .+\nFee (?P<fee>\S+)\nBalance \S+\nRef (?P<receipt>\S+)`)},
	{meansDone, regexp.MustCompile(`^.+ pays you BBD (?P<amount>\S+)\nFee (?P<fee>\S+)\nBalance \S+\nRef (?P<receipt>\S+)`)},
	{meansDone, regexp.MustCompile(`^PAY CASH BBD (?P<amount>\S+)\nto .+\nFloat \S+\nRef (?P<receipt>\S+)`)},
	{meansDone, regexp.MustCompile(`^Code (?P<code>\d{3} \d{3})\nfor BBD (?P<amount>\S+), fee (?P<fee>\S+)\nUse before`)},
	{meansDone, regexp.MustCompile(`^(?:SENT|WITHDRAWN|CASH OUT) \d\d:\d\d: (?P<amount>\S+) (?:to|at) .+ Ref (?P<receipt>\S+)\n`)},
	{meansWaiting, regexp.MustCompile(`^(?:NOT SENT|NOT WITHDRAWN|NO CODE YET|NOT PAID): (?P<amount>[\d.,]+)`)},
	{meansOpen, regexp.MustCompile(`^WAIT FOR OUR SMS: (?P<amount>\S+)`)},
	{meansOpen, regexp.MustCompile(`^Wait for our SMS\. Do not send again\.`)},
	{meansNothing, regexp.MustCompile(`^(?:Nothing was sent\.|Nova is busy\. Nothing was done\.)`)},
	{meansLost, regexp.MustCompile(`^(?:Please dial again\.|Nova is busy\. Please dial again\.|Nova has a problem\.|We could not finish\. Dial again)`)},
	{meansRefused, regexp.MustCompile(`^(?:Not enough money|Over your limit|Over the receiver's limit|The fee has changed)`)},
	{meansRefused, regexp.MustCompile(`^(?:This was done already|The code is over|This customer has no live code|Wrong code)`)},
	{meansLive, regexp.MustCompile(`(?m)^You have a code for BBD (?P<amount>[\d.,]+),`)},
	{meansAsk, regexp.MustCompile(`(?s)BBD (?P<amount>\S+)\n.*Fee (?P<fee>\S+).*nter (?:your )?PIN`)},
	{meansAsk, regexp.MustCompile(`^Show the code for BBD (?P<amount>\S+)\nEnter PIN`)},
	{meansHome, regexp.MustCompile(`(?m)^(?:Nova|Corner Shop \d+)\n1 `)},
}

// read finds out what a screen means.
func read(text string, ends bool) answer {
	a := answer{Means: meansStrange, Text: text, Ends: ends}
	for _, s := range wordings {
		found := s.pattern.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		a.Means = s.means
		for i, name := range s.pattern.SubexpNames() {
			switch name {
			case "amount":
				a.Amount = minorOf(found[i])
			case "fee":
				a.Fee = minorOf(found[i])
			case "receipt":
				a.Receipt = found[i]
			case "code":
				a.Code = found[i]
			}
		}
		return a
	}
	return a
}

// minorOf reads an amount as screens write it, "1,234.50"; 0 where it is none.
func minorOf(shown string) int64 {
	n, err := strconv.ParseInt(strings.NewReplacer(",", "", ".", "").Replace(shown), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
