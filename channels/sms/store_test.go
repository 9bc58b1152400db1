package sms_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/channels/sms"
	"nova/channels/sms/console"
	"nova/core/clock"
	"nova/core/outbox"
	"nova/menus"
	"nova/sql"
	"nova/sql/sqltest"
)

// What cmd hands over.
var (
	_ sms.Outbox   = (*outbox.Store)(nil)
	_ sms.Renderer = (*menus.Packs)(nil)
	_ sms.Sender   = (*console.Sender)(nil)
)

func TestTheOutboxOfPostgreSQLIsSentOnce(t *testing.T) {
	db, _ := sqltest.Open(t)
	c := clock.NewManual(now)
	store := outbox.NewStore(db, c)
	var notices []outbox.Notice
	for range 150 {
		notices = append(notices, notice(t, nil))
	}
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return outbox.EnqueueIn(ctx, tx, notices, now)
	}))
	p := &provider{answers: []error{context.DeadlineExceeded}}
	w := sms.NewWorker(sms.Options{Outbox: store, Renderer: words{}, Sender: p, Clock: c})
	for range 4 {
		_, err := w.Once(t.Context())
		require.NoError(t, err)
		c.Advance(time.Minute)
	}
	require.Len(t, p.sent, 150, "each once, and the one whose first call failed as well")
	counts, err := store.Counts(t.Context())
	require.NoError(t, err)
	require.Zero(t, counts.Queued)
	require.Zero(t, counts.Failed)
}
