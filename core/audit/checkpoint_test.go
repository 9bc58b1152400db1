package audit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/audit"
	"nova/core/clock"
	"nova/core/secret"
	"nova/sql"
)

// memory is a log of one process, which may refuse to keep more.
type memory struct {
	lines  [][]byte
	firsts map[int]bool
	full   error
}

func (m *memory) Append(_ clock.Day, line []byte) error {
	if m.full != nil {
		return m.full
	}
	m.lines = append(m.lines, line)
	return nil
}

func (m *memory) Each(_ clock.Day, fn func(line []byte, first bool) error) error {
	for i, line := range m.lines {
		if err := fn(line, i == 0 || m.firsts[i]); err != nil {
			return err
		}
	}
	return nil
}

// vault is a record with checkpoints.
type vault struct {
	*record
	memory *memory
	signer *secret.Signer
	points *audit.Checkpointer
}

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{record: newRecord(t), memory: &memory{firsts: map[int]bool{}}, signer: secret.EphemeralSigner()}
	v.points = audit.NewCheckpointer(v.db, v.clock, v.signer, v.memory)
	return v
}

func (v *vault) checkpoint(want int) {
	v.t.Helper()
	require.NoError(v.t, v.points.Write(context.Background()))
	require.Len(v.t, v.memory.lines, want)
}

func (v *vault) checkpoints() audit.CheckpointReport {
	v.t.Helper()
	report, err := v.events.CheckCheckpoints(context.Background(), v.memory, v.signer, "")
	require.NoError(v.t, err)
	return report
}

func TestCheckpointsAreChainedAndHold(t *testing.T) {
	v := newVault(t)
	v.checkpoint(0)
	for i, object := range []string{"a", "b", "c"} {
		v.each(object)
		v.seal(1)
		v.checkpoint(i + 1)
		v.checkpoint(i + 1) // nothing has moved
	}
	v.clock.Advance(24 * time.Hour)
	v.memory.firsts[3] = true // the next day's file
	v.each("d")
	v.seal(1)
	v.checkpoint(4)
	require.Equal(t, audit.CheckpointReport{Checkpoints: 4}, v.checkpoints())

	keep := v.memory.lines
	v.memory.lines = append(append([][]byte{}, keep[:1]...), keep[2:]...)
	require.Contains(t, v.checkpoints().Breach, "does not follow from the one before")
	v.memory.lines = keep
	report, err := v.events.CheckCheckpoints(t.Context(), v.memory, secret.EphemeralSigner(), "")
	require.NoError(t, err)
	require.Contains(t, report.Breach, "not signed by a known key")
	v.memory.lines = [][]byte{[]byte(`{"at": "yesterday"}`)}
	require.Contains(t, v.checkpoints().Breach, "cannot be read")
}

func TestACheckpointThatWasNotKeptBeginsAnotherChain(t *testing.T) {
	v := newVault(t)
	v.each("a")
	v.seal(1)
	v.checkpoint(1)
	v.each("b")
	v.seal(1)
	v.memory.full = errors.New("disk full")
	require.ErrorIs(t, v.points.Write(t.Context()), v.memory.full)
	v.memory.full = nil
	v.memory.firsts[1] = true // the log has begun another file
	v.checkpoint(2)
	require.Equal(t, audit.CheckpointReport{Checkpoints: 2}, v.checkpoints())
}

// Whoever owns the database can rewrite the whole chain so that it agrees with itself. A checkpoint does not.
func TestAChainRewrittenBehindItsBackIsFound(t *testing.T) {
	v := newVault(t)
	v.each("a", "b")
	v.seal(2)
	v.checkpoint(1)
	require.NoError(t, v.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for _, text := range []string{
			"set local session_replication_role = replica",
			"update audit_events set actor = 'nobody', seal = null",
			"delete from audit_seals",
			"update audit_chain set number = 0, hash = ''",
		} {
			if _, err := tx.Exec(ctx, sql.Query{Name: "test", Text: text}); err != nil {
				return err
			}
		}
		return nil
	}))
	require.Contains(t, v.checkpoints().Breach, "signed another seal 1 than there is")
	v.seal(2)
	require.Empty(t, v.verify().Breach, "in itself the record is right again")
	require.Contains(t, v.checkpoints().Breach, "signed another seal 1 than there is")
}
