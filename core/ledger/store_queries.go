package ledger

import (
	"nova/core/outbox"
	"nova/core/transactions"
	"nova/sql"
)

// queries are the package's statements.
var queries = sql.Named("ledger")

// shape is a form of the one statement in which a group writes everything.
type shape struct {
	query sql.Query
	// whole has the parts for holds and for changes of transactions, which most groups do without.
	whole bool
	// counted are the parts whose number of rows matters, by their place in the statement.
	balances, counters, changes, lane int
}

// The two shapes. Keys come first: where two nodes run a command at once, that is what the second one stumbles over,
// and not over what its first run wrote. Holds are changed before new ones are written, because a wallet may get a new code in the group in
// which its old one ends.
var (
	wholeShape = shape{
		query: sql.Combine("ledger.write_group",
			queries.Get("store_keys"), queries.Get("write_balances"), queries.Get("write_postings"),
			queries.Get("write_entries"), queries.Get("change_holds"), queries.Get("write_holds"),
			queries.Get("write_counters"), transactions.Insert(), transactions.ChangeStatus(), outbox.Insert(),
			transactions.Promising(), queries.Get("pass_lane")),
		whole: true, balances: 1, counters: 6, changes: 8, lane: 11,
	}
	usualShape = shape{
		query: sql.Combine("ledger.write_usual_group",
			queries.Get("store_keys"), queries.Get("write_balances"), queries.Get("write_postings"),
			queries.Get("write_entries"), queries.Get("write_counters"), transactions.Insert(), outbox.Insert(),
			transactions.Promising(), queries.Get("pass_lane")),
		balances: 1, counters: 4, changes: -1, lane: 8,
	}
)

func shapeFor(w *written) *shape {
	if len(w.holds) > 0 || len(w.changes) > 0 {
		return &wholeShape
	}
	return &usualShape
}

// hotQueries are what a group runs: the writer's connection has them prepared.
func hotQueries() []sql.Query {
	return []sql.Query{
		queries.Get("add_lane_balances"), queries.Get("add_counters"),
		queries.Get("lock_timeout"), wholeShape.query, usualShape.query,
		transactions.Promising(),
	}
}
