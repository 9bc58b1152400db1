package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/secret"
	"nova/sql"
)

// SignerName names the keys that sign checkpoints.
const SignerName = "checkpoint_signer"

// MarshalText and UnmarshalText are the hash's form in documents.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText refuses what is no SHA-256 sum in hexadecimal digits.
func (h *Hash) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(h) {
		return errors.New("not a hash of 64 hexadecimal digits")
	}
	*h = Hash(raw)
	return nil
}

// Head is a lane's newest seal.
type Head struct {
	Lane int   `json:"lane"`
	Seal int64 `json:"seal"`
	Hash Hash  `json:"hash"`
}

// Checkpoint is where all lanes stood at a time, signed, and kept where the database's owner cannot change it. Whoever
// rewrites a lane behind the database's back would have to rewrite these, too.
type Checkpoint struct {
	At time.Time `json:"at"`
	// Previous chains it to the one that the same process wrote before on the same day (UTC); zero for the first.
	Previous Hash   `json:"previous"`
	Heads    []Head `json:"heads"`
	// Key names the Ed25519 key of the signature over the text.
	Key       string `json:"key"`
	Signature []byte `json:"signature"`
}

// text is what is signed.
func (c *Checkpoint) text() []byte {
	b := fmt.Appendf(nil, "nova checkpoint %d %s", c.At.UnixMicro(), c.Previous)
	for _, h := range c.Heads {
		b = fmt.Appendf(b, "\n%d %d %s", h.Lane, h.Seal, h.Hash)
	}
	return b
}

// Hash is what the next checkpoint is chained to.
func (c *Checkpoint) Hash() Hash { return sha256.Sum256(c.text()) }

// Signed tells whether the signature is that of a key that is known.
func (c *Checkpoint) Signed(keys PublicKeys) bool {
	key, known := keys.Public(c.Key)
	return known && ed25519.Verify(key, c.text(), c.Signature)
}

// head is the lane's seal in the checkpoint; nil where it has none.
func (c *Checkpoint) head(lane int) *Head {
	for i := range c.Heads {
		if c.Heads[i].Lane == lane {
			return &c.Heads[i]
		}
	}
	return nil
}

// PublicKeys finds the key of a signature by its name.
type PublicKeys interface {
	Public(kid string) (ed25519.PublicKey, bool)
}

// CheckpointLog keeps checkpoints outside the database, a line of JSON each, in the order in which they were made.
type CheckpointLog interface {
	// Append adds a line to this process's of a day, and returns when it is on disk. After an error the next line is
	// the first of another process's.
	Append(day clock.Day, line []byte) error
	// Each gives the lines of all days since one, "" for all: day by day, and of each day process by process, whose first
	// line is marked. It ends with the first error that fn returns.
	Each(since clock.Day, fn func(line []byte, first bool) error) error
}

// Checkpointer writes checkpoints. One goroutine uses it.
type Checkpointer struct {
	store  *Store
	signer *secret.Signer
	log    CheckpointLog
	last   *Checkpoint
}

// NewCheckpointer makes one that begins a chain of its own.
func NewCheckpointer(s *Store, signer *secret.Signer, log CheckpointLog) *Checkpointer {
	return &Checkpointer{store: s, signer: signer, log: log}
}

// Write writes a checkpoint if a lane has moved since the last one. It returns how many it wrote.
func (c *Checkpointer) Write(ctx context.Context) (int, error) {
	heads, err := c.store.heads(ctx)
	if err != nil {
		return 0, err
	}
	if len(heads) == 0 || c.last != nil && sameHeads(heads, c.last.Heads) {
		return 0, nil
	}
	next := Checkpoint{At: c.store.clock.Now().UTC().Truncate(time.Microsecond), Heads: heads}
	day := clock.DayOf(next.At, time.UTC)
	if c.last != nil && clock.DayOf(c.last.At, time.UTC) == day {
		next.Previous = c.last.Hash()
	}
	kid, key := c.signer.Current()
	next.Key, next.Signature = kid, ed25519.Sign(key, next.text())
	line, err := json.Marshal(next)
	if err != nil {
		return 0, fmt.Errorf("encode checkpoint: %w", err)
	}
	if err := c.log.Append(day, line); err != nil {
		// Whether the line lasts is not known: the next one begins another chain, as the log begins another file.
		c.last = nil
		return 0, fmt.Errorf("keep checkpoint: %w", err)
	}
	c.last = &next
	return 1, nil
}

func sameHeads(a, b []Head) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// heads are the newest seals of all lanes, as of one moment.
func (s *Store) heads(ctx context.Context) ([]Head, error) {
	var lanes []laneHead
	if err := s.db.Select(ctx, &lanes, queries.Get("lane_heads")); err != nil {
		return nil, err
	}
	var heads []Head
	for _, l := range lanes {
		switch {
		case l.Sealed == 0:
		case len(l.Head) != sha256.Size:
			return nil, fmt.Errorf("lane %d has a head of %d bytes", l.ID, len(l.Head))
		default:
			heads = append(heads, Head{Lane: l.ID, Seal: l.Sealed, Hash: Hash(l.Head)})
		}
	}
	return heads, nil
}

// headsAtOnce is how many heads are compared in one statement.
const headsAtOnce = 1_000

// CheckpointReport is what CheckCheckpoints found.
type CheckpointReport struct {
	Checkpoints int64
	// Breach names the first checkpoint that the books contradict; empty when there is none.
	Breach string
}

// CheckCheckpoints reads all checkpoints since a day, "" for all: each must be signed and follow from the one before, and
// the books must hold the very seals that it names.
func (s *Store) CheckCheckpoints(ctx context.Context, log CheckpointLog, keys PublicKeys, since clock.Day) (
	CheckpointReport, error,
) {
	var r CheckpointReport
	var last *Checkpoint
	var batch []Head
	compare := func() error {
		breach, err := s.contradicted(ctx, batch)
		batch = batch[:0]
		r.Breach = breach
		return stopAt(breach, err)
	}
	err := log.Each(since, func(line []byte, first bool) error {
		c, err := parseCheckpoint(line)
		if err != nil {
			r.Breach = err.Error()
			return errBreach
		}
		if first {
			last = nil
		}
		if r.Breach = c.fault(last, keys); r.Breach != "" {
			return errBreach
		}
		r.Checkpoints++
		last = c
		batch = append(batch, c.Heads...)
		if len(batch) < headsAtOnce {
			return nil
		}
		return compare()
	})
	if err == nil && len(batch) > 0 {
		err = compare()
	}
	if errors.Is(err, errBreach) {
		err = nil
	}
	return r, err
}

// errBreach ends a walk through checkpoints.
var errBreach = errors.New("breach")

func stopAt(breach string, err error) error {
	if err == nil && breach != "" {
		return errBreach
	}
	return err
}

func parseCheckpoint(line []byte) (*Checkpoint, error) {
	var c Checkpoint
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return nil, fmt.Errorf("a checkpoint cannot be read: %w", err)
	}
	return &c, nil
}

// fault says what is wrong with a checkpoint by itself and after the last one of its process.
func (c *Checkpoint) fault(last *Checkpoint, keys PublicKeys) string {
	at := "the checkpoint of " + c.At.Format(time.RFC3339Nano)
	switch {
	case !c.Signed(keys):
		return at + " is not signed by a known key"
	case last == nil && c.Previous != Hash{}, last != nil && c.Previous != last.Hash():
		return at + " does not follow from the one before"
	}
	return ""
}

// contradicted names the first head that the books do not have.
func (s *Store) contradicted(ctx context.Context, heads []Head) (string, error) {
	columns := make(sql.Columns, 3)
	for _, h := range heads {
		columns[0].Int(int64(h.Lane))
		columns[1].Int(h.Seal)
		columns[2].Bytes(h.Hash[:])
	}
	var breach string
	err := s.db.Get(ctx, &breach, queries.Get("check_heads"), columns.Args()...)
	if sql.NoRows(err) {
		return "", nil
	}
	return breach, err
}

// Covering is the first checkpoint since a day that covers a seal of a lane. INVALID_STATE where none does yet: they are
// written each second.
func Covering(log CheckpointLog, since clock.Day, lane int, seal int64) (Checkpoint, error) {
	var found *Checkpoint
	err := log.Each(since, func(line []byte, _ bool) error {
		c, err := parseCheckpoint(line)
		if err != nil {
			return err
		}
		if h := c.head(lane); h != nil && h.Seal >= seal {
			found = c
			return errBreach
		}
		return nil
	})
	if err != nil && !errors.Is(err, errBreach) {
		return Checkpoint{}, err
	}
	if found == nil {
		return Checkpoint{}, fault.New(fault.InvalidState, "no checkpoint covers seal %d of lane %d yet", seal, lane)
	}
	return *found, nil
}
