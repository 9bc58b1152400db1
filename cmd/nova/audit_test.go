package main

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/channels/outbound/checkpoints"
	"nova/core/audit"
	"nova/core/clock"
	"nova/core/ledger"
	"nova/core/secret"
	"nova/sql"
)

// recorded writes events into the books' database, seals them, and signs where the chain stands.
func (b *booksAtATerminal) recorded(objects ...string) {
	b.t.Helper()
	for _, object := range objects {
		require.NoError(b.t, b.db.InTx(b.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			return audit.RecordIn(ctx, tx, clock.System{}.Now(), audit.Event{
				Actor: audit.Nova, Action: "keys.rotate", Object: object, Outcome: audit.Done,
			})
		}))
	}
	_, err := audit.NewSealer(b.db, clock.System{}).Seal(b.t.Context())
	require.NoError(b.t, err)
	log, err := checkpoints.Open(filepath.Join(b.dir, "checkpoints", "audit"), "test")
	require.NoError(b.t, err)
	keys, err := secret.LoadSigner(filepath.Join(b.dir, "keys"), ledger.SignerName)
	require.NoError(b.t, err)
	require.NoError(b.t, audit.NewCheckpointer(b.db, clock.System{}, keys, log).Write(b.t.Context()))
	require.NoError(b.t, log.Close())
}

func TestAuditVerifyTellsFiguresAndTheFirstBreach(t *testing.T) {
	b := newBooksAtATerminal(t)
	b.recorded("a", "b")
	out, err := runNova(t, "audit", "verify")
	require.NoError(t, err)
	require.Regexp(t, `^the audit record is right: 2 events, 1 seals, 1 checkpoints, 0 events not sealed yet, in `, out)
	_, err = runNova(t, "audit", "verify", "--since", "yesterday")
	require.ErrorContains(t, err, "--since")

	require.NoError(t, b.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for _, text := range []string{
			"set local session_replication_role = replica", "update audit_events set actor = 'nobody' where object = 'b'",
		} {
			if _, err := tx.Exec(ctx, sql.Query{Name: "test", Text: text}); err != nil {
				return err
			}
		}
		return nil
	}))
	_, err = runNova(t, "audit", "verify")
	require.ErrorContains(t, err, "the audit record is wrong: event ")
	require.ErrorContains(t, err, "of seal 1 was edited")
	require.Equal(t, 1, status(err))
}
