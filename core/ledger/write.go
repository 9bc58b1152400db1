package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"nova/core/outbox"
	"nova/core/transactions"
	"nova/sql"
)

// groupColumns are the array arguments of what a group writes, a table or part each. They are used again and again:
// a group's worth of rows is large, and made anew it would be most of the garbage.
type groupColumns struct {
	balances, entries, holds, newCounters, counters sql.Columns

	changedHolds timedColumns
	keys         timedColumns
	seal         Seal
	postings     postingColumns
	credentials  credentialChanges
	lane         *lane
	transactions *transactions.InsertColumns
	changes      *transactions.ChangeColumns
	notices      *outbox.InsertColumns
	counts       sql.Column
	args         []any
}

// timedColumns are rows that are all written at one time.
type timedColumns struct {
	sql.Columns
	at time.Time
}

func (t *timedColumns) AppendTo(args []any) []any { return t.Columns.AppendTo(append(args, t.at)) }

// postingColumns are postings of one lane and seal.
type postingColumns struct {
	sql.Columns
	lane *lane
}

func (p *postingColumns) AppendTo(args []any) []any {
	return p.Columns.AppendTo(append(args, p.lane.seal, p.lane.id))
}

// credentialChanges are what LockedCredentials.Changes gave.
type credentialChanges struct {
	args []any
	rows int
}

func (c *credentialChanges) AppendTo(args []any) []any { return append(args, c.args...) }
func (c *credentialChanges) Rows() int                 { return c.rows }

var columnsPool = sync.Pool{New: func() any {
	return &groupColumns{
		balances: make(sql.Columns, 11), entries: make(sql.Columns, 9),
		holds: make(sql.Columns, 15), newCounters: make(sql.Columns, 5), counters: make(sql.Columns, 6),
		changedHolds: timedColumns{Columns: make(sql.Columns, 5)}, keys: timedColumns{Columns: make(sql.Columns, 4)},
		postings:     postingColumns{Columns: make(sql.Columns, 9)},
		transactions: transactions.NewInsertColumns(), changes: transactions.NewChangeColumns(),
		notices: outbox.NewInsertColumns(),
	}
}}

// release empties the columns and gives them back.
func (g *groupColumns) release() {
	for _, columns := range [...]sql.Columns{
		g.balances, g.entries, g.changedHolds.Columns, g.holds, g.newCounters, g.counters, g.keys.Columns, g.postings.Columns,
	} {
		columns.Reset()
	}
	g.transactions.Reset()
	g.changes.Reset()
	g.notices.Reset()
	g.counts.Reset()
	g.credentials = credentialChanges{}
	g.lane, g.postings.lane = nil, nil
	clear(g.args)
	g.args = g.args[:0]
	columnsPool.Put(g)
}

// fill takes in what the group decided, its seal, and the lane as it stands once that is committed.
func (g *groupColumns) fill(s *sight, after *lane, seal Seal, outcomes []*claim) error {
	w := &s.state.written
	g.lane, g.postings.lane, g.seal = after, after, seal
	g.keys.at, g.changedHolds.at = s.state.now, s.state.now
	if s.credentials != nil {
		g.credentials.args, g.credentials.rows = s.credentials.Changes()
	}
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
		if err := g.notices.Add(&w.notices[i], s.state.now); err != nil {
			return err
		}
	}
	return g.fillKeys(outcomes)
}

// The rows of a table are changed in the order in which they are locked, so that groups that lock nothing beforehand do
// not wait for each other in circles.

func (g *groupColumns) fillBalances(accounts []*account) {
	slices.SortFunc(accounts, func(a, b *account) int { return bytes.Compare(a.id[:], b.id[:]) })
	c := g.balances
	for _, a := range accounts {
		c[0].UUID(a.id)
		c[1].Int(int64(a.lane))
		c[2].Int(a.posted)
		c[3].Int(a.held)
		c[4].Int(a.sequence)
		c[5].Time(a.bookedAt)
		c[6].Int(a.read.held)
		c[7].Int(a.read.sequence)
		c[8].Int(int64(a.tier))
		c[9].Text(string(a.status))
		c[10].UUID(a.receivable())
	}
}

func (g *groupColumns) fillPostings(postings []posting) {
	c := g.postings.Columns
	for place, p := range postings {
		c[0].UUID(p.id)
		c[1].UUID(p.reverses)
		c[2].Time(p.bookedAt)
		c[3].Date(string(p.valueDate))
		c[4].Int(int64(place))
		c[5].Text(string(p.currency))
		c[6].Text(p.narration)
		c[7].Text(p.reference)
		c[8].TextOrNull(p.metadata)
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
	slices.SortFunc(holds, func(a, b *hold) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	for _, h := range holds {
		if !h.fresh {
			c := g.changedHolds.Columns
			c[0].UUID(h.ID)
			c[1].Int(h.Captured)
			c[2].Text(string(h.Status))
			c[3].Int(int64(h.Tries))
			c[4].Int(int64(h.readTries))
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
	slices.SortFunc(counters, func(a, b *counter) int { return a.compare(&b.counterKey) })
	for _, k := range counters {
		c := g.counters
		if k.fresh {
			c = g.newCounters
		}
		c[0].UUID(k.subject)
		c[1].Date(string(k.start))
		c[2].Int(int64(k.window))
		c[3].Text(k.rule)
		c[4].Int(k.used)
		if !k.fresh {
			c[5].Int(k.read)
		}
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
		c := g.keys.Columns
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
