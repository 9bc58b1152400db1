package ledger

import (
	"fmt"
	"sync"

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
}

// partsWith are all parts in their order. Keys come first: where two nodes run a command at once, that is what the
// second one stumbles over, and not over what its first run wrote. Holds are changed before new ones are written,
// because a wallet may get a new code in the group in which its old one ends. The lane comes last: it is the fence.
func partsWith(credentials Credentials) []part {
	return []part{
		{query: queries.Get("store_keys"), rows: func(g *groupColumns) rowSource { return &g.keys }},
		{
			query: credentials.SaveQuery(), exact: true,
			rows: func(g *groupColumns) rowSource { return &g.credentials },
		},
		{query: queries.Get("write_balances"), exact: true, rows: func(g *groupColumns) rowSource { return g.balances }},
		{query: queries.Get("write_postings"), rows: func(g *groupColumns) rowSource { return &g.postings }},
		{query: queries.Get("write_entries"), rows: func(g *groupColumns) rowSource { return g.entries }},
		{
			query: queries.Get("change_holds"), exact: true,
			rows: func(g *groupColumns) rowSource { return &g.changedHolds },
		},
		{query: queries.Get("write_holds"), rows: func(g *groupColumns) rowSource { return g.holds }},
		{query: queries.Get("make_counters"), rows: func(g *groupColumns) rowSource { return g.newCounters }},
		{query: queries.Get("write_counters"), exact: true, rows: func(g *groupColumns) rowSource { return g.counters }},
		{query: transactions.Insert(), rows: func(g *groupColumns) rowSource { return g.transactions }},
		{
			query: transactions.ChangeStatus(), exact: true,
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

func newShape(name string, parts []part) *shape {
	combined := make([]sql.Part, len(parts))
	for i, p := range parts {
		combined[i] = sql.Part{Query: p.query, Exact: p.exact}
	}
	return &shape{query: sql.Combine(name, combined...), parts: parts}
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

// statements are the forms in which groups read and write. They are safe for concurrent use.
type statements struct {
	// parts are all that a group may write, whole is the form with all of them, and shapes are those that were needed so
	// far, by their parts.
	parts  []part
	whole  *shape
	shapes *sync.Map
	// locking locks what it reads, credentials first; reading locks nothing, and stores promises.
	locking, reading looks
}

// looks read what a group decides by; usual is without holds, changes of transactions and reversals, and secrets reads
// credentials alone.
type looks struct {
	usual, whole, secrets sql.Query
	// promising ones have promises before their own arguments.
	promising bool
}

func newStatements(credentials Credentials) statements {
	secrets := credentials.LockQuery()
	locking := looks{
		usual:   sql.Beside("ledger.lock_usual_group", secrets, queries.Get("lock_usual_state")),
		whole:   sql.Beside("ledger.lock_group", secrets, queries.Get("lock_state")),
		secrets: secrets,
	}
	reading := func(name string, look sql.Query) sql.Query {
		return sql.Writing(name, transactions.Promising(), sql.Unlocked(look))
	}
	parts := partsWith(credentials)
	return statements{
		parts: parts, whole: newShape("ledger.write_group", parts), shapes: new(sync.Map), locking: locking,
		reading: looks{
			usual:     reading("ledger.read_usual_group", locking.usual),
			whole:     reading("ledger.read_group", locking.whole),
			secrets:   reading("ledger.read_secrets", secrets),
			promising: true,
		},
	}
}

// shapeFor is the form that has a part for everything in g, and no other: each part costs PostgreSQL something, rows or
// none.
func (s *statements) shapeFor(g *groupColumns) *shape {
	needed := uint32(0)
	for i := range s.parts {
		if s.parts[i].rows(g).Rows() > 0 {
			needed |= 1 << i
		}
	}
	if made, found := s.shapes.Load(needed); found {
		return made.(*shape) //nolint:forcetypeassert // it holds nothing else
	}
	return s.shape(needed)
}

// shape makes the form of the parts whose bits are set.
func (s *statements) shape(needed uint32) *shape {
	var parts []part
	for i := range s.parts {
		if needed&(1<<i) != 0 {
			parts = append(parts, s.parts[i])
		}
	}
	made := newShape(fmt.Sprintf("ledger.write_%x", needed), parts)
	s.shapes.Store(needed, made)
	return made
}

// hot are the statements that every writer runs: its connection has them prepared from the start. What a group writes is
// prepared when a group of its shape first comes.
func (s *statements) hot() []sql.Query {
	return []sql.Query{
		s.whole.query, s.locking.usual, s.locking.whole, s.reading.usual, s.reading.whole,
		s.reading.secrets, queries.Get("keys_used"), queries.Get("add_lane_balances"), queries.Get("lock_timeout"), transactions.Promising(),
	}
}
