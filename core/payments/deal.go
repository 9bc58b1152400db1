package payments

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/limits"
	"nova/core/money"
	"nova/core/outbox"
	"nova/core/tariffs"
	"nova/core/transactions"
)

// deal is one errand with everything decided but what depends on balances: the ledger's command is made of it.
type deal struct {
	typ     transactions.Type
	channel transactions.Channel
	amount  money.Amount
	charge  tariffs.Charge
	// limits are those that hold when the deal is made, as its price does.
	limits   *limits.Book
	from, to Party
	// limited is the customer whose tier bounds the errand: the payer, or the receiver of a cash-in.
	limited Party
	// capped is the customer on whose wallet money arrives; nil where the receiver is a business.
	capped *Party
	// earner is the commission account of the agent who serves; zero for none.
	earner   uuid.UUID
	agent    uuid.UUID
	outlet   uuid.UUID
	operator uuid.UUID
	// proving is who must have typed the PIN.
	proving identity.Subject
	// holds are captured with the money, against a code, or placed with it.
	holds []ledger.HoldMove
	// ceilings bound what may stand on accounts afterwards, besides the tiers' caps.
	ceilings []ledger.Cap
	// shown is the account whose balance the receipt shows, where it is not the one that balanceOf chooses.
	shown   uuid.UUID
	notices []outbox.Notice
	// promisee is who is told by a promise.
	promisee told

	transaction uuid.UUID
	now         time.Time
}

// newDeal starts a deal now; its parties are filled in by the errand.
func (s *Service) newDeal(typ transactions.Type, ask Ask) *deal {
	now := s.clock.Now()
	return &deal{typ: typ, channel: ask.Channel, amount: ask.Amount, transaction: ids.New(now), now: now}
}

// price asks the tariff, and which limits hold. Commission counts only where an agent earns it.
func (s *Service) price(d *deal) error {
	if d.amount.Currency != s.currency {
		return fault.New(fault.CurrencyMismatch, "%s in a market of %s", d.amount.Currency, s.currency)
	}
	if !d.amount.IsPositive() {
		return fault.New(fault.ValidationError, "amount of %d", d.amount.Minor).Field("amount", "must be above zero")
	}
	charge, err := s.tariffs.Charge(string(d.typ), d.amount, d.now)
	if err != nil {
		return err
	}
	if d.earner == uuid.Nil {
		charge.Commission = money.Of(0, s.currency)
	}
	d.charge = charge
	d.limits, err = s.limits.At(d.now)
	return err
}

// operation is the deal as limits see it.
func (d *deal) operation() limits.Operation {
	return limits.Operation{Type: d.typ, Channel: d.channel, Tier: d.limited.Tier, Amount: d.amount}
}

// total is what leaves the payer.
func (d *deal) total() (money.Amount, error) { return d.amount.Add(d.charge.Fee) }

// lines are the posting: the payer gives amount and fee, the payee gets the amount, the fee is income but for the
// tax in it, and the agent's commission is an expense of its own.
func (d *deal) lines(b Books) ([]ledger.Line, error) {
	total, err := d.total()
	if err != nil {
		return nil, err
	}
	lines := []ledger.Line{
		{Account: d.from.Account, Side: ledger.Debit, Minor: total.Minor},
		{Account: d.to.Account, Side: ledger.Credit, Minor: d.amount.Minor},
	}
	income := d.charge.Income().Minor
	for _, line := range []ledger.Line{
		{Account: b.FeeIncome, Side: ledger.Credit, Minor: income},
		{Account: b.TaxPayable, Side: ledger.Credit, Minor: d.charge.Tax.Minor},
		{Account: b.CommissionExpense, Side: ledger.Debit, Minor: d.charge.Commission.Minor},
		{Account: d.earner, Side: ledger.Credit, Minor: d.charge.Commission.Minor},
	} {
		if line.Minor != 0 {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// metadataNote is where a posting keeps the payer's own words.
const metadataNote = "note"

// command turns the deal into data for the ledger. The amount is checked once more: a quote is a courtesy, and not
// every caller asks for one.
func (s *Service) command(d *deal, o Order) (*ledger.Command, error) {
	if err := d.limits.Check(d.operation()); err != nil {
		return nil, err
	}
	lines, err := d.lines(s.books)
	if err != nil {
		return nil, err
	}
	shown := o.FeeShown.Minor
	if o.AtTariff {
		shown = d.charge.Fee.Minor
	}
	c := &ledger.Command{
		Key: o.Key, Body: s.body(d, o), Keep: o.hop(), Check: o.Proof.Check(),
		Currency: s.currency, Lines: lines, Posting: d.transaction, Narration: string(d.typ),
		Holds: d.holds, Counters: d.limits.Counters(d.operation(), d.limited.Owner),
		Tiers:    []ledger.TierGuard{{Account: d.limited.Account, Tier: d.limited.Tier}},
		Caps:     slices.Clone(d.ceilings),
		FeeShown: &shown, Fee: d.charge.Fee.Minor,
		Transaction: d.fact(o.Intent), Notices: d.notices, Extra: d.extra(),
	}
	if o.Note != "" {
		c.Metadata = map[string]string{metadataNote: o.Note}
	}
	if d.capped == nil {
		return c, nil
	}
	if most := d.limits.Cap(d.capped.Tier, d.capped.Account); most != nil {
		c.Caps = append(c.Caps, *most)
	}
	if d.capped.Account != d.limited.Account {
		c.Tiers = append(c.Tiers, ledger.TierGuard{Account: d.capped.Account, Tier: d.capped.Tier})
	}
	return c, nil
}

// body is what the person confirmed. The same key with anything else in it is another request.
func (s *Service) body(d *deal, o Order) [32]byte {
	if !o.hop() {
		return o.Body
	}
	return s.identity.Body(string(d.typ), d.from.Owner.String(), d.to.Owner.String(), d.amount.String(),
		string(d.amount.Currency), o.FeeShown.String(), o.Intent.String())
}

// fact is the transaction that the deal becomes.
func (d *deal) fact(intent uuid.UUID) *transactions.Transaction {
	return &transactions.Transaction{
		ID: d.transaction, Intent: intent, Type: d.typ, Status: transactions.Completed,
		Amount: d.amount, Fee: d.charge.Fee, Tax: d.charge.Tax, Commission: d.charge.Commission,
		From:    transactions.Party{Account: d.from.Account, Owner: d.from.Owner, Name: d.from.Name},
		To:      transactions.Party{Account: d.to.Account, Owner: d.to.Owner, Name: d.to.Name},
		Channel: d.channel, Agent: d.agent, Outlet: d.outlet, Operator: d.operator,
		Tariff: d.charge.Version, Tier: d.limited.Tier, CreatedAt: d.now,
	}
}

// balanceOf is the account whose balance the receipt shows: that of whoever typed the PIN.
func (d *deal) balanceOf() uuid.UUID {
	if d.shown != uuid.Nil {
		return d.shown
	}
	if d.proving.Kind == identity.Operator && d.typ == transactions.CashOut {
		return d.to.Account
	}
	return d.from.Account
}
