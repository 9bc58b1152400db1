package audit_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/audit"
	"nova/core/clock"
	"nova/sql"
	"nova/sql/sqltest"
)

var noon = time.Date(2026, time.November, 21, 16, 0, 0, 0, time.UTC)

// record is a database with an audit record.
type record struct {
	t      *testing.T
	db     *sql.DB
	url    string
	clock  *clock.Manual
	events *audit.Events
	sealer *audit.Sealer
	out    *bytes.Buffer
}

func newRecord(t *testing.T) *record {
	t.Helper()
	db, url := sqltest.Open(t)
	c := clock.NewManual(noon)
	return &record{
		t: t, db: db, url: url, clock: c, events: audit.NewEvents(db), sealer: audit.NewSealer(db, c), out: &bytes.Buffer{},
	}
}

// event is an act on an object.
func event(object string) audit.Event {
	return audit.Event{
		Actor: "stf_01jd5x7v9qf3e8zq2m4k6n8p0r", Action: "customer.lock", Object: object, Outcome: audit.Done,
		Purpose: "support.investigate", Policy: "support-investigates", Channel: "console", Correlation: "ref-1",
		Detail: map[string]string{audit.DetailReason: "stolen handset", audit.DetailFields: "status"},
	}
}

func (r *record) recordIn(events ...audit.Event) {
	r.t.Helper()
	require.NoError(r.t, r.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		return audit.RecordIn(ctx, tx, r.clock.Now(), events...)
	}))
}

// each records objects one after another, a second apart.
func (r *record) each(objects ...string) {
	r.t.Helper()
	for _, object := range objects {
		r.recordIn(event(object))
		r.clock.Advance(time.Second)
	}
}

func (r *record) seal(want int) {
	r.t.Helper()
	n, err := r.sealer.Seal(context.Background())
	require.NoError(r.t, err)
	require.Equal(r.t, want, n)
}

func (r *record) search(q audit.Query) []audit.Event {
	r.t.Helper()
	page, _, err := r.events.Search(context.Background(), q)
	require.NoError(r.t, err)
	return page
}

// id is that of the event on an object.
func (r *record) id(object string) uuid.UUID {
	r.t.Helper()
	found := r.search(audit.Query{Object: object})
	require.Len(r.t, found, 1)
	return found[0].ID
}

func (r *record) verify() audit.Report {
	r.t.Helper()
	report, err := r.events.Verify(context.Background())
	require.NoError(r.t, err)
	return report
}

func (r *record) exec(text string, args ...any) error {
	_, err := r.db.Exec(context.Background(), sql.Query{Name: "test", Text: text}, args...)
	return err
}

// behind changes the record behind the triggers' back, as its owner can.
func (r *record) behind(text string, args ...any) {
	r.t.Helper()
	require.NoError(r.t, r.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.Exec(ctx, sql.Query{Name: "test", Text: "set local session_replication_role = replica"}); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, sql.Query{Name: "test", Text: text}, args...)
		require.NotZero(r.t, n, "nothing was changed")
		return err
	}))
}

func (r *record) log() *audit.Log {
	r.t.Helper()
	return audit.NewLog(audit.LogOptions{DB: r.db, Clock: r.clock, Logger: slog.New(slog.NewJSONHandler(r.out, nil))})
}
