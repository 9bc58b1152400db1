package ledger

import (
	"bytes"
	"cmp"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/ids"
	"nova/core/money"
	"nova/core/outbox"
	"nova/core/secret"
	"nova/core/transactions"
)

// State is what a group has locked, and what the commands applied so far have made of it. Apply reads and changes
// it and nothing else. It is not safe for concurrent use.
type State struct {
	now      time.Time
	location *time.Location
	codes    *secret.MAC
	starts   [3]clock.Day

	accounts map[uuid.UUID]*account
	holds    map[uuid.UUID]*hold
	counters map[counterKey]*counter
	changes  map[uuid.UUID]transactions.Status
	// receipts are those of the transactions in changes.
	receipts map[uuid.UUID]string
	// liveCodes are the accounts with an active withdrawal code, by hold.
	liveCodes map[uuid.UUID]uuid.UUID
	// intents, references and reversed were used before, or by an earlier command of this group.
	intents    map[uuid.UUID]bool
	references map[clientReference]bool
	reversed   map[uuid.UUID]bool

	drawFees DrawFees
	// closedThrough is the last day that takes no more postings; read where a command names its day.
	closedThrough clock.Day
	receiptNext   uint64
	written       written
}

// written is what the applied commands add to the books, in order.
type written struct {
	postings     []posting
	entries      []Entry
	accounts     []*account
	holds        []*hold
	counters     []*counter
	transactions []transactions.Transaction
	changes      []transactions.Change
	notices      []outbox.Notice
}

type account struct {
	id           uuid.UUID
	lane         int
	currency     money.Currency
	normal       Side
	status       Status
	tier         int
	floor        *int64
	posted, held int64
	sequence     int64
	bookedAt     time.Time
	dirty        bool
	// line is the account's overdraft line; nil for none.
	line *OverdraftLine
	// read is what the row said: it must say so still when it is written.
	read struct{ held, sequence int64 }
}

// available is what may still be taken: down to the floor, where there is one. The floor's own check in the
// database keeps posted - held from going below it, so neither difference overflows for an account with a floor.
func (a *account) available() int64 {
	if a.floor == nil {
		return a.posted - a.held
	}
	return a.posted - a.held - *a.floor
}

// receivable is where the account may owe; zero where it has no line.
func (a *account) receivable() uuid.UUID {
	if a.line == nil {
		return uuid.Nil
	}
	return a.line.Receivable
}

func (a *account) balance() Balance {
	return Balance{
		Posted: a.posted, Held: a.held, Available: a.available(), Currency: a.currency, Status: a.status,
		Sequence: a.sequence, BookedAt: a.bookedAt,
	}
}

type hold struct {
	Hold
	version      int
	fresh, dirty bool
	// readTries is what the row said.
	readTries int
}

type counterKey struct {
	subject uuid.UUID
	rule    string
	window  clock.Window
	start   clock.Day
}

type counter struct {
	counterKey
	used int64
	// read is what the row said; fresh tells that there was none.
	read         int64
	fresh, dirty bool
}

func (k *counterKey) compare(other *counterKey) int {
	return cmp.Or(bytes.Compare(k.subject[:], other.subject[:]), cmp.Compare(k.start, other.start),
		cmp.Compare(k.window, other.window), cmp.Compare(k.rule, other.rule))
}

type clientReference struct {
	client    uuid.UUID
	reference string
}

type posting struct {
	id, reverses         uuid.UUID
	bookedAt             time.Time
	valueDate            clock.Day
	currency             money.Currency
	narration, reference string
	// metadata is JSON; empty for none. receipt is that of the transaction that the posting books.
	metadata, receipt string
	// booked is the same for whoever reads the result.
	booked *Posting
}

// StateOptions are what a group knows beside the rows.
type StateOptions struct {
	// Now is the group's one time, Location the market's.
	Now      time.Time
	Location *time.Location
	// Codes makes the keyed hashes of withdrawal codes.
	Codes *secret.MAC
	// DrawFees takes the fees of overdraft draws.
	DrawFees DrawFees
	// ReceiptNext numbers the next receipt.
	ReceiptNext uint64
}

// NewState is a state without rows.
func NewState(o StateOptions) *State {
	st := &State{
		now: o.Now, location: o.Location, codes: o.Codes, drawFees: o.DrawFees, receiptNext: o.ReceiptNext,
		accounts: map[uuid.UUID]*account{}, holds: map[uuid.UUID]*hold{}, counters: map[counterKey]*counter{},
		changes: map[uuid.UUID]transactions.Status{}, receipts: map[uuid.UUID]string{}, liveCodes: map[uuid.UUID]uuid.UUID{},
		intents: map[uuid.UUID]bool{}, references: map[clientReference]bool{}, reversed: map[uuid.UUID]bool{},
	}
	for w := clock.Daily; w <= clock.Monthly; w++ {
		st.starts[w] = w.Start(o.Now, o.Location)
	}
	return st
}

// AddAccount puts an account and its balance into the state.
func (st *State) AddAccount(a Account, b Balance) {
	st.accounts[a.ID] = &account{
		id: a.ID, currency: a.Currency, normal: a.Product.Normal(), status: a.Status, tier: a.Tier, floor: a.Floor,
		posted: b.Posted, held: b.Held, sequence: b.Sequence, bookedAt: b.BookedAt,
	}
}

// SetOverdraft gives an account of the state its line.
func (st *State) SetOverdraft(l OverdraftLine) { st.accounts[l.Account].line = &l }

// Balance is the account's money as the state has it now; false for an account that it does not hold.
func (st *State) Balance(id uuid.UUID) (Balance, bool) {
	a := st.accounts[id]
	if a == nil {
		return Balance{}, false
	}
	return a.balance(), true
}

// Hold is the hold as the state has it now; false for one that it does not hold.
func (st *State) Hold(id uuid.UUID) (Hold, bool) {
	h := st.holds[id]
	if h == nil {
		return Hold{}, false
	}
	return h.Hold, true
}

// AddCounter puts a counter into the state, in the window that holds now.
func (st *State) AddCounter(c Count, used int64) {
	key := st.counterKey(c)
	st.counters[key] = &counter{counterKey: key, used: used, read: used}
}

// Used is a counter's figure now.
func (st *State) Used(c Count) int64 {
	if found := st.counters[st.counterKey(c)]; found != nil {
		return found.used
	}
	return 0
}

// AddTransaction puts a transaction's status into the state.
func (st *State) AddTransaction(id uuid.UUID, status transactions.Status) { st.changes[id] = status }

// leaves are the hashes of the postings that the commands applied so far have made, in their places.
func (st *State) leaves() []Hash {
	w := &st.written
	leaves := make([]Hash, 0, len(w.postings))
	entries := w.entries
	for i := range w.postings {
		n := 0
		for n < len(entries) && entries[n].Posting == w.postings[i].id {
			n++
		}
		leaves = append(leaves, leafHash(&w.postings[i], entries[:n]))
		entries = entries[n:]
	}
	return leaves
}

// Entries are the entries that the commands applied so far have made, in order.
func (st *State) Entries() []Entry { return st.written.entries }

func (st *State) counterKey(c Count) counterKey {
	if c.Window > clock.Monthly {
		return counterKey{} // Apply refuses the command for its structure
	}
	return counterKey{subject: c.Subject, rule: c.Rule, window: c.Window, start: st.starts[c.Window]}
}

func (st *State) takeReceipt() string {
	receipt := ids.Receipt(st.receiptNext)
	st.receiptNext++
	return receipt
}

// touchAccount, touchHold and touchCounter note a row once for writing.
func (st *State) touchAccount(a *account) {
	if !a.dirty {
		a.dirty = true
		st.written.accounts = append(st.written.accounts, a)
	}
}

func (st *State) touchHold(h *hold) {
	if !h.dirty {
		h.dirty = true
		st.written.holds = append(st.written.holds, h)
	}
}

func (st *State) touchCounter(c *counter) {
	if !c.dirty {
		c.dirty = true
		st.written.counters = append(st.written.counters, c)
	}
}
