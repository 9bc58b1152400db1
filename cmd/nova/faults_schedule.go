package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// strikeKind is what is done to a part of a running Nova.
type strikeKind uint8

const (
	// killNode ends a node as kill -9 does and starts it again after a while.
	killNode strikeKind = iota
	// stallNode stops a node for a while without its noticing.
	stallNode
	// stealLane stalls a node for so long that its lane is another's when it goes on.
	stealLane
	// killPostgres ends the postmaster; it is started again at once, and recovers.
	killPostgres
	// cutBackend ends one connection to the database, cutBackends all.
	cutBackend
	cutBackends
	// killRedis keeps what Redis has written; loseRedis loses it.
	killRedis
	loseRedis
	strikeKinds
)

var strikeNames = [strikeKinds]string{
	"kill node", "stall node", "stall node past its lease", "kill postgres", "cut a database connection",
	"cut all database connections", "kill redis", "kill redis, its data lost",
}

// strike is one fault of a schedule.
type strike struct {
	Kind strikeKind
	// At counts from the begin of the load; For is how long a node stays dead or still.
	At, For time.Duration
	// Node is 0 or 1, for faults of nodes.
	Node int
	// Pick chooses a connection.
	Pick int
}

func (s strike) String() string {
	text := fmt.Sprintf("%6.3f s  %s", s.At.Seconds(), strikeNames[s.Kind])
	if s.ofNode() {
		text += fmt.Sprintf(" %s for %d ms", nodeNames[s.Node], s.For.Milliseconds())
	}
	return text
}

func (s strike) ofNode() bool { return s.Kind <= stealLane }

const (
	// strikeEvery is the mean pause between two faults: a node is just up again when something else breaks.
	strikeEvery = 700 * time.Millisecond
	// calmBefore lets the load begin, calmAfter is the part of it that nothing disturbs.
	calmBefore = 300 * time.Millisecond
	calmAfter  = 300 * time.Millisecond
	// longestDead is how long a killed node stays away, longestStill how long one is stalled: some gateways have
	// given up by then, some wait still.
	longestDead  = 900 * time.Millisecond
	longestStill = 2500 * time.Millisecond
	shortest     = 50 * time.Millisecond
	// leaseEnds is when a stalled node's lease is surely over.
	leaseEnds = 300 * time.Millisecond
)

// schedule draws the faults of a seed: each kind once before any comes again, in an order and at times of the seed's
// own. The same seed and time give the same schedule for ever.
func schedule(seed uint64, long time.Duration) []strike {
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // replayable on purpose
	span := long - calmBefore - calmAfter
	var all []strike
	for len(all) < int(span/strikeEvery) {
		for _, kind := range r.Perm(int(strikeKinds)) {
			s := strike{
				Kind: strikeKind(kind), Node: r.IntN(len(nodeNames)), Pick: r.IntN(1 << 10),
				At:  calmBefore + time.Duration(r.Int64N(int64(span))),
				For: shortest + time.Duration(r.Int64N(int64(longestDead))),
			}
			if s.Kind == stallNode || s.Kind == stealLane {
				s.For = 2*leaseEnds + time.Duration(r.Int64N(int64(longestStill)))
			}
			all = append(all, s)
		}
	}
	all = all[:int(span/strikeEvery)]
	for _, s := range all {
		if s.Kind == stealLane {
			// A lane is taken by a writer that starts.
			all = append(all, strike{Kind: killNode, Node: 1 - s.Node, At: s.At + leaseEnds, For: shortest})
		}
	}
	slices.SortStableFunc(all, func(a, b strike) int { return cmp.Compare(a.At, b.At) })
	return all
}
