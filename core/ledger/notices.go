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

// notices refuses a notice that asks for the balance of an account which the command does not touch: that balance
// is not locked.
func (p *plan) notices() error {
	for i := range p.c.Notices {
		for name, value := range p.c.Notices[i].Args {
			id, _, asks := balanceAsked(value)
			if asks && !p.touched(id) {
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
	id, available, asks := balanceAsked(value)
	if !asks {
		return "", false
	}
	a := st.accounts[id]
	if a == nil {
		return "", true
	}
	minor := a.posted
	if available {
		minor = a.available()
	}
	return money.Of(minor, a.currency).Format(), true
}

// balanceAsked reads the placeholders that name an account.
func balanceAsked(value string) (id uuid.UUID, available, asks bool) {
	kind, rest, found := strings.Cut(value, ":")
	if !found || kind != "{balance" && kind != "{available" || !strings.HasSuffix(rest, "}") {
		return uuid.Nil, false, false
	}
	id, err := uuid.Parse(strings.TrimSuffix(rest, "}"))
	return id, kind == "{available", err == nil
}
