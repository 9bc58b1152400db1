package ledger_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/secret"
	"nova/sql"
)

// memory is a log of one process.
type memory struct{ lines [][]byte }

func (m *memory) Append(_ clock.Day, line []byte) error {
	m.lines = append(m.lines, line)
	return nil
}

func (m *memory) Each(_ clock.Day, fn func(line []byte, first bool) error) error {
	for i, line := range m.lines {
		if err := fn(line, i == 0); err != nil {
			return err
		}
	}
	return nil
}

// vault is a market with checkpoints.
type vault struct {
	*market
	log    *memory
	signer *secret.Signer
	points *ledger.Checkpointer
}

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{market: newMarket(t), log: &memory{}, signer: secret.EphemeralSigner()}
	v.points = ledger.NewCheckpointer(v.store, v.signer, v.log)
	return v
}

func (v *vault) checkpoint(want int) {
	v.t.Helper()
	n, err := v.points.Write(context.Background())
	require.NoError(v.t, err)
	require.Equal(v.t, want, n)
	v.clock.Advance(time.Second)
}

func (v *vault) checkpoints() ledger.CheckpointReport {
	v.t.Helper()
	report, err := v.store.CheckCheckpoints(context.Background(), v.log, v.signer, "")
	require.NoError(v.t, err)
	return report
}

func TestCheckpointsAreChainedAndHold(t *testing.T) {
	v := newVault(t)
	v.checkpoint(0)
	from, to := v.wallet(100_00), v.wallet(0)
	for range 5 {
		v.must(v.transfer(from, to, 1))
		v.checkpoint(1)
	}
	v.checkpoint(0) // nothing has moved
	require.Equal(t, ledger.CheckpointReport{Checkpoints: 5}, v.checkpoints())

	keep := v.log.lines
	v.log.lines = append(append([][]byte{}, keep[:2]...), keep[3:]...)
	require.Contains(t, v.checkpoints().Breach, "does not follow from the one before")
	v.log.lines = keep
	stranger := ledger.NewCheckpointer(v.store, secret.EphemeralSigner(), &memory{})
	_, err := stranger.Write(t.Context())
	require.NoError(t, err)
	report, err := v.store.CheckCheckpoints(t.Context(), v.log, secret.EphemeralSigner(), "")
	require.NoError(t, err)
	require.Contains(t, report.Breach, "not signed by a known key")
	v.log.lines = [][]byte{[]byte(`{"at": "yesterday"}`)}
	require.Contains(t, v.checkpoints().Breach, "cannot be read")
}

// Whoever owns the database can rewrite a lane with all its seals so that the books agree with themselves. A checkpoint
// does not.
func TestALaneRewrittenBehindItsBackIsFound(t *testing.T) {
	v := newVault(t)
	from, to := v.wallet(100_00), v.wallet(0)
	v.must(v.transfer(from, to, 7))
	v.checkpoint(1)
	tx, err := v.db.Begin(context.Background())
	require.NoError(t, err)
	for _, text := range []string{
		"set local session_replication_role = replica",
		"update postings set narration = 'a gift'",
		"delete from seals",
		"update lanes set sealed = 0, head = ''",
	} {
		_, err = tx.Exec(context.Background(), sql.Query{Name: "test", Text: text})
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
	workers := ledger.NewWorkers(v.db, v.Writer, v.clock)
	n, err := workers.SealRest(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "a lane that is leased is its writer's")
	require.NoError(t, v.exec("update lanes set leased_until = '-infinity'"))
	n, err = workers.SealRest(t.Context()) // what looks unsealed is sealed
	require.NoError(t, err)
	require.Equal(t, 2, n)
	v.check() // in themselves the books are right again
	require.Contains(t, v.checkpoints().Breach, "was rewritten: a checkpoint has another")
	require.NoError(t, v.exec("alter table seals disable trigger all"))
	require.NoError(t, v.exec("delete from seals where seal = 2"))
	require.Contains(t, v.checkpoints().Breach, "lane 1 seal 2 is gone: a checkpoint has it")
	v.broken = true
}

func TestAReceiptProvesItsInclusion(t *testing.T) {
	v := newVault(t)
	from, to := v.wallet(100_00), v.wallet(0)
	var receipts []string
	for range 7 {
		receipts = append(receipts, v.must(v.send(from, to, 1)).Receipt)
	}
	_, err := v.store.Proof(t.Context(), v.log, receipts[3])
	require.True(t, fault.Is(err, fault.InvalidState), "no checkpoint yet: %v", err)
	v.checkpoint(1)
	for _, receipt := range receipts {
		proof, err := v.store.Proof(t.Context(), v.log, receipt)
		require.NoError(t, err)
		text, err := json.Marshal(proof)
		require.NoError(t, err)
		var again ledger.Proof
		require.NoError(t, json.Unmarshal(text, &again))
		require.NoError(t, again.Verify(v.signer))
	}
	_, err = v.store.Proof(t.Context(), v.log, "NONE")
	require.True(t, fault.Is(err, fault.NotFound))
}

func TestAFalseProofIsRefused(t *testing.T) {
	v := newVault(t)
	from, to := v.wallet(100_00), v.wallet(0)
	first, second := v.must(v.send(from, to, 1)).Receipt, v.must(v.send(from, to, 2)).Receipt
	v.checkpoint(1)
	proof := func(receipt string) ledger.Proof {
		p, err := v.store.Proof(t.Context(), v.log, receipt)
		require.NoError(t, err)
		return p
	}
	other := proof(second)
	for want, falsify := range map[string]func(p *ledger.Proof){
		"not that of the receipt":          func(p *ledger.Proof) { p.Receipt = second },
		"not in its group":                 func(p *ledger.Proof) { p.Posting += " " },
		"does not lead to the checkpoint":  func(p *ledger.Proof) { p.Seals = p.Seals[:1] },
		"not signed by a known key":        func(p *ledger.Proof) { p.Checkpoint.At = p.Checkpoint.At.Add(time.Second) },
		"a chain of 0 seals":               func(p *ledger.Proof) { p.Seals = nil },
		"posting is not in its group":      func(p *ledger.Proof) { p.Place = 1 },
		"the posting is not in its group":  func(p *ledger.Proof) { p.Path = append(p.Path, ledger.Hash{}) },
		"chain of seals does not lead":     func(p *ledger.Proof) { p.Head = nil },
		"chain of seals does not lead to":  func(p *ledger.Proof) { p.Lane++ },
		"is not that of the receipt":       func(p *ledger.Proof) { p.Receipt = "" },
		"of seals does not lead to the":    func(p *ledger.Proof) { p.Checkpoint.Heads[0].Hash[0]++ },
		"posting is not that of the recei": func(p *ledger.Proof) { p.Posting = other.Posting },
	} {
		p := proof(first)
		falsify(&p)
		require.ErrorContains(t, p.Verify(v.signer), want)
	}
}

// What was written before there were seals is sealed by whoever takes the lane, or by a worker.
func TestAWriterSealsWhatItsLaneLacks(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(100_00), m.wallet(0)
	for range 5 {
		m.must(m.transfer(from, to, 1))
	}
	require.NoError(t, m.Close(t.Context()))
	tx, err := m.db.Begin(context.Background())
	require.NoError(t, err)
	for _, text := range []string{
		"set local session_replication_role = replica", "delete from seals", "update lanes set sealed = 0, head = ''",
		"update lanes set leased_until = 'infinity' where id > 1", // every other lane is taken
	} {
		_, err = tx.Exec(context.Background(), sql.Query{Name: "test", Text: text})
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
	w := m.writer("next", m.url)
	_, err = w.Submit(t.Context(), m.transfer(from, to, 1))
	require.NoError(t, err)
	require.Equal(t, int64(7), m.count("select count(*) from seals"), "funding, five transfers and one")
	require.NoError(t, m.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := m.poster().PostIn(ctx, tx, m.transfer(from, to, 1))
		return err
	}))
	require.Equal(t, int64(1), m.count("select count(*) from seals where lane = 0"))
}
