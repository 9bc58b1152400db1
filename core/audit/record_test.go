package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/audit"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/sql"
)

func TestAnEventComesBackAsItWas(t *testing.T) {
	r := newRecord(t)
	want := event("cus_01jd5x7v9qf3e8zq2m4k6n8p0r")
	r.recordIn(want, audit.Event{Actor: audit.Nova, Action: "keys.rotate", Outcome: audit.Failed})
	r.recordIn()
	got := r.search(audit.Query{Object: want.Object})
	require.Len(t, got, 1)
	require.NotEqual(t, uuid.Nil, got[0].ID)
	want.ID, want.At = got[0].ID, noon
	require.Equal(t, want, got[0])
	bare := r.search(audit.Query{Actor: audit.Nova})
	require.Len(t, bare, 1)
	require.Empty(t, bare[0].Detail)
}

func TestAnActThatIsUndoneLeavesNoEvent(t *testing.T) {
	r := newRecord(t)
	undone := errors.New("undone")
	require.ErrorIs(t, r.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		require.NoError(t, audit.RecordIn(ctx, tx, noon, event("a")))
		return undone
	}), undone)
	require.Empty(t, r.search(audit.Query{}))
}

func TestAnEventThatOurCodeGotWrongIsRefused(t *testing.T) {
	rows := []struct {
		name  string
		spoil func(e *audit.Event)
		want  string
	}{
		{"nobody acted", func(e *audit.Event) { e.Actor = "" }, "names no actor"},
		{"no action", func(e *audit.Event) { e.Action = "" }, "action called"},
		{"an action in a caller's words", func(e *audit.Event) { e.Action = "Lock Marcia" }, "action called"},
		{"an action too long to search for", func(e *audit.Event) { e.Action = strings.Repeat("a", 65) }, "action called"},
		{"no outcome", func(e *audit.Event) { e.Outcome = "" }, "has the outcome"},
		{"an outcome of its own", func(e *audit.Event) { e.Outcome = "fine" }, "has the outcome"},
		{"a detail that is not in the vocabulary", func(e *audit.Event) { e.Detail = map[string]string{"pin": "1357"} }, "not in the vocabulary"},
	}
	r := newRecord(t)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			e := event("a")
			row.spoil(&e)
			err := r.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				return audit.RecordIn(ctx, tx, noon, event("b"), e)
			})
			require.ErrorContains(t, err, row.want)
			require.NotContains(t, err.Error(), "1357")
			require.Empty(t, r.search(audit.Query{}), "and nothing of it was written")
		})
	}
}

func TestNothingSecretStandsInAnEvent(t *testing.T) {
	number, err := msisdn.FromNetwork("12462501002")
	require.NoError(t, err)
	const token = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJjdXNfMDEifQ.c2lnbmF0dXJl"
	rows := []struct{ name, value, want string }{
		{"a secret", fmt.Sprint(secret.New("1357")), "[secret]"},
		{"a number's own type", number.String(), "+1246***1002"},
		{"a number", "12462501002", "***1002"},
		{"with a plus", "call +12462501002 now", "call ***1002 now"},
		{"in groups", "246 250 1002, (246) 250-1003", "***1002, (***1003"},
		{"without its area", "2501002", "***1002"},
		{"inside a word", "tel:x12462501002y", "tel:x***1002y"},
		{"that looks like a date", "2010-12-3145678", "***5678"},
		{"two of them", "12462501002/12462501003", "***1003"},
		{"a token", "Bearer " + token, "Bearer [token]"},
		{"a customer's id", "cus_01234567890123456789012345", "cus_01234567890123456789012345"},
		{"a UUID", "01932f6e-1234-7123-8123-123456789012", "01932f6e-1234-7123-8123-123456789012"},
		{"a date", "2026-11-21", "2026-11-21"},
		{"a time", "2026-11-21T16:00:00.123Z", "2026-11-21T16:00:00.123Z"},
		{"an amount", "20000.00", "20000.00"},
		{"control characters", "a\x00b\nc", "a b c"},
		{"bytes that are no text", "a\xffb", "a?b"},
		{"more than a sentence", strings.Repeat("é", 300), strings.Repeat("é", 256)},
		{"a number where the text is cut", strings.Repeat("a", 250) + "12462501002", strings.Repeat("a", 250) + "***100"},
	}
	r := newRecord(t)
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			e := event(fmt.Sprint("object ", i))
			e.Detail = map[string]string{audit.DetailNote: row.value}
			r.recordIn(e)
			require.Equal(t, row.want, r.search(audit.Query{Object: e.Object})[0].Detail[audit.DetailNote])
		})
	}
	e := event("12462501002")
	e.Actor, e.Correlation, e.Channel = "12462501003", "12462501004", "12462501005"
	r.recordIn(e)
	got := r.search(audit.Query{Object: "***1002"})
	require.Len(t, got, 1)
	require.Equal(t, "***1003 ***1004 ***1005", got[0].Actor+" "+got[0].Correlation+" "+got[0].Channel)
}

func TestActsWithoutATransactionAreRecordedBehindThem(t *testing.T) {
	r := newRecord(t)
	log := r.log()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 100 {
				log.Record(context.Background(), event("a"))
			}
		})
	}
	wait.Wait()
	require.NoError(t, log.Close(t.Context()))
	require.Zero(t, log.Waiting())
	require.Zero(t, log.Lost())
	require.Empty(t, r.out.String())
	r.seal(800)
	require.Equal(t, audit.Report{Events: 800, Seals: 2}, r.verify())
}

// What the database does not take stands in the log, masked like everything else, and is counted.
func TestWhatCannotBeWrittenIsToldLoudly(t *testing.T) {
	r := newRecord(t)
	log := r.log()
	broken := event("a")
	broken.Detail = map[string]string{"pin": "1357"}
	log.Record(t.Context(), broken)
	require.EqualValues(t, 1, log.Lost())
	require.NoError(t, r.exec("alter table audit_events rename to elsewhere"))
	e := event("12462501002")
	log.Record(t.Context(), e)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond) // no patience left for a database that is away
	defer cancel()
	if err := log.Close(ctx); err != nil {
		require.NoError(t, log.Close(t.Context()))
	}
	require.EqualValues(t, 2, log.Lost())
	log.Record(t.Context(), event("too late"))
	require.EqualValues(t, 3, log.Lost())
	text := r.out.String()
	require.Contains(t, text, `"level":"ERROR"`)
	require.Contains(t, text, `"object":"***1002"`)
	require.Contains(t, text, `"object":"too late"`)
	require.NotContains(t, text, "1357")
}

func TestAnEventThatWasWrittenStays(t *testing.T) {
	r := newRecord(t)
	r.each("a", "b")
	r.seal(2)
	r.each("c")
	for _, text := range []string{
		"update audit_events set actor = 'nobody'",
		"update audit_events set seal = 7 where seal is not null",
		"update audit_events set seal = null where seal is not null",
		"update audit_events set seal = 7, outcome = 'refused' where seal is null",
		"delete from audit_events",
		"truncate audit_events",
		"update audit_seals set number = 7",
		"delete from audit_seals",
		"truncate audit_seals",
	} {
		require.ErrorContains(t, r.exec(text), "append-only", text)
	}
	require.Len(t, r.search(audit.Query{}), 3)
}
