package ledger

import (
	"nova/core/outbox"
	"nova/core/transactions"
	"nova/sql"
)

// queries are the package's statements.
var queries = sql.Named("ledger")

// The parts of writeGroup, in the order in which their counts come back. Holds are changed before new ones are
// written, because a wallet may get a new code in the group in which its old one ends.
const (
	partBalances = iota
	partPostings
	partEntries
	partChangedHolds
	partHolds
	partCounters
	partTransactions
	partChanges
	partNotices
	partSettled
	partDropped
	partLane
	parts
)

// writeGroup is everything that a group writes, in one round trip.
var writeGroup = sql.Combine("ledger.write_group",
	queries.Get("write_balances"), queries.Get("write_postings"), queries.Get("write_entries"),
	queries.Get("change_holds"), queries.Get("write_holds"), queries.Get("write_counters"),
	transactions.Insert(), transactions.ChangeStatus(), outbox.Insert(),
	queries.Get("settle_keys"), queries.Get("drop_keys"), queries.Get("pass_lane"))

// hotQueries are what a group runs: the writer's connection has them prepared.
func hotQueries() []sql.Query {
	return []sql.Query{
		queries.Get("claim_keys"), queries.Get("stored_keys"), queries.Get("lock_state"),
		queries.Get("add_lane_balances"), queries.Get("add_counters"), queries.Get("lock_timeout"), writeGroup,
	}
}
