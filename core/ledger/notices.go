package ledger

import (
	"fmt"
	"maps"
	"strings"

	"github.com/google/uuid"

	"nova/core/ids"
	"nova/core/money"
	"nova/core/outbox"
)

// The forms of {time} and {date} in notices, in market time.
const (
	timeForm = "15:04"
	dateForm = "02/01/2006"
)

// The kinds of placeholders that name an account.
const (
	askBalance   = "{balance"
	askAvailable = "{available"
	askDrawn     = "{drawn"
	askDrawFee   = "{draw_fee"
	askRepaid    = "{repaid"
	askOwed      = "{owed"
)

// asked is a placeholder that names an account; false for any other value.
func asked(value string) (kind string, id uuid.UUID, asks bool) {
	kind, rest, found := strings.Cut(value, ":")
	if !found || !strings.HasSuffix(rest, "}") {
		return "", uuid.Nil, false
	}
	switch kind {
	case askBalance, askAvailable, askDrawn, askDrawFee, askRepaid, askOwed:
		id, err := uuid.Parse(strings.TrimSuffix(rest, "}"))
		return kind, id, err == nil
	}
	return "", uuid.Nil, false
}

// notices refuses a notice that asks for the balance of an account which the command does not touch: that balance
// is not locked.
func (p *plan) notices() error {
	for i := range p.c.Notices {
		for name, value := range p.c.Notices[i].Args {
			kind, id, asks := asked(value)
			if asks && (kind == askBalance || kind == askAvailable) && !p.touched(id) {
				return fmt.Errorf("argument %s of notice %s asks for an account that the command does not touch",
					name, p.c.Notices[i].Template)
			}
		}
	}
	return nil
}

func (p *plan) touched(id uuid.UUID) bool {
	for _, t := range p.touches {
		if t.account.id == id {
			return true
		}
	}
	return false
}

// notify writes notices with their placeholders filled in.
func (st *State) notify(notices []outbox.Notice, r *Result) {
	for _, n := range notices {
		if !applies(&n, r) {
			continue
		}
		if n.ID == uuid.Nil {
			n.ID = ids.New(st.now)
		}
		if n.Transaction == uuid.Nil {
			n.Transaction = r.Transaction
		}
		copied := false
		for name, value := range n.Args {
			filled, is := st.fill(value, r)
			if !is {
				continue
			}
			if !copied {
				// The command may run again, and the caller owns its map.
				n.Args, copied = maps.Clone(n.Args), true
			}
			n.Args[name] = filled
		}
		st.written.notices = append(st.written.notices, n)
	}
}

// applies is false for a notice of a draw or repayment that did not happen.
func applies(n *outbox.Notice, r *Result) bool {
	for _, value := range n.Args {
		switch kind, id, _ := asked(value); {
		case kind == askDrawn && r.Draws[id].Drawn == 0, kind == askRepaid && r.Draws[id].Repaid == 0:
			return false
		}
	}
	return true
}

// fill is the text for a placeholder; false for a value that is none.
func (st *State) fill(value string, r *Result) (string, bool) {
	if !strings.HasPrefix(value, "{") {
		return "", false
	}
	switch value {
	case outbox.PlaceReceipt:
		return r.Receipt, true
	case outbox.PlaceTime:
		return r.BookedAt.In(st.location).Format(timeForm), true
	case outbox.PlaceDate:
		return r.BookedAt.In(st.location).Format(dateForm), true
	}
	kind, id, asks := asked(value)
	if !asks {
		return "", false
	}
	a := st.accounts[id]
	if a == nil {
		return "", true
	}
	return money.Of(st.figure(kind, a, r.Draws[id]), a.currency).Format(), true
}

// figure is what a placeholder asks of an account, in minor units.
func (st *State) figure(kind string, a *account, d Draw) int64 {
	switch kind {
	case askAvailable:
		return a.available()
	case askDrawn:
		return d.Drawn
	case askDrawFee:
		return d.Fee
	case askRepaid:
		return d.Repaid
	case askOwed:
		if a.line == nil || st.accounts[a.line.Receivable] == nil {
			return 0
		}
		return st.accounts[a.line.Receivable].posted
	default:
		return a.posted
	}
}
