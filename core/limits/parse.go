package limits

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/goccy/go-yaml"

	"nova/core/clock"
	"nova/core/money"
	"nova/core/transactions"
)

// maxTier is the highest KYC tier.
const maxTier = 3

// The YAML's shape. Amounts are text, so that nothing reads them as binary fractions.
type (
	bookYAML struct {
		Currency money.Currency `yaml:"currency"`
		Tiers    []tierYAML     `yaml:"tiers"`
		Rules    []ruleYAML     `yaml:"rules"`
	}
	tierYAML struct {
		Tier       int    `yaml:"tier"`
		MaxBalance string `yaml:"max_balance"`
	}
	ruleYAML struct {
		Name       string                 `yaml:"name"`
		Operations []transactions.Type    `yaml:"operations"`
		Channels   []transactions.Channel `yaml:"channels"`
		Tiers      []allowanceYAML        `yaml:"tiers"`
	}
	allowanceYAML struct {
		Tier    int        `yaml:"tier"`
		Single  singleYAML `yaml:"single"`
		Daily   windowYAML `yaml:"daily"`
		Weekly  windowYAML `yaml:"weekly"`
		Monthly windowYAML `yaml:"monthly"`
	}
	singleYAML struct {
		Min string `yaml:"min"`
		Max string `yaml:"max"`
	}
	windowYAML struct {
		Count int64  `yaml:"count"`
		Value string `yaml:"value"`
	}
)

// operations and channels are the words that a rule may use; any other is a slip that would leave a door open.
var (
	operations = []transactions.Type{
		transactions.CashIn, transactions.CashOut, transactions.P2P, transactions.P2PAssist,
		transactions.MerchantPayment, transactions.SavingsDeposit, transactions.SavingsWithdrawal,
		transactions.OverdraftDraw, transactions.OverdraftRepay,
	}
	channels = []transactions.Channel{
		transactions.USSD, transactions.App, transactions.AgentApp, transactions.API, transactions.Console,
	}
)

// Parse reads a book of limits and names every fault in it at once. Unknown fields are faults.
func Parse(data []byte) (*Book, error) {
	var in bookYAML
	decoder := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	if err := decoder.Decode(&in); err != nil {
		return nil, fmt.Errorf("read limits: %w", err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("read limits: there must be one document")
	}
	p := &parser{currency: in.Currency}
	book := p.book(in)
	if err := errors.Join(p.faults...); err != nil {
		return nil, fmt.Errorf("read limits: %w", err)
	}
	return book, nil
}

// parser collects faults instead of stopping at the first.
type parser struct {
	currency money.Currency
	faults   []error
}

func (p *parser) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf(format, args...))
}

func (p *parser) book(in bookYAML) *Book {
	if !in.Currency.Valid() {
		p.fault("currency %q is not known", in.Currency)
	}
	b := &Book{currency: in.Currency, maxBalance: map[int]int64{}}
	for _, t := range in.Tiers {
		where := fmt.Sprintf("tier %d", t.Tier)
		p.tier(where, t.Tier)
		if _, twice := b.maxBalance[t.Tier]; twice {
			p.fault("%s is listed twice", where)
		}
		b.maxBalance[t.Tier] = p.amount(where+" max_balance", t.MaxBalance)
	}
	if len(in.Rules) == 0 {
		p.fault("no rules")
	}
	for _, r := range in.Rules {
		if slices.ContainsFunc(b.rules, func(o rule) bool { return o.name == r.Name }) {
			p.fault("two rules are called %q", r.Name)
		}
		b.rules = append(b.rules, p.rule(r))
		for _, a := range r.Tiers {
			if _, listed := b.maxBalance[a.Tier]; !listed {
				p.fault("rule %q: tier %d has no line in tiers", r.Name, a.Tier)
			}
		}
	}
	return b
}

func (p *parser) rule(in ruleYAML) rule {
	where := fmt.Sprintf("rule %q", in.Name)
	if in.Name == "" || len(in.Operations) == 0 || len(in.Tiers) == 0 {
		p.fault("%s needs a name, operations and tiers", where)
	}
	for _, op := range in.Operations {
		if !slices.Contains(operations, op) {
			p.fault("%s: operation %q is not known", where, op)
		}
	}
	for _, c := range in.Channels {
		if !slices.Contains(channels, c) {
			p.fault("%s: channel %q is not known", where, c)
		}
	}
	r := rule{name: in.Name, operations: in.Operations, channels: in.Channels, tiers: map[int]allowance{}}
	for _, a := range in.Tiers {
		at := fmt.Sprintf("%s tier %d", where, a.Tier)
		p.tier(at, a.Tier)
		if _, twice := r.tiers[a.Tier]; twice {
			p.fault("%s is listed twice", at)
		}
		granted := p.allowance(at, a)
		granted.rule = in.Name
		r.tiers[a.Tier] = granted
	}
	return r
}

func (p *parser) allowance(where string, in allowanceYAML) allowance {
	a := allowance{min: p.amount(where+" single.min", in.Single.Min), max: p.amount(where+" single.max", in.Single.Max)}
	if a.max > 0 && a.min > a.max {
		p.fault("%s: single.min is above single.max", where)
	}
	for w, in := range map[clock.Window]windowYAML{
		clock.Daily: in.Daily, clock.Weekly: in.Weekly, clock.Monthly: in.Monthly,
	} {
		if in.Count < 0 {
			p.fault("%s %s: count is negative", where, w)
		}
		a.windows[w] = bound{count: in.Count, value: p.amount(fmt.Sprintf("%s %s.value", where, w), in.Value)}
	}
	return a
}

func (p *parser) tier(where string, tier int) {
	if tier < 0 || tier > maxTier {
		p.fault("%s: tiers are 0 to %d", where, maxTier)
	}
}

// amount reads a bound; "" is none.
func (p *parser) amount(where, text string) int64 {
	if text == "" {
		return 0
	}
	a, err := money.Parse(text, p.currency)
	if err != nil || !a.IsPositive() {
		p.fault("%s: %q is not an amount above zero", where, text)
		return 0
	}
	return a.Minor
}
