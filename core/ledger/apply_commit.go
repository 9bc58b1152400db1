package ledger

import (
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/transactions"
)

// commit makes the plan true: every check has passed, and nothing here can fail.
func (p *plan) commit() Result {
	at := p.bookedAt()
	result := Result{BookedAt: at, Draws: p.draws, Extra: p.c.Extra}
	if len(p.c.Lines) > 0 {
		result.Posting = p.c.Posting
		p.post(at)
	}
	for _, m := range p.moves {
		if p.move(m) {
			result.Holds = append(result.Holds, m.hold.ID)
		}
	}
	for _, count := range p.counts {
		if count.counter.used != count.used {
			count.counter.used = count.used
			p.st.touchCounter(count.counter)
		}
	}
	p.record(&result, at)
	p.stamp(&result)
	p.balances(&result)
	p.st.notify(p.c.Notices, &result)
	return result
}

// post writes the entries and the touched balances.
func (p *plan) post(at time.Time) {
	st, c := p.st, p.c
	valueDate := c.ValueDate
	if valueDate == "" {
		valueDate = clock.DayOf(at, st.location)
	}
	st.written.postings = append(st.written.postings, posting{
		id: c.Posting, reverses: c.Reverses, bookedAt: at, valueDate: valueDate, currency: c.Currency,
		narration: c.Narration, reference: c.Reference, metadata: p.metadata,
	})
	if c.Reverses != uuid.Nil {
		st.reversed[c.Reverses] = true
	}
	for _, l := range p.lines {
		a := st.accounts[l.Account]
		if l.Side == a.normal {
			a.posted += l.Minor
		} else {
			a.posted -= l.Minor
		}
		a.sequence++
		a.bookedAt = at
		st.touchAccount(a)
		st.written.entries = append(st.written.entries, Entry{
			Account: a.id, Posting: c.Posting, Lane: a.lane, Sequence: a.sequence, Side: l.Side, Minor: l.Minor,
			BalanceAfter: a.posted, BookedAt: at,
		})
	}
}

// move carries out one hold's plan, and tells whether it placed a new one.
func (p *plan) move(m holdPlan) (placed bool) {
	st, h := p.st, m.hold
	if !h.fresh || m.status != HoldActive {
		st.endHold(h, m.status, m.captured)
		return false
	}
	a := st.accounts[h.Account]
	a.held += h.Minor
	st.touchAccount(a)
	st.holds[h.ID] = h
	if h.Kind == WithdrawalCode {
		st.liveCodes[h.Account] = h.ID
	}
	st.touchHold(h)
	return true
}

// record writes the transaction, the change of status and the notices.
func (p *plan) record(result *Result, at time.Time) {
	st, c := p.st, p.c
	if c.Transaction != nil {
		t := *c.Transaction
		t.Receipt = st.takeReceipt()
		t.CreatedAt = orTime(t.CreatedAt, st.now)
		if len(c.Lines) > 0 {
			t.PostedAt = at
		}
		if t.Intent != uuid.Nil {
			st.intents[t.Intent] = true
		}
		if ref := referenceOf(c); ref.reference != "" {
			st.references[ref] = true
		}
		st.changes[t.ID], st.receipts[t.ID] = t.Status, t.Receipt
		st.written.transactions = append(st.written.transactions, t)
		result.Transaction, result.Receipt = t.ID, t.Receipt
	}
	if c.Change != nil {
		ch := *c.Change
		if len(c.Lines) > 0 && c.Transaction == nil {
			ch.PostedAt = at
		}
		st.change(ch)
		if c.Transaction == nil {
			result.Transaction = ch.ID
		}
	}
}

// stamp gives the posting the receipt of the transaction that it books, so that its hash covers both, and the result the
// posting.
func (p *plan) stamp(result *Result) {
	if len(p.c.Lines) == 0 {
		return
	}
	w := &p.st.written
	row := &w.postings[len(w.postings)-1]
	row.receipt = p.st.receipts[p.c.books()]
	entries := w.entries[len(w.entries)-len(p.lines):]
	row.booked = &Posting{
		ID: row.id, Reverses: row.reverses, BookedAt: row.bookedAt, ValueDate: row.valueDate, Currency: row.currency,
		Narration: row.narration, Reference: row.reference, Metadata: p.c.Metadata, Entries: entries[:len(entries):len(entries)],
		metadata: row.metadata,
	}
	result.Booked = row.booked
}

// change notes a change of status. A transaction is written once a group: a change of what this group inserted or
// changed before goes into that row.
func (st *State) change(ch transactions.Change) {
	st.changes[ch.ID] = ch.To
	for i := range st.written.transactions {
		if t := &st.written.transactions[i]; t.ID == ch.ID {
			t.Status, t.PostedAt = ch.To, orTime(ch.PostedAt, t.PostedAt)
			t.ReversedBy = orID(ch.ReversedBy, t.ReversedBy)
			return
		}
	}
	for i := range st.written.changes {
		if before := &st.written.changes[i]; before.ID == ch.ID {
			before.To, before.PostedAt = ch.To, orTime(ch.PostedAt, before.PostedAt)
			before.ReversedBy = orID(ch.ReversedBy, before.ReversedBy)
			return
		}
	}
	st.written.changes = append(st.written.changes, ch)
}

// balances tells what people's accounts have after the command.
func (p *plan) balances(result *Result) {
	for _, t := range p.touches {
		if t.account.floor == nil {
			continue
		}
		if result.Balances == nil {
			result.Balances = make(map[uuid.UUID]int64, len(p.touches))
			result.Available = make(map[uuid.UUID]int64, len(p.touches))
		}
		result.Balances[t.account.id] = t.account.posted
		result.Available[t.account.id] = t.account.available()
	}
}

func orTime(t, other time.Time) time.Time {
	if t.IsZero() {
		return other
	}
	return t
}

func orID(id, other uuid.UUID) uuid.UUID {
	if id == uuid.Nil {
		return other
	}
	return id
}
