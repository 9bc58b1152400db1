package ledger

import (
	"nova/core/outbox"
	"nova/core/transactions"
	"nova/sql"
)

// queries are the package's statements.
var queries = sql.Named("ledger")

// rowSource gives a part's arguments, and how many rows they stand for.
type rowSource interface {
	AppendTo(args []any) []any
	Rows() int
}

// part is one table's share of what a group writes.
type part struct {
	query sql.Query
	rows  func(g *groupColumns) rowSource
	// exact parts change rows that the group has read: one that is not as it was read fails the whole.
	exact bool
	// rare parts have nothing to write in most groups.
	rare bool
}

// partsWith are all parts in their order. Keys come first: where two nodes run a command at once, that is what the
// second one stumbles over, and not over what its first run wrote. Holds are changed before new ones are written,
// because a wallet may get a new code in the group in which its old one ends. The lane comes last: it is the fence.
func partsWith(credentials Credentials) []part {
	return []part{
		{query: queries.Get("store_keys"), rows: func(g *groupColumns) rowSource { return &g.keys }},
		{
			query: credentials.SaveQuery(), exact: true, rare: true,
			rows: func(g *groupColumns) rowSource { return &g.credentials },
		},
		{query: queries.Get("write_balances"), exact: true, rows: func(g *groupColumns) rowSource { return g.balances }},
		{query: queries.Get("write_postings"), rows: func(g *groupColumns) rowSource { return &g.postings }},
		{query: queries.Get("write_entries"), rows: func(g *groupColumns) rowSource { return g.entries }},
		{
			query: queries.Get("change_holds"), exact: true, rare: true,
			rows: func(g *groupColumns) rowSource { return &g.changedHolds },
		},
		{query: queries.Get("write_holds"), rare: true, rows: func(g *groupColumns) rowSource { return g.holds }},
		{query: queries.Get("make_counters"), rows: func(g *groupColumns) rowSource { return g.newCounters }},
		{query: queries.Get("write_counters"), exact: true, rows: func(g *groupColumns) rowSource { return g.counters }},
		{query: transactions.Insert(), rows: func(g *groupColumns) rowSource { return g.transactions }},
		{
			query: transactions.ChangeStatus(), exact: true, rare: true,
			rows: func(g *groupColumns) rowSource { return g.changes },
		},
		{query: outbox.Insert(), rows: func(g *groupColumns) rowSource { return g.notices }},
		{query: queries.Get("write_seal"), rows: func(g *groupColumns) rowSource { return &g.seal }},
		{query: queries.Get("pass_lane"), exact: true, rows: func(g *groupColumns) rowSource { return g.lane }},
	}
}

// shape is a form of the one statement in which a group writes everything.
type shape struct {
	query sql.Query
	parts []part
}

func newShape(name string, parts []part) shape {
	combined := make([]sql.Part, len(parts))
	for i, p := range parts {
		combined[i] = sql.Part{Query: p.query, Exact: p.exact}
	}
	return shape{query: sql.Combine(name, combined...), parts: parts}
}

// arguments are those of the parts, and how many rows each must touch. They are valid until g is reset.
func (s *shape) arguments(g *groupColumns) []any {
	for i := range s.parts {
		rows := s.parts[i].rows(g)
		g.args = rows.AppendTo(g.args)
		must := 0
		if s.parts[i].exact {
			must = rows.Rows()
		}
		g.counts.Int(int64(must))
	}
	g.args = append(g.args, g.counts.Array())
	return g.args
}

// statements are the forms in which groups read and write.
type statements struct {
	// usual and whole write; usual is without the rare parts.
	usual, whole shape
	// locking locks what it reads, credentials first; reading locks nothing, and stores promises.
	locking, reading looks
}

// looks read what a group decides by; usual is without holds, changes of transactions and reversals.
type looks struct{ usual, whole sql.Query }

func newStatements(credentials Credentials) statements {
	whole := partsWith(credentials)
	var usual []part
	for _, p := range whole {
		if !p.rare {
			usual = append(usual, p)
		}
	}
	locking := looks{
		usual: sql.Beside("ledger.lock_usual_group", credentials.LockQuery(), queries.Get("lock_usual_state")),
		whole: sql.Beside("ledger.lock_group", credentials.LockQuery(), queries.Get("lock_state")),
	}
	return statements{
		usual: newShape("ledger.write_usual_group", usual), whole: newShape("ledger.write_group", whole),
		locking: locking,
		reading: looks{
			usual: sql.Writing("ledger.read_usual_group", transactions.Promising(), sql.Unlocked(locking.usual)),
			whole: sql.Writing("ledger.read_group", transactions.Promising(), sql.Unlocked(locking.whole)),
		},
	}
}

// shapeFor is the form that has a part for everything in g.
func (s *statements) shapeFor(g *groupColumns) *shape {
	for i := range s.whole.parts {
		if p := &s.whole.parts[i]; p.rare && p.rows(g).Rows() > 0 {
			return &s.whole
		}
	}
	return &s.usual
}

// hot are the statements that a group runs: the writer's connection has them prepared.
func (s *statements) hot() []sql.Query {
	return []sql.Query{
		s.usual.query, s.whole.query, s.locking.usual, s.locking.whole, s.reading.usual, s.reading.whole,
		queries.Get("add_lane_balances"), queries.Get("lock_timeout"), transactions.Promising(),
	}
}
