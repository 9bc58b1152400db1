package audit_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/audit"
	"nova/core/ids"
	"nova/sql"
)

// proven is a record of six events: a to d in two seals, e and f in none.
func proven(t *testing.T) *record {
	t.Helper()
	r := newRecord(t)
	r.each("a", "b")
	r.seal(2)
	r.each("c", "d")
	r.seal(2)
	r.seal(0)
	r.each("e", "f")
	require.Equal(t, audit.Report{Events: 4, Seals: 2, Unsealed: 2, Since: noon.Add(4 * time.Second)}, r.verify())
	return r
}

func TestWhatIsDoneBehindTheRecordsBackIsNamed(t *testing.T) {
	const named = "%s" // stands for the id of the event that the row names
	rows := []struct{ name, text, event, want string }{
		{"who acted is edited", "update audit_events set actor = 'nobody' where object = 'b'", "b", "event " + named + " of seal 1 was edited"},
		{"the time is edited", "update audit_events set at = at + interval '1 microsecond' where object = 'b'", "b", "event " + named + " of seal 1 was edited"},
		{"a detail is edited", "update audit_events set detail = '{}' where object = 'c'", "c", "event " + named + " of seal 2 was edited"},
		{"the first of two edited is named", "update audit_events set outcome = 'refused'", "a", "event " + named + " of seal 1 was edited"},
		{"a word moves into the next text", "update audit_events set purpose = '', policy = purpose || policy where object = 'd'", "d", "event " + named + " of seal 2 was edited"},
		{"deleted", "delete from audit_events where object = 'c'", "c", "event " + named + " of seal 2 was deleted"},
		{"unsealed again", "update audit_events set seal = null where object = 'c'", "c", "event " + named + " was moved from seal 2 to 0"},
		{"moved to another seal", "update audit_events set seal = 2 where object = 'a'", "a", "event " + named + " was moved from seal 1 to 2"},
		{"two swapped", `update audit_events e set actor = o.actor, object = o.object, at = o.at
			from audit_events o where e.object in ('b', 'c') and o.object in ('b', 'c') and e.id <> o.id`, "b", "event " + named + " of seal 1 was edited"},
		{"one is put into an old seal", "update audit_events set seal = 1 where object = 'e'", "e", "event " + named + " was added to seal 1"},
		{"one is put into a seal to come", "update audit_events set seal = 9 where object = 'e'", "e", "event " + named + " was added: no seal has the number that it bears"},
		{"a seal is deleted", "delete from audit_seals where number = 1", "", "seal 1 is missing"},
		{"the last seal is deleted", "delete from audit_seals where number = 2", "", "the chain ends with seal 2, and 1 is the last there is"},
		{"the last seal and its events are deleted", "with gone as (delete from audit_events where seal = 2) delete from audit_seals where number = 2", "", "the chain ends with seal 2"},
		{"a seal's hash is edited", `update audit_seals set hash = decode(repeat('ab', 32), 'hex') where number = 1`, "", "seal 1 was changed, or does not follow"},
		{"a seal's leaves are edited", `update audit_seals set leaves = decode(repeat('ab', 64), 'hex') where number = 2`, "", "seal 2 was changed"},
		{"a seal's events are swapped", `update audit_seals set events = array[events[2], events[1]] where number = 1`, "", "seal 1 was changed"},
		{"a seal's time is edited", `update audit_seals set sealed_at = sealed_at - interval '1 hour' where number = 1`, "", "seal 1 was changed"},
		{"the chain's end is edited", `update audit_chain set hash = decode(repeat('ab', 32), 'hex')`, "", "the chain ends with seal 2"},
		{"the chain's end goes back", `update audit_chain set number = 1`, "", "the chain ends with seal 1, and 2 is the last there is"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := proven(t)
			want := row.want
			if row.event != "" {
				want = fmt.Sprintf(want, r.id(row.event))
			}
			r.behind(row.text)
			require.Contains(t, r.verify().Breach, want)
		})
	}
}

func TestARowThatSomebodyElseInsertedIsNamed(t *testing.T) {
	r := proven(t)
	id := ids.New(noon)
	r.behind(`insert into audit_events (id, at, seal, actor, action, object, outcome, purpose, policy, channel, correlation, detail)
		select $1, at, seal, actor, action, object, outcome, purpose, policy, channel, correlation, detail
		from audit_events where object = 'c'`, id)
	require.Equal(t, fmt.Sprintf("event %s was added to seal 2", id), r.verify().Breach)
}

// Sealers take turns, and recorders wait for none of them.
func TestAnyNumberOfNodesSealWhileEventsAreRecorded(t *testing.T) {
	r := newRecord(t)
	var sealed atomic.Int64
	var recorders, sealers sync.WaitGroup
	for range 4 {
		recorders.Go(func() {
			for range 50 {
				r.recordIn(event("a"), event("b"))
			}
		})
		sealers.Go(func() {
			for range 50 {
				n, err := audit.NewSealer(r.db, r.clock).Seal(context.Background())
				if err != nil {
					t.Errorf("seal: %v", err)
				}
				sealed.Add(int64(n))
			}
		})
	}
	recorders.Wait()
	sealers.Wait()
	r.seal(400 - int(sealed.Load()))
	report := r.verify()
	require.Empty(t, report.Breach)
	require.EqualValues(t, 400, report.Events)
	require.Zero(t, report.Unsealed)
}

func TestAnEventIsRecordedWhileTheChainIsLocked(t *testing.T) {
	r := proven(t)
	require.NoError(t, r.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		var number int64
		if err := tx.Get(ctx, &number, sql.Query{Name: "test", Text: "select number from audit_chain for update"}); err != nil {
			return err
		}
		r.each("g")
		r.seal(0) // somebody is at it
		return nil
	}))
	r.seal(3)
	require.Empty(t, r.verify().Breach)
}

// More events than a seal holds go into several, and are proved in several reads.
func TestALongRecordIsProved(t *testing.T) {
	r := newRecord(t)
	for range 25 {
		events := make([]audit.Event, 41)
		for i := range events {
			events[i] = event("a")
		}
		r.recordIn(events...)
		r.seal(41)
	}
	events := make([]audit.Event, 1201)
	for i := range events {
		events[i] = event("b")
	}
	r.recordIn(events...)
	r.seal(1201)
	require.Equal(t, audit.Report{Events: 25*41 + 1201, Seals: 28}, r.verify())
	r.behind("delete from audit_events where seal = 27 and id = (select max(id::text)::uuid from audit_events where seal = 27)")
	require.Contains(t, r.verify().Breach, "of seal 27 was deleted")
}
