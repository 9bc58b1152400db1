package audit

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/ids"
	"nova/sql"
)

// MaxPage bounds one page of a search.
const MaxPage = 100

// Query says which events are looked for. What is empty does not matter.
type Query struct {
	Actor, Action, Object string
	// From is the first moment, To the first one that no longer counts.
	From, To time.Time
	// Before is the last event of the page before; the zero id asks for the newest.
	Before uuid.UUID
	// Most is how many are asked for; 0 means MaxPage.
	Most int
}

// Events reads the record. It is safe for concurrent use.
type Events struct{ db *sql.DB }

// NewEvents is a reader on a general pool.
func NewEvents(db *sql.DB) *Events { return &Events{db: db} }

// lastID is above every id, as endless time is.
var (
	lastID     = uuid.Max
	endlessly  = time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC)
	idsTicking = time.Millisecond
)

// Search gives a page of events, the newest first, and tells whether there are more. Whoever lets a person search records
// that, too. VALIDATION_ERROR for a page beyond MaxPage, and for a time that ends before it begins.
func (v *Events) Search(ctx context.Context, q Query) (page []Event, more bool, err error) {
	if q.Most == 0 {
		q.Most = MaxPage
	}
	if q.To.IsZero() {
		q.To = endlessly
	}
	switch {
	case q.Most < 0 || q.Most > MaxPage:
		return nil, false, fault.New(fault.ValidationError, "a page of %d audit events", q.Most).
			Field("page_size", "is not between 1 and 100")
	case q.To.Before(q.From):
		return nil, false, fault.New(fault.ValidationError, "audit events to %s from %s", q.To, q.From).
			Field("to", "lies before from")
	}
	after, before := uuid.Nil, lastID
	if !q.From.IsZero() {
		after = ids.Floor(q.From)
	}
	if q.To != endlessly {
		before = ids.Floor(q.To.Add(idsTicking)) // an id knows its time by the millisecond
	}
	if q.Before != uuid.Nil && q.Before.String() < before.String() {
		before = q.Before
	}
	rows, err := find(ctx, v.db, q, after, before, q.Most+1)
	if err != nil {
		return nil, false, err
	}
	if more = len(rows) > q.Most; more {
		rows = rows[:q.Most]
	}
	page = make([]Event, len(rows))
	for i := range rows {
		if page[i], err = rows[i].event(); err != nil {
			return nil, false, err
		}
	}
	return page, more, nil
}
