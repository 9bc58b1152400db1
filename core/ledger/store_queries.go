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

// The two shapes. Holds are changed before new ones are written, because a wallet may get a new code in the group in
// which its old one ends.
var (
	wholeShape = shape{
		query: sql.Combine("ledger.write_group",
			queries.Get("write_balances"), queries.Get("write_postings"), queries.Get("write_entries"),
			queries.Get("change_holds"), queries.Get("write_holds"), queries.Get("write_counters"),
			transactions.Insert(), transactions.ChangeStatus(), outbox.Insert(),
			queries.Get("settle_keys"), queries.Get("drop_keys"), queries.Get("pass_lane")),
		whole: true, balances: 0, counters: 5, changes: 7, lane: 11,
	}
	usualShape = shape{
		query: sql.Combine("ledger.write_usual_group",
			queries.Get("write_balances"), queries.Get("write_postings"), queries.Get("write_entries"),
			queries.Get("write_counters"), transactions.Insert(), outbox.Insert(),
			queries.Get("settle_keys"), queries.Get("drop_keys"), queries.Get("pass_lane")),
		balances: 0, counters: 3, changes: -1, lane: 8,
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
		queries.Get("claim_keys"), queries.Get("stored_keys"), queries.Get("lock_state"),
		queries.Get("lock_usual_state"), queries.Get("add_lane_balances"), queries.Get("add_counters"),
		queries.Get("lock_timeout"), wholeShape.query, usualShape.query,
	}
}
