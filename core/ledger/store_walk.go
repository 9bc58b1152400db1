package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"nova/sql"
)

const (
	// checkers is how many connections read the books at once.
	checkers = 2
	// ahead is how many stretches may be read and not looked at yet: what is kept of a posting is its hash.
	ahead = 4
)

// errWrong ends a walk: what was found is wrong, and what would follow from it as well.
var errWrong = errors.New("the books are wrong")

// walk goes through all lanes in the order of their seals. The stretches are read side by side, and looked at one after
// another, because each seal follows from the one before.
type walk struct {
	stretches []*stretch
	// entries is how many the postings have.
	entries int64
	// breach is the first thing wrong in the lanes, rules the first beside them.
	breach, rules string
}

// stretch is a part of a lane: the groups whose seals are above after.
type stretch struct {
	lane   *laneHead
	after  int64
	groups []groupLeaves
	seals  []Seal
	// read is closed when the groups and seals are there.
	read chan struct{}
}

func newWalk(lanes []laneHead) *walk {
	w := &walk{}
	for i := range lanes {
		for after := int64(0); after == 0 || after < lanes[i].Seal; after += sealsAtOnce {
			w.stretches = append(w.stretches, &stretch{lane: &lanes[i], after: after, read: make(chan struct{})})
		}
	}
	return w
}

// run reads and looks at everything. What was committed since the lanes' heads were read is above them, and left out.
func (w *walk) run(ctx context.Context, s *Store) error {
	work, ctx := errgroup.WithContext(ctx)
	next, room := make(chan *stretch), make(chan struct{}, ahead)
	work.Go(func() error { return w.feed(ctx, next, room) })
	work.Go(func() error { return w.look(ctx, room) })
	for i := range checkers {
		work.Go(func() error {
			return s.atOneMoment(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
				if i == 0 {
					if w.rules, err = checkRules(ctx, tx); err != nil {
						return err
					}
				}
				return readStretches(ctx, tx, next)
			})
		})
	}
	if err := work.Wait(); !errors.Is(err, errWrong) {
		return err
	}
	return nil
}

// feed hands out the stretches, a few ahead of the one that is looked at.
func (w *walk) feed(ctx context.Context, next chan<- *stretch, room chan<- struct{}) error {
	defer close(next)
	for _, st := range w.stretches {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case next <- st:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// readStretches reads what it is handed.
func readStretches(ctx context.Context, tx *sql.Tx, next <-chan *stretch) (err error) {
	for st := range next {
		if st.groups, err = leavesOf(ctx, tx, st.lane.ID, st.after, st.lane.Seal); err != nil {
			return err
		}
		if st.seals, err = sealsOf(ctx, tx, st.lane.ID, st.after, st.lane.Seal); err != nil {
			return err
		}
		close(st.read)
	}
	return nil
}

// look goes through the stretches in their order.
func (w *walk) look(ctx context.Context, room <-chan struct{}) error {
	var head []byte
	for _, st := range w.stretches {
		select {
		case <-st.read:
		case <-ctx.Done():
			return ctx.Err()
		}
		if st.after == 0 {
			head = nil
		}
		if head, w.breach = w.through(st, head); w.breach != "" {
			return errWrong
		}
		st.groups, st.seals = nil, nil
		<-room
	}
	return nil
}

// through compares a stretch's groups with its seals, from the head before it to the head behind it.
func (w *walk) through(st *stretch, head []byte) (behind []byte, breach string) {
	lane := st.lane
	last := min(lane.Seal, st.after+sealsAtOnce)
	for number := st.after + 1; number <= last; number++ {
		g, s := take(&st.groups, number), takeSeal(&st.seals, number)
		if breach := checkGroup(lane, number, g, s, head); breach != "" {
			return nil, breach
		}
		w.entries += g.Entries
		if s != nil {
			head = s.Hash[:]
		}
	}
	if last == lane.Seal && !bytes.Equal(head, lane.Head) {
		return nil, fmt.Sprintf("every group is sealed into its lane's chain: lane %d ends with another seal than its %d",
			lane.ID, lane.Sealed)
	}
	return head, ""
}
