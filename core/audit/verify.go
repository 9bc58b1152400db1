package audit

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/sql"
)

// Report is what Verify found.
type Report struct {
	Events, Seals int64
	// Unsealed events wait for the sealer, the oldest of them since Since: some, for a second, on a server at work.
	Unsealed int64
	Since    time.Time
	// Breach names the first event that is not as it was sealed, or the first seal that does not follow from the one before;
	// empty when the record is right.
	Breach string
}

// sealsAtOnce is how many seals are read in one statement, with their events.
const sealsAtOnce = 20

// Verify reads the whole record as it stands at one moment, hashes it again and compares it with its chain. It takes as long
// as there are events.
func (v *Events) Verify(ctx context.Context) (Report, error) {
	var r Report
	err := v.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		if err := atOneMoment(ctx, tx); err != nil {
			return err
		}
		if r, err = walk(ctx, tx); err != nil {
			return err
		}
		r.Unsealed, r.Since, err = waiting(ctx, tx)
		return err
	})
	return r, err
}

// walk goes along the chain until something is wrong.
func walk(ctx context.Context, tx *sql.Tx) (Report, error) {
	var r Report
	var head []byte
	for {
		seals, err := sealsAfter(ctx, tx, r.Seals, sealsAtOnce)
		if err != nil {
			return r, err
		}
		if len(seals) == 0 {
			break
		}
		rows, err := eventsOf(ctx, tx, seals)
		if err != nil {
			return r, err
		}
		byID, bySeal := indexed(rows)
		for i := range seals {
			s := &seals[i]
			if r.Breach = s.breach(r.Seals, head, byID, bySeal[s.number]); r.Breach != "" {
				return r, nil
			}
			r.Seals, head = s.number, s.hash[:]
			r.Events += int64(len(s.events))
		}
	}
	end, err := readChain(ctx, tx)
	if err != nil {
		return r, err
	}
	if end.Number != r.Seals || !bytes.Equal(end.Hash, head) {
		r.Breach = fmt.Sprintf("the chain ends with seal %d, and %d is the last there is", end.Number, r.Seals)
		return r, nil
	}
	id, err := stray(ctx, tx, r.Seals)
	if err == nil && id != uuid.Nil {
		r.Breach = fmt.Sprintf("event %s was added: no seal has the number that it bears", id)
	}
	return r, err
}

func indexed(rows []eventRow) (byID map[uuid.UUID]*eventRow, bySeal map[int64][]*eventRow) {
	byID, bySeal = make(map[uuid.UUID]*eventRow, len(rows)), map[int64][]*eventRow{}
	for i := range rows {
		r := &rows[i]
		byID[r.ID] = r
		bySeal[r.Seal] = append(bySeal[r.Seal], r)
	}
	return byID, bySeal
}

// breach says what is wrong with a seal behind another one, and with its events. bearing are those that bear its number.
func (s *seal) breach(before int64, head []byte, byID map[uuid.UUID]*eventRow, bearing []*eventRow) string {
	switch {
	case s.number != before+1:
		return fmt.Sprintf("seal %d is missing", before+1)
	case len(s.leaves) != len(s.events), s.chained(head) != s.hash:
		return fmt.Sprintf("seal %d was changed, or does not follow from the one before", s.number)
	}
	own := make(map[uuid.UUID]bool, len(s.events))
	for i, id := range s.events {
		own[id] = true
		switch e := byID[id]; {
		case e == nil:
			return fmt.Sprintf("event %s of seal %d was deleted", id, s.number)
		case e.leaf() != s.leaves[i]:
			return fmt.Sprintf("event %s of seal %d was edited", id, s.number)
		case e.Seal != s.number:
			return fmt.Sprintf("event %s was moved from seal %d to %d", id, s.number, e.Seal)
		}
	}
	for _, e := range bearing {
		if !own[e.ID] {
			return fmt.Sprintf("event %s was added to seal %d", e.ID, s.number)
		}
	}
	return ""
}
