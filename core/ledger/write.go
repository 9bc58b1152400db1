package ledger

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"nova/core/outbox"
	"nova/core/transactions"
	"nova/sql"
)

// groupColumns are the array arguments of what a group writes, a table or part each. They are used again and again:
// a group's worth of rows is large, and made anew it would be most of the garbage.
type groupColumns struct {
	balances, postings, entries, changedHolds, holds, counters, keys sql.Columns

	transactions *transactions.InsertColumns
	changes      *transactions.ChangeColumns
	notices      *outbox.InsertColumns
	promises     *transactions.PromiseColumns
	args         []any
}

var columnsPool = sync.Pool{New: func() any {
	return &groupColumns{
		balances: make(sql.Columns, 6), postings: make(sql.Columns, 8), entries: make(sql.Columns, 9),
		changedHolds: make(sql.Columns, 4), holds: make(sql.Columns, 15), counters: make(sql.Columns, 5),
		keys:         make(sql.Columns, 4),
		transactions: transactions.NewInsertColumns(), changes: transactions.NewChangeColumns(),
		notices: outbox.NewInsertColumns(), promises: transactions.NewPromiseColumns(),
	}
}}

func (g *groupColumns) reset() {
	for _, columns := range [...]sql.Columns{
		g.balances, g.postings, g.entries, g.changedHolds, g.holds, g.counters, g.keys,
	} {
		columns.Reset()
	}
	g.transactions.Reset()
	g.changes.Reset()
	g.notices.Reset()
	g.promises.Reset()
	clear(g.args)
	g.args = g.args[:0]
}

// fill takes in what the group decided.
func (g *groupColumns) fill(st *State, outcomes []*claim, promises []*transactions.Promise) error {
	w := &st.written
	g.fillBalances(w.accounts)
	g.fillPostings(w.postings)
	g.fillEntries(w.entries)
	if err := g.fillHolds(w.holds); err != nil {
		return err
	}
	g.fillCounters(w.counters)
	for i := range w.transactions {
		g.transactions.Add(&w.transactions[i])
	}
	for i := range w.changes {
		g.changes.Add(&w.changes[i])
	}
	for i := range w.notices {
		if err := g.notices.Add(&w.notices[i], st.now); err != nil {
			return err
		}
	}
	for _, p := range promises {
		g.promises.Add(p)
	}
	return g.fillKeys(outcomes)
}

// arguments are those of the shape's parts, in order.
func (g *groupColumns) arguments(s *shape, ln *lane, now time.Time) []any {
	args := g.keys.AppendTo(append(g.args, now))
	args = g.balances.AppendTo(args)
	args = append(args, ln.seal, ln.id)
	args = g.postings.AppendTo(args)
	args = g.entries.AppendTo(args)
	if s.whole {
		args = g.changedHolds.AppendTo(args)
		args = g.holds.AppendTo(args)
	}
	args = g.counters.AppendTo(args)
	args = g.transactions.AppendTo(args)
	if s.whole {
		args = g.changes.AppendTo(args)
	}
	args = g.notices.AppendTo(args)
	args = g.promises.AppendTo(args)
	g.args = append(args, ln.id, ln.epoch, ln.groups, ln.seal, ln.receiptNext, ln.lease.Microseconds())
	return g.args
}

func (g *groupColumns) fillBalances(accounts []*account) {
	c := g.balances
	for _, a := range accounts {
		c[0].UUID(a.id)
		c[1].Int(int64(a.lane))
		c[2].Int(a.posted)
		c[3].Int(a.held)
		c[4].Int(a.sequence)
		c[5].Time(a.bookedAt)
	}
}

func (g *groupColumns) fillPostings(postings []posting) {
	c := g.postings
	for place, p := range postings {
		c[0].UUID(p.id)
		c[1].UUID(p.reverses)
		c[2].Time(p.bookedAt)
		c[3].Date(string(p.valueDate))
		c[4].Int(int64(place))
		c[5].Text(string(p.currency))
		c[6].Text(p.narration)
		c[7].Text(p.reference)
	}
}

func (g *groupColumns) fillEntries(entries []Entry) {
	c := g.entries
	line := int64(0)
	for i, e := range entries {
		if i > 0 && entries[i-1].Posting != e.Posting {
			line = 0
		}
		c[0].UUID(e.Account)
		c[1].UUID(e.Posting)
		c[2].Int(e.Sequence)
		c[3].Int(e.Minor)
		c[4].Int(e.BalanceAfter)
		c[5].Time(e.BookedAt)
		c[6].Int(int64(e.Lane))
		c[7].Int(line)
		c[8].Bool(e.Side == Credit)
		line++
	}
}

func (g *groupColumns) fillHolds(holds []*hold) error {
	for _, h := range holds {
		if !h.fresh {
			c := g.changedHolds
			c[0].UUID(h.ID)
			c[1].Int(h.Captured)
			c[2].Text(string(h.Status))
			c[3].Int(int64(h.Tries))
			continue
		}
		metadata, err := metadataText(h.Metadata)
		if err != nil {
			return err
		}
		c := g.holds
		c[0].UUID(h.ID)
		c[1].UUID(h.Account)
		c[2].Int(h.Minor)
		c[3].Int(h.Captured)
		c[4].Int(h.Fee)
		c[5].Time(h.CreatedAt)
		c[6].Time(h.ExpiresAt)
		c[7].Int(int64(h.version))
		c[8].Int(int64(h.Tries))
		c[9].Text(string(h.Kind))
		c[10].Text(string(h.Status))
		c[11].Bytes(h.codeHash)
		c[12].Bytes(h.CodeSealed)
		c[13].Text(h.Reason)
		c[14].Text(metadata)
	}
	return nil
}

func (g *groupColumns) fillCounters(counters []*counter) {
	c := g.counters
	for _, k := range counters {
		c[0].UUID(k.subject)
		c[1].Date(string(k.start))
		c[2].Int(int64(k.window))
		c[3].Text(k.rule)
		c[4].Int(k.used)
	}
}

// fillKeys stores the outcomes that are to be kept under their keys.
func (g *groupColumns) fillKeys(outcomes []*claim) error {
	for _, k := range outcomes {
		if !k.stored {
			continue
		}
		text, err := k.text()
		if err != nil {
			return err
		}
		c := g.keys
		c[0].Bytes(k.digest[:])
		c[1].Bytes(k.command.Body[:])
		c[2].Text(string(text.Code))
		c[3].Text(text.Result)
	}
	return nil
}

func metadataText(metadata map[string]string) (string, error) {
	if len(metadata) == 0 {
		return "{}", nil
	}
	text, err := json.Marshal(metadata)
	if err != nil {
		return "", fmt.Errorf("encode metadata: %w", err)
	}
	return string(text), nil
}
