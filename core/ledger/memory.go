package ledger

import (
	"slices"
	"sync"

	"github.com/google/uuid"
)

// How much a writer remembers. A generation is full with so many rows; two are kept, a few dozen megabytes in all.
const (
	accountsRemembered = 50_000
	countersRemembered = 100_000
	keysRemembered     = 50_000
	// lanedRemembered bounds the accounts of which it is known that they have a row for each lane: the house's few, and what
	// clients opened. Beyond it they are learned anew.
	lanedRemembered = 100_000
)

// memory is what a writer's own groups left behind: rows as its last write made them or its last look found them. With
// it most groups need no look.
//
// Others may have changed a row since. That does no harm, because nothing is believed of a row but what the write proves:
// a command that would be refused is looked for after all, and one that is accepted changes every row that it was
// decided by, and so fails with the group if a row is no longer as it was remembered. What cannot be proved like that is
// not remembered: accounts with an overdraft line, holds, facts and days. Keys, intents and references are unique
// in the database, which refuses a second use; that a key was used lately is remembered to spare the group that.
type memory struct {
	mu       sync.Mutex
	accounts generations[place, account]
	counters generations[counterKey, int64]
	keys     generations[[32]byte, struct{}]
	// news are accounts of which it was just learned that they have a row for each lane; known are all of those.
	news  []uuid.UUID
	known map[uuid.UUID]bool
}

// place is where an account's row stands: the house's accounts have one for each lane.
type place struct {
	account uuid.UUID
	lane    int
}

func newMemory() *memory {
	return &memory{
		accounts: newGenerations[place, account](accountsRemembered),
		counters: newGenerations[counterKey, int64](countersRemembered),
		keys:     newGenerations[[32]byte, struct{}](keysRemembered),
		known:    map[uuid.UUID]bool{},
	}
}

// keep remembers what a group saw and wrote.
func (m *memory) keep(s *sight, claims []*claim) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, a := range s.state.accounts {
		if a.floor == nil && !m.known[id] {
			if len(m.known) >= lanedRemembered {
				clear(m.known)
			}
			m.known[id] = true
			m.news = append(m.news, id)
		}
		at := place{id, a.lane}
		if a.line != nil {
			m.accounts.drop(at)
			continue
		}
		row := *a
		row.dirty = false
		row.read.held, row.read.sequence = a.held, a.sequence
		m.accounts.put(at, row)
	}
	for key, c := range s.state.counters {
		if !c.fresh || c.dirty {
			m.counters.put(key, c.used)
		}
	}
	for _, k := range claims {
		m.keys.put(k.digest, struct{}{})
	}
}

// laned are accounts of which it was learned since the last call that they have a row for each lane.
func (m *memory) laned() []uuid.UUID {
	m.mu.Lock()
	defer m.mu.Unlock()
	news := m.news
	m.news = nil
	return news
}

// forget drops what commands touch, in a lane: it may be other than remembered.
func (m *memory) forget(lane int, group []*request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range group {
		c := r.claim.command
		for _, l := range c.Lines {
			m.accounts.drop(place{l.Account, 0})
			m.accounts.drop(place{l.Account, lane})
		}
		if len(c.Counters) > 0 {
			// Which window it was is not worth asking.
			m.counters = newGenerations[counterKey, int64](countersRemembered)
		}
		m.keys.put(r.claim.digest, struct{}{})
	}
}

// serves tells that a group may be decided by what is remembered. What is given back to a counter that stands at nought
// changes nothing that the write could prove.
func (m *memory) serves(group []*request) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !slices.ContainsFunc(group, func(r *request) bool {
		c := r.claim.command
		_, used := m.keys.get(r.claim.digest)
		return used || len(r.doubts) > 0 || r.parks > 0 || len(c.Holds) > 0 || c.Change != nil || c.Reverses != uuid.Nil ||
			c.ValueDate != "" || slices.ContainsFunc(c.Tiers, func(g TierGuard) bool { return !c.changes(g.Account) }) ||
			slices.ContainsFunc(c.Counters, func(count Count) bool { return count.Delta < 0 })
	})
}

// changes tells that a line moves money of the account.
func (c *Command) changes(account uuid.UUID) bool {
	return slices.ContainsFunc(c.Lines, func(l Line) bool { return l.Account == account })
}

// account puts a remembered account into the state; false if there is none.
func (m *memory) account(st *State, id uuid.UUID, lane int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, found := m.accounts.get(place{id, 0})
	if !found {
		row, found = m.accounts.get(place{id, lane})
	}
	if found {
		st.accounts[id] = &row
	}
	return found
}

// counter puts a remembered counter into the state; false if there is none.
func (m *memory) counter(st *State, key counterKey) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	used, found := m.counters.get(key)
	if found {
		st.counters[key] = &counter{counterKey: key, used: used, read: used}
	}
	return found
}

// generations is a bounded map: what was not asked for while the young one filled up goes with the old one.
type generations[K comparable, V any] struct {
	most       int
	young, old map[K]V
}

func newGenerations[K comparable, V any](most int) generations[K, V] {
	return generations[K, V]{most: most, young: map[K]V{}}
}

func (g *generations[K, V]) get(key K) (V, bool) {
	if value, found := g.young[key]; found {
		return value, true
	}
	value, found := g.old[key]
	if found {
		g.put(key, value)
	}
	return value, found
}

func (g *generations[K, V]) put(key K, value V) {
	if len(g.young) >= g.most {
		g.old, g.young = g.young, make(map[K]V, g.most)
	}
	g.young[key] = value
}

func (g *generations[K, V]) drop(key K) {
	delete(g.young, key)
	delete(g.old, key)
}
