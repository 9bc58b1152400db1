package ledger

import "time"

const (
	// postingLane is PostIn's lane. Floored accounts have their one row in it, too.
	postingLane = 0
	// leaseTime is how long a lane stays with a writer that is not heard of. It only delays the reuse of the lane:
	// the epoch is what keeps two writers apart.
	leaseTime = 15 * time.Second
	// receiptBlock is how many receipt numbers a lane takes at once: a thousandth of them is lost with a block's end,
	// and other nodes wait for the blocks' row that rarely.
	receiptBlock = 100_000
)

// lane is a writer's own row of running numbers, as of its last commit.
type lane struct {
	id                  int
	epoch, groups, seal int64
	// sealed is the last seal that has its row, head that row's hash.
	sealed                  int64
	head                    []byte
	receiptNext, receiptEnd int64
	// lease is how long the group's commit renews the lease; 0 for lane 0, which nobody leases.
	lease time.Duration
}

// AppendTo and Rows make the lane a part of what a group writes.
func (ln *lane) AppendTo(args []any) []any {
	return append(args, ln.id, ln.epoch, ln.groups, ln.seal, ln.receiptNext, ln.lease.Microseconds(), ln.head)
}

// Rows is the one row.
func (*lane) Rows() int { return 1 }

// after is the lane once the state's group is committed, and the group's seal.
func (ln *lane) after(st *State) (*lane, Seal) {
	next := *ln
	next.groups++
	next.receiptNext = int64(st.receiptNext) //nolint:gosec // receipt numbers stay far below 2^63
	leaves := st.leaves()
	if len(leaves) == 0 {
		return &next, Seal{}
	}
	next.seal++
	s := newSeal(ln.id, next.seal, st.now, leaves, ln.head)
	next.sealed, next.head = s.Number, s.Hash[:]
	for place := range st.written.postings {
		b := st.written.postings[place].booked
		b.Lane, b.Seal, b.Place, b.Hash = ln.id, s.Number, place, leaves[place]
	}
	return &next, s
}

// short tells that a full group might run out of receipt numbers.
func (ln *lane) short(most int) bool { return ln.receiptEnd-ln.receiptNext < int64(most) }
