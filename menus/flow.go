package menus

import (
	"context"

	"github.com/looplab/fsm"

	"nova/core/customers"
	"nova/core/policy"
	"nova/core/transactions"
)

// Kind says what a screen does with its answer. The proofs of the menu lint hang on it.
type Kind uint8

const (
	// Input asks for something to be typed.
	Input Kind = iota
	// Choice asks for one of the digits that the screen prints.
	Choice
	// Choose takes a secret on the way to a new PIN.
	Choose
	// Authorise shows what will happen and takes the PIN; it leads to a result and nowhere else.
	Authorise
	// Result is the last screen of an errand: it ends the dialogue.
	Result
)

// Secret tells that what is typed on the screen must never be kept, repeated or dialled ahead.
func (k Kind) Secret() bool { return k == Choose || k == Authorise }

// Reader takes what was typed on a screen: it returns the event that moves the flow on, or an error. again (a
// reason of the language packs) and most faults show the same screen with one short reason first; stop and the
// faults that typing can't mend end the dialogue.
type Reader func(ctx context.Context, t *Turn, input string) (event string, err error)

// Screen is one page of a flow.
type Screen struct {
	Kind Kind
	// Text is the key of the page's words in the language packs.
	Text string
	// Read is nil for a Result alone.
	Read Reader
	// Debits says that Read takes money from somebody once the PIN is right: the page must show payee, amount and fee.
	Debits bool
	// Holds says that Read sets money aside for whoever brings a code: the page must show amount and fee.
	Holds bool
	// Lends says that Read gives the caller money to be paid back: the page must show amount, fee, total and rate.
	Lends bool
	// Choices are the digits a Choice takes.
	Choices []string
}

// moves tells that an answer on the page may move money.
func (s Screen) moves() bool { return s.Debits || s.Holds || s.Lends }

// Flow is one errand: a table of legal moves, its screens, and nothing about wording or money.
type Flow struct {
	Name    string
	Purpose policy.Purpose
	// Act is what a customer does with the errand, as far as the guards of a wallet ask: they are asked at its door.
	Act customers.Act
	// Reads says that the errand changes nothing: it shows what is asked for.
	Reads bool
	// Money says that the errand moves money: it must be short (MaxMoneyEntries).
	Money bool
	// PaysBusiness says that {payee} is an agent or a shop, whose name may be longer than a person's.
	PaysBusiness bool
	Events       fsm.Events
	// Starts lists the screens that the flow may open with; Enter chooses, and without Enter it is the first.
	Starts []string
	// Enter looks before the first screen is shown: what can be refused here is refused here.
	Enter   func(ctx context.Context, t *Turn) (start string, err error)
	Screens map[string]Screen
}

// Request is what the policies are asked at the errand's door.
func (f Flow) Request(who policy.Caller) policy.Request {
	how := policy.Context{Channel: transactions.USSD, Reads: f.Reads, Money: f.Money, PIN: true}
	for _, screen := range f.Screens {
		if screen.moves() {
			how.Money, how.PIN = true, how.PIN && screen.Kind == Authorise
		}
	}
	return policy.Request{Caller: who, Purpose: f.Purpose, Action: f.Name, Context: how}
}

// Menu is a page of options, each a flow or another menu. Digits are a promise: people know them by heart, so an
// option keeps its digit for ever, and a digit whose errand does not exist yet is left out, not given away.
type Menu struct {
	Name    string
	Text    string
	Options []Option
}

// Option is one line of a menu. Its words are the key "option.<To>".
type Option struct {
	Digit string
	To    string
}

// Choice limits of a good menu (facts of field studies: people choose well among five).
const (
	// MaxOptions bounds the options of a menu.
	MaxOptions = 5
	// MaxMenuLevels bounds the menus before an errand's straight steps.
	MaxMenuLevels = 2
	// MaxTries is how often a screen is shown again for a bad answer before the dialogue ends safely.
	MaxTries = 3
)

// MaxMoneyEntries is how many answers an errand that moves money may ask for, digits and PIN counted, the dial not;
// MaxEntries is the same for all others.
var MaxMoneyEntries = map[Root]int{CustomerRoot: 5, AgentRoot: 7}

// MaxEntries bounds the errands that move no money.
const MaxEntries = 8
