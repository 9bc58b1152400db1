package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/audit"
	"nova/core/fault"
)

func TestSearchFindsTheNewestFirst(t *testing.T) {
	r := newRecord(t)
	for _, e := range []audit.Event{
		{Actor: "stf_a", Action: "customer.read", Object: "cus_1", Outcome: audit.Done},
		{Actor: "stf_a", Action: "pin.reset", Object: "cus_1", Outcome: audit.Done},
		{Actor: "stf_b", Action: "customer.read", Object: "cus_1", Outcome: audit.Refused},
		{Actor: "stf_b", Action: "customer.read", Object: "cus_2", Outcome: audit.Done},
	} {
		r.recordIn(e)
		r.clock.Advance(time.Hour)
	}
	at := func(hour int) time.Time { return noon.Add(time.Duration(hour) * time.Hour) }
	rows := []struct {
		name  string
		query audit.Query
		want  []int // hours after noon
	}{
		{"everything", audit.Query{}, []int{3, 2, 1, 0}},
		{"who", audit.Query{Actor: "stf_b"}, []int{3, 2}},
		{"what", audit.Query{Action: "customer.read"}, []int{3, 2, 0}},
		{"to whom", audit.Query{Object: "cus_1"}, []int{2, 1, 0}},
		{"who did what", audit.Query{Actor: "stf_a", Action: "customer.read"}, []int{0}},
		{"who to whom", audit.Query{Actor: "stf_b", Object: "cus_1"}, []int{2}},
		{"what to whom", audit.Query{Action: "pin.reset", Object: "cus_1"}, []int{1}},
		{"nobody", audit.Query{Actor: "stf_c"}, []int{}},
		{"since", audit.Query{From: at(2)}, []int{3, 2}},
		{"until, that moment left out", audit.Query{To: at(2)}, []int{1, 0}},
		{"until just after", audit.Query{To: at(2).Add(time.Microsecond)}, []int{2, 1, 0}},
		{"within", audit.Query{Object: "cus_1", From: at(1), To: at(2)}, []int{1}},
		{"no time at all", audit.Query{From: at(1), To: at(1)}, []int{}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := []int{}
			for _, e := range r.search(row.query) {
				got = append(got, int(e.At.Sub(noon)/time.Hour))
			}
			require.Equal(t, row.want, got)
		})
	}
}

func TestPagesFollowOneAnother(t *testing.T) {
	r := newRecord(t)
	r.each("a", "b", "c", "d", "e")
	var got []string
	q := audit.Query{Most: 2}
	for more := true; more; {
		var page []audit.Event
		var err error
		page, more, err = r.events.Search(t.Context(), q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), 2)
		for _, e := range page {
			got = append(got, e.Object)
			q.Before = e.ID
		}
	}
	require.Equal(t, []string{"e", "d", "c", "b", "a"}, got)
}

func TestASearchWithoutBoundsIsRefused(t *testing.T) {
	r := newRecord(t)
	for _, q := range []audit.Query{{Most: audit.MaxPage + 1}, {Most: -1}, {From: noon, To: noon.Add(-time.Second)}} {
		_, _, err := r.events.Search(t.Context(), q)
		require.True(t, fault.Is(err, fault.ValidationError), "%v", err)
	}
}
