package ledger

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
)

// ErrStale tells that an account's tier is not the one that the command was computed for: compute it again. It is
// never stored and never reaches a caller of the use case.
var ErrStale = errors.New("account changed since the command was computed")

// Apply decides one command against the locked state: it changes all of it, or refuses and changes nothing, except
// for the tries of a withdrawal code that was wrong. It does no I/O and reads no clock.
//
// The checks come in this order, and the first that fails is the answer:
//
//  1. structure: key; lines at least two, positive, balanced, in range; nobody on both sides
//     (IDEMPOTENCY_KEY_REQUIRED, VALIDATION_ERROR, UNBALANCED_POSTING, SAME_PARTIES)
//  2. facts: the day is open and not in the future; intent and reference unused, nothing reversed twice, the
//     transaction to be changed is in the status it was computed for
//     (PERIOD_CLOSED, VALIDATION_ERROR, DUPLICATE_ENTITY, ALREADY_REVERSED, NOT_FOUND, INVALID_STATE)
//  3. accounts: there, of the posting's currency, neither closed nor frozen
//     (NOT_FOUND, CURRENCY_MISMATCH, ACCOUNT_CLOSED, ACCOUNT_FROZEN)
//  4. tier: as computed (ErrStale)
//  5. holds: there, active, in time, in amount, with the right code
//     (NOT_FOUND, INVALID_STATE, OTP_EXPIRED, VALIDATION_ERROR, OTP_INVALID)
//  6. fee: it is the one that was shown, with what drawing on an overdraft line costs (QUOTE_EXPIRED)
//  7. funds: no account under its floor, holds and overdraft included (INSUFFICIENT_FUNDS); none beyond int64
//     (MAX_BALANCE_EXCEEDED)
//  8. caps (MAX_BALANCE_EXCEEDED)
//  9. counters (LIMIT_EXCEEDED, with the rule)
//
// A command that is malformed in a way that only our own code can cause is answered by a plain error, which is
// Internal.
func Apply(st *State, c *Command) (Result, error) {
	p := plan{st: st, c: c}
	for _, check := range [...]func(*plan) error{
		(*plan).structure, (*plan).facts, (*plan).accounts, (*plan).tiers, (*plan).holds, (*plan).overdraft, (*plan).fee,
		(*plan).funds, (*plan).caps, (*plan).limits, (*plan).notices,
	} {
		if err := check(&p); err != nil {
			return Result{}, err
		}
	}
	return p.commit(), nil
}

// plan is one command on its way through the checks: what it would change, computed without changing anything.
type plan struct {
	st *State
	c  *Command
	// lines are the command's, and those that an overdraft adds.
	lines   []Line
	draws   map[uuid.UUID]Draw
	touches []touch
	moves   []holdPlan
	// metadata is the posting's, as it is stored.
	metadata string
	counts   []countPlan
	// room keeps the usual command's touches off the heap's slow path.
	room [8]touch
}

// touch is what the command does to one account: delta to its posted balance, held to its holds.
type touch struct {
	account     *account
	delta, held int64
	lines       bool
}

// free is what the account would have left over what it holds; false beyond int64.
func (t *touch) free() (int64, bool) {
	posted, ok := add(t.account.posted, t.delta)
	if !ok {
		return 0, false
	}
	// Sums of holds stay below the posted balances that they were checked against.
	held, ok := add(t.account.held, t.held)
	if !ok {
		return 0, false
	}
	return add(posted, -held)
}

func (p *plan) structure() error {
	c := p.c
	if !c.Key.complete() {
		return fault.New(fault.IdempotencyKeyRequired, "command without a key")
	}
	if len(c.Lines) > MaxLines || max(len(c.Holds), len(c.Counters), len(c.Caps), len(c.Tiers)) > MaxMoves ||
		max(len(c.Notices), len(c.RefusalNotices)) > MaxMoves {
		return fault.New(fault.ValidationError, "command with too many parts")
	}
	for _, count := range c.Counters {
		if count.Window > clock.Monthly || count.Rule == "" {
			return fmt.Errorf("counter %q in window %d", count.Rule, count.Window)
		}
	}
	if len(c.Lines) == 0 {
		return nil
	}
	if c.Posting == uuid.Nil {
		return errors.New("posting without an id")
	}
	if booked := c.books(); booked != uuid.Nil && booked != c.Posting {
		return fmt.Errorf("posting %s books transaction %s, and must have its id", c.Posting, booked)
	}
	if !c.Currency.Valid() {
		return fault.New(fault.ValidationError, "currency %q", c.Currency).Field("currency", "is unknown")
	}
	if len(c.Metadata) > 0 {
		text, err := metadataText(c.Metadata)
		if err != nil {
			return err
		}
		p.metadata = text
	}
	return p.balanced()
}

func (p *plan) balanced() error {
	if len(p.c.Lines) < 2 {
		return fault.New(fault.UnbalancedPosting, "%d line", len(p.c.Lines))
	}
	var debits, credits int64
	for _, l := range p.c.Lines {
		if l.Minor <= 0 {
			return fault.New(fault.ValidationError, "line of %d", l.Minor).Field("amount", "must be more than zero")
		}
		total := &debits
		switch l.Side {
		case Debit:
		case Credit:
			total = &credits
		default:
			return fmt.Errorf("line on side %d", l.Side)
		}
		if *total > math.MaxInt64-l.Minor {
			return fault.New(fault.ValidationError, "lines beyond int64").Field("amount", "is too large")
		}
		*total += l.Minor
	}
	if debits != credits {
		return fault.New(fault.UnbalancedPosting, "debits %d, credits %d", debits, credits)
	}
	if p.c.Reverses != uuid.Nil {
		return nil // it takes back what an overdraft added, too
	}
	return p.oneSideEach()
}

// oneSideEach refuses an account on both sides of a posting: money that returns to its source is no business.
func (p *plan) oneSideEach() error {
	for i, a := range p.c.Lines {
		for _, b := range p.c.Lines[:i] {
			if a.Account == b.Account && a.Side != b.Side {
				return fault.New(fault.SameParties, "account %s on both sides", a.Account)
			}
		}
	}
	return nil
}

// fee compares what the payer agreed to with what it costs them, a draw on their overdraft line included.
func (p *plan) fee() error {
	if p.c.FeeShown == nil {
		return nil
	}
	due := p.c.Fee
	for _, d := range p.draws {
		due += d.Fee
	}
	if *p.c.FeeShown != due {
		return fault.New(fault.QuoteExpired, "fee %d was shown, %d is due", *p.c.FeeShown, due)
	}
	return nil
}

func (p *plan) facts() error {
	c, st := p.c, p.st
	if c.ValueDate != "" && c.ValueDate <= st.closedThrough {
		return fault.New(fault.PeriodClosed, "%s of %s", c.ValueDate, st.closedThrough).Field("value_date", "is in a closed day")
	}
	if c.ValueDate > clock.DayOf(st.now, st.location) {
		return fault.New(fault.ValidationError, "value date %s", c.ValueDate).Field("value_date", "is in the future")
	}
	if c.Reverses != uuid.Nil && st.reversed[c.Reverses] {
		return fault.New(fault.AlreadyReversed, "posting %s", c.Reverses)
	}
	if t := c.Transaction; t != nil {
		if t.Intent != uuid.Nil && st.intents[t.Intent] {
			return fault.New(fault.DuplicateEntity, "intent %s was used", t.Intent)
		}
		if ref := referenceOf(c); ref.reference != "" && st.references[ref] {
			return fault.New(fault.DuplicateEntity, "reference %s was used", t.ID).Field("reference", "was used before")
		}
	}
	if ch := c.Change; ch != nil {
		status, found := st.changes[ch.ID]
		if !found {
			return fault.New(fault.NotFound, "transaction %s", ch.ID)
		}
		if status != ch.From {
			return fault.New(fault.InvalidState, "transaction %s is %s, not %s", ch.ID, status, ch.From)
		}
	}
	return nil
}

func referenceOf(c *Command) clientReference {
	if c.Transaction == nil || c.Transaction.Client == uuid.Nil {
		return clientReference{}
	}
	return clientReference{client: c.Transaction.Client, reference: c.Transaction.Reference}
}

func (p *plan) accounts() error {
	p.touches = p.room[:0]
	p.lines = p.c.Lines
	for _, l := range p.c.Lines {
		if err := p.addLine(l); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) addLine(l Line) error {
	t, err := p.touch(l.Account)
	if err != nil {
		return err
	}
	a := t.account
	switch {
	case a.currency != p.c.Currency:
		return fault.New(fault.CurrencyMismatch, "account %s is in %s", a.id, a.currency)
	case a.status == Closed:
		return fault.New(fault.AccountClosed, "account %s", a.id)
	case a.status != Active:
		return fault.New(fault.AccountFrozen, "account %s", a.id)
	}
	t.lines = true
	// The totals of either side fit int64, so no sum of them overflows.
	if l.Side == a.normal {
		t.delta += l.Minor
	} else {
		t.delta -= l.Minor
	}
	return nil
}

func (p *plan) touch(id uuid.UUID) (*touch, error) {
	for i := range p.touches {
		if p.touches[i].account.id == id {
			return &p.touches[i], nil
		}
	}
	a := p.st.accounts[id]
	if a == nil {
		return nil, fault.New(fault.NotFound, "account %s", id)
	}
	p.touches = append(p.touches, touch{account: a})
	return &p.touches[len(p.touches)-1], nil
}

func (p *plan) tiers() error {
	for _, guard := range p.c.Tiers {
		a := p.st.accounts[guard.Account]
		if a == nil {
			return fault.New(fault.NotFound, "account %s", guard.Account)
		}
		if a.tier != guard.Tier {
			return fmt.Errorf("account %s is in tier %d: %w", guard.Account, a.tier, ErrStale)
		}
	}
	return nil
}

func (p *plan) funds() error {
	for _, t := range p.touches {
		a := t.account
		if _, ok := add(a.posted, t.delta); !ok {
			return fault.New(fault.MaxBalanceExceeded, "account %s beyond int64", a.id)
		}
		free, ok := t.free()
		if !ok {
			return fault.New(fault.InsufficientFunds, "account %s holds beyond int64", a.id)
		}
		taken := t.delta < 0 || t.held > 0
		if a.floor != nil && taken && free < *a.floor {
			return fault.New(fault.InsufficientFunds, "account %s would have %d free over %d", a.id, free, *a.floor)
		}
	}
	return nil
}

func (p *plan) caps() error {
	for _, limit := range p.c.Caps {
		for _, t := range p.touches {
			if t.account.id == limit.Account && t.delta > 0 && t.account.posted+t.delta > limit.Max {
				return fault.New(fault.MaxBalanceExceeded, "account %s over %d", limit.Account, limit.Max)
			}
		}
	}
	return nil
}

// add is a + b, and false beyond int64.
func add(a, b int64) (int64, bool) {
	sum := a + b
	return sum, (sum > a) == (b > 0) || b == 0
}

// bookedAt is the posting's time: now, or later where a touched balance was booked by a node whose clock is ahead,
// so that time never runs backwards on an account.
func (p *plan) bookedAt() time.Time {
	at := p.st.now
	for _, t := range p.touches {
		if t.lines && t.account.bookedAt.After(at) {
			at = t.account.bookedAt
		}
	}
	return at
}
