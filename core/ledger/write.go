package ledger

import (
	"encoding/json"
	"fmt"

	"nova/core/outbox"
	"nova/core/transactions"
	"nova/sql"
)

// groupArgs are the arguments of writeGroup, part by part in its order.
func groupArgs(st *State, ln *lane, outcomes []*claim) ([]any, error) {
	w := &st.written
	args := make([]any, 0, 96)
	args = append(args, balanceArgs(w.accounts)...)
	args = append(args, ln.seal, ln.id)
	args = append(args, postingArgs(w.postings)...)
	args = append(args, entryArgs(w.entries)...)
	holds, err := holdArgs(w.holds)
	if err != nil {
		return nil, err
	}
	args = append(args, holds...)
	args = append(args, counterArgs(w.counters)...)
	facts, err := factArgs(st)
	if err != nil {
		return nil, err
	}
	args = append(args, facts...)
	keys, err := keyArgs(outcomes)
	if err != nil {
		return nil, err
	}
	args = append(args, keys...)
	return append(args, ln.id, ln.epoch, ln.groups, ln.seal, ln.receiptNext, ln.lease.Microseconds()), nil
}

func balanceArgs(accounts []*account) []any {
	c := make(sql.Columns, 6)
	for _, a := range accounts {
		c[0].UUID(a.id)
		c[1].Int(int64(a.lane))
		c[2].Int(a.posted)
		c[3].Int(a.held)
		c[4].Int(a.sequence)
		c[5].Time(a.bookedAt)
	}
	return c.Args()
}

func postingArgs(postings []posting) []any {
	c := make(sql.Columns, 8)
	for place, p := range postings {
		c[0].UUID(p.id)
		c[1].UUID(p.reverses)
		c[2].Time(p.bookedAt)
		c[3].Text(string(p.valueDate))
		c[4].Int(int64(place))
		c[5].Text(string(p.currency))
		c[6].Text(p.narration)
		c[7].Text(p.reference)
	}
	return c.Args()
}

func entryArgs(entries []Entry) []any {
	c := make(sql.Columns, 9)
	line := int64(0)
	for i, e := range entries {
		if i > 0 && entries[i-1].Posting != e.Posting {
			line = 0
		}
		c[0].UUID(e.Account)
		c[1].UUID(e.Posting)
		c[2].Int(e.Sequence)
		c[3].Int(e.Minor)
		c[4].Int(e.BalanceAfter)
		c[5].Time(e.BookedAt)
		c[6].Int(int64(e.Lane))
		c[7].Int(line)
		c[8].Bool(e.Side == Credit)
		line++
	}
	return c.Args()
}

func holdArgs(holds []*hold) ([]any, error) {
	changed, fresh := make(sql.Columns, 4), make(sql.Columns, 15)
	for _, h := range holds {
		if !h.fresh {
			changed[0].UUID(h.ID)
			changed[1].Int(h.Captured)
			changed[2].Text(string(h.Status))
			changed[3].Int(int64(h.Tries))
			continue
		}
		metadata, err := metadataText(h.Metadata)
		if err != nil {
			return nil, err
		}
		c := fresh
		c[0].UUID(h.ID)
		c[1].UUID(h.Account)
		c[2].Int(h.Minor)
		c[3].Int(h.Captured)
		c[4].Int(h.Fee)
		c[5].Time(h.CreatedAt)
		c[6].Time(h.ExpiresAt)
		c[7].Int(int64(h.version))
		c[8].Int(int64(h.Tries))
		c[9].Text(string(h.Kind))
		c[10].Text(string(h.Status))
		c[11].Bytes(h.codeHash)
		c[12].Bytes(h.CodeSealed)
		c[13].Text(h.Reason)
		c[14].Text(metadata)
	}
	return append(changed.Args(), fresh.Args()...), nil
}

func counterArgs(counters []*counter) []any {
	c := make(sql.Columns, 5)
	for _, k := range counters {
		c[0].UUID(k.subject)
		c[1].Text(string(k.start))
		c[2].Int(int64(k.window))
		c[3].Text(k.rule)
		c[4].Int(k.used)
	}
	return c.Args()
}

// factArgs are the transactions, their changes and the notices.
func factArgs(st *State) ([]any, error) {
	facts, changes, notices := transactions.NewInsertColumns(), transactions.NewChangeColumns(), outbox.NewInsertColumns()
	for i := range st.written.transactions {
		facts.Add(&st.written.transactions[i])
	}
	for i := range st.written.changes {
		changes.Add(&st.written.changes[i])
	}
	for i := range st.written.notices {
		if err := notices.Add(&st.written.notices[i], st.now); err != nil {
			return nil, err
		}
	}
	return append(append(facts.Args(), changes.Args()...), notices.Args()...), nil
}

// keyArgs settle the keys whose outcome is stored, and drop the claims of the others.
func keyArgs(outcomes []*claim) ([]any, error) {
	settled, dropped := make(sql.Columns, 3), make(sql.Columns, 1)
	for _, k := range outcomes {
		if !k.stored {
			dropped[0].Bytes(k.digest[:])
			continue
		}
		text, err := k.text()
		if err != nil {
			return nil, err
		}
		settled[0].Bytes(k.digest[:])
		settled[1].Text(string(text.Code))
		settled[2].Text(text.Result)
	}
	return append(settled.Args(), dropped.Args()...), nil
}

func metadataText(metadata map[string]string) (string, error) {
	if len(metadata) == 0 {
		return "{}", nil
	}
	text, err := json.Marshal(metadata)
	if err != nil {
		return "", fmt.Errorf("encode metadata: %w", err)
	}
	return string(text), nil
}
