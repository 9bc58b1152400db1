package ledger

import (
	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/transactions"
	"nova/sql"
)

// lockSet is what a group decides by and must lock, or find unchanged when it writes, each thing once. PostgreSQL
// sorts it.
type lockSet struct {
	keys, credentials                                    sql.Column
	accounts, holds, placing, changes, intents, reversed sql.Column
	refClients, refTexts                                 sql.Column
	subjects, starts, windows, rules                     sql.Column
	// references and counters are in the order of their columns: rows come back by place.
	references []clientReference
	counters   []counterKey
	wanted     map[uuid.UUID]bool
	// dated tells that a command names the day that it is booked on.
	dated   bool
	counted map[counterKey]bool
	// state takes in what is remembered; memory is nil where everything is looked for.
	state  *State
	memory *memory
	lane   int
}

// lockSetOf gathers the lock set of commands that go on with st's windows. Where the fees of draws go is always in it:
// who draws is only known when the rows are there. What m remembers goes into the state instead; then facts and keys are
// left to the database's unique indexes.
func lockSetOf(st *State, claims []*claim, m *memory, lane int) *lockSet {
	ls := &lockSet{
		wanted: make(map[uuid.UUID]bool, 4*len(claims)), counted: make(map[counterKey]bool, 4*len(claims)),
		state: st, memory: m, lane: lane,
	}
	for _, id := range [...]uuid.UUID{st.drawFees.Income, st.drawFees.Tax} {
		if id != uuid.Nil {
			ls.addAccount(id)
		}
	}
	for _, k := range claims {
		c := k.command
		if c.Check != nil {
			ls.credentials.UUID(c.Check.Subject)
		}
		ls.dated = ls.dated || c.ValueDate != ""
		ls.addAccounts(c)
		if m == nil {
			ls.keys.Bytes(k.digest[:])
			ls.addFacts(c)
		}
		for _, count := range c.Counters {
			ls.addCounter(st.counterKey(count))
		}
	}
	return ls
}

func (ls *lockSet) addAccounts(c *Command) {
	for _, l := range c.Lines {
		ls.addAccount(l.Account)
	}
	for _, guard := range c.Tiers {
		ls.addAccount(guard.Account)
	}
	for _, m := range c.Holds {
		if m.Action != Place {
			ls.holds.UUID(m.ID)
			continue
		}
		ls.addAccount(m.Hold.Account)
		if m.Hold.Kind == WithdrawalCode {
			ls.placing.UUID(m.Hold.Account)
		}
	}
}

func (ls *lockSet) addAccount(id uuid.UUID) {
	if ls.wanted[id] {
		return
	}
	ls.wanted[id] = true
	if ls.memory == nil || !ls.memory.account(ls.state, id, ls.lane) {
		ls.accounts.UUID(id)
	}
}

func (ls *lockSet) addFacts(c *Command) {
	if c.Change != nil {
		ls.changes.UUID(c.Change.ID)
	}
	if c.Reverses != uuid.Nil {
		ls.reversed.UUID(c.Reverses)
	}
	if c.Transaction == nil {
		return
	}
	if c.Transaction.Intent != uuid.Nil {
		ls.intents.UUID(c.Transaction.Intent)
	}
	if ref := referenceOf(c); ref.reference != "" {
		ls.refClients.UUID(ref.client)
		ls.refTexts.Text(ref.reference)
		ls.references = append(ls.references, ref)
	}
}

func (ls *lockSet) addCounter(k counterKey) {
	if k.rule == "" || ls.counted[k] {
		return
	}
	ls.counted[k] = true
	if ls.memory != nil && ls.memory.counter(ls.state, k) {
		return
	}
	ls.subjects.UUID(k.subject)
	ls.starts.Date(string(k.start))
	ls.windows.Int(int64(k.window))
	ls.rules.Text(k.rule)
	ls.counters = append(ls.counters, k)
}

// usual tells that there is no hold, no change, no reversal and no day, which most groups have none of.
func (ls *lockSet) usual() bool {
	return ls.holds.Empty() && ls.placing.Empty() && ls.changes.Empty() && ls.reversed.Empty() && !ls.dated
}

// secretsOnly tells that nothing but credentials is to be looked for: all else is remembered.
func (ls *lockSet) secretsOnly() bool {
	return ls.usual() && ls.accounts.Empty() && ls.subjects.Empty() && ls.keys.Empty()
}

// empty tells that there is nothing to look for.
func (ls *lockSet) empty() bool { return ls.secretsOnly() && ls.credentials.Empty() }

// usualArgs and wholeArgs append the arguments of the two forms of a look.
func (ls *lockSet) usualArgs(args []any, lane int) []any {
	return append(args, ls.credentials.Array(), ls.accounts.Array(), lane, ls.subjects.Array(), ls.starts.Array(),
		ls.windows.Array(), ls.rules.Array(), ls.intents.Array(), ls.refClients.Array(), ls.refTexts.Array(), ls.keys.Array())
}

func (ls *lockSet) wholeArgs(args []any, lane int) []any {
	return append(ls.usualArgs(args, lane),
		ls.holds.Array(), ls.placing.Array(), ls.changes.Array(), ls.reversed.Array(), ls.dated)
}

// missing is the lock set of the accounts that a first look did not find: mostly those of the house that have no row
// in this lane yet. Nil when nothing is missing.
func (ls *lockSet) missing(st *State) *lockSet {
	var rest *lockSet
	for id := range ls.wanted {
		if st.accounts[id] != nil {
			continue
		}
		if rest == nil {
			rest = &lockSet{wanted: map[uuid.UUID]bool{}}
		}
		rest.addAccount(id)
	}
	return rest
}

// fill puts the rows into the sight. The claims are in the order of the lock set's keys.
func (ls *lockSet) fill(s *sight, claims []*claim, rows *groupRows) error {
	st := s.state
	r := sql.NewRowReader(rows.Balances)
	for r.Line() {
		st.addBalance(r)
	}
	for r.Next(rows.Holds); r.Line(); {
		st.addHold(r)
	}
	for r.Next(rows.Changes); r.Line(); {
		id := r.UUID()
		st.changes[id] = transactions.Status(r.Word())
		st.receipts[id] = r.Word()
	}
	for _, k := range ls.counters {
		st.counters[k] = &counter{counterKey: k, fresh: true}
	}
	for r.Next(rows.Counters); r.Line(); {
		c := st.counters[ls.counters[r.Number()-1]]
		c.used, c.fresh = r.Number(), false
		c.read = c.used
	}
	for r.Next(rows.Intents); r.Line(); {
		st.intents[r.UUID()] = true
	}
	for r.Next(rows.References); r.Line(); {
		st.references[ls.references[r.Number()-1]] = true
	}
	for r.Next(rows.Reversed); r.Line(); {
		st.reversed[r.UUID()] = true
	}
	st.closedThrough = max(st.closedThrough, clock.Day(rows.ClosedThrough))
	for r.Next(rows.Keys); r.Line(); {
		if s.stored == nil {
			s.stored = map[*claim]keyRow{}
		}
		k := claims[r.Small()-1]
		s.stored[k] = readKey(r)
	}
	return r.Err()
}
